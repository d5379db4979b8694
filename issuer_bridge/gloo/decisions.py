"""What the agent does next about an IssuedCertificate, from what it sees; one row for each state.

Facts from upstream `pkg/certificates/agent`: the states of 2020, where REQUESTED waits for the issuer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import attrs

from issuer_bridge.gloo.bouncing import Await, Delete, Mark, Selector, bounce
from issuer_bridge.gloo.secrets import ISSUED_TYPE, PRIVATE_KEY, issued_secret, reference_of
from issuer_bridge.gloo.states import State, is_observed, restart_after, state_of
from issuer_bridge.references import is_controlled_by, key_of
from issuer_bridge.resources import Resource

BOUNCE_PAUSE = timedelta(seconds=1)


@attrs.frozen
class Seen:
    """What a decision looks at, all of the agent's cluster; None is what there is not.

    key, request: the Secret and the CertificateRequest of the IssuedCertificate's name; issued: the Secret that it
    names; directive: the PodBounceDirective that it names; pods, synced: as for `bounce`.
    """

    certificate: Resource
    now: datetime
    key: Resource | None = None
    request: Resource | None = None
    issued: Resource | None = None
    directive: Resource | None = None
    pods: Sequence[Resource] = ()
    synced: Sequence[bool | None] = ()

    @property
    def spec(self) -> Mapping[str, Any]:
        """The spec of the IssuedCertificate."""
        spec: Mapping[str, Any] = self.certificate["spec"]
        return spec


@attrs.frozen
class Request:
    """Make a key and a CertificateRequest."""


@attrs.frozen
class Issue:
    """Write what was issued to where the mesh reads it."""

    secret: Resource


@attrs.frozen
class Finish:
    """All is done, and the Secret of the key is of no more use."""


@attrs.frozen
class Idle:
    """Nothing before something changes, or before so long."""

    after: timedelta | None = None


Step: TypeAlias = Request | Issue | Mark | Delete | Finish | Idle


def is_ours(certificate: Resource) -> bool:
    """Whether the agent acts at all: without a target, another keeps the certificate in memory (`ShouldProcess`)."""
    return bool(certificate["spec"].get("issuedCertificateSecret")) and not certificate["spec"].get("agentCa")


def selectors_of(certificate: Resource, directive: Resource | None) -> Sequence[Selector]:
    """Return the pods to bounce: of the directive, or of the IssuedCertificate itself, as in the older API."""
    return ((directive or certificate)["spec"].get("podsToBounce")) or ()


def decide(seen: Seen) -> Step:
    """Return the next step; ValueError says why the workflow has failed."""
    return _STEPS[state_of(seen.certificate)](seen)


def _request(seen: Seen) -> Step:
    for there in (seen.key, seen.request):
        if there is not None and not is_controlled_by(there, seen.certificate):
            raise ValueError(f"the {there['kind']} {key_of(there)} belongs to somebody else; delete or rename it")
    return Request()


def _restart(seen: Seen) -> Step:
    after = restart_after(seen.certificate, seen.now)
    return Idle(after) if after else _request(seen)


def _await_issuer(seen: Seen) -> Step:
    name = key_of(seen.certificate)
    if seen.key is None or not (seen.key.get("data") or {}).get(PRIVATE_KEY):
        raise ValueError(f"invalid private key found, no data provided (Secret {name})")
    if seen.request is None:
        raise ValueError(f"could not find certificate request {name}")
    status = (seen.request.get("status") or {}) if is_observed(seen.request) else {}
    if status.get("state") == "FAILED":
        raise ValueError(f"certificate request {name} failed to be signed by Issuer: {status.get('error', '')}")
    if status.get("state") != "FINISHED":
        return Idle()
    if seen.issued is not None and seen.issued.get("type") != ISSUED_TYPE:
        raise ValueError(
            f"the Secret {key_of(seen.issued)} is of type {seen.issued.get('type', 'Opaque')}, which cannot be changed; "
            "delete it, or name another issuedCertificateSecret"
        )
    return Issue(issued_secret(seen.certificate, seen.key, seen.request))


def _bounce(seen: Seen) -> Step:
    _find_issued(seen)
    if seen.spec.get("podBounceDirective") and seen.directive is None:
        raise ValueError("failed to find specified pod bounce directive")
    holder = seen.directive or seen.certificate
    bounced = (holder.get("status") or {}).get("podsBounced") or ()
    step = bounce(selectors_of(seen.certificate, seen.directive), bounced, seen.pods, seen.synced)
    if isinstance(step, Await):
        return Idle(BOUNCE_PAUSE)
    return step or Finish()


def _keep(seen: Seen) -> Step:
    _find_issued(seen)
    return Idle()


def _find_issued(seen: Seen) -> None:
    if seen.issued is None:
        wanted = "/".join(reference_of(seen.spec["issuedCertificateSecret"]) or ())
        raise ValueError(f"could not find issued cert secret ({wanted}), restarting workflow")


_STEPS: Mapping[State, Callable[[Seen], Step]] = {
    State.PENDING: _request,
    State.REQUESTED: _await_issuer,
    State.ISSUED: _bounce,
    State.FINISHED: _keep,
    State.FAILED: _restart,
}
