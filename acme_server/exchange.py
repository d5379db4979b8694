"""One HTTP exchange as values: what the web edge hands in and gets back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from acme_server.delivery import Delivery
from acme_server.protocol.vantage import Headers

_text = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def encode_json(document: Any) -> bytes:
    """Return compact JSON in UTF-8; what UTF-8 cannot carry, a lone surrogate, is escaped."""
    return _text(document).encode("utf-8", "backslashreplace")


try:
    import orjson
except ImportError:
    _encode = encode_json
else:

    def _encode(document: Any) -> bytes:
        try:
            return orjson.dumps(document)
        except TypeError:
            return encode_json(document)


@attrs.frozen
class Request:
    """A request as the core sees it: header names in lower case, `path` raw, with its query."""

    method: str
    path: str
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes = b""


@attrs.frozen
class Reply:
    """A reply as the core makes it; the web edge adds only what HTTP itself needs.

    delivery: how it travels, None as any reply does.
    """

    status: int
    headers: Headers = ()
    body: bytes = b""
    delivery: Delivery | None = None

    def with_headers(self, *headers: tuple[str, str]) -> Reply:
        """Return the reply with further headers."""
        return Reply(self.status, (*self.headers, *headers), self.body, self.delivery)


def json_reply(status: int, document: Any, *headers: tuple[str, str], content_type: str = "application/json") -> Reply:
    """Return a reply that carries a JSON document."""
    return Reply(status, (("Content-Type", content_type), *headers), _encode(document))
