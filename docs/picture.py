"""Make docs/img/session.png anew: the real Claude Code in a terminal, wired by `init`, against a scripted API.

    python docs/picture.py [PICTURE]      with the tests' components: Claude Code, tmux and Chromium (.ci/run)

It also prints the screen, so that what the picture says can be read and compared.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from support import components
from support.claude_client import Claude
from support.scripted_api import ScriptedApi, growing, reply, text, tool
from support.world import wired

PICTURE = Path(__file__).resolve().parent / "img" / "session.png"
PROMPT = "fix the rounding of prices"
COLUMNS, LINES = 118, 20
CHARACTER, LINE, EDGE = 9.04, 19.5, 14  # pixels of the font below
LIKE = str.maketrans("⎿⏵", "└▸")  # what the font lacks
THEME = TerminalTheme((12, 12, 12), (220, 220, 220), [(12, 12, 12)] + [(190, 190, 190)] * 7)
PAGE = """<html><body style="margin:0;background:{background}"><pre style="margin:14px;color:{foreground};
font:15px/19.5px 'DejaVu Sans Mono',monospace"><code style="font-family:inherit">{code}</code></pre></body></html>"""


def main() -> None:
    """Run the session, print its screen, write the picture."""
    picture = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE
    with tempfile.TemporaryDirectory() as folder:
        lines = session(Path(folder))
        shown = Text.from_ansi("\n".join(lines))
        sys.stdout.write(f"{shown.plain}\n")
        console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
        console.print(Text.from_ansi("\n".join(lines).translate(LIKE)))
        page = Path(folder) / "page.html"
        page.write_text(console.export_html(theme=THEME, code_format=PAGE, inline_styles=True), "utf-8")
        size = f"{round(COLUMNS * CHARACTER) + 2 * EDGE},{round(len(lines) * LINE) + 2 * EDGE}"
        chromium = [components.path("chromium"), "--headless", "--no-sandbox", "--hide-scrollbars"]
        subprocess.run(
            [*chromium, f"--screenshot={picture.absolute()}", f"--window-size={size}", page.as_uri()],
            check=True,
            capture_output=True,
            env={"HOME": folder, "PATH": os.environ["PATH"]},
        )


def session(folder: Path) -> list[str]:
    """The screen, with its colours, from the prompt on: past 80 % of the limit, in a month that has begun."""
    home, project = folder / "home", folder / "shop"
    home.mkdir()
    project.mkdir()
    subprocess.run(["git", "init", "-q", "-b", "main", str(project)], check=True)
    with ScriptedApi() as api:
        claude = Claude(components.path("claude"), home, project, api)
        budget = wired(claude, folder).root / "token_budget.json"
        reviewed = json.loads(budget.read_text("utf-8")) | {"updated": date.today().isoformat()}
        budget.write_text(
            json.dumps(reviewed), "utf-8"
        )  # or the status line would count the reminder to review it
        api.main(*growing(reply(text("Done."), input=20_000, write_5m=120_000, output=9_000)))
        claude.run("add the price list", "--model", "sonnet")
        api.main(
            *growing(
                reply(
                    tool("Bash", command="ls", description="list"), input=2_100, output=400, write_5m=30_000
                ),
                reply(tool("Bash", command="true", description="test"), output=2_600, write_5m=9_000),
                reply(
                    text("The rounding is fixed: prices are rounded once, on the invoice's last line."),
                    output=1_600,
                ),
            )
        )
        with claude.terminal(
            "--model", "sonnet", "--allowedTools", "Bash", width=COLUMNS, height=LINES
        ) as screen:
            screen.wait_for("❯|>")
            screen.type(PROMPT)
            screen.wait_for(r"last line\.")
            screen.wait_for(r"GAIA budget: 80 %")
            screen.wait_for(r"session 9\d %")
            lines = screen.screen(colours=True).rstrip().split("\n")
    first = next(number for number, line in enumerate(lines) if PROMPT in line)
    return [line for line in lines[first:] if "tmux focus-events" not in line]  # a hint on tmux, not on us


if __name__ == "__main__":
    main()
