"""JSON through the interpreter's C accelerator: importing `json` costs more than a whole hook may take."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

try:
    import _json as _fast
except ImportError:  # an interpreter without the accelerator
    _fast = None  # type: ignore[assignment]

_WHITE = " \t\r\n"


# What the scanner asks of a decoder: this module is one, for a class would cost a hook more than it reads.
strict = False  # transcripts may hold raw control characters in strings
object_hook = object_pairs_hook = None
parse_float = parse_constant = float
parse_int = int

_kept: "Any" = None  # the encoder, once one was needed
_scan: "Any" = None if _fast is None else _fast.make_scanner(sys.modules[__name__])  # type: ignore[arg-type]


def loads(data: "bytes | str") -> "Any":
    """Decode one JSON document; raises ValueError when it is not one (also for invalid UTF-8)."""
    text = data.decode("utf-8") if isinstance(data, bytes) else data
    if text[:1] == "\ufeff":  # the codec `utf-8-sig` would be one more module to load
        text = text[1:]
    if _scan is None:
        import json

        return json.loads(text, strict=False)
    text = text.strip(_WHITE)
    value, end = scan(text, 0)
    if end != len(text):
        raise ValueError("text after the JSON value")
    return value


def scan(text: str, at: int) -> "tuple[Any, int]":
    """The JSON value that begins at a place of a text, and where it ends; raises ValueError when there is none."""
    if _scan is None:
        import json

        return json.JSONDecoder(strict=False).raw_decode(text, at)
    try:
        value, end = _scan(text, at)
    except StopIteration:
        raise ValueError("no JSON value") from None
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    except SystemError:  # CPython 3.10 to 3.13 report bad JSON so while json itself is not imported
        raise ValueError("broken JSON") from None
    return value, end


def _encoder() -> "Any":
    global _kept
    if _kept is None:
        quote: "Any" = _fast.encode_basestring_ascii
        foreign: "Any" = None  # no JSON: the call of it is the TypeError that `dumps` awaits
        _kept = _fast.make_encoder(None, foreign, quote, None, ":", ",", False, False, False)
    return _kept


def dumps(value: object) -> bytes:
    """Encode as one line of ASCII JSON."""
    if _fast is not None:
        try:
            return "".join(_encoder()(value, 0)).encode("ascii")
        except TypeError:
            pass  # a newer interpreter's encoder wants other arguments, or the value is foreign: json decides
    import json

    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")
