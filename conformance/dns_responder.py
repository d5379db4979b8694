"""Our DNS: authoritative for `--domain`, TXT and CAA as told, 127.0.0.1 for every name; UDP and TCP."""

from __future__ import annotations

import socket
from socketserver import BaseRequestHandler, ThreadingTCPServer, ThreadingUDPServer
from threading import Thread
from typing import Any

from dnslib import CAA, NS, QTYPE, RCODE, RR, SOA, TXT, A, DNSError, DNSRecord

from conformance.verdict import NotReachable

TTL = 1
TIMEOUT = 5.0


class DnsResponder:
    """A DNS server of one zone.

    texts: TXT values by name, lower-case and without the last dot; policies: (flags, tag, value) of CAA by name.
    """

    def __init__(self, address: tuple[str, int], domain: str) -> None:
        self._address, self._domain = address, domain.lower().rstrip(".")
        self.texts: dict[str, list[str]] = {}
        self.policies: dict[str, list[tuple[int, str, str]]] = {}
        self._servers: list[Any] = []

    def listen(self) -> None:
        """Begin to answer; doing it again changes nothing."""
        if self._servers:
            return
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        try:
            for base, handler in ((ThreadingUDPServer, _udp(self)), (ThreadingTCPServer, _tcp(self))):
                options = {"address_family": family, "allow_reuse_address": base is ThreadingTCPServer}
                server = type("Server", (base,), {**options, "daemon_threads": True})(self._address, handler)
                self._servers.append(server)
                Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        except OSError as error:
            self.close()
            raise NotReachable(f"{self._address}, where our DNS answers, cannot be had: {error}") from None

    def close(self) -> None:
        """Stop listening."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._servers.clear()

    def reply(self, query: bytes) -> bytes | None:
        """Return the answer to a query; None where it cannot be read."""
        try:
            asked = DNSRecord.parse(query)
            name = str(asked.q.qname).lower().rstrip(".")
        except (DNSError, ValueError, IndexError):
            return None
        reply = asked.reply(aa=1, ra=0)
        if name != self._domain and not name.endswith(f".{self._domain}"):
            reply.header.aa, reply.header.rcode = 0, RCODE.REFUSED
            return bytes(reply.pack())
        for data in self._records(name, QTYPE[asked.q.qtype]):
            reply.add_answer(RR(asked.q.qname, asked.q.qtype, ttl=TTL, rdata=data))
        if not reply.rr:
            reply.add_auth(RR(self._domain, QTYPE.SOA, ttl=TTL, rdata=self._soa()))
        return bytes(reply.pack())

    def _records(self, name: str, rtype: str) -> list[Any]:
        apex = name == self._domain
        found: dict[str, list[Any]] = {
            "A": [A("127.0.0.1")],
            "TXT": [TXT(text) for text in self.texts.get(name, ())],
            "CAA": [CAA(*policy) for policy in self.policies.get(name, ())],
            "SOA": [self._soa()] if apex else [],
            "NS": [NS(f"ns.{self._domain}")] if apex else [],
        }
        return found.get(rtype, [])

    def _soa(self) -> SOA:
        return SOA(f"ns.{self._domain}", f"hostmaster.{self._domain}", (1, 3600, 600, 86400, TTL))


def _udp(responder: DnsResponder) -> type[BaseRequestHandler]:
    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            query, sock = self.request
            if reply := responder.reply(query):
                sock.sendto(reply, self.client_address)

    return Handler


def _tcp(responder: DnsResponder) -> type[BaseRequestHandler]:
    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(TIMEOUT)
            try:
                with self.request.makefile("rb") as stream:
                    while len(size := stream.read(2)) == 2:
                        reply = responder.reply(stream.read(int.from_bytes(size, "big")))
                        if reply is None:
                            return
                        self.request.sendall(len(reply).to_bytes(2, "big") + reply)
            except OSError:
                return

    return Handler
