"""What a rotation waits for, in a sentence, and which certificates it renews before their time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import attrs

from acme_server.protocol.times import rfc3339
from issuer_bridge.cert_manager.certificates.decisions import ISSUING
from issuer_bridge.cert_manager.certificates.renewal import Backoff
from issuer_bridge.conditions import is_true
from issuer_bridge.durations import fraction_of, parse_duration
from issuer_bridge.resources import Resource
from issuer_bridge.rotation.leaves import Leaf
from issuer_bridge.rotation.phases import Gate, Rotation
from issuer_bridge.rotation.trust_stores import TrustStore, is_as_wanted

RENEW_WITHIN = "gravel.test/renew-within"
"""A Go duration, over which renewals are spread; without it the old certificates are waited out."""
UNSEEN_FOR = "gravel.test/unseen-for"
"""A Go duration: how long certificates live that are in no resource, as those of a mesh's workloads."""
SHOWN = 3


@attrs.frozen
class View:
    """What a gate looks at; untaken: names and bundles of what Secrets are to be written from; wrong: what bars all."""

    rotation: Rotation
    now: datetime
    stores: Sequence[TrustStore] = ()
    untaken: Sequence[tuple[str, str]] = ()
    leaves: Sequence[Leaf] = ()
    renew_within: timedelta | None = None
    unseen_for: timedelta = timedelta(0)
    wrong: str = ""


def durations_of(issuer: Resource) -> tuple[timedelta | None, timedelta]:
    """Read RENEW_WITHIN and UNSEEN_FOR; ValueError when they are no durations."""
    within, unseen = (_duration(issuer, name) for name in (RENEW_WITHIN, UNSEEN_FOR))
    return within, unseen or timedelta(0)


def _duration(issuer: Resource, name: str) -> timedelta | None:
    text = (issuer["metadata"].get("annotations") or {}).get(name)
    try:
        return parse_duration(text) if text else None
    except ValueError as error:
        raise ValueError(f"the annotation {name}: {error}") from None


def waits_for(view: View) -> str:
    """Return what the phase waits for, "" when it may end."""
    return view.wrong or GATES[view.rotation.row.gate](view)


def _stores(view: View) -> str:
    trusted, distrusted = view.rotation.trusted, view.rotation.distrusted
    behind = [str(store) for store in view.stores if not is_as_wanted(store.bundle, trusted, distrusted)]
    behind += [name for name, bundle in view.untaken if not is_as_wanted(bundle, trusted, distrusted)]
    silent = [str(store) for store in view.stores if str(store) not in behind and not store.is_acknowledged]
    total = len(view.stores) + len(view.untaken)
    what = "both CAs" if len(trusted) > 1 else "the new CA alone"
    parts = [
        _counted(behind, total, f"trust stores do not hold {what} yet"),
        _counted(silent, total, "have not been acknowledged"),
    ]
    return "; ".join(filter(None, parts))


def _leaves(view: View) -> str:
    if view.leaves:
        last = max(leaf.not_after for leaf in view.leaves)
        text = f"live certificates are of the old CA, the last until {rfc3339(last)}"
        return _counted([leaf.holder for leaf in view.leaves], None, text)
    until = view.rotation.since + view.unseen_for
    return f"certificates that nobody sees may be of the old CA until {rfc3339(until)}" if view.now < until else ""


GATES: Mapping[Gate, Callable[[View], str]] = {
    Gate.NOTHING: lambda _: "",
    Gate.STORES: _stores,
    Gate.LEAVES: _leaves,
}


def due_renewals(view: View, backoff: Backoff) -> Iterator[Resource]:
    """Yield the Certificates to renew now: each has its moment in the window, and failures hold it back."""
    if view.rotation.row.gate is not Gate.LEAVES or view.renew_within is None:
        return
    for leaf in view.leaves:
        certificate = leaf.certificate
        if certificate is None or is_true(certificate, ISSUING):
            continue
        moment = view.rotation.since + view.renew_within * fraction_of(certificate["metadata"]["uid"])
        if moment <= view.now and not backoff.left(certificate.get("status") or {}, view.now):
            yield certificate


def _counted(names: Sequence[str], total: int | None, text: str) -> str:
    if not names:
        return ""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    of = "" if total is None else f" of {total}"
    return f"{len(names)}{of} {text}: {', '.join(names[:SHOWN])}{more}"
