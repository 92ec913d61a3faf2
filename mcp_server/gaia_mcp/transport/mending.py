"""A client's messages as they are read: JSON that holds half a character is mended, so that its request is answered.

`"\\ud800"` alone is JSON and yet no text. The SDK's parser refuses such a line without a word, and whoever has asked
waits for ever.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter
from pydantic import ValidationError

if TYPE_CHECKING:
    from typing import Self


class Mending:
    """A stream of messages and of what could not be read, around the SDK's own."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def receive(self) -> SessionMessage | Exception:
        """The next message, or why there is none."""
        return mended(await self._stream.receive())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        return mended(await self._stream.__anext__())

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *how: Any) -> None:
        await self._stream.__aexit__(*how)


def mended(item: SessionMessage | Exception) -> SessionMessage | Exception:
    """A message that was refused for half a character, with a sign in its place; anything else as it is."""
    if not isinstance(item, ValidationError):
        return item
    try:
        told = json.loads(item.errors()[0]["input"])
        line = json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except (ValueError, TypeError, RecursionError):
        return item
