"""Make docs/img/overview.png, dashboard.png, report.png and argus-page.png anew, from the made-up month of the tests.

python docs/pictures.py [FOLDER]      with the tests' components: Chromium (.ci/run)
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from PIL import Image
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from typer.testing import CliRunner

from gaia_budget.cli.app import app
from gaia_budget.cli.seeing import paper
from gaia_budget.ledger import Ledger
from gaia_budget.settings import load
from gaia_hooks.machine import clock
from support import dashboard, spent_month
from support.streamlit_page import PAGE, streamlit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WIDTH, COLUMNS = 1280, 80
THEME = TerminalTheme(
    (12, 12, 12), (220, 220, 220),
    [(12, 12, 12), (220, 80, 80), (120, 190, 120), (230, 190, 110), (80, 140, 220), (190, 120, 200), (88, 186, 200),
     (220, 220, 220)],
)  # fmt: skip
TERMINAL = """<html><body style="margin:0;background:{background}"><pre style="margin:14px;color:{foreground};
font:15px/19.5px 'DejaVu Sans Mono',monospace"><code style="font-family:inherit">{code}</code></pre></body></html>"""


def main() -> None:
    """Write the pictures."""
    to = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / "img"
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ |= {"HOME": folder, "CLAUDE_CONFIG_DIR": str(home / ".claude"), "GAIA_ROOT": str(home / "gaia"),
                       "GAIA_BUDGET_HOME": str(home / "state"), "GAIA_BUDGET_TIMEZONE": "UTC",
                       "GAIA_BUDGET_BILLING": "plan"}  # fmt: skip
        Ledger.now = lambda _: spent_month.NOW  # type: ignore[method-assign]
        clock.now = lambda: spent_month.NOW
        spent_month.owner_files(home / "gaia")
        spent_month.plan_windows(home / "state")
        with Ledger.open(settings=load()) as ledger:
            ledger.record(spent_month.events())
        with dashboard.chromium() as browser:
            terminal = home / "overview.html"
            terminal.write_text(overview(), "utf-8")
            take(browser, terminal.as_uri(), to / "overview.png", 750, "code")
            with dashboard.running() as served:
                take(browser, served.url, to / "dashboard.png", WIDTH, "#now")
            page = home / "report.html"
            CliRunner().invoke(app, ["report", "--out", str(page)], catch_exceptions=False)
            take(browser, page.as_uri(), to / "report.png", WIDTH, "section:nth-of-type(2)")
            file = home / "page.py"
            file.write_text(PAGE, "utf-8")
            with streamlit(file) as url:
                take_all(browser, url, to / "argus-page.png")


def overview() -> str:
    """The first screen in its colours, as a page."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, highlight=False)
    paper.Console = lambda **_: console  # type: ignore[assignment, misc]
    paper.here = lambda: paper.Paper(COLUMNS, True, True)
    os.environ["COLUMNS"] = str(COLUMNS)
    CliRunner().invoke(app, [], catch_exceptions=False)
    return console.export_html(theme=THEME, code_format=TERMINAL, inline_styles=True)


def take(browser: Browser, url: str, to: Path, width: int, last: str) -> None:
    """The page from its top to the end of what `last` selects, in few colours."""
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(url, wait_until="load")
    end = None
    while end is None:  # the page may be replacing its figures just now
        end = page.locator(last).first.bounding_box()
    page.screenshot(path=str(to), full_page=True)
    with Image.open(to) as whole:
        height = min(whole.height, round(end["y"] + end["height"]) + 14)
        whole.crop((0, 0, width, height)).convert("RGB").quantize(64).save(to, optimize=True)
    context.close()


def take_all(browser: Browser, url: str, to: Path) -> None:
    """The Streamlit page, once all of its charts are there: it scrolls within a window of its own."""
    context = browser.new_context(viewport={"width": WIDTH, "height": 3000})
    page = context.new_page()
    page.goto(url, timeout=90_000)
    page.locator("[data-testid=stPlotlyChart] .pielayer path").first.wait_for(timeout=90_000)
    page.wait_for_load_state("networkidle")
    end = page.get_by_text("Which tasks use which models").first.bounding_box() or {"y": 3000, "height": 0}
    page.screenshot(path=str(to))
    with Image.open(to) as whole:
        cut = whole.crop((0, 40, WIDTH, round(end["y"]) - 10)).convert("RGB")
        cut.resize((WIDTH * 3 // 4, cut.height * 3 // 4)).quantize(128).save(to, optimize=True)
    context.close()


if __name__ == "__main__":
    main()
