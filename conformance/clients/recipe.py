"""Recipes: how a client is found, asked for a certificate, and where the certificate lands; text, not code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

import attrs

HTTP01, DNS01, TLS_ALPN01 = CHALLENGES = ("http-01", "dns-01", "tls-alpn-01")
_PLACE = re.compile(r"@(\w+)@")


class Act(StrEnum):
    """What a client is asked for; each needs what the one before it left at home."""

    ISSUE = "issue"
    RENEW = "renew"
    REVOKE = "revoke"


@attrs.frozen(kw_only=True)
class Recipe:
    """One client.

    All texts are for `sh`, run at the client's home, with `@place@` filled in: directory, name, home, http01_port,
    tls_alpn_port, chall_mgmt, dns, python, scripts, user, group, and `@how@`, the options of the challenge. At home are `ca.pem`
    (trust this), `account.pem` (an RSA key), `key.pem` and `csr.pem` (with the name), `webroot/` and `hook` (see home.py).

    found: succeeds where the client is installed, and prints its version; package: Debian's, whose version counts
    more; challenges: those it speaks, and how; commands: a text an act; files: written before, executable where they
    begin with `#!`; setup: runs before the first command; chain, key: glob patterns, from home; serves: whether it
    opens the port of http-01 itself, so that webroot/ is not served there; stays: it is a server, and done when its
    certificate is there; cannot: why it has no command for an act or a challenge.
    """

    name: str
    found: str
    package: str = ""
    challenges: Mapping[str, str]
    commands: Mapping[Act, str]
    files: Mapping[str, str] = attrs.field(factory=dict)
    setup: str = ""
    chain: str = "chain.pem"
    key: str = "key.pem"
    serves: bool = False
    stays: bool = False
    cannot: Mapping[str, str] = attrs.field(factory=dict)


def fill(text: str, places: Mapping[str, str]) -> str:
    """Put values into the places of a text; KeyError for a place that has none."""
    return _PLACE.sub(lambda found: places[found[1]], text)
