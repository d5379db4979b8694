"""The real vantage: HTTP through aiohttp (to a given address: `direct_fetch`), DNS, TLS handshakes, pauses in real time."""

from __future__ import annotations

import asyncio
import re
import secrets
import ssl
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from acme_server.direct_fetch import fetch_directly
from acme_server.dns_exchange import over_tcp, over_udp
from acme_server.dns_messages import is_answer_to, is_reply_to, is_truncated, read_reply, write_query
from acme_server.handshake import shake_hands
from acme_server.http_response import MalformedResponse
from acme_server.network_failures import http_failure, os_failure
from acme_server.protocol.host_port import join_host_port
from acme_server.protocol.vantage import (
    Answer,
    Compute,
    DnsAnswer,
    DnsRecord,
    Elapsed,
    Fetch,
    Handshake,
    HttpAnswer,
    Pause,
    Question,
    Reply,
    Resolve,
    Send,
)

_DNS_PORT = 53
_VISIBLE = re.compile(r"[!-~]+")
_RESOLV_CONF = Path("/etc/resolv.conf")
_LOOPBACK = {"A": "127.0.0.1", "AAAA": "::1"}
# aiohttp would add these; a question's own headers are all that is said about the client.
_UNSAID = ("Accept-Encoding", "Content-Type", "User-Agent")


class Network:
    """Answers any question from where this process stands; `dns` is `HOST:PORT`, None for the system's resolver."""

    def __init__(self, dns: str | None = None) -> None:
        self._dns = dns
        self._sessions: dict[tuple[str | None, bool], aiohttp.ClientSession] = {}
        self._contexts: dict[tuple[str | None, bool], ssl.SSLContext] = {}

    async def __call__(self, question: Question) -> Answer:
        """Return the answer; what goes wrong on the network is an answer too."""
        if isinstance(question, Fetch):
            return await self._fetch(question)
        if isinstance(question, Resolve):
            return await self._resolve(question)
        if isinstance(question, Send):
            return await _send(question)
        if isinstance(question, Handshake):
            return await shake_hands(question)
        if isinstance(question, Compute):
            return await asyncio.to_thread(question.answer)
        return await _pause(question)

    async def close(self) -> None:
        """Close every connection."""
        sessions = list(self._sessions.values())
        self._sessions.clear()
        for session in sessions:
            await session.close()

    async def _fetch(self, question: Fetch) -> HttpAnswer:
        dialled = question.address
        try:
            url = _read_url(question.url)
            if dialled is not None:
                context = self._context(question) if url.scheme == "https" else None
                response = await fetch_directly(question, url, context)
                return HttpAnswer(response.status, response.headers, response.body, address=dialled)
            dialled = f"{url.host_subcomponent}:{url.port}"
            return await self._request(question, url, dialled)
        except (aiohttp.ClientError, MalformedResponse, OSError, ValueError) as error:
            return HttpAnswer(error=http_failure(error), address=dialled)

    async def _request(self, question: Fetch, url: URL, dialled: str) -> HttpAnswer:
        request = self._session(question).request(
            question.method,
            url,
            headers=question.headers,
            data=question.body or None,
            allow_redirects=False,
            skip_auto_headers=_UNSAID,
            timeout=aiohttp.ClientTimeout(total=question.timeout.total_seconds()),
        )
        async with request as response:
            body = await _read(response.content, question.limit)
            received = tuple((name, value) for name, value in response.headers.items())
            return HttpAnswer(response.status, received, body, address=dialled)

    def _session(self, question: Fetch) -> aiohttp.ClientSession:
        """Return the pool for this kind of question."""
        kind = (question.trust, question.verify)
        if kind not in self._sessions:
            self._sessions[kind] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    ssl=self._context(question),
                    resolver=aiohttp.ThreadedResolver(),
                    # Whoever asks bounds how much is asked at once; a queue here would eat a question's time-out.
                    limit=0,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._sessions[kind]

    def _context(self, question: Fetch) -> ssl.SSLContext:
        """Return what TLS may trust for this kind of question; made once, as loading roots takes long."""
        kind = (question.trust, question.verify)
        if kind not in self._contexts:
            self._contexts[kind] = _tls_context(question.trust, question.verify)
        return self._contexts[kind]

    async def _resolve(self, question: Resolve) -> DnsAnswer:
        server = question.server or self._dns
        if server is None and question.rtype in _LOOPBACK and is_localhost(question.name):
            return DnsAnswer(records=(DnsRecord(question.name, question.rtype, _LOOPBACK[question.rtype]),))
        try:
            server = server or system_nameserver()
            query = write_query(question.name, question.rtype, secrets.randbelow(65536))
            host, port = _host_and_port(server)
            patience = question.timeout.total_seconds()
            async with asyncio.timeout(patience):
                answers = partial(is_reply_to, query)
                reply = await over_udp(query, answers, (host, port), patience)
                if is_truncated(reply):
                    reply = await over_tcp(query, answers, (host, port))
            return read_reply(reply)
        except OSError as error:
            return DnsAnswer(error=os_failure(error))
        except ValueError as error:
            return DnsAnswer(error=str(error))


async def _send(question: Send) -> Reply:
    """Send a message that is nobody's to read or repeat in other words; the same datagram may arrive again."""
    answers = partial(is_answer_to, question.message)
    try:
        host, port = _host_and_port(question.server)
        patience = question.timeout.total_seconds()
        async with asyncio.timeout(patience):
            if question.tcp:
                return Reply(await over_tcp(question.message, answers, (host, port)))
            return Reply(await over_udp(question.message, answers, (host, port), patience))
    except OSError as error:
        return Reply(error=os_failure(error))
    except ValueError as error:
        return Reply(error=str(error))


async def _pause(question: Pause) -> Elapsed:
    await asyncio.sleep(question.duration.total_seconds())
    return Elapsed()


def _read_url(text: str) -> URL:
    """Take a URL as it is written: nothing is quoted anew, so a signature over it stays true."""
    url = URL(text, encoded=True)
    if not _VISIBLE.fullmatch(text) or url.scheme not in ("http", "https") or not url.host:
        raise ValueError("invalid URL")
    return url


async def _read(content: aiohttp.StreamReader, limit: int) -> bytes:
    """Read up to the limit; leaving the rest unread makes aiohttp drop the connection."""
    body = b""
    while len(body) < limit:
        chunk = await content.read(limit - len(body))
        if not chunk:
            break
        body += chunk
    return body


def _tls_context(trust: str | None, verify: bool) -> ssl.SSLContext:
    if verify:
        try:
            return ssl.create_default_context(cadata=trust)
        except (ssl.SSLError, TypeError):
            raise ssl.SSLError("the trusted roots are not PEM") from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _host_and_port(server: str) -> tuple[str, int]:
    parts = urlsplit(f"//{server}")
    try:
        port = parts.port or _DNS_PORT
    except ValueError:
        raise ValueError("invalid server address") from None
    return parts.hostname or "", port


def is_localhost(name: str) -> bool:
    """Whether a resolver of this machine's must answer for the name itself (RFC 6761 section 6.3)."""
    return name.rstrip(".").lower().rpartition(".")[2] == "localhost"


def system_nameserver() -> str:
    """Return the first nameserver of resolv.conf(5), or the default it names."""
    lines = (line.split() for line in _RESOLV_CONF.read_text(errors="replace").splitlines())
    found = next((words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"), "127.0.0.1")
    return join_host_port(found, _DNS_PORT)
