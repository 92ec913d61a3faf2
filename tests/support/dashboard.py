"""The dashboard's server on loopback in a thread of the test, and a browser to look at it."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import http_server
from gaia_budget.dashboard.application import application
from gaia_budget.dashboard.fresh import Fresh
from gaia_budget.dashboard.guard import LOCAL_NAMES, Guard
from gaia_budget.dashboard.serving import listen
from gaia_budget.ledger import Ledger
from gaia_budget.settings import load
from support import components

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

    from playwright.sync_api import Browser, Page

BROWSER = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
           "--disable-component-update", "--disable-sync")  # fmt: skip


class Answer(NamedTuple):
    """What the server said."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def document(self) -> Any:
        """The same as JSON."""
        return json.loads(self.text)


def _named(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


class Dashboard(NamedTuple):
    """A server that is running."""

    url: str
    ledger: Ledger

    def get(self, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> Answer:
        """Ask it for something; a refusal is an answer, too."""
        request = urllib.request.Request(self.url + path, headers=headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return Answer(answer.status, _named(answer.headers), answer.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, _named(error.headers), error.read().decode())

    def asked(self, path: str) -> Any:
        """A report's document."""
        answer = self.get(f"/api/v1/{path}")
        assert answer.status == 200, answer.text
        return answer.document


@contextmanager
def running(token: str | None = None) -> Iterator[Dashboard]:
    """The server over the state folder's ledger; with a token as it is where others reach it."""
    settings = load()
    with Ledger.open(settings=settings) as ledger:
        listening = listen("127.0.0.1", None)
        app = Guard(application(Fresh(ledger, settings)), LOCAL_NAMES, token)
        server = http_server.server(app)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            yield Dashboard(f"http://127.0.0.1:{listening.getsockname()[1]}", ledger)
        finally:
            server.should_exit = True
            thread.join(timeout=30)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; the test that asks needs `requires("chromium")`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(components.path("chromium")), args=list(BROWSER)
        )
        yield browser
        browser.close()


class Seen:
    """A page, and everything that it complained of or asked elsewhere for."""

    def __init__(self, browser: Browser, url: str, width: int = 1280, scheme: str = "light") -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        self.page: Page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on(
            "console", lambda message: self.wrong.append(message.text) if message.type == "error" else None
        )
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on(
            "request", lambda asked: None if asked.url.startswith(url) else self.wrong.append(asked.url)
        )
        self.url = url

    def open(self, path: str = "/") -> Page:
        self.page.goto(self.url + path, wait_until="load")
        return self.page

    def rows(self, label: str) -> list[list[str]]:
        """The rows of a table: head, body, foot."""
        place = f'[aria-label="{label}"] tr'
        return self.page.locator(place).evaluate_all(
            "rows => rows.map(row => [...row.children].map(cell => cell.textContent.trim()))"
        )
