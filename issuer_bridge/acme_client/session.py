"""Signed requests to one ACME server: its directory, a pool of nonces, and the account's key.

Every verb is an inquiry (`acme_server.protocol.vantage`), so the same client
speaks over real sockets and in virtual time. An error answer is raised as
`Problem`, anything that is no answer as `TransportError`.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs

from acme_server.protocol.driver import Clock
from acme_server.protocol.encoding import load_json
from acme_server.protocol.jose import sign
from acme_server.protocol.jwk import PrivateKey, jwk_of
from acme_server.protocol.vantage import Fetch, HttpAnswer, Inquiry, fetch
from issuer_bridge.acme_client.errors import NetworkError, TransportError, delay_of, problem_in

NONCE_TRIES = 6
MAX_NONCES = 100
MAX_REPLY = 1 << 20
TIMEOUT = timedelta(seconds=30)


@attrs.frozen
class AcmeReply:
    """A successful answer; `location` is empty and `retry_after` None where the server sent none."""

    status: int
    body: bytes = attrs.field(repr=False)
    location: str = ""
    retry_after: timedelta | None = None

    def document(self) -> Mapping[str, Any]:
        """Return the JSON object that the answer carries."""
        return _object(self.body)


class Session:
    """A key and what it has learned of its server; `account_url` is known once registered."""

    def __init__(
        self,
        directory_url: str,
        key: PrivateKey,
        clock: Clock,
        *,
        trust: str | None = None,
        verify: bool = True,
        user_agent: str = "gravel",
    ) -> None:
        self.directory_url = directory_url
        self.account_url: str | None = None
        self.jwk = jwk_of(key.public_key())
        self._key = key
        self._clock = clock
        self._trust = trust
        self._verify = verify
        self._user_agent = user_agent
        self._directory: Mapping[str, Any] | None = None
        self._nonces: deque[str] = deque(maxlen=MAX_NONCES)

    def directory(self) -> Inquiry[Mapping[str, Any]]:
        """Return the directory (RFC 8555 section 7.1.1), fetched once."""
        if self._directory is None:
            answer = yield from self._fetch("GET", self.directory_url)
            if answer.status != 200:
                raise problem_in(answer)
            self._directory = _object(answer.body)
        return self._directory

    def url_of(self, resource: str) -> Inquiry[str]:
        """Return the URL of `newOrder` and its like."""
        url = (yield from self.directory()).get(resource)
        if not isinstance(url, str):
            raise TransportError(f"the directory at {self.directory_url} has no {resource!r}")
        return url

    def post(
        self, url: str, payload: Mapping[str, Any] | None, *, with_jwk: bool = False, accept: str = "application/json"
    ) -> Inquiry[AcmeReply]:
        """Send a signed request; no payload makes it a POST-as-GET (section 6.3)."""
        body = b"" if payload is None else json.dumps(payload, separators=(",", ":")).encode()
        tries = 0
        while True:
            nonce = yield from self._nonce()
            answer = yield from self._send(url, body, nonce, with_jwk, accept)
            if answer.status in (200, 201, 202, 204):
                return self._reply(answer)
            problem = problem_in(answer)
            tries += 1
            if problem.kind != "badNonce" or tries == NONCE_TRIES:
                raise problem
            self._keep_only(answer.header("Replay-Nonce"))

    def _send(self, url: str, body: bytes, nonce: str, with_jwk: bool, accept: str) -> Inquiry[HttpAnswer]:
        header: dict[str, Any] = {"nonce": nonce, "url": url}
        if with_jwk:
            header["jwk"] = dict(self.jwk.members)
        elif self.account_url is None:
            raise TransportError("the ACME account is not registered yet")
        else:
            header["kid"] = self.account_url
        signed = json.dumps(sign(self._key, header, body)).encode()
        return (yield from self._fetch("POST", url, signed, ("Accept", accept)))

    def _fetch(self, method: str, url: str, body: bytes = b"", *headers: tuple[str, str]) -> Inquiry[HttpAnswer]:
        content = (("Content-Type", "application/jose+json"),) if body else ()
        answer = yield from fetch(
            Fetch(
                url,
                method,
                headers=(("User-Agent", self._user_agent), *content, *headers),
                body=body,
                trust=self._trust,
                verify=self._verify,
                timeout=TIMEOUT,
                limit=MAX_REPLY,
            )
        )
        if answer.error is not None:
            raise NetworkError(f"{method} {url}: {answer.error}")
        nonce = answer.header("Replay-Nonce")
        if nonce:
            self._nonces.append(nonce)
        return answer

    def _nonce(self) -> Inquiry[str]:
        """Take the newest nonce, or ask for one (section 7.2)."""
        if not self._nonces:
            url = yield from self.url_of("newNonce")
            yield from self._fetch("HEAD", url)
        if not self._nonces:
            raise TransportError(f"newNonce of {self.directory_url} gave no Replay-Nonce")
        return self._nonces.pop()

    def _keep_only(self, nonce: str | None) -> None:
        """After badNonce the pool is suspect: keep what came with the refusal (section 6.5)."""
        self._nonces.clear()
        if nonce:
            self._nonces.append(nonce)

    def _reply(self, answer: HttpAnswer) -> AcmeReply:
        retry_after = delay_of(answer.header("Retry-After"), self._clock())
        return AcmeReply(answer.status, answer.body, answer.header("Location") or "", retry_after)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        document = load_json(body)
    except ValueError as error:
        raise TransportError(f"the server's answer {error}") from None
    if not isinstance(document, Mapping):
        raise TransportError("the server's answer is not a JSON object")
    return document
