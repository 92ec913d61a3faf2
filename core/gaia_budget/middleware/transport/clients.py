"""Which clients can be wrapped, and how the guard gets under each."""

from __future__ import annotations

import logging
from functools import cache
from importlib.metadata import version
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.errors import InputError
from gaia_budget.middleware.admission import admit_early, admit_early_beside
from gaia_budget.middleware.passage import Line
from gaia_budget.middleware.transport import http
from gaia_budget.middleware.wire import claude, gemini, openai

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gaia_budget.middleware.accounts import Accounts
    from gaia_budget.middleware.wire import Wire

log = logging.getLogger("gaia_budget")


class Sdk(NamedTuple):
    """An SDK whose clients are known; `majors` are the versions that the tests run against.

    `clients` gives for each class the provider whose prices hold where the host is nobody's own.
    """

    distribution: str
    module: str
    clients: Mapping[str, str]
    majors: tuple[int, ...]
    wire: Wire
    wrap: Callable[[Any, Accounts, Line], Any]


def wrap(client: Any, accounts: Accounts) -> Any:
    """Put the guard under a client, and return that client. Raises InputError for one that cannot be guarded."""
    sdk, line = _sdk_of(client)
    _check_version(sdk.distribution, sdk.majors)
    try:
        return sdk.wrap(client, accounts, line)
    except AttributeError as error:
        raise InputError(
            f"{sdk.distribution} {version(sdk.distribution)} is built otherwise than the versions that are known "
            f"({_range(sdk.majors)}): {error.name} is missing. Install a version in that range",
            slug="client-unknown",
        ) from None


def _sdk_of(client: object) -> tuple[Sdk, Line]:
    """By the nearest class that the SDK itself defines: one that it does not know is never taken for its parent."""
    for kind in type(client).__mro__:
        for sdk in SDKS:
            if f"{kind.__module__}.".startswith(sdk.module) and kind.__module__ != __name__:
                if kind.__name__ in sdk.clients:
                    return sdk, Line(sdk.wire, sdk.clients[kind.__name__])
                raise InputError(_unknown(client), slug="client-unknown")
    raise InputError(_unknown(client), slug="client-unknown")


def _unknown(client: object) -> str:
    known = "; ".join(f"{sdk.module[:-1]}: {', '.join(sdk.clients)}" for sdk in SDKS)
    if isinstance(client, ModuleType):
        return f"cannot wrap the module {client.__name__}: make a client of it. Known clients: {known}"
    return f"cannot wrap {type(client).__module__}.{type(client).__qualname__}. Known clients: {known}"


@cache
def _check_version(distribution: str, majors: tuple[int, ...]) -> None:
    found = version(distribution)
    if int(found.split(".")[0]) not in majors:
        log.warning(
            "%s %s is outside the tested range (%s); its calls are guarded all the same: compare the first "
            "figures with the provider's",
            distribution,
            found,
            _range(majors),
        )


def _range(majors: tuple[int, ...]) -> str:
    return ", ".join(f"{major}.x" for major in majors)


def _is_wrapped(http_client: object, accounts: Accounts) -> bool:
    """Whether this guard has the client already. Raises InputError when another one has it."""
    other = http.accounts_of(http_client)
    if other is not None and other is not accounts:
        raise InputError(
            f"this client is wrapped for module {other.module} already: "
            f"make a client of its own for {accounts.module}",
            slug="client-taken",
        )
    return other is accounts


def _wrap_stainless(client: Any, accounts: Accounts, line: Line) -> Any:
    """Anthropic's and OpenAI's clients: built alike, by the same generator."""
    if _is_wrapped(client._client, accounts):
        return client
    is_async = hasattr(client._client, "aclose")
    twin = http.guarded(client._client, accounts, line)
    kind: Any = type(client)
    client.__class__ = _guarded_kind(kind, is_async)
    client._client = twin
    return client


@cache
def _guarded_kind(kind: Any, is_async: bool) -> type:
    """A client's class, asking the guard where the SDK still passes exceptions on unchanged.

    Around sending, SDKs take every exception for a lost connection, retry it and hide it behind their own.
    """
    if not callable(kind._prepare_request):
        raise AttributeError("_prepare_request", name="_prepare_request")

    def prepare(self: Any, request: Any) -> None:
        kind._prepare_request(self, request)
        admit_early(self._client, request)

    async def prepare_async(self: Any, request: Any) -> None:
        await kind._prepare_request(self, request)
        await admit_early_beside(self._client, request)

    def copy(self: Any, **options: Any) -> Any:
        made = kind.copy(self, **options)
        if http.accounts_of(made._client) is None:  # the copy was given an HTTP client of its own
            mine = self._client
            made._client = http.guarded(made._client, mine.gaia_accounts, mine.gaia_line)
        return made

    names = {
        "_prepare_request": prepare_async if is_async else prepare,
        "copy": copy,
        "with_options": copy,
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__doc__": kind.__doc__,
    }
    return type(kind.__name__, (kind,), names)


def _wrap_gemini(client: Any, accounts: Accounts, line: Line) -> Any:
    """Google's client: it sends through two HTTP clients, and through aiohttp unless it is told otherwise."""
    api = client._api_client
    if _is_wrapped(api._httpx_client, accounts):
        return client
    if api._async_httpx_client is None:
        raise InputError(
            "a google.genai client with client certificates (mTLS) cannot be guarded", slug="client-unknown"
        )
    api._httpx_client = http.guarded(api._httpx_client, accounts, line)
    api._async_httpx_client = http.guarded(api._async_httpx_client, accounts, line)
    if callable(api._use_aiohttp):  # naming our client among its options would leave it unclosed
        api._use_aiohttp = _never
    for owner in (client, getattr(client, "_aio", None)):
        for name in ("_interactions", "_nextgen_client_instance"):
            if owner is not None and hasattr(owner, name):
                setattr(owner, name, None)  # made anew at its next use, on the guarded clients
    return client


def _never() -> bool:
    return False


SDKS = (
    Sdk(
        "anthropic",
        "anthropic.",
        {
            "Anthropic": "anthropic",
            "AsyncAnthropic": "anthropic",
            "AnthropicAWS": "anthropic",  # Anthropic's own service and prices, billed through AWS
            "AsyncAnthropicAWS": "anthropic",
            "AnthropicFoundry": "azure",
            "AsyncAnthropicFoundry": "azure",
        },
        (0, 1, 2),
        claude,
        _wrap_stainless,
    ),
    Sdk(
        "openai",
        "openai.",
        {"OpenAI": "openai", "AsyncOpenAI": "openai", "AzureOpenAI": "azure", "AsyncAzureOpenAI": "azure"},
        (2, 3),
        openai,
        _wrap_stainless,
    ),
    Sdk(
        "google-genai",
        "google.genai.",
        {"Client": "gemini", "AsyncClient": "gemini"},
        (2, 3),
        gemini,
        _wrap_gemini,
    ),
)
