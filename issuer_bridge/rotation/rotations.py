"""The controller of CA rotations: fills trust stores, switches the signer, renews, and says what it waits for.

A rotation is asked for by an annotation, as no CRD of cert-manager's has a field for it, and GitOps can write it; it is
taken back, in any phase, by taking the annotation away. What is under way is remembered beside it: one write both moves
the phase and switches `spec.ca.secretName`, so that no crash can come between them.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta

import attrs
from cryptography import x509

from acme_server.protocol.vantage import Inquiry
from issuer_bridge.cert_manager.certificates.decisions import ISSUING
from issuer_bridge.cert_manager.local_issuers import authority_in, verify
from issuer_bridge.conditions import condition, set_condition
from issuer_bridge.context import Context
from issuer_bridge.options import Options
from issuer_bridge.outcomes import Done, Outcome, Wait
from issuer_bridge.reconciler import Key, Reconciler
from issuer_bridge.resources import CERTIFICATE, CLUSTER_ISSUER, ISSUER, SECRET, ApiError, Kind, Resource
from issuer_bridge.rotation.gates import View, due_renewals, durations_of, waits_for
from issuer_bridge.rotation.leaves import live_leaves, untaken
from issuer_bridge.rotation.phases import (
    STATE,
    Authority,
    Gate,
    Phase,
    Rotation,
    as_text,
    begun,
    rotation_of,
    towards,
)
from issuer_bridge.rotation.trust_stores import as_wanted, is_as_wanted, trust_stores

log = logging.getLogger(__name__)

ROTATE_TO = "gravel.test/rotate-to"
"""The annotation of an issuer: the name of the Secret with the CA that is to sign."""
CONDITION = "CARotation"
KINDS: Mapping[str, Kind] = {kind.kind: kind for kind in (ISSUER, CLUSTER_ISSUER)}
# How long until what is waited for is looked at again, as nothing is heard of the many that it depends on.
SOON, LATER = timedelta(seconds=10), timedelta(minutes=1)


class Rotations:
    """The controller of both kinds of issuers."""

    def __init__(
        self,
        context: Context,
        options: Options,
        make_queue: Callable[[Callable[[Key], Inquiry[Outcome]]], Reconciler],
    ) -> None:
        self._context = context
        self._resources = context.resources
        self._cluster_namespace = options.cluster_resource_namespace
        self._backoff = options.certificate_backoff
        self._queue = make_queue(self._sync) if options.ca_rotation else None

    def heard(self, kind: Kind, issuer: Resource) -> None:
        """Look at an issuer that is rotating, or asked to."""
        annotations = issuer["metadata"].get("annotations") or {}
        if self._queue is not None and (ROTATE_TO in annotations or STATE in annotations):
            self._queue.add((kind.kind, issuer["metadata"].get("namespace", ""), issuer["metadata"]["name"]))

    def _sync(self, key: Key) -> Inquiry[Outcome]:
        """Take one step with one issuer."""
        kind = KINDS[key[0]]
        issuer = self._resources.get(kind, *key[1:])
        if issuer is None or issuer["spec"].get("ca") is None:
            return Done()
        phase = Phase.STABLE
        try:
            rotation = rotation_of(issuer)
            if rotation is None:
                return (yield from self._begin(kind, issuer))
            phase = rotation.phase
            return (yield from self._go_on(kind, issuer, rotation))
        except ValueError as error:
            if (yield from self._report(kind, issuer, phase, f"It cannot go on: {error}")):
                yield from self._context.recorder.warning(issuer, CONDITION, str(error))
            return Wait(SOON)

    def _begin(self, kind: Kind, issuer: Resource) -> Inquiry[Outcome]:
        wanted, current = _wanted(issuer), issuer["spec"]["ca"]["secretName"]
        if wanted in (None, current):
            if condition(issuer, CONDITION):
                yield from self._report(kind, issuer, Phase.STABLE, f"The CA in Secret {current} signs")
            return Done()
        old, new = self._authority(issuer, current), self._authority(issuer, str(wanted))
        durations_of(issuer)
        return (yield from self._move(kind, issuer, begun(old, new, self._context.clock())))

    def _go_on(self, kind: Kind, issuer: Resource, rotation: Rotation) -> Inquiry[Outcome]:
        now = self._context.clock()
        led = towards(rotation, _wanted(issuer), now)
        if led is not rotation or issuer["spec"]["ca"]["secretName"] != rotation.signer.secret:
            return (yield from self._move(kind, issuer, led))
        yield from self._fill(issuer, rotation)
        view = self._view(issuer, rotation)
        waiting = waits_for(view)
        if not waiting:
            return (yield from self._move(kind, issuer, rotation.moved(now)))
        for certificate in due_renewals(view, self._backoff):
            yield from self._renew(certificate, issuer)
        yield from self._report(kind, issuer, rotation.phase, f"Waiting: {waiting}")
        return Wait(LATER if rotation.row.gate is Gate.LEAVES and view.renew_within is None else SOON)

    def _authority(self, issuer: Resource, secret: str) -> Authority:
        """Return the CA in a Secret; ValueError where it cannot sign."""
        namespace = issuer["metadata"].get("namespace") or self._cluster_namespace
        found = self._resources.get(SECRET, namespace, secret)
        verdict = verify({**issuer, "spec": {"ca": {"secretName": secret}}}, namespace, found)
        if verdict is None or not verdict.ready:
            raise ValueError(verdict.message if verdict else "it is no CA issuer")
        signer, anchor = authority_in(found, namespace, secret)
        now = self._context.clock()
        for each in map(x509.load_pem_x509_certificate, (signer.encode(), anchor.encode())):
            if not each.not_valid_before_utc <= now <= each.not_valid_after_utc:
                raise ValueError(f"the CA in Secret {namespace}/{secret} is not valid now")
        return Authority(secret, signer, anchor)

    def _view(self, issuer: Resource, rotation: Rotation) -> View:
        now, resources = self._context.clock(), self._resources
        within, unseen = durations_of(issuer)
        try:
            changed = self._authority(issuer, rotation.signer.secret) != rotation.signer
            wrong = "the CA that signs is not the one of the beginning any more" if changed else ""
        except ValueError as error:
            wrong = str(error)
        view = View(rotation, now, renew_within=within, unseen_for=unseen, wrong=wrong)
        if rotation.row.gate is Gate.LEAVES:
            return attrs.evolve(view, leaves=live_leaves(issuer, resources, rotation.old, rotation.new, now))
        bundles = [(name, _bundle_of(request)) for name, request in untaken(issuer, resources)]
        return attrs.evolve(view, stores=trust_stores(issuer, resources), untaken=bundles)

    def _fill(self, issuer: Resource, rotation: Rotation) -> Inquiry[None]:
        trusted, distrusted = rotation.trusted, rotation.distrusted
        for store in trust_stores(issuer, self._resources):
            if store.ours and not is_as_wanted(store.bundle, trusted, distrusted):
                wanted = store.filled(as_wanted(store.bundle, trusted, distrusted))
                try:
                    yield from self._resources.update(store.kind, wanted)
                except ApiError as error:
                    log.info("%s: %s", store, error)  # the gate names it

    def _move(self, kind: Kind, issuer: Resource, rotation: Rotation) -> Inquiry[Outcome]:
        """Enter a phase: one write for the annotation and the signer, before anybody is told."""
        metadata = issuer["metadata"]
        annotations = {name: text for name, text in metadata["annotations"].items() if name != STATE}
        if rotation.phase is not Phase.STABLE:
            annotations[STATE] = as_text(rotation)
        ca = {**issuer["spec"]["ca"], "secretName": rotation.signer.secret}
        changed = {
            **issuer,
            "metadata": {**metadata, "annotations": annotations},
            "spec": {**issuer["spec"], "ca": ca},
        }
        written = yield from self._resources.update(kind, changed)
        if rotation == rotation_of(issuer):  # somebody had written another signer
            return Wait(timedelta(0))
        old, new = rotation.old.secret, rotation.new.secret
        self._context.note("RotationMoved", written, phase=rotation.phase.value, old=old, new=new)
        text = f"From the CA in Secret {old} to the one in {new}"
        yield from self._context.recorder.normal(written, CONDITION, f"{rotation.phase}: {text}")
        yield from self._report(kind, written, rotation.phase, text)
        return Wait(timedelta(0))

    def _renew(self, certificate: Resource, issuer: Resource) -> Inquiry[None]:
        """Do what `cmctl renew` does."""
        text = f"Issuing certificate as {issuer['kind']} {issuer['metadata']['name']} signs with another CA now"

        def issuing(current: Resource) -> Resource:
            status, generation = current.get("status") or {}, current["metadata"].get("generation")
            now = self._context.clock()
            conditions = set_condition(
                status.get("conditions") or (), ISSUING, "True", CONDITION, text, now, generation
            )
            return {**status, "conditions": conditions}

        if (yield from self._context.change_status(CERTIFICATE, certificate, issuing)):
            self._context.note("IssuanceTriggered", certificate, reason=CONDITION)
            yield from self._context.recorder.normal(certificate, "Issuing", text)

    def _report(self, kind: Kind, issuer: Resource, phase: Phase, message: str) -> Inquiry[bool]:
        """Write the condition, True while a rotation is under way; say whether it is news."""
        status = "False" if phase is Phase.STABLE else "True"
        known = condition(issuer, CONDITION)
        if (known.get("status"), known.get("reason"), known.get("message")) == (status, phase, message):
            return False

        def told(current: Resource) -> Resource:
            conditions = (current.get("status") or {}).get("conditions") or ()
            now, generation = self._context.clock(), current["metadata"].get("generation")
            new = set_condition(conditions, CONDITION, status, phase.value, message, now, generation)
            return {**(current.get("status") or {}), "conditions": new}

        return (yield from self._context.change_status(kind, issuer, told))


def _wanted(issuer: Resource) -> str | None:
    return (issuer["metadata"].get("annotations") or {}).get(ROTATE_TO)


def _bundle_of(request: Resource) -> str:
    return base64.b64decode(request["status"].get("ca") or "").decode("latin-1")
