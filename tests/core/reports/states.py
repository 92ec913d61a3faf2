"""Random but plausible states of files and settings, made step by step, and every face that can be asked about one."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import strategies as st
from typer.testing import CliRunner

from gaia_budget import places
from gaia_budget.cli.app import app
from gaia_budget.ingest.run import run
from gaia_budget.ledger import Ledger
from gaia_budget.settings import load
from gaia_budget.setup import hookcopy
from gaia_hooks.facts import snapshot
from gaia_hooks.facts.prices.money import usd
from gaia_hooks.machine import clock
from gaia_hooks.say.figures import SessionFigures
from gaia_hooks.session import counting, months
from gaia_mcp.tools import spending
from support.events import event
from support.rows import assistant, write

if TYPE_CHECKING:
    from pathlib import Path

MODELS = ("claude-opus-5-5", "claude-haiku-5-5", "claude-sonnet-5-5", "nobody-knows-1")
DOLLAR = 10**9
PLACES = {"HOME": "", "GAIA_ROOT": "gaia", "GAIA_BUDGET_HOME": "gaia-budget", "CLAUDE_CONFIG_DIR": ".claude",
          "CLAUDE_PROJECT_DIR": "shop"}  # fmt: skip


class Setup(NamedTuple):
    """What the user has set; None and False leave the default."""

    counts: bool
    blocks: bool
    billing: str | None
    cap: str | None
    typed: str | None


SETUPS = st.builds(
    Setup,
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, None, "api", "plan", "auto"]),
    st.sampled_from([None, "0.01", "0.5", "0"]),
    st.sampled_from([None, "quick_fix", "research"]),
)
RESPONSES = st.tuples(
    st.just("responds"),
    st.sampled_from(MODELS),
    st.sampled_from(["", "", "a1", "a2"]),
    st.tuples(*[st.integers(0, 40_000)] * 5),
    st.sampled_from([0, 0, 900]),
)
STEPS = st.lists(
    st.one_of(
        RESPONSES,
        RESPONSES,
        st.tuples(
            st.just("hook"), st.sampled_from(["UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop"])
        ),
        st.tuples(st.just("ingest")),
        st.tuples(st.just("rebuild")),
        st.tuples(st.just("grows"), st.integers(1, 40_000)),
        st.tuples(st.just("forks"), st.sampled_from(["f1", "f2"])),
        st.tuples(st.just("ends")),
        st.tuples(st.just("beside"), st.sampled_from(MODELS), st.integers(0, 40_000)),
        st.tuples(st.just("pays"), st.sampled_from(["api", "plan"])),
        st.tuples(st.just("moves")),
        st.tuples(st.just("override"), st.integers(1, 3)),
        st.tuples(st.just("app"), st.integers(1, 10**9)),
        st.tuples(st.just("shows"), st.integers(0, 10**9)),
        st.tuples(st.just("asks")),
    ),
    min_size=2,
    max_size=10,
)


class World:
    """One state of files, and every face that can be asked about it."""

    def __init__(self, root: Path, copy: Path, chosen: Setup) -> None:
        self.root, self.copy, self.chosen = root, copy, chosen
        self.home = places.ensure_home()
        self.session = str(uuid.uuid4())
        self.cwd = root / "shop"
        (self.cwd / ".git").mkdir(parents=True)
        self.folder = root / ".claude" / "projects" / "-shop"
        self.transcript.parent.mkdir(parents=True)
        self.count = 0
        self.paid_anew = False
        self.rows: list[tuple[str, dict[str, Any]]] = []  # of each response the newest row, with its subagent
        lines = []
        if chosen.billing:
            lines.append(f'claude_code_billing = "{chosen.billing}"')
        if chosen.counts or chosen.blocks or chosen.typed:
            lines.append("[modules.shop]")
            lines += ["counts_claude_code = true"] * chosen.counts + ['on_exceeded = "block"'] * chosen.blocks
            lines += [f'session_type = "{chosen.typed}"'] if chosen.typed else []
        self.settings(lines)
        (root / "gaia").mkdir()
        budget: dict[str, Any] = {"$schema": "gaia-token-budget-v1"}
        budget["defaults"] = {"session_budgets": {"research": {"max_tokens": 70_000}}}
        if chosen.cap:
            budget["per_module"] = {"shop": {"monthly_budget_usd": 0}}
        text = json.dumps(budget).replace('"monthly_budget_usd": 0', f'"monthly_budget_usd": {chosen.cap}')
        (root / "gaia" / "token_budget.json").write_text(text, "utf-8")
        self.ingest()  # as `init` does; what a session's start runs beside it would go on after the state is over
        (self.home / "ingest.started").write_text(str(clock.now()), "ascii")
        self.began = time.time()

    @property
    def transcript(self) -> Path:
        return self.folder / f"{self.session}.jsonl"

    def settings(self, lines: list[str]) -> None:
        self.lines = lines
        places.settings_file().write_text("\n".join(lines) + "\n", "utf-8")

    def ingest(self) -> None:
        chosen = load()
        with Ledger.open(settings=chosen) as ledger:
            run(chosen, ledger)

    def do(self, step: tuple[Any, ...]) -> None:
        getattr(self, step[0])(*step[1:])

    def responds(self, model: str, agent: str, counts: tuple[int, ...], advised: int = 0) -> None:
        self.count += 1
        fresh, output, reads, write_5m, write_1h = counts
        row = assistant(
            f"msg_{self.count}", session=self.session, model=model, agent=agent, input_tokens=fresh,
            output_tokens=output, reads=reads, write_5m=write_5m, write_1h=write_1h, advised=advised,
            timestamp=self.instant(), cwd=str(self.cwd))  # fmt: skip
        self.rows.append((agent, row))
        write(self.file_of(agent), row)
        if not self.transcript.exists():
            write(self.transcript, {"type": "user", "sessionId": self.session, "cwd": str(self.cwd),
                                    "timestamp": clock.iso(int(self.began * 1_000_000))})  # fmt: skip

    def instant(self) -> str:
        """A second later than the last one."""
        return clock.iso(int((self.began + self.count) * 1_000_000))

    def file_of(self, agent: str) -> Path:
        """The transcript of the main thread (empty) or of a subagent."""
        if not agent:
            return self.transcript
        return self.folder / self.session / "subagents" / f"agent-{agent}.jsonl"

    def grows(self, more: int) -> None:
        """The newest response goes on: another of its rows, with a larger figure."""
        if self.rows:
            agent, row = self.rows[-1]
            row = json.loads(json.dumps(row))
            row["message"]["usage"]["output_tokens"] += more
            for one in row["message"]["usage"].get("iterations", [])[:1]:
                one["output_tokens"] += more
            self.rows[-1] = agent, row
            write(self.file_of(agent), row)

    def forks(self, agent: str) -> None:
        """A subagent that is a fork: its file begins with copies of the main thread's rows, then it answers."""
        if not self.file_of(agent).exists() and self.transcript.exists():
            copies = [dict(row, agentId=agent) for owner, row in self.rows if not owner]
            begins = {"type": "fork-context-ref", "agentId": agent, "timestamp": self.instant()}
            write(self.file_of(agent), begins, *copies)
        self.responds(MODELS[1], agent, (10, 20, 30, 40, 50))

    def ends(self) -> None:
        """The session ends, and is resumed."""
        self.hook("SessionEnd", reason="other")
        self.hook("SessionStart", source="resume")

    def beside(self, model: str, output: int) -> None:
        """Another session of the project, which no hook has seen."""
        self.count += 1
        session = str(uuid.uuid4())
        write(self.folder / f"{session}.jsonl", assistant(
            f"msg_{self.count}", session=session, model=model, output_tokens=output, cwd=str(self.cwd),
            timestamp=self.instant()))  # fmt: skip

    def hook(self, event: str, **fields: Any) -> dict[str, Any]:
        """Through the program that Claude Code is wired to."""
        payload = {"session_id": self.session, "transcript_path": str(self.transcript), "cwd": str(self.cwd),
                   "hook_event_name": event, "prompt": "go on", "tool_name": "Bash", "tool_use_id": f"t{self.count}",
                   "tool_input": {"command": "make"}} | fields  # fmt: skip
        return self._wired(hookcopy.HOOK_MODULE, payload)

    def _wired(self, module: str, payload: dict[str, Any]) -> dict[str, Any]:
        command = [sys.executable, "-I", "-S", "-c", hookcopy.bootstrap(self.copy, module)]
        done = subprocess.run(command, input=json.dumps(payload).encode(), capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        if module != hookcopy.HOOK_MODULE:
            return {"line": done.stdout.decode()}
        return json.loads(done.stdout) if done.stdout else {}

    def shows(self, nano: int) -> None:
        """Claude Code draws its status line, with a running total of its own."""
        self._wired(
            "gaia_hooks.statusline",
            {"session_id": self.session, "transcript_path": str(self.transcript), "cwd": str(self.cwd),
             "cost": {"total_cost_usd": nano / DOLLAR}},
        )  # fmt: skip

    def pays(self, how: str) -> None:
        self.paid_anew = True
        kept = [line for line in self.lines if not line.startswith("claude_code_billing")]
        self.settings([f'claude_code_billing = "{how}"', *kept])

    def moves(self) -> None:
        """The project's folder and so the transcript's get another name; the client goes on there."""
        folder = self.folder.with_name(f"-moved-{self.count}-{uuid.uuid4().hex[:4]}")
        if self.folder.exists():
            self.folder.rename(folder)
        self.folder = folder
        self.folder.mkdir(exist_ok=True)

    def override(self, dollars: int) -> None:
        self.ask("override", "add", "shop", "--usd", str(dollars), "--reason", "audit", "--yes")

    def app(self, nano: int) -> None:
        """An app's call, booked as the middleware books it."""
        self.count += 1
        with Ledger.open(settings=load()) as ledger:
            now = clock.iso(ledger.now())[:19]
            ledger.record([event(f"app{self.count}", now, module="shop", cost_nano=nano)])
            months.note(str(self.home), "shop", [(f"app:app{self.count}", ledger.now(), nano)])

    def rebuild(self) -> None:
        """All sums are made anew from the events."""
        self.ask("rebuild")

    def asks(self) -> None:
        agreed(self.faces())

    def ask(self, *words: str) -> Any:
        answer = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
        return json.loads(answer.stdout)

    def faces(self) -> dict[str, Any]:
        """What every face tells: figures of the session and of the month, each under the face's name."""
        spent = self.ask("spend", "--since", "month")["total"]
        status = self.ask("status")
        mine, month = status["session"], status["month"]
        months_of = {one["module"]: one for one in self.ask("alerts", "--months")["months"]}
        ahead = {one["module"]: one for one in self.ask("forecast")["modules"]}
        here, table = spending.here(), spending.by_axis("module", "session", "")
        policy = snapshot.load(str(self.home))
        with counting.lock_of(str(self.home), self.session, 5) as lock:
            opened = counting.opened(str(self.home), self.session, lock)
            hooks = SessionFigures(opened)
            watched = not opened.state.fresh
            hook_month = months.of_session(opened, clock.now()) if watched else None
        hook_month = hook_month or months.MonthFile(str(self.home), "shop", policy, clock.now())
        assert here.module == month["module"] == "shop"
        known = mine is not None and mine["id"] == self.session
        found: dict[str, Any] = {
            "month": {
                "status": month["spent_usd"], "alerts": months_of.get("shop", month)["spent_usd"],
                "forecast": ahead.get("shop", month)["spent_usd"], "budget_spend": here.month_usd,
                "hook": usd(hook_month.spent),
            },
            "used": {"status": month["used_usd"], "spend": spent["cost_usd"], "hook": usd(hook_month.total)},
            "limit": {"status": month["limit_usd"], "budget_spend": here.limit_usd},
        }  # fmt: skip
        if known and hooks.responses:
            told, shown = spending.session(), self.ask("spend", "--session", self.session)["total"]
            assert table.total is not None
            found |= {
                "dollars": {"status": mine["cost_usd"], "spend": shown["cost_usd"], "budget_spend": here.session_usd,
                            "since=session": table.total.cost_usd, "hook": usd(hooks.cost_nano)},
                "tokens": {"status": mine["budget_tokens"], "spend": shown["budget_tokens"],
                           "budget_spend": here.session_tokens, "budget_session": told.budget_tokens,
                           "hook": hooks.budget_tokens},
                "responses": {"status": sum(one["responses"] for one in mine["models"]), "spend": shown["responses"],
                              "agents": sum(one["responses"] for one in mine["agents"]),
                              "budget_spend": table.total.responses, "hook": hooks.responses},
                "type": {"status": mine["type"], "budget_session": told.type},
                "session limit": {"status": mine["limit_tokens"], "budget_session": told.limit_tokens},
            }  # fmt: skip
        return found


def agreed(told: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The one figure of each question; fails with all of them where two differ."""
    for question, faces in told.items():
        assert len(set(faces.values())) == 1, (question, faces)
    return {question: next(iter(faces.values())) for question, faces in told.items()}
