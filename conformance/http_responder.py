"""Our http-01 responder (RFC 8555 section 8.3): shows texts and redirects, and remembers who asked for what."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from conformance.verdict import NotReachable

PATH = "/.well-known/acme-challenge/"


class HttpResponder:
    """An HTTP server on loopback, which listens from the first text on.

    texts, targets: bodies and redirects by path; asked: the method, path and Host of each request.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.texts: dict[str, str] = {}
        self.targets: dict[str, str] = {}
        self.asked: list[tuple[str, str, str]] = []
        self._server: ThreadingHTTPServer | None = None

    def listen(self) -> None:
        """Begin to answer; doing it again changes nothing."""
        if self._server is not None:
            return
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        except OSError as error:
            raise NotReachable(f"port {self.port}, where http-01 is answered, cannot be had: {error}") from None
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def _handler(responder: HttpResponder) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            responder.asked.append((self.command, self.path, self.headers.get("Host", "")))
            text, target = responder.texts.get(self.path), responder.targets.get(self.path)
            body = (text or "").encode()
            self.send_response(302 if target else 404 if text is None else 200)
            if target:
                self.send_header("Location", target)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
            del format, args

    return Handler
