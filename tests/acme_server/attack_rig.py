"""Attacks as rows: what is sent, and what each personality answers.

`rfc8555` is always given; a row says where `pebble` and `boulder` differ. A row's
number is its place in the attack table that this project was planned with; a
number may stand in several rows.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Mapping

import attrs

from acme_server.exchange import Request
from acme_server.protocol.encoding import b64url
from acme_server.protocol.jose import ALGORITHMS, sign
from acme_server.protocol.jwk import jwk_of
from tests.acme_server.rig import BASE, JOSE, Response, key
from tests.acme_server.wire_rig import WireClient

# Rows about GET: only a reply to a POST has a nonce (RFC 8555 section 6.5).
UNSIGNED = (44, 96)
_KEYS = itertools.count(5000)


class Attacker(WireClient):
    """A client with an account of its own, on a real socket, that sends what it likes."""

    def __init__(self, server, url, private_key=None):
        super().__init__(server, url)
        self.key = private_key or key(next(_KEYS))

    def wire(self, url: str) -> str:
        """Return a URL, or a path, as the attacked server has it; any but one of our own routes stays as it is."""
        path = url.removeprefix(BASE)
        for own, theirs in self.server.world.settings.personality.paths.items():
            if found := re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]*)", own), path):
                return url[: len(url) - len(path)] + theirs.format_map(found.groupdict())
        return url

    def header(self, url: str, **changes):
        """The header of a proper request to one of our routes, as the attacked server has it."""
        return super().header(self.wire(url), **changes)

    def alone(self, request: Request) -> Response:
        """Send a request on a connection of its own, saying who asks."""
        headers = {"user-agent": "attacker", **request.headers}
        return super().alone(Request(request.method, self.wire(request.path), headers, request.body))

    send = alone

    def another(self, private_key=None) -> Attacker:
        """One who has an account too."""
        other = Attacker(self.server, self.url.geturl(), private_key)
        other.register()
        return other

    @property
    def members(self):
        return dict(jwk_of(self.key.public_key()).members)

    def jws(self, url=None, payload=b"", **changes):
        """A proper JWS, to the account's URL unless told otherwise, with changes to its header."""
        return sign(self.key, self.header(url or self.kid, **changes), payload)

    def send_jws(self, document, url=None, headers=JOSE) -> Response:
        """Send a JWS, as it is when it is bytes."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.send(Request("POST", (url or self.kid).removeprefix(BASE), headers, body))

    def forge(self, header, signature, payload=b"", url=None) -> Response:
        """Send a JWS whose header and signature are made up; signature: what to make of the signing input."""
        protected, text = b64url(header if isinstance(header, bytes) else json.dumps(header).encode()), b64url(payload)
        made = b64url(signature(f"{protected}.{text}".encode()))
        return self.send_jws({"protected": protected, "payload": text, "signature": made}, url)

    def with_key(self, jwk, **header) -> Response:
        """Ask for an account with a JWK that nobody signed with."""
        header = {"alg": "RS256", "nonce": self.nonce(), "url": f"{BASE}/new-account", "jwk": jwk, **header}
        return self.forge(header, lambda _: b"\1" * 256, b"{}", f"{BASE}/new-account")


Send = Callable[[Attacker], Response]


@attrs.frozen
class Attack:
    """One cell of the table: expected is a status and a problem type, or a status alone where nothing is wrong."""

    row: int
    name: str
    send: Send
    expected: Mapping[str, str]

    def __str__(self) -> str:
        return f"row {self.row}: {self.name}"

    def carry_out(self, attacker: Attacker, personality: str) -> None:
        """Attack; whatever was sent, the reply's nonce works, the account is what it was, and nothing shows or waits."""
        response = self.send(attacker)
        refused = response.status >= 400 and response.reply.body
        answered = f"{response.status} {response.type}" if refused else str(response.status)
        expected = self.expected.get(personality, self.expected["rfc8555"])
        assert expected == answered, f"expected {expected}, got {answered}"
        for inside in (b"Traceback", b"acme_server", b"site-packages"):
            assert inside not in response.reply.body
        if answered == "400 badSignatureAlgorithm" and personality != "pebble":
            assert response.json["algorithms"] == list(ALGORITHMS)
        nonce = response.header("Replay-Nonce")
        assert nonce or self.row in UNSIGNED
        if attacker.kid and nonce:
            again = attacker.post(attacker.kid, nonce=nonce)
            assert (again.status, again.json["status"]) == (200, "valid")
        assert attacker.driver.waiting == []


def attack(row: int, name: str, cases: Send | Mapping[str, Send], **expected: str) -> list[Attack]:
    """One row; several ways of doing the same are cases."""
    named = cases if isinstance(cases, Mapping) else {"": cases}
    return [Attack(row, f"{name} {case}".strip(), send, expected) for case, send in named.items()]


def table(*rows: list[Attack]) -> tuple[Attack, ...]:
    """Put rows together."""
    return tuple(itertools.chain.from_iterable(rows))


def each(values, send: Callable[[Attacker, object], Response]) -> dict[str, Send]:
    """One case a value."""
    return {repr(value)[:40]: lambda attacker, value=value: send(attacker, value) for value in values}
