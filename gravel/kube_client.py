"""A small client of any Kubernetes-shaped API, for the verbs that speak to a running house."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import attrs

from acme_server.protocol.vantage import Fetch, HttpAnswer
from issuer_bridge.resources import ApiError, Kind, Resource

MERGE_PATCH = "application/merge-patch+json"
_HOW = "the API of 'gravel up' is plain http, or with a token https that --kubernetes-ca makes trusted"
_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10)
_WATCH_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10)


class Unreachable(Exception):  # noqa: N818 - says what happened
    """Nothing that speaks this API answers at the URL; the message is a sentence for people."""


@attrs.frozen
class Listing:
    """The objects of a list, and the moment of the store it shows; a watch goes on from there."""

    items: tuple[Resource, ...]
    resource_version: str


def resource_path(kind: Kind, namespace: str | None = None, name: str = "", subresource: str = "") -> str:
    """Return the path of a collection or object; no namespace means all of them."""
    parts = ["api" if not kind.group else f"apis/{kind.group}", kind.version]
    if kind.namespaced and namespace:
        parts += ["namespaces", quote(namespace, safe="")]
    parts.append(kind.plural)
    parts += [quote(part, safe="") for part in (name, subresource) if part]
    return "/" + "/".join(parts)


class KubeClient:
    """Get, list, create, replace, patch, delete, watch; an async context manager."""

    def __init__(self, url: str, token: str | None = None, ca: str | None = None) -> None:
        """Speak to a URL; token: to show there; ca: the PEM file to trust, None for the system's."""
        self.url, self._token, self._ca = url.rstrip("/"), token, ca

    async def __aenter__(self) -> Self:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            tls = ssl.create_default_context(cafile=self._ca) if self.url.startswith("https:") else True
        except OSError as error:
            raise Unreachable(f"{self._ca} holds no certificate to trust ({_words(error)})") from None
        connector = aiohttp.TCPConnector(ssl=tls)
        self._session = aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT, headers=headers)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._session.close()

    async def get(self, kind: Kind, namespace: str, name: str) -> Resource | None:
        """Return the object, or None."""
        try:
            return await self._call("GET", resource_path(kind, namespace, name))
        except ApiError as error:
            if error.code == 404 and error.details:
                return None
            raise

    async def list(self, kind: Kind, namespace: str | None = None, *, labels: str = "", fields: str = "") -> Listing:
        """Return the objects that both selectors match; no namespace means all of them."""
        document = await self._call("GET", resource_path(kind, namespace), params=_selectors(labels, fields))
        # A list leaves the type of its items to its own; say it on each, so that they can be written down.
        items = [{"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in document.get("items") or ()]
        return Listing(tuple(items), document.get("metadata", {}).get("resourceVersion", ""))

    async def create(self, kind: Kind, resource: Resource) -> Resource:
        """Create the object in the namespace that its metadata names."""
        path = resource_path(kind, resource["metadata"].get("namespace"))
        return await self._call("POST", path, params={"fieldValidation": "Strict"}, body=resource)

    async def replace(self, kind: Kind, resource: Resource, subresource: str = "") -> Resource:
        """Replace the object, or only its status."""
        metadata = resource["metadata"]
        path = resource_path(kind, metadata.get("namespace"), metadata["name"], subresource)
        return await self._call("PUT", path, body=resource)

    async def merge_patch(
        self, kind: Kind, namespace: str, name: str, patch: Mapping[str, Any], subresource: str = ""
    ) -> Resource:
        """Merge a patch (RFC 7396) into the object, or only into its status."""
        path = resource_path(kind, namespace, name, subresource)
        return await self._call(
            "PATCH", path, params={"fieldValidation": "Strict"}, body=patch, content_type=MERGE_PATCH
        )

    async def delete(self, kind: Kind, namespace: str, name: str) -> None:
        """Delete the object, and what it owns."""
        await self._call("DELETE", resource_path(kind, namespace, name))

    async def watch(
        self,
        kind: Kind,
        namespace: str | None = None,
        resource_version: str = "",
        *,
        labels: str = "",
        fields: str = "",
    ) -> AsyncGenerator[tuple[str, Resource], None]:
        """Yield (ADDED|MODIFIED|DELETED, object) until the server closes; ApiError 410 when the version is too old."""
        params = {"watch": "true", "resourceVersion": resource_version, **_selectors(labels, fields)}
        path = resource_path(kind, namespace)
        async with self._answer("GET", path, params=params, timeout=_WATCH_TIMEOUT) as response:
            if response.status >= 400:
                raise _api_error(response.status, _document(self.url, response, await response.read()))
            async for line in _lines(response):
                event = _document(self.url, response, line)
                if event["type"] == "ERROR":
                    raise _api_error(event["object"].get("code", 500), event["object"])
                yield event["type"], event["object"]

    async def answer(self, question: Fetch) -> HttpAnswer:
        """Answer what an inquiry wants to know of this API; `url` is a path and its query."""
        async with self._answer(question.method, question.url, headers=dict(question.headers)) as response:
            return HttpAnswer(response.status, tuple(response.headers.items()), await response.read())

    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Resource:
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        headers = {"Content-Type": content_type} if data is not None else {}
        async with self._answer(method, path, params=params, data=data, headers=headers) as response:
            document = _document(self.url, response, await response.read())
        if response.status >= 400:
            raise _api_error(response.status, document)
        return document

    @asynccontextmanager
    async def _answer(self, method: str, path: str, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """Ask, and turn every failure of the network into one sentence."""
        try:
            async with self._session.request(method, self.url + path, **options) as response:
                yield response
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            raise Unreachable(f"{self.url!r} is no URL; it looks like http://127.0.0.1:16443") from None
        except aiohttp.ClientSSLError:
            raise Unreachable(f"no TLS with {self.url} that is trusted; {_HOW}") from None
        except aiohttp.ClientConnectorError:
            raise Unreachable(f"nothing answers at {self.url}; is 'gravel up' running?") from None
        except TimeoutError:
            raise Unreachable(f"{self.url} does not answer in time; is 'gravel up' busy or stopped?") from None
        except aiohttp.ClientError as error:
            raise Unreachable(f"{self.url} broke the connection off ({_words(error)}); was it stopped?") from None


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Split a stream of any line length; a last line that was cut off is dropped."""
    rest = b""
    async for chunk in response.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line


def _selectors(labels: str, fields: str) -> dict[str, str]:
    return {name: value for name, value in (("labelSelector", labels), ("fieldSelector", fields)) if value}


def _document(url: str, response: aiohttp.ClientResponse, data: bytes) -> Resource:
    try:
        document = json.loads(data)
    except ValueError:
        document = None
    if isinstance(document, dict):
        return document
    if response.status == 404:
        raise ApiError(404, "NotFound", f"{url} does not know {response.url.path}; is it an embedded API of gravel?")
    raise Unreachable(
        f"{url} does not speak the Kubernetes API (it said HTTP {response.status}, {response.content_type})"
    )


def _api_error(code: int, status: Mapping[str, Any]) -> ApiError:
    """Read a Status object."""
    reason, message = str(status.get("reason") or "Unknown"), str(status.get("message") or f"HTTP {code}")
    details = status.get("details")
    return ApiError(code, reason, message, details if isinstance(details, Mapping) else {})


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
