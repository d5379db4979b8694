"""Where an Order stands, from its status and its Challenges: `pkg/controller/acmeorders/sync.go`, read backwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from issuer_bridge.conditions import READY, is_true
from issuer_bridge.diagnosis.cluster import changed, deleted, moment, status_of
from issuer_bridge.diagnosis.readings import ACME, CA, CERT_MANAGER, DESCRIBE, LOG, PLATFORM, read
from issuer_bridge.diagnosis.rules import AT_ONCE, SLOWLY, Found, Rule, View, quiet
from issuer_bridge.kube_api.core_tables import last_seen
from issuer_bridge.resources import CHALLENGE, Resource
from scheduler.challenge import FAILURE_STATES


def _state(resource: Resource) -> str:
    return str(status_of(resource).get("state") or "")


def _challenges(view: View, order: Resource) -> Sequence[Resource]:
    return view.cluster.owned(order, CHALLENGE)


def _names(order: Resource) -> str:
    spec = order.get("spec") or {}
    names = [*(spec.get("dnsNames") or ()), *(spec.get("ipAddresses") or ())] or [str(spec.get("commonName", ""))]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _evidence(order: Resource) -> tuple[str, ...]:
    status = status_of(order)
    return tuple(f"status.{name}: {status[name]}" for name in ("state", "reason") if status.get(name))


def _settled(view: View, order: Resource) -> datetime | None:
    """Return when the last of the Order's Challenges was decided, or the Order written, as far as that is told."""
    challenges = _challenges(view, order)
    seen = [moment(last_seen(event)) for one in challenges for event in view.cluster.events(one)]
    return max(filter(None, (changed(order), *map(changed, challenges), *seen)), default=None)


def _over(view: View, order: Resource) -> bool:
    return bool(
        deleted(order)
        or (_state(order) == "valid" and status_of(order).get("certificate"))
        or (_state(order) in FAILURE_STATES and _culprits(view, order))
    )


def _culprits(view: View, order: Resource) -> list[Resource]:
    return [one for one in _challenges(view, order) if _state(one) in FAILURE_STATES]


def _failed(_view: View, order: Resource) -> Found | None:
    if _state(order) not in FAILURE_STATES:
        return None
    status = status_of(order)
    cause = f"the Order for {_names(order)} is {_state(order)}, which is for good"
    since = moment(status.get("failureTime"))
    return Found(cause, since, _evidence(order), read(ACME, str(status.get("reason") or "")))


def _without_issuer(view: View, order: Resource) -> bool:
    issuer = view.cluster.issuer(order)
    return issuer is not None and not is_true(issuer, READY) and not status_of(order).get("url")


def _unplaced(_view: View, order: Resource) -> Found | None:
    if status_of(order).get("url"):
        return None
    cause = f"the Order for {_names(order)} is not at the CA yet: newOrder was not made, or not answered well"
    return Found(cause, None, _evidence(order))


def _unread(_view: View, order: Resource) -> Found | None:
    unread = [item for item in status_of(order).get("authorizations") or () if not item.get("identifier")]
    if not unread:
        return None
    return Found(
        f"{len(unread)} authorizations of the Order for {_names(order)} cannot be read", None, _evidence(order)
    )


def _unsolved(view: View, order: Resource) -> Found | None:
    wanted = [
        item
        for item in status_of(order).get("authorizations") or ()
        if item.get("initialState") not in ("valid", None) and not _has_challenge(view, order, item.get("url"))
    ]
    if not wanted or _state(order) not in ("pending", ""):
        return None
    names = ", ".join(("*." if item.get("wildcard") else "") + str(item["identifier"]) for item in wanted[:3])
    told = [str(event.get("message")) for event in view.cluster.events(order, "Solver")]
    reason = str(status_of(order).get("reason") or "")
    evidence = (*(f"event Solver: {text}" for text in told[:1]), *_evidence(order))
    sure = AT_ONCE if told or reason else None
    return Found(f"there are no Challenges for {names}: no solver of the issuer fits", None, evidence, patience=sure)


def _has_challenge(view: View, order: Resource, url: object) -> bool:
    return any(one["spec"].get("authorizationURL") == url for one in _challenges(view, order))


def _unfinished(view: View, order: Resource) -> bool:
    """Whether a Challenge is still on its way, or its failure is what keeps the Order: the Challenge tells then."""
    states = [_state(one) for one in _challenges(view, order)]
    return _state(order) in ("pending", "") and any(state != "valid" for state in states)


def _lags(view: View, order: Resource) -> Found | None:
    if _state(order) != "pending":
        return None
    cause = f"all Challenges of the Order for {_names(order)} are valid, but the CA says that it is pending"
    return Found(cause, _settled(view, order), _evidence(order))


def _ready(view: View, order: Resource) -> Found | None:
    if _state(order) != "ready":
        return None
    cause = f"the Order for {_names(order)} is ready, but not finalized"
    return Found(cause, _settled(view, order), _evidence(order))


def _processing(view: View, order: Resource) -> Found | None:
    if _state(order) != "processing":
        return None
    cause = f"the CA was still processing the Order for {_names(order)} when it was looked at last"
    polls = view.cluster.conduct.polls
    return Found(
        cause + ("" if polls else "; cert-manager does not look again by itself"),
        _settled(view, order),
        _evidence(order),
        patience=SLOWLY if polls else None,
    )


def _uncollected(_view: View, order: Resource) -> Found | None:
    if _state(order) != "valid":
        return None
    return Found(
        f"the Order for {_names(order)} is valid, but its certificate is not downloaded", None, _evidence(order)
    )


def _unknown(_view: View, order: Resource) -> Found | None:
    return Found(f"the Order for {_names(order)} is {_state(order) or 'without a state'}", None, _evidence(order))


_TOUCH = "kubectl annotate order -n {namespace} {name} --overwrite touched=$(date +%s), and it is looked at again"
_BACKOFF = "tried again after 5 s, up to every 30 minutes"
ORDER_RULES: tuple[Rule, ...] = (
    quiet("over", _over),
    Rule("order-failed", _failed, "nothing: cert-manager never takes it up again", CA, "", AT_ONCE, "then: {again}"),
    quiet("without-issuer", _without_issuer),
    Rule("order-not-placed", _unplaced, f"the CA's answer to newOrder, {_BACKOFF}", CA, LOG),
    Rule("authorizations-unread", _unread, f"the CA's answer, {_BACKOFF}", CA, LOG, pain=10),
    Rule(
        "no-solver",
        _unsolved,
        "a change of the issuer: cert-manager does not look again by itself",
        PLATFORM,
        "give the issuer a solver whose type and selector fit: kubectl explain clusterissuer.spec.acme.solvers.selector",
    ),
    quiet("waits-for-challenges", _unfinished),
    Rule("order-lags", _lags, "the CA, which is asked every 5 s", CA, "read the CA's log", pain=12),
    Rule("not-finalized", _ready, f"the answer to finalize, {_BACKOFF}", CA, LOG),
    Rule("order-processing", _processing, "the CA, and a look at what it says", CA, _TOUCH, pain=11),
    Rule("not-downloaded", _uncollected, f"the CA's certificate, {_BACKOFF}", CA, LOG),
    Rule("order-unknown", _unknown, "a state that cert-manager knows", CERT_MANAGER, DESCRIBE),
)
