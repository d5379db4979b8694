"""An ACME client whose every request can be bent, and which has no opinion of the replies."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from conformance.jws import Bend, Envelope, Payload, sign
from conformance.keys import Key, b64url
from conformance.verdict import NotReachable
from conformance.wire import Reply, Wire

JOSE = "application/jose+json"
# A server may refuse good nonces at random, as Pebble does: the request is made again with another.
NONCE_TRIES = 8


class Client:
    """Who speaks: a key, and the URL of its account once it has one (`kid`)."""

    def __init__(self, wire: Wire, new_nonce: Callable[[], str], key: Key, kid: str | None = None) -> None:
        self._wire, self._new_nonce = wire, new_nonce
        self.key, self.kid = key, kid
        self._nonce: str | None = None

    def get(self, url: str) -> Reply:
        """Send a plain GET."""
        return self._wire.send("GET", url, {})

    def head(self, url: str) -> Reply:
        """Send a HEAD."""
        return self._wire.send("HEAD", url, {})

    def nonce(self) -> str:
        """Return a nonce that was not used: the last reply's, or a new one."""
        nonce, self._nonce = self._nonce, None
        return nonce or self.fresh_nonce()

    def fresh_nonce(self) -> str:
        """Ask for a nonce."""
        url = self._new_nonce()
        nonce = self.head(url).header("Replay-Nonce")
        if not nonce:
            raise NotReachable(f"HEAD {url} gives no nonce")
        return nonce

    def read(self, url: str, **bent: Any) -> Reply:
        """Send a POST-as-GET (section 6.3)."""
        return self.post(url, None, **bent)

    def post(self, url: str, payload: Payload, *, nonce: str | None = None, **bent: Any) -> Reply:
        """Sign and send; what is bent is told to `request`. A nonce of one's own is not replaced when it is refused."""
        if nonce is not None or "nonce" in bent.get("header", {}):
            return self.send(url, self.request(url, payload, nonce=nonce, **bent))
        for _ in range(NONCE_TRIES):
            reply = self.send(url, self.request(url, payload, **bent))
            if reply.kind != "badNonce":
                return reply
        raise NotReachable(f"{url} refuses {NONCE_TRIES} fresh nonces one after the other")

    def request(
        self,
        url: str,
        payload: Payload,
        *,
        nonce: str | None = None,
        header: Mapping[str, Any] | None = None,
        key: Key | None = None,
        signer: Callable[[bytes], bytes] | None = None,
        encode: Callable[[bytes], str] = b64url,
        bend: Bend | None = None,
    ) -> bytes:
        """Return the body of a request.

        header: parameters that replace or join the right ones (jws.ABSENT takes one away); key: signs instead of
        the client's own; signer, encode: as for jws.sign; bend: changes the signed envelope.
        """
        identity: dict[str, Any] = {"kid": self.kid} if self.kid else {"jwk": dict((key or self.key).jwk)}
        own = {"url": url, **identity}
        if "nonce" not in (header or {}):
            own["nonce"] = nonce or self.nonce()
        envelope: Envelope = sign({**own, **(header or {})}, payload, key or self.key, signer, encode)
        body: Any = bend(envelope) if bend else envelope
        return body if isinstance(body, bytes) else json.dumps(body).encode()

    def send(self, url: str, body: bytes, content_type: str = JOSE) -> Reply:
        """Post octets as they are, and keep the nonce that comes back."""
        reply = self._wire.send("POST", url, {"Content-Type": content_type}, body)
        self._nonce = reply.header("Replay-Nonce") or None
        if reply.status == 429 or reply.kind == "rateLimited":
            # A limit would otherwise pass for the refusal that a check hopes for.
            raise NotReachable(f"{url} is limited: {reply}; --rate makes the run slower")
        return reply
