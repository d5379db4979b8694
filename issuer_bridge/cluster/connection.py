"""The shell of the adapter: asks a cluster what the inquiries want to know, through `kubernetes_asyncio`.

Where the cluster is and as whom to ask is that library's job: kubeconfig files,
contexts, client certificates, exec plugins, a pod's token that is renewed.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import attrs
from kubernetes_asyncio import config
from kubernetes_asyncio.client import ApiClient, Configuration
from kubernetes_asyncio.config.config_exception import ConfigException
from yaml import YAMLError

from acme_server.protocol.vantage import REFUSED, RESET, TIMEOUT, HttpAnswer
from issuer_bridge.cluster.calls import ApiRequest, ApiWatch

CONNECT_SECONDS = 10
_UNAUTHORIZED = 401


@attrs.frozen
class Where:
    """Which cluster: that of a kubeconfig file (and one of its contexts), the one whose pod this is, or a bare URL.

    server: an API such as the embedded one, which wants at most a bearer token.
    """

    kubeconfig: str | None = None
    context: str | None = None
    in_cluster: bool = False
    server: str | None = None
    token: str | None = attrs.field(default=None, repr=False)


class NoCluster(Exception):  # noqa: N818 - says what happened
    """There is no telling where the cluster is; the message is a sentence for people."""


@attrs.frozen
class _Stream:
    response: aiohttp.ClientResponse
    rest: bytearray = attrs.field(factory=bytearray)


class Connection:
    """Answers `ApiRequest` and `ApiWatch`, once it is open; what goes wrong on the network is an answer too."""

    def __init__(self, where: Where) -> None:
        self._where = where
        self._streams: dict[str, _Stream] = {}
        self._client: ApiClient | None = None
        self._renewing = asyncio.Lock()

    async def open(self) -> None:
        """Read where the cluster is and as whom to ask; NoCluster when that cannot be read."""
        configuration = Configuration()
        configuration.connection_pool_maxsize = 0  # one connection a watch, and whoever asks bounds the rest
        await self._read(configuration)
        self._client = ApiClient(configuration)

    async def _read(self, configuration: Configuration) -> None:
        where = self._where
        try:
            if where.server:
                configuration.host = where.server.rstrip("/")
                if where.token:
                    configuration.api_key["BearerToken"] = f"Bearer {where.token}"
            elif where.in_cluster:
                config.load_incluster_config(client_configuration=configuration)
            else:
                await config.load_kube_config(where.kubeconfig, where.context, configuration, persist_config=False)
        except (ConfigException, YAMLError, OSError, ValueError, KeyError, TypeError) as error:
            source = "this pod" if where.in_cluster else where.kubeconfig
            raise NoCluster(f"{source} does not say where a cluster is: {error}") from None

    @property
    def url(self) -> str:
        """Where the API is."""
        return str(self._opened.configuration.host)

    @property
    def _opened(self) -> ApiClient:
        assert self._client is not None, "the connection is not open"
        return self._client

    async def close(self) -> None:
        """End every watch, and close every connection."""
        for stream in self._streams.values():
            stream.response.close()
        self._streams.clear()
        if self._client is not None:
            await self._client.close()

    async def __call__(self, question: ApiRequest | ApiWatch) -> HttpAnswer:
        """Return the answer; a token that is refused is read anew once, since those of exec plugins and pods expire."""
        ask = self._follow if isinstance(question, ApiWatch) else self._request
        token = self._token
        try:
            answer = await ask(question)
            if answer.status == _UNAUTHORIZED:
                await self._renew(token)
                answer = await ask(question)
        except (aiohttp.ClientError, OSError, NoCluster) as error:
            self._end(question)
            return HttpAnswer(error=_failure(error))
        return answer

    @property
    def _token(self) -> str | None:
        token: str | None = self._opened.configuration.api_key.get("BearerToken")
        return token

    async def _renew(self, refused: str | None) -> None:
        async with self._renewing:
            if self._token == refused:
                await self._read(self._opened.configuration)

    async def _request(self, question: ApiRequest | ApiWatch) -> HttpAnswer:
        async with asyncio.timeout(question.timeout.total_seconds()):
            async with await self._send(question) as response:
                return await _answer(response)

    async def _follow(self, question: ApiRequest | ApiWatch) -> HttpAnswer:
        async with asyncio.timeout(question.timeout.total_seconds()):
            if isinstance(question, ApiWatch) and question.begin:
                self._end(question)
                response = await self._send(question)
                if response.status >= 400:
                    async with response:
                        return await _answer(response)
                self._streams[_collection(question)] = _Stream(response)
            return HttpAnswer(200, body=await self._lines(question))

    async def _lines(self, question: ApiRequest | ApiWatch) -> bytes:
        """Return the whole lines that have come since; what is cut off at the end is none."""
        stream = self._streams[_collection(question)]
        while b"\n" not in stream.rest:
            chunk = await stream.response.content.readany()
            if not chunk:
                self._end(question)
                return b""
            stream.rest.extend(chunk)
        end = stream.rest.rindex(b"\n") + 1
        lines = bytes(stream.rest[:end])
        del stream.rest[:end]
        return lines

    def _end(self, question: ApiRequest | ApiWatch) -> None:
        """Close the stream of the question's collection, whatever version it began from."""
        stream = self._streams.pop(_collection(question), None)
        if stream is not None:
            stream.response.close()

    async def _send(self, question: ApiRequest | ApiWatch) -> aiohttp.ClientResponse:
        client = self._opened
        headers = {"Accept": "application/json", "User-Agent": "gravel", **dict(question.headers)}
        await client.update_params_for_auth(headers, [], ["BearerToken"])
        response: aiohttp.ClientResponse = await client.rest_client.request(
            question.method,
            self.url + question.url,
            headers=headers,
            body=_document(question.body),
            _preload_content=False,
            _request_timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        )
        return response


def _collection(question: ApiRequest | ApiWatch) -> str:
    return question.url.partition("?")[0]


def _document(body: bytes) -> Any:
    """The library writes JSON itself."""
    return json.loads(body) if body else None


async def _answer(response: aiohttp.ClientResponse) -> HttpAnswer:
    return HttpAnswer(response.status, tuple(response.headers.items()), await response.read())


def _failure(error: Exception) -> str:
    """Say why there is no answer, the same at every try."""
    if isinstance(error, TimeoutError):
        return TIMEOUT
    if isinstance(error, aiohttp.ClientSSLError):
        return f"TLS: {error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return REFUSED if isinstance(error.os_error, ConnectionRefusedError) else str(error)
    if isinstance(error, ConnectionResetError | aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError):
        return RESET
    return str(error) or type(error).__name__
