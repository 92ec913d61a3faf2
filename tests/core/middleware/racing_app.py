"""An app that makes its calls at a word: `racing_app.py URL MESSAGE THREADS`; says how each ended."""

from __future__ import annotations

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import anthropic

from gaia_budget import BudgetExceededError, BudgetGuard

url, message, threads = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
guard = BudgetGuard("jseeker")
client = guard.wrap(anthropic.Anthropic(base_url=url, api_key="none", max_retries=0))
guard._accounts.books()
said = threading.Lock()


def call(_: int) -> None:
    try:
        client.messages.create(**message)
        word = "answered"
    except BudgetExceededError:
        word = "refused"
    with said:
        print(word, flush=True)


print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(threads) as pool:
    list(pool.map(call, range(threads)))
sys.stdin.readline()
