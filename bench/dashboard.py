"""The page and the endpoint over a large ledger, against a page that says hello and a Streamlit page, in one run.

    python bench/dashboard.py [--events 10000000] [--modules 200] [--rounds 15] [--listeners 100] [--keep FOLDER]
                              [--peer-mb 20] [--ccusage PROGRAM]

Prints one JSON document a line, each as soon as it is known; what it made is deleted, but for the ledger in FOLDER,
which the next run takes as it is (making one of ten million events takes minutes). The servers of peers are asked
five times at most, `same_question` lies over transcripts of its own: its size says so.
`first_paint_ms` are medians in Chromium, the servers in turn: beyond `hello` is what the page costs; `figures_ms` are
the same until the figures stand there (its largest paint; the head is sent before they are reckoned). `answer_ms` are
medians of a report as it is asked again, `first_answer_ms` of one that nobody has asked for since the last write.
`told_ms` is how long after a write the last listener hears of it, `on_page_ms` how long until the figure stands on the
page. `same_question` is what each day cost, by ccusage, by our command and by the endpoint, over the same transcripts.
Sizes are as sent. Peers that are not on this machine are left out.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import selectors
import shutil
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
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import history
from transcripts import peer_program

from gaia_budget.dashboard.answers import QUESTIONS
from gaia_budget.ledger import Ledger
from gaia_budget.settings import load
from support import corpus, dashboard
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
PAINT = "() => performance.getEntriesByName('first-contentful-paint').map(one => one.startTime)[0] ?? null"
LARGEST = """() => new Promise(told => new PerformanceObserver(
    found => told(found.getEntries().at(-1).startTime)
).observe({type: 'largest-contentful-paint', buffered: true}))"""
PATIENCE_MS = 120_000
BEGAN = time.perf_counter()


def main() -> None:
    """Make the ledger, start the servers, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, usual in (("events", 10_000_000), ("modules", 200), ("rounds", 15), ("listeners", 100)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--keep", type=Path, help="a folder of its own for the ledger")
    parser.add_argument("--peer-mb", type=int, default=20, help="transcripts that ccusage reads, too")
    parser.add_argument("--ccusage", default=shutil.which("ccusage"))
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        state = (wanted.keep or home / "state").absolute()
        state.mkdir(exist_ok=True, parents=True)
        os.environ |= {"HOME": folder, "USERPROFILE": folder, "CLAUDE_CONFIG_DIR": str(home / ".claude"),
                       "GAIA_BUDGET_HOME": str(state), "GAIA_BUDGET_TIMEZONE": "UTC", "GAIA_ROOT": folder}  # fmt: skip
        caps = {f"module{number}": {"monthly_budget_usd": 50} for number in range(wanted.modules)}
        (home / "token_budget.json").write_text(json.dumps({"per_module": caps}), encoding="utf-8")
        with Ledger.open(settings=load()) as ledger:
            if not ledger.spend(()).total.events:
                history.make(ledger, wanted.events, wanted.modules)
                say(made=wanted.events)
            measure(home, ledger, wanted)
        say(same_question=same_question(home, wanted))
        say(seconds=round(time.perf_counter() - BEGAN))


def say(**figure: object) -> None:
    """A figure, as soon as it is known."""
    print(json.dumps(figure), flush=True)


def measure(home: Path, ledger: Ledger, wanted: argparse.Namespace) -> None:
    """Say everything, in the order of what a user meets: paint, size, answers, listeners, memory."""
    ours = [sys.executable, "-m", "gaia_budget", "dashboard", "--port"]
    say(events=ledger.spend(()).total.events, modules=wanted.modules)
    with ExitStack() as running, dashboard.chromium() as browser:
        hello, _ = running.enter_context(serving([sys.executable, "-c", HELLO]))
        url, process = running.enter_context(serving(ours))
        say(memory_at_start_mb=memory(process))
        both = {"hello": hello, "page": url}
        for name, found in zip(
            ("first_paint_ms", "figures_ms"), paints(browser, both, wanted.rounds), strict=True
        ):
            say(**{name: found | {"beyond_hello": round(found["page"] - found["hello"], 1)}})
        for path in ("/", "/static/style.css", "/static/page.js"):
            say(sent_kb={path: round(len(fetched(url + path)) / 1000, 1)})
        for one in QUESTIONS:
            say(answer_ms={one.name: answer(url, one.name, wanted.rounds)})
        for one in QUESTIONS:
            say(first_answer_ms={one.name: first_answer(url, one.name, ledger)})
        say(told_ms=told(url, ledger, wanted.listeners), listeners=wanted.listeners)
        say(on_page_ms=on_page(browser, url, ledger))
        say(memory_mb=memory(process))
        say(streamlit_figures_ms=streamlit(running, browser, home, wanted.rounds))


def write(ledger: Ledger, cost_nano: int = 1) -> None:
    """One response more; a kept ledger has those of earlier runs."""
    ledger.record([event(f"bench-{time.time_ns()}", cost_nano=cost_nano, org=ledger.org)])


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


def paints(browser: Browser, pages: dict[str, str], rounds: int) -> list[dict[str, float]]:
    """Median milliseconds from the navigation to the first and the largest paint, each load in a fresh context."""
    first: dict[str, list[float]] = {name: [] for name in pages}
    largest: dict[str, list[float]] = {name: [] for name in pages}
    for _ in range(rounds + 1):  # the first one warms up
        for name, url in pages.items():
            context = browser.new_context()
            page = context.new_page()
            page.goto(url, wait_until="load")
            first[name].append(page.wait_for_function(PAINT).json_value())
            largest[name].append(page.evaluate(LARGEST))
            context.close()
    return [
        {name: round(statistics.median(each[1:]), 1) for name, each in took.items()}
        for took in (first, largest)
    ]


def asking(url: str, name: str) -> str:
    """A report as the page's user would ask for it: this month, where it takes a period."""
    question = next(one for one in QUESTIONS if one.name == name)
    asked = {"since": "month"} if name not in ("session", "status") else {"session": "s1"}
    return (
        f"{url}/api/v1/{name}?{urlencode({key: one for key, one in asked.items() if key in question.takes})}"
    )


def answer(url: str, name: str, rounds: int) -> float:
    """Median milliseconds."""
    took = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        fetched(asking(url, name))
        took.append(time.perf_counter() - began)
    return round(statistics.median(took[1:] or took) * 1000, 1)


def first_answer(url: str, name: str, ledger: Ledger) -> float:
    """The same right after a write."""
    write(ledger)
    return answer(url, name, 0)


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
    write(ledger)
    first, last = _heard(chooser, listeners)
    for listener in open_ones:
        listener.close()
    return {"first": round((first - began) * 1000, 1), "last": round((last - began) * 1000, 1)}


def _heard(chooser: selectors.BaseSelector, wanted: int) -> tuple[float, float]:
    """When the first and the last of so many listeners were told something."""
    heard: dict[int, float] = {}
    while len(heard) < wanted:
        ready = chooser.select(PATIENCE_MS / 1000)
        assert ready, f"{wanted - len(heard)} listeners were not told"
        for key, _ in ready:
            said = key.fileobj.recv(65536)  # type: ignore[union-attr]
            assert said, "a listener was sent away"
            if b"event: change" in said:
                heard.setdefault(key.fd, time.perf_counter())
    return min(heard.values()), max(heard.values())


def on_page(browser: Browser, url: str, ledger: Ledger) -> float:
    """How long after a write its dollars stand on the page."""
    page = browser.new_page()
    page.goto(url, wait_until="load")
    page.locator("#live").wait_for(state="visible")
    before = page.locator("h1").text_content()
    began = time.perf_counter()
    write(ledger, cost_nano=10**12)
    page.wait_for_function("before => document.querySelector('h1').textContent !== before", arg=before)
    took = time.perf_counter() - began
    page.close()
    return round(took * 1000, 1)


def memory(process: subprocess.Popen[bytes]) -> dict[str, float]:
    """Peak and present resident memory in MB; empty where the system does not tell them."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text("ascii")
    except OSError:
        return {}
    lines = dict(line.split(":", 1) for line in status.splitlines())
    return {key: round(int(lines[key].split()[0]) / 1000, 1) for key in ("VmHWM", "VmRSS")}


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


def same_question(home: Path, wanted: argparse.Namespace) -> dict[str, Any]:
    """What each day cost over the same transcripts: median milliseconds, and the dollars that each one says."""
    config = home / ".claude"
    corpus.write(config, size=wanted.peer_mb * 1_000_000, seed=19, long_line=1000)
    os.environ["GAIA_BUDGET_HOME"] = str(home / "peer")
    ours = [sys.executable, "-m", "gaia_budget", "daily", "--json"]
    subprocess.run(ours, check=True, capture_output=True)  # takes the transcripts in
    commands = {"gaia-budget daily": ours}
    program = wanted.ccusage or peer_program(home)
    if program:
        commands["ccusage daily"] = [program, "claude", "daily", "--json", "--offline"]
    took: dict[str, list[float]] = {name: [] for name in commands}
    said: dict[str, Any] = {}
    for _ in range(5):
        for name, command in commands.items():
            began = time.perf_counter()
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            took[name].append((time.perf_counter() - began) * 1000)
            document = json.loads(printed)
            said[name] = _said(document)
    found = {name: {"ms": round(statistics.median(each), 1), **said[name]} for name, each in took.items()}
    with serving([sys.executable, "-m", "gaia_budget", "dashboard", "--port"]) as (url, _):
        there = _said(json.loads(gzip.decompress(fetched(f"{url}/api/v1/daily"))))
        took_there = statistics.median([answer(url, "daily", 1) for _ in range(5)])
    return {"transcripts_mb": wanted.peer_mb, **found, "endpoint daily": {"ms": took_there, **there}}


def _said(document: dict[str, Any]) -> dict[str, Any]:
    """A program's total; dollars lack the models that it has no price for."""
    if "total" in document:
        total = document["total"]
        return {"tokens": total["total_tokens"], "usd": float(total["cost_usd"])}
    total = document["totals"]
    unpriced = total.get("unpricedModels", [])
    return {"tokens": total["totalTokens"], "usd": total["totalCost"], "unpriced_models": len(unpriced)}


if __name__ == "__main__":
    main()
