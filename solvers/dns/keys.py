"""TSIG keys (RFC 8945) as people write them: on a command line as for `nsupdate -y`, in a file as for `nsupdate -k`.

`ALGORITHM:NAME:SECRET`, the secret in base64; and what `tsig-keygen` prints.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

import attrs

from solvers.dns.name import canonical

DEFAULT_ALGORITHM = "hmac-sha256"
# What people write -> what the wire has (RFC 8945 section 6).
ALGORITHMS: Mapping[str, str] = {
    "hmac-md5": "hmac-md5.sig-alg.reg.int",
    "hmac-sha1": "hmac-sha1",
    "hmac-sha224": "hmac-sha224",
    "hmac-sha256": "hmac-sha256",
    "hmac-sha384": "hmac-sha384",
    "hmac-sha512": "hmac-sha512",
}
_COMMENT = re.compile(r"/\*.*?\*/|(?://|#)[^\n]*", re.DOTALL)
_CLAUSE = re.compile(r'key\s+"?([^"\s{]+)"?\s*\{([^}]*)\}\s*;?')
_STATEMENT = re.compile(r'(algorithm|secret)\s+("[^"]*"|[^"\s;]+)\s*;')


@attrs.frozen
class Key:
    """A shared secret; `name` is canonical, `algorithm` as on the wire, without the final dot."""

    name: str
    algorithm: str
    secret: bytes = attrs.field(repr=False)


def read_key(text: str) -> Key:
    """Read `[ALGORITHM:]NAME:SECRET`; ValueError, without the secret, when it is none."""
    *algorithm, name, secret = text.rsplit(":", 2) if text.count(":") > 1 else ["", *text.split(":", 1)]
    if ":" not in text:
        raise ValueError("a key is [ALGORITHM:]NAME:SECRET")
    return _key(name, "".join(algorithm) or DEFAULT_ALGORITHM, secret)


def read_key_file(text: str) -> tuple[Key, ...]:
    """Read all `key "NAME" { algorithm ALGORITHM; secret "SECRET"; };` of a file; ValueError when it is not that."""
    bare = _COMMENT.sub(" ", text)
    clauses = list(_CLAUSE.finditer(bare))
    if not clauses or _CLAUSE.sub("", bare).strip():
        raise ValueError('a key file holds key "NAME" { algorithm ALGORITHM; secret "SECRET"; }; and nothing else')
    return tuple(_from_clause(clause[1], clause[2]) for clause in clauses)


def _from_clause(name: str, body: str) -> Key:
    statements = {statement[1]: statement[2].strip('"') for statement in _STATEMENT.finditer(body)}
    if _STATEMENT.sub("", body).strip() or "secret" not in statements:
        raise ValueError(f"the key {name!r} has an algorithm and a secret, each ended by a semicolon, and nothing else")
    return _key(name, statements.get("algorithm", DEFAULT_ALGORITHM), statements["secret"])


def _key(name: str, algorithm: str, secret: str) -> Key:
    spelled = algorithm.lower().removesuffix(".")
    wire = next((wire for short, wire in ALGORITHMS.items() if spelled in (short, wire)), None)
    if wire is None:
        raise ValueError(f"{algorithm[:40]!r} is no algorithm of a key; there are {', '.join(ALGORITHMS)}")
    try:
        octets = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    if not octets:
        raise ValueError(f"the secret of the key {name[:40]!r} is not base64")
    return Key(canonical(name), wire, octets)
