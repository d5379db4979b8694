"""Identifiers: what a certificate is asked for (RFC 8555 sections 7.1.3 and 9.7.7, RFC 8738)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

import attrs

from acme_server.protocol.problem import Problem, malformed

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# Categories of characters that no version of IDNA lets into a name: controls, white space, what is not assigned.
_NEVER_IN_NAMES = ("Cc", "Cn", "Co", "Cs", "Zl", "Zp", "Zs")
_ALL_DIGITS = re.compile(r"[0-9]+|0x[0-9a-f]*")


@attrs.frozen(order=True)
class Identifier:
    """A type and a value; a dns value is lower-case A-labels, perhaps with `*.` in front, an ip value an address."""

    type: str
    value: str

    @property
    def wildcard(self) -> bool:
        """Whether the value starts with `*.`."""
        return self.value.startswith("*.")

    @property
    def base(self) -> Identifier:
        """The identifier that an authorization shows: without `*.` (section 7.1.4)."""
        return Identifier(self.type, self.value.removeprefix("*."))

    def to_json(self) -> dict[str, str]:
        """Return the wire form."""
        return {"type": self.type, "value": self.value}


def identifier_of(text: str) -> Identifier:
    """Return what a text is, an address or else a name; it is not checked."""
    try:
        return Identifier("ip", str(ip_address(text)))
    except ValueError:
        return Identifier("dns", text)


def parse_identifier(item: Any) -> Identifier:
    """Read one identifier of a newOrder; raise a Problem that says what is wrong."""
    if not isinstance(item, Mapping) or not isinstance(item.get("type"), str) or not isinstance(item.get("value"), str):
        raise malformed('an identifier is an object with the strings "type" and "value"')
    if item["type"] not in ("dns", "ip"):
        raise _about(item, "unsupportedIdentifier", f"identifiers of type {item['type'][:64]!r} are not supported")
    is_name = item["type"] == "dns"
    identifier = Identifier(item["type"], item["value"].lower() if is_name else item["value"])
    complaint = dns_complaint(identifier.value) if is_name else ip_complaint(identifier.value)
    if complaint:
        raise _about(item, "malformed", f"{item['value'][:253]!r} {complaint}")
    return identifier


# A name is judged three times a certificate: in the order, and in the CSR as its SAN and its common name.
@lru_cache(256)
def dns_complaint(value: str) -> str | None:
    """Say why a lower-case name cannot be in a certificate, or None."""
    name = value.removeprefix("*.")
    labels = name.split(".")
    checks: tuple[tuple[bool, str], ...] = (
        (not name, "is empty"),
        (len(name) > 253, "is longer than 253 octets"),
        (not name.isascii(), "is not in A-label form (encode it as xn--...)"),
        (name.endswith("."), "ends with a dot"),
        ("*" in name, "may have a wildcard only as its whole first label"),
        (any(len(label) > 63 for label in labels), "has a label longer than 63 octets"),
        (not all(_LABEL.fullmatch(label) for label in labels), "is not a DNS name"),
        (bool(_ALL_DIGITS.fullmatch(labels[-1])), "looks like an IP address"),
        (len(labels) < 2, "has only one label"),
        (not all(_is_idna(label) for label in labels if label[2:4] == "--"), "has a label that is not valid IDNA"),
    )
    return next((text for wrong, text in checks if wrong), None)


def ip_complaint(value: str) -> str | None:
    """Say why a text is no address as RFC 8738 section 3 has it (IPv6: RFC 5952), or None."""
    try:
        spelled = str(ip_address(value))
    except ValueError:
        return "is not an IP address"
    if "%" in value:
        return "has a zone, which no certificate can have"
    return None if value == spelled else f"is spelled {spelled} (RFC 5952)"


def _is_idna(label: str) -> bool:
    """A reserved LDH label must be an A-label: it decodes, to what is assigned and no control, and encodes back."""
    if not label.startswith("xn--"):
        return False
    try:
        unicode_label = label[4:].encode("ascii").decode("punycode")
        again = "xn--" + unicode_label.encode("punycode").decode("ascii")
    except UnicodeError:
        return False
    odd = any(unicodedata.category(character) in _NEVER_IN_NAMES for character in unicode_label)
    return not unicode_label.isascii() and again == label and not odd


def _about(item: Mapping[str, Any], kind: str, detail: str) -> Problem:
    identifier = {"type": item["type"][:64], "value": item["value"][:253]}
    return Problem(kind, detail, extra={"identifier": identifier})
