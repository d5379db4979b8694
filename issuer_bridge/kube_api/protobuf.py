r"""Request bodies in Kubernetes' protobuf, read as the JSON objects that they stand for.

Since 0.32 client-go sends built-in kinds so and does not fall back to JSON. A
body is `k8s\0` and a runtime.Unknown, which names the message that is in it.
What the fields of messages are is data: `messages.txt`, a message a line, of
`NUMBER:NAME:TYPE`; a nameless field is a Go struct that JSON has embedded, `!`
marks what JSON shows even when it is zero (`bench/kube_messages.go` writes it).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import attrs

from acme_server.protocol.times import rfc3339, rfc3339_micro
from issuer_bridge.kube_api.forms import JSON, YAML
from issuer_bridge.kube_api.statuses import bad_request, unsupported_media_type
from issuer_bridge.resources import Resource

MAGIC = b"k8s\0"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _MalformedError(ValueError):
    """The octets are no such message; the text goes into a sentence."""


@attrs.frozen
class _Field:
    name: str
    type: str
    kept: bool


def decode(body: bytes) -> Resource:
    """Return the object; ApiError 415 for a kind that is not read so, 400 for what is malformed."""
    try:
        return _decode(body)
    except ValueError as error:
        raise bad_request(f"the body is no protobuf of Kubernetes: {error}") from None


def _decode(body: bytes) -> Resource:
    if not body.startswith(MAGIC):
        raise _MalformedError("it does not begin with k8s and a zero octet")
    unknown = dict(_parts(body[len(MAGIC) :]))
    about = {number: _text(value) for number, value in _parts(_octets(unknown.get(1, b"")))}
    api_version, kind = about.get(1, ""), about.get(2, "")
    group, _, version = api_version.rpartition("/")
    name = "meta.v1.DeleteOptions" if kind == "DeleteOptions" else f"{group.split('.')[0] or 'core'}.{version}.{kind}"
    if name not in _messages():
        raise unsupported_media_type([JSON, YAML])
    return {"apiVersion": api_version, "kind": kind, **_message(name, _octets(unknown.get(2, b"")))}


@cache
def _messages() -> Mapping[str, Mapping[int, _Field]]:
    lines = files("issuer_bridge.kube_api").joinpath("messages.txt").read_text().splitlines()
    return {name: dict(map(_field, fields)) for name, *fields in map(str.split, lines)}


def _field(text: str) -> tuple[int, _Field]:
    number, name, kind = text.split(":")
    return int(number), _Field(name, kind.removesuffix("!"), kind.endswith("!"))


def _message(name: str, data: bytes) -> Resource:
    fields, found = _messages()[name], dict[str, Any]()
    for number, value in _parts(data):
        field = fields.get(number)
        if field is None:
            continue
        if field.type.startswith("[]"):
            found.setdefault(field.name, []).append(_value(field.type[2:], value))
        elif field.type.startswith("{}"):
            entry = dict(_parts(_octets(value)))
            found.setdefault(field.name, {})[_text(entry.get(1, b""))] = _value(field.type[2:], entry.get(2))
        elif not field.name:
            found |= _value(field.type, value)
        elif (item := _value(field.type, value)) or (field.kept and item is not None):
            found[field.name] = item
    return found


def _value(kind: str, value: int | bytes | None) -> Any:
    if kind in _SCALARS:
        return _SCALARS[kind](b"" if value is None else value)
    return _message(kind, _octets(b"" if value is None else value))


def _octets(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise _MalformedError("a number stands where octets should")
    return value


def _number(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise _MalformedError("octets stand where a number should")
    return value - (1 << 64) if value >> 63 else value


def _text(value: int | bytes) -> str:
    return _octets(value).decode()


def _moment(value: int | bytes) -> datetime | None:
    """Return a Time; Go's zero time, which is empty, is None."""
    parts = dict(_parts(_octets(value)))
    if not parts:
        return None
    try:
        return _EPOCH + timedelta(seconds=_number(parts.get(1, 0)), microseconds=_number(parts.get(2, 0)) // 1000)
    except OverflowError:
        raise _MalformedError("a time is out of range") from None


def _time(value: int | bytes) -> str | None:
    moment = _moment(value)
    return rfc3339(moment) if moment else None


def _micro_time(value: int | bytes) -> str | None:
    moment = _moment(value)
    return rfc3339_micro(moment) if moment else None


def _int_or_string(value: int | bytes) -> int | str:
    parts = dict(_parts(_octets(value)))
    return _text(parts.get(3, b"")) if parts.get(1) else _number(parts.get(2, 0))


def _json(value: int | bytes) -> Any:
    return json.loads(_octets(dict(_parts(_octets(value))).get(1, b"null")))


_SCALARS: Mapping[str, Callable[[int | bytes], Any]] = {
    "string": _text,
    "bytes": lambda value: base64.b64encode(_octets(value)).decode("ascii"),
    "int": _number,
    "bool": lambda value: bool(_number(value)),
    "time": _time,
    "microtime": _micro_time,
    "quantity": lambda value: _text(dict(_parts(_octets(value))).get(1, b"")),
    "intorstring": _int_or_string,
    "json": _json,
    "items": lambda value: [_text(item) for number, item in _parts(_octets(value)) if number == 1],
}


def _parts(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield field numbers with what they have: a varint as it is, all else as octets (protobuf.dev, Encoding)."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == _VARINT:
            number, at = _varint(data, at)
            yield tag >> 3, number
            continue
        size = {_FIXED64: 8, _FIXED32: 4}.get(wire)
        if wire == _BYTES:
            size, at = _varint(data, at)
        if size is None or size > len(data) - at:
            raise _MalformedError(f"the octets end within a field, or have wire type {wire}")
        yield tag >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for index, octet in enumerate(data[at : at + 10]):
        number |= (octet & 0x7F) << (7 * index)
        if octet < 0x80:
            return number & (1 << 64) - 1, at + index + 1
    raise _MalformedError("a number does not end")
