"""What a CertificateRequest asks to be signed: the subject and the names of its CSR, octet for octet.

Issuers copy the subject and the extension of names as they stand, so that what
libraries leave out (a second common name, an otherName) must be seen here too.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import attrs
from cryptography import x509

from issuer_bridge.pem import load_request
from issuer_bridge.policy.der_values import OCTET_STRING, SEQUENCE, SET, Value, dotted, inside, values
from issuer_bridge.resources import Resource

_EXTENSIONS, _NAMES = "1.2.840.113549.1.9.14", "2.5.29.17"
_ATTRIBUTES = 0xA0
# The string types whose values are read: Go's encoding/asn1, which decides what the signers of cert-manager understand.
_STRINGS: Mapping[int, str] = {
    0x0C: "utf-8",
    0x12: "ascii",
    0x13: "ascii",
    0x14: "latin-1",
    0x16: "ascii",
    0x1E: "utf-16-be",
}
_SHOWN_AS_TEXT = (0x0C, 0x13, 0x14, 0x16)


class UnreadableNamesError(ValueError):
    """What no policy may approve: a signer would sign the octets, whatever they say."""


@attrs.frozen
class Requested:
    """A CSR's subject as (OID, value), None for a value that is no string of those; and its alternative names.

    other_names: (OID, value), in hexadecimal what is no text; refused: kinds of names that no policy can allow.
    """

    csr: x509.CertificateSigningRequest
    subject: tuple[tuple[str, str | None], ...]
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    email_addresses: tuple[str, ...] = ()
    other_names: tuple[tuple[str, str], ...] = ()
    refused: tuple[str, ...] = ()


def requested(request: Resource) -> Requested:
    """Read `spec.request`; UnreadableNamesError is a reason to deny, another ValueError is one to try again."""
    return _requested(request["spec"].get("request") or "")


@lru_cache(maxsize=1024)
def _requested(field: str) -> Requested:
    csr = load_request(field)
    [information] = values(csr.tbs_certrequest_bytes)
    _, subject, _, *attributes = inside(information, SEQUENCE)
    extensions = [item for each in attributes for item in _extensions(each)]
    names = [value for oid, value in extensions if oid == _NAMES]
    if len(names) > 1:
        raise UnreadableNamesError("CSR contains multiple SAN extensions; at most one is permitted")
    found: dict[str, list[Any]] = {}
    try:
        for value in names:
            [sequence] = values(value)
            for name in inside(sequence, SEQUENCE):
                kind, read = _GENERAL_NAMES[name.tag]
                found.setdefault(kind, []).append(read(name))
    except (ValueError, KeyError) as error:
        why = f"unknown name type {error}" if isinstance(error, KeyError) else error
        raise UnreadableNamesError(f"subjectAltName (SAN) extension could not be decoded: {why}") from None
    return Requested(csr, tuple(_subject(subject)), **{kind: tuple(listed) for kind, listed in found.items()})


def _subject(name: Value) -> Iterator[tuple[str, str | None]]:
    for relative in inside(name, SEQUENCE):
        for attribute in inside(relative, SET):
            oid, value = inside(attribute, SEQUENCE)
            yield dotted(oid), _string(value)


def _string(value: Value) -> str | None:
    try:
        return value.content.decode(_STRINGS[value.tag])
    except (KeyError, UnicodeDecodeError):
        return None


def _extensions(attributes: Value) -> Iterator[tuple[str, bytes]]:
    for attribute in inside(attributes, _ATTRIBUTES):
        oid, value = inside(attribute, SEQUENCE)
        if dotted(oid) == _EXTENSIONS:
            for listed in inside(value, SET):
                for extension in inside(listed, SEQUENCE):
                    name, *_, content = inside(extension, SEQUENCE)
                    if content.tag != OCTET_STRING:
                        raise ValueError("an extension has no value")
                    yield dotted(name), content.content


def _text(name: Value) -> str:
    return name.content.decode("ascii")


def _address(name: Value) -> str:
    return str(ipaddress.ip_address(name.content))


def _other_name(name: Value) -> tuple[str, str]:
    oid, wrapped = values(name.content)
    [value] = inside(wrapped, 0xA0)
    text = value.content.decode(_STRINGS[value.tag]) if value.tag in _SHOWN_AS_TEXT else value.whole.hex()
    return dotted(oid), text


def _refused(name: str) -> tuple[str, Callable[[Value], Any]]:
    return "refused", lambda _: name


_GENERAL_NAMES: Mapping[int, tuple[str, Callable[[Value], Any]]] = {
    0x81: ("email_addresses", _text),
    0x82: ("dns_names", _text),
    0x86: ("uris", _text),
    0x87: ("ip_addresses", _address),
    0xA0: ("other_names", _other_name),
    0xA3: _refused("x400Address"),
    0xA4: _refused("directoryName"),
    0xA5: _refused("ediPartyName"),
    0x88: _refused("registeredID"),
}
