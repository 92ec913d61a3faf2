"""A webhook: Slack-compatible JSON, signed where there is a secret.

`X-Gaia-Signature: v1=<hex>` is the HMAC-SHA-256 of `<X-Gaia-Timestamp>.<body>` with the secret. The same alert may
arrive twice (after a crash): `X-Gaia-Delivery` is then the same. Neither address nor secret is ever in an error.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import stat
import sys
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from gaia_budget import places
from gaia_budget.alerts import telling
from gaia_budget.alerts.fired import FIRED
from gaia_budget.errors import ChannelError

if TYPE_CHECKING:
    from gaia_budget.alerts.fired import Delivery
    from gaia_budget.settings.keys import Settings

SECONDS = 5.0
SECRET = "GAIA_BUDGET_WEBHOOK_SECRET"  # noqa: S105 (its name)
SECRET_FILE = "webhook-secret"  # noqa: S105
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would send the alert, and its signature, to somewhere that nobody configured."""

    def redirect_request(self, *_: Any) -> None:
        """None: the answer stays what it is, an error."""


def send(delivery: Delivery, settings: Settings) -> None:
    """Post it and wait a few seconds for a 2xx. Raises ChannelError."""
    url = _checked(settings.webhook_url.revealed())
    body = json.dumps(message(delivery)).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "gaia-token-budget",
        "X-Gaia-Delivery": f"{quote(delivery.alert.alert_id, safe=':')}/{delivery.step}",  # headers are ASCII
    }
    key = secret()
    if key:
        stamp = str(int(time.time()))
        headers |= {"X-Gaia-Timestamp": stamp, "X-Gaia-Signature": signature(key, stamp, body)}
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310 (checked above)
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=SECONDS):
            pass
    except urllib.error.HTTPError as error:
        code = error.code
        error.close()
        raise ChannelError(f"the webhook answered {code}", slug="alert-webhook") from None
    except (OSError, HTTPException) as error:
        late = isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError)
        said = f"did not answer in {SECONDS:g} seconds" if late else "cannot be reached"
        raise ChannelError(f"the webhook {said}", slug="alert-webhook") from None


def message(delivery: Delivery) -> dict[str, Any]:
    """What is posted: `text` is what Slack shows, `metadata` the alert for programs. No file name is in it."""
    alert = delivery.alert
    over = f"GAIA: over: {alert.rule} of {alert.module or 'all modules'}"
    return {
        "text": telling.line(alert) if delivery.step == FIRED else over,
        "metadata": {
            "event_type": "gaia_budget_alert",
            "event_payload": {
                **telling.document(alert),
                "state": "firing" if delivery.step == FIRED else "resolved",
            },
        },
    }


def signature(key: bytes, stamp: str, body: bytes) -> str:
    """HMAC-SHA-256 over the timestamp, a dot and the body (RFC 2104)."""
    return "v1=" + hmac.new(key, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def secret() -> bytes:
    """The secret of the environment, else of the file; empty where there is none.

    Raises ChannelError for a file that others may read.
    """
    named = os.environ.get(SECRET, "").strip()
    if named:
        return named.encode()
    file = places.home() / SECRET_FILE
    try:
        if sys.platform != "win32" and stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise ChannelError(
                f"{SECRET_FILE} in the state folder may be read by others: chmod 600 it", slug="alert-secret"
            )
        return file.read_bytes().strip()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ChannelError(
            f"{SECRET_FILE} cannot be read: {error.strerror or type(error).__name__}", slug="alert-secret"
        ) from None


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        parts.port  # noqa: B018 (raises ValueError for one that is none)
    except ValueError:
        safe = False
    if not safe or not parts.hostname:
        raise ChannelError("the setting webhook_url is no https:// address", slug="alert-webhook")
    return url.strip()
