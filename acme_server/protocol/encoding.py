"""Strict readers for base64url and JSON: one text, one meaning.

The standard library is lenient where a signature scheme must not be (it skips
foreign characters, keeps the last of two equal names, reads NaN). Both readers
raise ValueError with a sentence; callers say which field it was.
"""

from __future__ import annotations

import json
import re
from binascii import a2b_base64, b2a_base64
from typing import Any

_STANDARD, _URLSAFE = b"+/", b"-_"
_TO_URLSAFE = bytes.maketrans(_STANDARD, _URLSAFE)
# What is of the standard alphabet alone becomes what is of neither.
_TO_STANDARD = bytes.maketrans(_URLSAFE + _STANDARD, _STANDARD + b"!!")
# By the length of a text modulo 4: the padding that it lacks, and what it ends on when no bit is left over.
_PADDING = (b"", b"", b"==", b"=")
_CANONICAL_ENDS = ("", "", "AQgw", "AEIMQUYcgkosw048")
_LONE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
MAX_DEPTH = 20
_NO_DOCUMENT = object()

try:
    import orjson
except ImportError:

    def _plain(data: bytes) -> Any:
        del data
        return _NO_DOCUMENT
else:

    def _plain(data: bytes) -> Any:
        """Read in a fraction of the time what says the same when it is written again, so that it has no name twice."""
        try:
            value = orjson.loads(data)
            return value if orjson.dumps(value) == data else _NO_DOCUMENT
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            return _NO_DOCUMENT


def b64url(data: bytes) -> str:
    """Encode without padding (RFC 8555 section 6.1)."""
    return b2a_base64(data, newline=False).translate(_TO_URLSAFE).rstrip(b"=").decode("ascii")


def b64url_decode(text: Any) -> bytes:
    """Decode; padding, foreign characters and non-canonical trailing bits are errors."""
    if not isinstance(text, str):
        raise ValueError("is not a string")
    if "=" in text:
        raise ValueError("carries '=' padding, which RFC 8555 section 6.1 forbids")
    over = len(text) % 4
    try:
        data = a2b_base64(text.encode("ascii").translate(_TO_STANDARD) + _PADDING[over], strict_mode=True)
    except ValueError:
        raise ValueError("is not base64url") from None
    if over and text[-1] not in _CANONICAL_ENDS[over]:
        raise ValueError("is not canonical base64url")
    return data


def load_json(data: bytes) -> Any:
    """Read UTF-8 JSON with unique names, finite numbers and at most MAX_DEPTH levels."""
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH and (value := _plain(data)) is not _NO_DOCUMENT:
        return value
    return _strictly(data)


def _strictly(data: bytes) -> Any:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
    if text.startswith("\ufeff"):
        raise ValueError("is not JSON (it starts with a byte order mark)")
    if _too_deep(text):
        raise ValueError(f"is nested deeper than {MAX_DEPTH} levels")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON ({error.msg} at character {error.pos})") from None
    except ValueError as error:
        raise ValueError(str(error).split(";")[0]) from None
    if "\\" in text and _LONE_SURROGATE.search(text) and not _encodes(value):
        raise ValueError("has a lone surrogate")
    return value


def _encodes(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _too_deep(text: str) -> bool:
    """Bound the nesting before the parser recurses into it."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    depth = 0
    for match in re.finditer(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', text):
        bracket = match.group()
        if bracket in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif bracket in "]}":
            depth -= 1
    return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"has the name {twice[:64]!r} twice")
    return result


def _no_constant(name: str) -> Any:
    raise ValueError(f"has the number {name}, which JSON does not know")


# Made once: the hooks would have `json.loads` make a decoder for every text.
_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
