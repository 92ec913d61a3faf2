"""An app that makes its calls at a word: `racing_app.py URL MESSAGE THREADS PROCESSES`; says how each ended.

Importing an SDK costs seconds, so the processes are forks of the one that has it (where the system can fork).
"""

from __future__ import annotations

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import anthropic

from gaia_budget import BudgetExceededError, BudgetGuard

url, message, threads, processes = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
guard = BudgetGuard("jseeker")
client = guard.wrap(anthropic.Anthropic(base_url=url, api_key="none", max_retries=0))
said = threading.Lock()


def say(word: str) -> None:
    with said:
        os.write(1, f"{word}\n".encode())  # one write: lines of processes do not mix


def call(_: int) -> None:
    try:
        client.messages.create(**message)
        say("answered")
    except BudgetExceededError:
        say("refused")


def race() -> None:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(call, range(threads)))


def main() -> None:
    if processes == 1:
        guard._accounts.books()
        say("ready")
        sys.stdin.readline()
        race()
        sys.stdin.readline()
        return
    waiting, word = os.pipe()
    children = [child for _ in range(processes) if (child := os.fork()) or run_child(waiting, word)]
    sys.stdin.readline()
    os.close(word)  # which wakes all of them
    for child in children:
        os.waitpid(child, 0)
    sys.stdin.readline()


def run_child(waiting: int, word: int) -> None:
    try:
        os.close(word)
        guard._accounts.books()
        say("ready")
        os.read(waiting, 1)
        race()
        guard.close()
    finally:
        os._exit(0)


main()
