"""How challenges are answered: by responders of our own, or over challtestsrv's API."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from conformance.dns_responder import DnsResponder
from conformance.http_responder import PATH, HttpResponder
from conformance.keys import Key, b64url
from conformance.options import Options
from conformance.tls_alpn_responder import Shown, TlsAlpnResponder
from conformance.verdict import Failed, NotReachable
from conformance.wire import Wire

HTTP01_PORT = 5002


def dns_value(text: str) -> str:
    """Return what dns-01 shows of a key authorization (section 8.4)."""
    return b64url(hashlib.sha256(text.encode()).digest())


class Answers:
    """Answers challenges of the types that this run has a way for: http, dns and tls are our own responders, or None."""

    def __init__(self, wire: Wire, options: Options) -> None:
        self._wire, self._management = wire, options.chall_mgmt
        told = options.chall_mgmt or options.dns or options.tls_alpn_port
        port = options.http01_port or (None if told else HTTP01_PORT)
        self.http = HttpResponder(port) if port else None
        self.dns = DnsResponder(options.dns, options.domain) if options.dns else None
        self.tls = TlsAlpnResponder(options.tls_alpn_port) if options.tls_alpn_port else None

    def close(self) -> None:
        """Stop listening."""
        for responder in (self.http, self.dns, self.tls):
            if responder is not None:
                responder.close()

    @property
    def types(self) -> list[str]:
        """The types of challenges that can be answered, the quickest first."""
        ways = {"dns-01": self.dns, "http-01": self.http, "tls-alpn-01": self.tls}
        return [kind for kind, own in ways.items() if own or self._management]

    def choose(self, authorization: Mapping[str, Any], kind: str | None = None) -> Mapping[str, Any]:
        """Return a challenge that can be answered, of a type where one is given."""
        offered: dict[str, Mapping[str, Any]] = {
            challenge["type"]: challenge for challenge in authorization["challenges"]
        }
        if self.dns is not None:
            # Names are found in it, whichever challenge is answered.
            self.dns.listen()
        wanted = [one for one in self.types if kind in (None, one)]
        for one in wanted:
            if one in offered:
                return offered[one]
        can = " and ".join(wanted) or f"none of {kind}"
        raise NotReachable(f"what can be answered here is {can}; offered are {', '.join(offered) or 'none'}")

    def answer(self, identifier: str, challenge: Mapping[str, Any], key: Key, *, wrong: bool = False) -> None:
        """Provide what the server will look for; wrong: that of another account."""
        text = f"{challenge['token']}.{b64url(b'another account') if wrong else key.thumbprint}"
        if challenge["type"] == "http-01":
            self.show_text(challenge["token"], text)
        elif challenge["type"] == "dns-01":
            self.show_txt(f"_acme-challenge.{identifier}", dns_value(text))
        else:
            self.show_certificate(identifier, Shown(text, (identifier,)))

    def show_text(self, token: str, text: str) -> None:
        """Have http-01 find a text."""
        if self.http is None:
            self._manage("/add-http01", {"token": token, "content": text})
            return
        self.http.texts[PATH + token] = text
        self.http.listen()

    def redirect(self, token: str, path: str) -> None:
        """Send http-01 to another path of where it asks."""
        if self.http is None:
            self._manage("/add-redirect", {"path": PATH + token, "targetURL": path})
            return
        self.http.targets[PATH + token] = path
        self.http.listen()

    def show_txt(self, host: str, value: str) -> None:
        """Add a TXT record."""
        if self.dns is None:
            self._manage("/set-txt", {"host": f"{host}.", "value": value})
            return
        self.dns.texts.setdefault(host.lower(), []).append(value)
        self.dns.listen()

    def show_caa(self, host: str, policies: Sequence[tuple[str, str]]) -> None:
        """Give a name CAA records: tags with their values."""
        if self.dns is None:
            shown = [{"tag": tag, "value": value} for tag, value in policies]
            self._manage("/add-caa", {"host": f"{host}.", "policies": shown})
            return
        self.dns.policies[host.lower()] = [(0, *policy) for policy in policies]
        self.dns.listen()

    def show_certificate(self, host: str, shown: Shown) -> None:
        """Have tls-alpn-01 find a certificate."""
        if self.tls is not None:
            self.tls.show(host, shown)
        elif shown == Shown(shown.text, (host,)):
            self._manage("/add-tlsalpn01", {"host": host, "content": shown.text})
        else:
            raise NotReachable("wrong certificates are shown by our own responder alone (--tls-alpn-port)")

    def _manage(self, path: str, members: Mapping[str, Any]) -> None:
        url = f"{self._management}{path}"
        if self._management is None:
            raise NotReachable(f"there is neither a responder of our own nor challtestsrv's API for {path}")
        try:
            reply = self._wire.send("POST", url, {"Content-Type": "application/json"}, json.dumps(members).encode())
        except Failed as failed:
            raise NotReachable(f"{url}: {failed.actual}") from None
        if reply.status != 200:
            raise NotReachable(f"{url} answers {reply.status}")
