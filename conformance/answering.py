"""How challenges are answered: an http-01 responder of our own, or TXT records over challtestsrv's API."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from conformance.keys import Key, b64url
from conformance.verdict import Failed, NotReachable
from conformance.wire import Wire

HTTP01_PATH = "/.well-known/acme-challenge/"


class Responder:
    """An HTTP server on loopback that shows key authorizations; it listens from the first one on."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._shown: dict[str, str] = {}
        self._server: ThreadingHTTPServer | None = None

    def show(self, token: str, text: str) -> None:
        """Show a text for a token."""
        self._shown[token] = text
        if self._server is None:
            try:
                self._server = ThreadingHTTPServer(("127.0.0.1", self._port), _handler(self._shown))
            except OSError as error:
                raise NotReachable(f"port {self._port}, where http-01 is answered, cannot be had: {error}") from None
            Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def _handler(shown: Mapping[str, str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = shown.get(self.path.removeprefix(HTTP01_PATH)) if self.path.startswith(HTTP01_PATH) else None
            body = (text or "").encode()
            self.send_response(404 if text is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
            del format, args

    return Handler


class Answers:
    """Answers challenges of the types that this run has a way for.

    management: where challtestsrv's API is; with it dns-01 is answered, without it http-01.
    """

    def __init__(self, wire: Wire, http01_port: int, management: str | None) -> None:
        self._wire, self._management = wire, management
        self._responder = Responder(http01_port)

    def close(self) -> None:
        """Stop listening."""
        self._responder.close()

    def choose(self, authorization: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the challenge that can be answered."""
        wanted = "dns-01" if self._management else "http-01"
        offered: dict[str, Mapping[str, Any]] = {
            challenge["type"]: challenge for challenge in authorization["challenges"]
        }
        if wanted not in offered:
            raise NotReachable(f"only {wanted} can be answered here; offered are {', '.join(offered) or 'none'}")
        return offered[wanted]

    def answer(self, identifier: str, challenge: Mapping[str, Any], key: Key, *, wrong: bool = False) -> None:
        """Provide what the server will look for; wrong: that of another account."""
        text = f"{challenge['token']}.{b64url(b'another account') if wrong else key.thumbprint}"
        if challenge["type"] == "http-01":
            self._responder.show(challenge["token"], text)
            return
        digest = b64url(hashlib.sha256(text.encode()).digest())
        record = {"host": f"_acme-challenge.{identifier}.", "value": digest}
        url = f"{self._management}/set-txt"
        try:
            reply = self._wire.send("POST", url, {"Content-Type": "application/json"}, json.dumps(record).encode())
        except Failed as failed:
            raise NotReachable(f"{url}: {failed.actual}") from None
        if reply.status != 200:
            raise NotReachable(f"{url} answers {reply.status}")
