"""Our server object over HTTP with the fixtures that the conformance suite expects; prints its port.

`python serve.py`: nothing of this is part of the product.
"""

import socket
from typing import Any

import asking  # noqa: F401 (adds its tools)
import inputs  # noqa: F401
import uvicorn
from contents import server
from mcp_types import EmptyResult, SetLevelRequestParams, SubscribeRequestParams, UnsubscribeRequestParams


async def done(ctx: Any, params: Any) -> EmptyResult:
    return EmptyResult()


low = server._lowlevel_server
low.add_request_handler("logging/setLevel", SetLevelRequestParams, done)
low.add_request_handler("resources/subscribe", SubscribeRequestParams, done)
low.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, done)

if __name__ == "__main__":
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        print(listener.getsockname()[1], flush=True)
        app = server.streamable_http_app(host="127.0.0.1")
        uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])
