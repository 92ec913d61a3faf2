"""The words by which a rule, a command or an environment note is known, in the languages such files are written in.

These only rank the user's own text; no word here ever reaches a file.
"""

from __future__ import annotations

import re
from functools import lru_cache


class Sign:
    """Words to look for. Without `cased` they stand in lower case, and so does the text that is looked at: a pattern
    that minds no case takes twice the time."""

    def __init__(self, pattern: str, *, cased: bool = False) -> None:
        self.find = re.compile(pattern, re.MULTILINE).findall
        self.cased = cased

    def count(self, text: str) -> int:
        """How often they are in a text."""
        return _count(self, text)

    def variety(self, text: str) -> int:
        """How many different ones are in a text."""
        return len(set(self.find(text if self.cased else text.lower())))

    def within(self, text: str) -> bool:
        """Whether a text has them."""
        return _count(self, text) > 0


@lru_cache(maxsize=2_048)
def _count(sign: Sign, text: str) -> int:
    """Kept, for topic, kind and features ask the same, and pieces share their headings."""
    return len(sign.find(text if sign.cased else text.lower()))


def _any(latin: str, other: str) -> Sign:
    return Sign(rf"(?<![\w-])(?:{latin})(?![\w-])|{other}")


PROHIBITION = _any(
    r"never|do not|don[’']t|does not belong|must not|mustn[’']t|should not|shouldn[’']t|no longer allowed"
    r"|forbidden|prohibited|not allowed|not permitted|avoid|refrain|no exceptions?"
    r"|without (?:explicit )?(?:permission|approval|asking)"
    r"|nunca|jamais|jamás|ne (?:pas|jamais)|prohibido|no debes|não (?:use|faça|deve)|proibido|niemals"
    r"|verboten|vietato|nigdy|никогда|нельзя|запрещ\w*|не (?:использу\w*|дела\w*)",
    r"^[ \t]{0,12}(?:[-*+] |\d{1,4}[.)] )?(?:\*\*|__)?(?:no |not |kein |keine )|❌|🚫|⛔"
    r"|禁止|不要|不得|不能|不可|严禁|嚴禁|切勿|请勿|請勿|しない|してはいけない|ないで|금지|하지 ?마|절대",
)
IMPERATIVE = Sign(
    r"^[ \t]{0,12}(?:[-*+] |\d{1,4}[.)] )?(?:\*\*|`)?(?:always|use|run|prefer|keep|write|add|make|ensure|follow|check"
    r"|read|update|commit|test|format|create|put|include|verify|ask|start|only|when|if|before|after)(?![\w-])",
)
COMMAND = Sign(
    r"(?<![\w./-])(?:npm|pnpm|yarn|bun|npx|uv|pip|python3?|pytest|poetry|cargo|go|make|just|mix|bundle|rake|rails|docker"
    r"|docker-compose|gradle|\./gradlew|mvn|dotnet|cmake|ninja|bazel|deno|node|tox|nox|ruff|eslint|prettier|tsc|vitest|jest"
    r"|git|gh|composer|php|artisan|flutter|dart|swift|xcodebuild|bash|sh|\./[\w./-]{1,80}) [\w./:@-]",
    cased=True,
)
SHELL_FENCE = Sign(
    r"^[ \t]{0,12}(?:```|~~~)[ \t]?(?:bash|sh|shell|zsh|console|powershell|cmd)?[ \t]?$",
)
CODE_FENCE = Sign(
    r"^[ \t]{0,12}(?:```|~~~)[ \t]?(?:tsx?|jsx?|javascript|typescript|python|py|go|rust|java|kotlin|swift|ruby|php|json"
    r"|ya?ml|toml|html|css|sql|c|cpp|csharp|xml|diff|markdown|md|text|mermaid|vue|svelte|elixir)(?![\w-])",
)
TREE = Sign(r"[├└│]", cased=True)
EXAMPLE = _any(r"examples?|for instance|samples?|templates?|good|bad|wrong|right|correct", r"例|示例")
EMPHASIS = Sign(
    r"(?<![\w-])(?:MUST|NEVER|ALWAYS|DO NOT|IMPORTANT|CRITICAL|STOP|REQUIRED)(?![\w-])", cased=True
)
CRITICAL = _any(
    r"important|critical|must|always|required|mandatory|warning|caution|essential|strictly|only ever"
    r"|non-negotiable"
    r"|importante|siempre|debe|obligatorio|sempre|deve|obrigatório|toujours|doit|obligatoire|wichtig"
    r"|immer|muss|zwingend"
    r"|важно|всегда|обязательно|должен",
    r"必须|必須|务必|重要|注意|始终|一定|必ず|常に|반드시|중요|항상|⚠|🚨|❗",
)
SECURITY = _any(
    r"secrets?|credentials?|passwords?|api[ -]keys?|access tokens?|private keys?|vulnerabilit\w+"
    r"|security|injection|sanitiz\w+"
    r"|pii|personal data|\.env",
    r"安全|密钥|密码|セキュリティ|보안|безопасност\w*|пароль",
)
GAIA = _any(r"gaia|argus|mycel|hart[ _-]?os|jseeker|raven|via module|token[_ -]budget", r"(?!)")
SUBAGENTS = _any(
    r"sub-?agents?|task tool|agent tool|(?:explore|plan|background) agents?|delegat\w+|multi-agent"
    r"|(?:spawn|launch|dispatch)\w* (?:[\w-]+ ){0,3}agents?|agents? (?:in parallel|orchestration|usage|teams?)"
    r"|parallel (?:[\w-]+ )?(?:agents?|task execution)",
    r"子代理|智能体|サブエージェント|エージェント(?:オーケストレーション|を(?:使用|起動))|서브에이전트",
)

RULES_TITLE = _any(
    r"rules?|guard ?rails?|guidelines?|principles?|conventions?|constraints?|critical|important|must"
    r"|never|don[’']?ts?|do not"
    r"|warnings?|gotchas?|pitfalls?|security|safety|boundaries|non-negotiables?|policy|policies"
    r"|standards?|practices"
    r"|reglas|regras|règles|regeln|regole|правила",
    r"规则|規則|规范|約束|约束|原则|原則|注意|禁止|ルール|規約|규칙|원칙|주의",
)
ENVIRONMENT_TITLE = _any(
    r"environments?|set-?up|install(?:ation|ing)?|prerequisites?|requirements|tech(?:nology)? stack"
    r"|stack|technologies|tooling"
    r"|platforms?|versions?|runtime|dependencies|entorno|ambiente|environnement|umgebung|окружение"
    r"|установка",
    r"技术栈|技術棧|环境|環境|安装|依赖|セットアップ|環境構築|환경|설치",
)
COMMANDS_TITLE = _any(
    r"commands?|builds?|building|tests?|testing|run(?:ning)?|lint(?:ing)?|format(?:ting)?|quick ?start"
    r"|getting started"
    r"|development|scripts?|cli|usage|workflows?|verif\w+|comandos|commandes|befehle|команды",
    r"命令|常用|构建|测试|コマンド|開発|ビルド|テスト|명령|빌드|테스트",
)
OVERVIEW_TITLE = _any(
    r"overview|about|introduction|project|summary|what (?:is|this)|purpose|context|background|resumen"
    r"|visão geral|überblick",
    r"概述|概览|简介|项目|概要|はじめに|개요|소개|обзор",
)
CODE_TITLE = _any(
    r"code|coding|style|conventions?|tests?|testing|commands?|build(?:ing)?|lint(?:ing)?|patterns?|format(?:ting)?",
    r"代码|编码|测试|命令|コード|テスト|코드|테스트",
)
ARCHITECTURE_TITLE = _any(
    r"architecture|architectural|design|structure|overview|layout|modules?|data ?flow|database|schema|components?|api",
    r"架构|架構|结构|設計|アーキテクチャ|構成|구조|아키텍처",
)
SUBAGENTS_TITLE = SUBAGENTS
GAIA_TITLE = _any(r"gaia|argus|mycel|hart[ _-]?os|jseeker|raven|ecosystem", r"(?!)")
