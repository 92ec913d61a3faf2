"""The OpenAPI document of the endpoint, made from its questions."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from gaia_budget.dashboard.answers import QUESTIONS, WORDS, Question

PROBLEM = {
    "description": "What is wrong, and how to mend it.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["error", "slug"],
                "properties": {"error": {"type": "string"}, "slug": {"type": "string"}},
            }
        }
    },
}
PROBLEMS = dict.fromkeys(("400", "404", "503"), PROBLEM)
REFUSED = {
    "401": {"description": "The token is missing."},
    "403": {"description": "The Host or Origin is not ours."},
}


def document() -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, Any] = {f"/api/v1/{one.name}": {"get": _operation(one)} for one in QUESTIONS}
    paths["/api/v1/alerts/{id}/acknowledge"] = {
        "post": {
            "operationId": "acknowledge",
            "summary": "Take note of an alert: sessions and MCP no longer tell of it.",
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "responses": {"200": _json("The alert."), **PROBLEMS, **REFUSED},
        }
    }
    paths["/api/v1/events"] = {
        "get": {
            "operationId": "events",
            "summary": "Server-sent events: `change` with a version whenever something new was spent or fired.",
            "responses": {
                "200": {"description": "A stream.", "content": {"text/event-stream": {}}},
                **REFUSED,
            },
        }
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "GAIA Token Budget",
            "version": version("gaia-token-budget"),
            "description": "Tokens are integers; money is a decimal string in USD; times are UTC, days and months "
            "those of the configured zone.",
        },
        "paths": paths,
    }


def _operation(question: Question) -> dict[str, Any]:
    return {
        "operationId": question.name,
        "summary": question.tells,
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": question.name == "session",
                "schema": {"type": "string"},
                "description": WORDS.get(name, f"This {name.replace('_', ' ')} alone."),
            }
            for name in question.takes
        ],
        "responses": {"200": _json("The report."), **PROBLEMS, **REFUSED},
    }


def _json(what: str) -> dict[str, Any]:
    return {"description": what, "content": {"application/json": {"schema": {"type": "object"}}}}
