"""An app on whatever SDKs stand in its path: makes each form of a call once, and says in JSON how that went.

older_sdks.py URL PACKAGE,...        the forms of these packages alone
"""

from __future__ import annotations

import asyncio
import json
import sys
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

from gaia_budget import BudgetExceededError, BudgetGuard
from support import call_forms

server: Any = SimpleNamespace(url=sys.argv[1])
packages = sys.argv[2].split(",")
guard = BudgetGuard("jseeker")
told: dict[str, Any] = {
    "versions": {name: version(name) for name in packages},
    "made": dict.fromkeys(call_forms.PRICES, 0),
    "failed": {},
    "refused": [],
}
PACKAGE = {
    call_forms.HAIKU: "anthropic",
    call_forms.MINI: "openai",
    call_forms.FLASH: "google-genai",
}


def wanted(forms: dict[str, call_forms.Form]) -> list[tuple[str, call_forms.Form]]:
    return [(name, form) for name, form in forms.items() if PACKAGE[form.model] in packages]


async def used(form: call_forms.Form) -> None:
    client = guard.wrap(form.make(server))
    await form.use(client)
    await call_forms.end(client)


for name, form in wanted(call_forms.FORMS):
    try:
        form.use(guard.wrap(form.make(server)))
        told["made"][form.model] += 1
    except Exception as error:
        told["failed"][name] = f"{type(error).__name__}: {error}"
for name, form in wanted(call_forms.ASYNC_FORMS):
    try:
        asyncio.run(used(form))
        told["made"][form.model] += 1
    except Exception as error:
        told["failed"][f"async {name}"] = f"{type(error).__name__}: {error}"
for name in ("messages", "chat", "generate"):
    make, use, model = call_forms.FORMS[name]
    if PACKAGE[model] in packages:
        with guard.task("poor", cap_usd="0.000000001"):
            try:
                use(guard.wrap(make(server)))
            except BudgetExceededError:
                told["refused"].append(PACKAGE[model])
guard.close()
print(json.dumps(told))
