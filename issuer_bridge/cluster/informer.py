"""Keeps a cache what the cluster is: list, then watch from there, for ever (client-go's reflector.go).

410, in a reply or inside a stream that began with 200, means that the history
is gone: list again. All else goes on from the last version that was seen.
"""

from __future__ import annotations

import json
import logging
from datetime import timedelta

from acme_server.protocol.driver import Clock, Entropy
from acme_server.protocol.vantage import Inquiry, fetch, pause
from issuer_bridge.cluster.cache import Cache
from issuer_bridge.cluster.calls import ApiWatch, document_of, error_of, path_of, read_page
from issuer_bridge.resources import ApiError, Resource
from scheduler.backoff import backoff

log = logging.getLogger(__name__)

PAGE = 500
# As client-go's reflector waits: from 0.8 s to 30 s, and as much again at random.
FIRST_BACKOFF, LONGEST_BACKOFF = timedelta(milliseconds=800), timedelta(seconds=30)
# A server ends a watch after this, or twice as long; one that is silent for longer than it said is dead.
WATCH_SECONDS = 300
GRACE = timedelta(seconds=30)
# A watch that ends sooner and brought nothing has failed.
SHORT = timedelta(seconds=1)
NOT_SERVED = timedelta(minutes=1)
GONE, NOT_FOUND = 410, 404


class Informer:
    """Follows one kind in all namespaces; labels: a selector, "" for every object."""

    def __init__(self, cache: Cache, clock: Clock, entropy: Entropy, labels: str = "") -> None:
        self._cache, self._clock, self._entropy, self._labels = cache, clock, entropy, labels
        self._version = ""  # from which to watch; "" to list first
        self._failures = 0

    def run(self) -> Inquiry[None]:
        """List and watch; does not end."""
        while True:
            try:
                if not self._version:
                    self._version = yield from self._list()
                yield from self._watch()
            except ApiError as error:
                yield from pause(self._failed(error))

    def _failed(self, error: ApiError) -> timedelta:
        """Return how long to wait: as told, or longer after every failure."""
        self._failures += 1
        if self._failures == 1:
            log.warning("%s: %s; asking again", self._cache.kind.plural, error)
        if error.code == GONE or self._version == "0":  # from 0 a watch begins anew, and tells of nothing that is gone
            self._version = ""
        if error.code == NOT_FOUND:  # no such kind here, or not yet
            self._version, self._cache.synced = "", True
            return NOT_SERVED
        told = error.details.get("retryAfterSeconds")
        wait = timedelta(seconds=told) if told else backoff(self._failures, FIRST_BACKOFF, LONGEST_BACKOFF)
        return wait * (1 + self._entropy(1)[0] / 256)

    def _list(self) -> Inquiry[str]:
        """Read all pages into the cache, and return their version; a page too late (410) begins anew without pages."""
        try:
            items, version = yield from self._pages(PAGE)
        except ApiError as error:
            if error.code != GONE:
                raise
            items, version = yield from self._pages(0)
        self._cache.replace(items, int(version))
        return version

    def _pages(self, limit: int) -> Inquiry[tuple[list[Resource], str]]:
        items: list[Resource] = []
        token = ""
        while True:
            query = {"labelSelector": self._labels, "limit": limit or "", "continue": token}
            page = yield from read_page(self._cache.kind, query)
            items += page.get("items") or ()
            metadata = page.get("metadata") or {}
            token = metadata.get("continue") or ""
            if not token:
                return items, metadata.get("resourceVersion") or "0"

    def _watch(self) -> Inquiry[None]:
        began, nothing = self._clock(), True
        seconds = WATCH_SECONDS + WATCH_SECONDS * self._entropy(1)[0] // 256
        query: dict[str, str | int] = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "labelSelector": self._labels,
            "resourceVersion": self._version,
            "timeoutSeconds": seconds,
        }
        path, patience = path_of(self._cache.kind, query=query), timedelta(seconds=seconds) + GRACE
        while True:
            answer = yield from fetch(ApiWatch(path, timeout=patience, begin=nothing))
            if answer.error is not None or answer.status >= 400:
                document_of(answer)
            if not answer.body:
                break
            for line in filter(None, answer.body.split(b"\n")):
                self._hear(line)
            self._failures, nothing = 0, False
        if nothing and self._clock() - began < SHORT:
            raise ApiError(503, "ServiceUnavailable", "the watch ended as soon as it had begun")
        self._failures = 0

    def _hear(self, line: bytes) -> None:
        try:
            event = json.loads(line)
            type_, resource = event["type"], event["object"]
        except (ValueError, KeyError, TypeError):
            raise ApiError(502, "BadGateway", "a watch brought what is no event") from None
        if type_ == "ERROR":
            raise error_of(resource)
        if type_ != "BOOKMARK":
            self._cache.heard(type_, resource)
        self._version = resource["metadata"]["resourceVersion"]
