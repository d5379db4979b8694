"""Signed requests to one ACME server: its directory, a pool of nonces, and the account's key.

Every verb is an inquiry (`acme_server.protocol.vantage`), so the same client
speaks over real sockets and in virtual time. An error answer is raised as
`Problem`, anything that is no answer as `TransportError`. Only a refused nonce
is tried again (section 6.5); all else is the caller's to judge.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

import attrs

from acme_server.protocol.driver import Clock
from acme_server.protocol.encoding import load_json
from acme_server.protocol.jose import sign
from acme_server.protocol.jwk import PrivateKey, jwk_of
from acme_server.protocol.vantage import Fetch, HttpAnswer, Inquiry, fetch
from issuer_bridge.acme_client.errors import NetworkError, TransportError, delay_of, is_refused_nonce, problem_in
from issuer_bridge.acme_client.traffic import UNANSWERED, UNNAMED, Traffic

NONCE_TRIES = 6
MAX_NONCES = 100
MAX_REPLY = 1 << 20
TIMEOUT = timedelta(seconds=30)
JSON = "application/json"
# What a server may send us to: nowhere without TLS when we came with it (RFC 8555 section 6.1), and to no half URL.
_HTTPS, _HTTP = re.compile(r"(?i)https://[!-~]+"), re.compile(r"(?i)https?://[!-~]+")
_NONCE = re.compile(r"[A-Za-z0-9_-]+")
# RFC 8288 section 3, as far as ACME servers need it: a target, and parameters up to the next link.
_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[^\s=;,]+\s*=\s*(?:"[^"]*"|[^\s;,"]*))*)')
_RELATIONS = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]*))', re.IGNORECASE)


@attrs.frozen
class AcmeReply:
    """A successful answer to `request`, a POST or GET and its URL; retry_after: None where the server did not say."""

    request: str
    url: str
    answer: HttpAnswer
    retry_after: timedelta | None = None

    @property
    def status(self) -> int:
        """200, 201, 202 or 204."""
        return self.answer.status

    def document(self) -> Mapping[str, Any]:
        """Return the JSON object that the answer carries."""
        try:
            document = load_json(self.body(JSON))
        except ValueError as error:
            raise TransportError(f"{self.request}: the answer {error}") from None
        if not isinstance(document, Mapping):
            raise TransportError(f"{self.request}: the answer is not a JSON object")
        return document

    def body(self, media_type: str) -> bytes:
        """Return the body, of a media type; an answer that does not say its own is taken at its word."""
        found = (self.answer.header("Content-Type") or media_type).partition(";")[0].strip().lower()
        if found != media_type:
            raise TransportError(f"{self.request}: the answer is {found[:64]}, not {media_type}")
        return self.answer.body

    def place(self) -> str:
        """Return the URL of what was made."""
        location = self.answer.header("Location")
        if not location:
            raise TransportError(f"{self.request}: the answer has no Location")
        return urljoin(self.url, location)

    def alternates(self) -> Iterator[str]:
        """Return the URLs that the answer links to as alternates of itself (section 7.4.2)."""
        for value in (value for name, value in self.answer.headers if name.lower() == "link"):
            for target, parameters in _LINK.findall(value):
                relation = _RELATIONS.search(parameters)
                if relation and "alternate" in (relation[1] or relation[2]).lower().split():
                    yield urljoin(self.url, target)


class Session:
    """A key and what it has learned of its server; `account_url` is known once registered.

    gate: called before each request; what it raises keeps the request from being sent.
    traffic: counts the requests, those for the directory and for nonces under the `action` that needs them.
    """

    def __init__(
        self,
        directory_url: str,
        key: PrivateKey,
        clock: Clock,
        *,
        trust: str | None = None,
        verify: bool = True,
        user_agent: str = "gravel",
        gate: Callable[[], None] = lambda: None,
        traffic: Traffic | None = None,
    ) -> None:
        self._gate = gate
        self.directory_url = directory_url
        self.account_url: str | None = None
        self.use_key(key)
        self._fits = _HTTPS if directory_url.lower().startswith("https:") else _HTTP
        self._clock = clock
        self._trust = trust
        self._verify = verify
        self._user_agent = user_agent
        self._traffic = traffic or Traffic()
        self._directory: Mapping[str, Any] | None = None
        self._nonces: deque[str] = deque(maxlen=MAX_NONCES)

    def use_key(self, key: PrivateKey) -> None:
        """Sign with this key from now on."""
        self.key, self.jwk = key, jwk_of(key.public_key())

    def directory(self, action: str = "discover") -> Inquiry[Mapping[str, Any]]:
        """Return the directory (RFC 8555 section 7.1.1), fetched once."""
        if self._directory is None:
            self._directory = (yield from self.get(self.directory_url, action)).document()
        return self._directory

    def url_of(self, resource: str, action: str = UNNAMED) -> Inquiry[str]:
        """Return the URL of `newOrder` and its like."""
        url = (yield from self.directory(action)).get(resource)
        if not isinstance(url, str):
            raise TransportError(f"the directory at {self.directory_url} has no {resource!r}")
        return url

    def get(self, url: str, action: str = UNNAMED) -> Inquiry[AcmeReply]:
        """Ask for what needs no signature: the directory, and renewal information."""
        answer = yield from self._fetch("GET", url, action)
        if answer.status != 200:
            raise problem_in(answer)
        return self._reply("GET", url, answer)

    def post(
        self,
        url: str,
        payload: Mapping[str, Any] | None,
        action: str = UNNAMED,
        *,
        key: PrivateKey | None = None,
        accept: str = JSON,
    ) -> Inquiry[AcmeReply]:
        """Send a signed request; no payload makes it a POST-as-GET (section 6.3).

        key: sign with it and send it along, instead of naming the account (section 6.2).
        """
        body = b"" if payload is None else json.dumps(payload, separators=(",", ":")).encode()
        tries = 0
        while True:
            nonce = yield from self._nonce(action)
            signed = self._signed(url, body, nonce, key)
            answer = yield from self._fetch("POST", url, action, signed, ("Accept", accept))
            if answer.status in (200, 201, 202, 204):
                return self._reply("POST", url, answer)
            problem = problem_in(answer)
            tries += 1
            if not is_refused_nonce(problem) or tries == NONCE_TRIES:
                raise problem
            self._nonces.clear()  # all of it is suspect but what came with the refusal (section 6.5)
            self._keep(answer)

    def _signed(self, url: str, body: bytes, nonce: str, key: PrivateKey | None) -> bytes:
        header: dict[str, Any] = {"nonce": nonce, "url": url}
        if key is not None:
            header["jwk"] = dict(jwk_of(key.public_key()).members)
            return json.dumps(sign(key, header, body)).encode()
        if self.account_url is None:
            raise TransportError("the ACME account is not registered yet")
        header["kid"] = self.account_url
        return json.dumps(sign(self.key, header, body, self.jwk.kind)).encode()

    def _fetch(
        self, method: str, url: str, action: str, body: bytes = b"", *headers: tuple[str, str]
    ) -> Inquiry[HttpAnswer]:
        if not self._fits.fullmatch(url):
            raise TransportError(f"{url[:256]!r} is no URL to follow from {self.directory_url}")
        self._gate()
        content = (("Content-Type", "application/jose+json"),) if body else ()
        began = self._clock()
        answer = yield from fetch(
            Fetch(
                url,
                method,
                headers=(("User-Agent", self._user_agent), *content, *headers),
                body=body,
                trust=self._trust,
                verify=self._verify,
                timeout=TIMEOUT,
                limit=MAX_REPLY + 1,
            )
        )
        status = UNANSWERED if answer.error is not None else answer.status
        self._traffic.note(method, url, action, status, began, self._clock())
        if answer.error is not None:
            raise NetworkError(f"{method} {url}: {answer.error}")
        self._keep(answer)
        if len(answer.body) > MAX_REPLY:
            raise TransportError(f"{method} {url}: the answer is longer than {MAX_REPLY} bytes")
        return answer

    def _nonce(self, action: str) -> Inquiry[str]:
        """Take the newest nonce, or ask for one (section 7.2)."""
        if not self._nonces:
            url = yield from self.url_of("newNonce", action)
            if not self._nonces:  # the directory may have brought one
                answer = yield from self._fetch("HEAD", url, action)
                if not self._nonces and answer.status >= 400:
                    raise problem_in(answer)
        if not self._nonces:
            raise TransportError(f"newNonce of {self.directory_url} gave no Replay-Nonce")
        return self._nonces.pop()

    def _keep(self, answer: HttpAnswer) -> None:
        """Keep an answer's nonce; one that is not base64url is ignored (section 6.5.1)."""
        nonce = answer.header("Replay-Nonce")
        if nonce and _NONCE.fullmatch(nonce):
            self._nonces.append(nonce)

    def _reply(self, method: str, url: str, answer: HttpAnswer) -> AcmeReply:
        text = answer.header("Retry-After")
        return AcmeReply(f"{method} {url}", url, answer, delay_of(text, self._clock()) if text else None)
