"""Holds every test of the bridge to the port's rule that nobody changes what is read."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator

import pytest

from issuer_bridge.cluster.cache import Cache
from issuer_bridge.kube_api.objects import Objects
from issuer_bridge.resources import Kind, Resource

WATCHED = 20_000  # the last that were kept


@pytest.fixture(autouse=True)
def nobody_changes_what_is_shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Remember each object as it was when it was kept, and look at the end whether it is the same still."""
    seen: deque[tuple[Resource, int]] = deque(maxlen=WATCHED)
    keep, take_in = Objects.put, Cache.put

    def kept(self: Objects, kind: Kind, resource: Resource, stored: Resource | None = None) -> None:
        seen.append((resource, _digest(resource)))
        keep(self, kind, resource, stored)

    def taken_in(self: Cache, resource: Resource) -> None:
        seen.append((resource, _digest(resource)))
        take_in(self, resource)

    monkeypatch.setattr(Objects, "put", kept)
    monkeypatch.setattr(Cache, "put", taken_in)
    yield
    assert [resource for resource, digest in seen if _digest(resource) != digest] == []


def _digest(resource: Resource) -> int:
    return hash(json.dumps(resource))
