"""Reads what a diagnosis looks at from a Kubernetes API: lists and nothing else, in pages; of Secrets the metadata alone."""

from __future__ import annotations

from collections.abc import Callable

from acme_server.protocol.vantage import Inquiry
from issuer_bridge.cert_manager.conduct import Conduct
from issuer_bridge.cluster.calls import read_page
from issuer_bridge.cluster.informer import GONE, NOT_FOUND, PAGE
from issuer_bridge.diagnosis.cluster import READ, SLOTS, THEIRS, Cluster
from issuer_bridge.diagnosis.surroundings import NOT_SERVED
from issuer_bridge.resources import CHALLENGE, SECRET, ApiError, Kind, Resource

FORBIDDEN = 403
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


def read_cluster(
    namespace: str | None,
    tell: Callable[[Kind, int], None],
    maximum: int = SLOTS,
    conduct: Conduct = THEIRS,
    page: int = PAGE,
) -> Inquiry[Cluster]:
    """Return what may be read; what is forbidden or not served is left out and told.

    namespace: None for all; Challenges are read of all anyway, where that is allowed, since slots and names are shared.
    tell: called with how many of a kind were read so far.
    """
    objects: dict[Kind, list[Resource]] = {}
    unread: dict[Kind, str] = {}
    for kind in READ:
        places = (None, namespace) if kind == CHALLENGE and namespace else (namespace,)
        for place in places:
            try:
                objects[kind] = yield from _list(kind, place, tell, page)
                break
            except ApiError as error:
                if error.code not in (FORBIDDEN, NOT_FOUND):
                    raise
                unread[kind] = NOT_SERVED if error.code == NOT_FOUND else str(error)
        if kind in objects and place == places[0]:
            unread.pop(kind, None)
    return Cluster(objects, unread, maximum, conduct)


def _list(kind: Kind, namespace: str | None, tell: Callable[[Kind, int], None], page: int) -> Inquiry[list[Resource]]:
    """Read all pages; one that comes too late (410) begins anew without pages."""
    try:
        return (yield from _pages(kind, namespace, tell, page))
    except ApiError as error:
        if error.code != GONE:
            raise
    return (yield from _pages(kind, namespace, tell, 0))


def _pages(kind: Kind, namespace: str | None, tell: Callable[[Kind, int], None], page: int) -> Inquiry[list[Resource]]:
    items: list[Resource] = []
    token = ""
    while True:
        query = {"limit": page or "", "continue": token}
        found = yield from read_page(kind, query, namespace, METADATA if kind == SECRET else "")
        items += found.get("items") or ()
        tell(kind, len(items))
        token = (found.get("metadata") or {}).get("continue") or ""
        if not token:
            return items
