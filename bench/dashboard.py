"""The page and the endpoint over a large ledger, against a page that says hello and a Streamlit page, in one run.

    python bench/dashboard.py [--events 10000000] [--modules 200] [--rounds 15] [--listeners 100]

Prints one JSON document; what it made is deleted. `first_paint_ms` are medians in Chromium, the servers in turn:
beyond `hello` is what the page costs. `told_ms` is how long after a write the last listener hears of it, `on_page_ms`
how long until the figure stands on the page. Sizes are as sent. Peers that are not on this machine are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import history

from gaia_budget.dashboard.answers import QUESTIONS
from gaia_budget.ledger import Ledger
from gaia_budget.settings import load
from support import dashboard
from support.events import event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

HELLO = """
import sys
import uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
page = "<!doctype html><html><head><title>hello</title></head><body><h1>hello</h1></body></html>"
uvicorn.run(Starlette(routes=[Route("/", lambda _: HTMLResponse(page))]), port=int(sys.argv[1]), log_level="error")
"""
STREAMLIT = "from gaia_budget.argus_page import show\n\nshow()\n"
PAINT = "performance.getEntriesByName('first-contentful-paint').map(one => one.startTime)[0] ?? null"
PATIENCE_MS = 120_000


def main() -> None:
    """Make the ledger, start the servers, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, usual in (("events", 10_000_000), ("modules", 200), ("rounds", 15), ("listeners", 100)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ |= {"HOME": folder, "USERPROFILE": folder, "CLAUDE_CONFIG_DIR": str(home / ".claude"),
                       "GAIA_BUDGET_HOME": str(home / "state"), "GAIA_BUDGET_TIMEZONE": "UTC"}  # fmt: skip
        (home / "state").mkdir()
        with Ledger.open(settings=load()) as ledger:
            history.make(ledger, wanted.events, wanted.modules)
            print(json.dumps(measured(home, ledger, wanted), indent=1))


def measured(home: Path, ledger: Ledger, wanted: argparse.Namespace) -> dict[str, Any]:
    """Everything, in the order of the issue: paint, size, answers, memory, listeners."""
    ours = [sys.executable, "-m", "gaia_budget", "dashboard", "--port"]
    with ExitStack() as running, dashboard.chromium() as browser:
        hello, _ = running.enter_context(serving([sys.executable, "-c", HELLO]))
        url, process = running.enter_context(serving(ours))
        paint = paints(browser, {"hello": hello, "page": url}, wanted.rounds)
        found: dict[str, Any] = {
            "events": wanted.events,
            "modules": wanted.modules,
            "first_paint_ms": paint | {"beyond_hello": round(paint["page"] - paint["hello"], 1)},
            "sent_kb": {path: round(len(fetched(url + path)) / 1000, 1) for path in
                        ("/", "/static/style.css", "/static/page.js")},
            "answer_ms": {one.name: answer(url, one.name, wanted.rounds) for one in QUESTIONS},
        }  # fmt: skip
        found["told_ms"] = told(url, ledger, wanted.listeners)
        found["on_page_ms"] = on_page(browser, url, ledger)
        found["memory_mb"] = {key: memory(process, key) for key in ("VmHWM", "VmRSS")}
        found["streamlit_figures_ms"] = streamlit(running, browser, home, wanted.rounds)
    return found


@contextmanager
def serving(command: list[str], **more: Any) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server on a free port of loopback, once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [*command, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more
    )
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                fetched(url + "/")
                break
            except OSError:
                assert process.poll() is None, command
                time.sleep(0.05)
        yield url, process
    finally:
        process.terminate()
        process.wait(timeout=30)


def fetched(url: str) -> bytes:
    """An answer as it is sent: compressed."""
    request = urllib.request.Request(url, headers={"accept-encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=PATIENCE_MS / 1000) as answer:
        return bytes(answer.read())


def paints(browser: Browser, pages: dict[str, str], rounds: int) -> dict[str, float]:
    """Median milliseconds from the navigation to the first paint, each load in a fresh context."""
    took: dict[str, list[float]] = {name: [] for name in pages}
    for _ in range(rounds + 1):  # the first one warms up
        for name, url in pages.items():
            context = browser.new_context()
            page = context.new_page()
            page.goto(url, wait_until="load")
            took[name].append(page.wait_for_function(PAINT).json_value())
            context.close()
    return {name: round(statistics.median(each[1:]), 1) for name, each in took.items()}


def answer(url: str, name: str, rounds: int) -> float:
    """Median milliseconds of a report as the page's user would ask for it: this month, where it takes a period."""
    question = next(one for one in QUESTIONS if one.name == name)
    asked = {"session": "s1", "since": "month"}
    query = "&".join(f"{key}={value}" for key, value in asked.items() if key in question.takes)
    took = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        fetched(f"{url}/api/v1/{name}?{query}")
        took.append(time.perf_counter() - began)
    return round(statistics.median(took[1:]) * 1000, 1)


def told(url: str, ledger: Ledger, listeners: int) -> dict[str, float]:
    """How long after a write the first and the last of many listeners hear of it."""
    host, port = url.removeprefix("http://").split(":")
    chooser, open_ones = selectors.DefaultSelector(), []
    for _ in range(listeners):
        listener = socket.create_connection((host, int(port)))
        listener.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        chooser.register(listener, selectors.EVENT_READ)
        open_ones.append(listener)
    _heard(chooser, listeners)
    time.sleep(2)  # what the start still told is over
    for key, _ in chooser.select(0):
        key.fileobj.recv(1 << 20)  # type: ignore[union-attr]
    began = time.perf_counter()
    ledger.record([event("bench-told", cost_nano=1, org=ledger.org)])
    first = _heard(chooser, 1)
    last = _heard(chooser, listeners - 1) if listeners > 1 else first
    for listener in open_ones:
        listener.close()
    return {"first": round((first - began) * 1000, 1), "last": round((last - began) * 1000, 1)}


def _heard(chooser: selectors.BaseSelector, wanted: int) -> float:
    """When so many listeners had been told something."""
    heard: set[int] = set()
    while len(heard) < wanted:
        ready = chooser.select(PATIENCE_MS / 1000)
        assert ready, f"{wanted - len(heard)} listeners were not told"
        for key, _ in ready:
            if b"event: change" in key.fileobj.recv(65536):  # type: ignore[union-attr]
                heard.add(key.fd)
    return time.perf_counter()


def on_page(browser: Browser, url: str, ledger: Ledger) -> float:
    """How long after a write its dollars stand on the page."""
    page = browser.new_page()
    page.goto(url, wait_until="load")
    page.locator("#live").wait_for(state="visible")
    before = page.locator("h1").text_content()
    began = time.perf_counter()
    ledger.record([event("bench-page", cost_nano=10**12, org=ledger.org)])
    page.wait_for_function("before => document.querySelector('h1').textContent !== before", arg=before)
    took = time.perf_counter() - began
    page.close()
    return round(took * 1000, 1)


def memory(process: subprocess.Popen[bytes], key: str) -> float:
    """`VmHWM` (the peak) or `VmRSS` of resident memory in MB; 0 where the system does not tell it."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text("ascii")
    except OSError:
        return 0.0
    return round(next(int(line.split()[1]) for line in status.splitlines() if line.startswith(key)) / 1000, 1)


def streamlit(running: ExitStack, browser: Browser, home: Path, rounds: int) -> float | None:
    """The same figures on a Streamlit page: median milliseconds until the first one stands there."""
    try:
        import streamlit as _  # noqa: F401
    except ImportError:
        return None
    (home / "page.py").write_text(STREAMLIT, encoding="utf-8")
    words = [
        "--server.address",
        "127.0.0.1",
        "--server.headless",
        "true",
        "--browser.gatherUsageStats",
        "false",
    ]
    command = [sys.executable, "-m", "streamlit", "run", "page.py", *words, "--server.port"]
    url, _process = running.enter_context(serving(command, cwd=home))
    took = []
    for _round in range(min(rounds, 5) + 1):
        context = browser.new_context()
        page = context.new_page()
        began = time.perf_counter()
        page.goto(url)
        page.locator("[data-testid=stMetricValue]").first.wait_for(timeout=PATIENCE_MS)
        took.append(time.perf_counter() - began)
        context.close()
    return round(statistics.median(took[1:]) * 1000, 1)


if __name__ == "__main__":
    main()
