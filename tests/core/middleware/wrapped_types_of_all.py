"""The same for the other SDKs, read by pyright alone: mypy would read all of them, for what `wrap` says of any type."""

from __future__ import annotations

from typing import assert_type

import openai
from google import genai

from gaia_budget import BudgetGuard

guard = BudgetGuard("via")
assert_type(guard.wrap(openai.OpenAI()), openai.OpenAI)
assert_type(guard.wrap(openai.AsyncOpenAI()), openai.AsyncOpenAI)
assert_type(guard.wrap(genai.Client()), genai.Client)
