"""The agent, in the cluster that needs the certificate: it makes the key, asks, keeps what was issued, restarts pods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from acme_server.protocol.driver import Driver
from acme_server.protocol.journal import Fact
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.cert_manager.certificates.private_keys import RsaKeys
from issuer_bridge.context import HOUSE, Context
from issuer_bridge.gloo.bouncing import Delete, Mark, is_synced
from issuer_bridge.gloo.decisions import Finish, Idle, Issue, Request, Seen, decide, is_ours, selectors_of
from issuer_bridge.gloo.secrets import key_secret, make_key, make_request, reference_of, request_for
from issuer_bridge.gloo.states import failed, moved, restart_after
from issuer_bridge.outcomes import Done, Outcome, Wait
from issuer_bridge.reconciler import Key, Reconciler
from issuer_bridge.references import key_of
from issuer_bridge.resources import (
    CONFIG_MAP,
    GLOO_REQUEST,
    ISSUED_CERTIFICATE,
    POD,
    POD_BOUNCE_DIRECTIVE,
    SECRET,
    ApiError,
    Kind,
    Resource,
)

WATCHED = (SECRET, CONFIG_MAP, POD, POD_BOUNCE_DIRECTIVE, GLOO_REQUEST, ISSUED_CERTIFICATE)
"""What the port must show of the agent's cluster."""
# What the API refuses whenever it is asked; all else (a lost race, a server that is not there) is tried again.
_REFUSED = (400, 403, 404, 422)
_AT_ONCE = Wait(timedelta(0))


class Agent:
    """The controller of IssuedCertificates; nobody else writes their status.

    context: of the agent's cluster; rsa_keys: makes RSA keys, as upstream has them; None makes P-256 keys from the
    context's entropy, which a seed repeats.
    """

    def __init__(self, driver: Driver, context: Context, rsa_keys: RsaKeys | None = None) -> None:
        self._context, self._rsa_keys = context, rsa_keys
        self._queue = Reconciler(driver, lambda key: self.sync(*key[1:]))
        self._stop: Callable[[], None] | None = None

    def start(self) -> None:
        """Look at everything that is there, and from now on at every change."""
        self._stop = self._context.resources.watch(self._heard)
        for certificate in self._context.resources.list(ISSUED_CERTIFICATE):
            self._add(certificate)

    def stop(self) -> None:
        """Hear of no further changes; what is under way comes to its end."""
        if self._stop is not None:
            self._stop()
            self._stop = None

    def sync(self, namespace: str, name: str) -> Inquiry[Outcome]:
        """Do the next step for one IssuedCertificate."""
        certificate = self._context.resources.get(ISSUED_CERTIFICATE, namespace, name)
        if certificate is None or not is_ours(certificate):
            return Done()
        try:
            return (yield from self._perform(certificate))
        except ApiError as error:
            if error.code not in _REFUSED:
                raise
            return (yield from self._fail(certificate, str(error)))
        except ValueError as error:
            return (yield from self._fail(certificate, str(error)))

    def _heard(self, event: str, kind: Kind, resource: Resource) -> None:
        del event
        if kind in (ISSUED_CERTIFICATE, GLOO_REQUEST):
            self._add(resource)
        elif kind == SECRET:
            written = (resource["metadata"]["namespace"], resource["metadata"]["name"])
            for certificate in self._context.resources.list(ISSUED_CERTIFICATE):
                if reference_of(certificate["spec"].get("issuedCertificateSecret")) == written:
                    self._add(certificate)

    def _add(self, resource: Resource) -> None:
        key: Key = (ISSUED_CERTIFICATE.kind, resource["metadata"]["namespace"], resource["metadata"]["name"])
        self._queue.add(key)

    def _see(self, certificate: Resource) -> Seen:
        """Gather what a decision looks at."""
        read, spec = self._context.resources, certificate["spec"]
        own = (certificate["metadata"]["namespace"], certificate["metadata"]["name"])
        directive = self._find(POD_BOUNCE_DIRECTIVE, spec.get("podBounceDirective"))
        selectors = selectors_of(certificate, directive)
        namespaces = dict.fromkeys(selector.get("namespace", "") for selector in selectors)
        return Seen(
            certificate,
            self._context.clock(),
            read.get(SECRET, *own),
            read.get(GLOO_REQUEST, *own),
            self._find(SECRET, spec["issuedCertificateSecret"]),
            directive,
            [pod for namespace in namespaces for pod in read.list(POD, namespace)],
            [self._is_synced(selector) for selector in selectors],
        )

    def _is_synced(self, selector: Mapping[str, Any]) -> bool | None:
        sync = selector.get("rootCertSync") or {}
        secret = self._find(SECRET, sync.get("secretRef"))
        return is_synced(selector, secret, self._find(CONFIG_MAP, sync.get("configMapRef")))

    def _find(self, kind: Kind, reference: Mapping[str, str] | None) -> Resource | None:
        found = reference_of(reference)
        return self._context.resources.get(kind, *found) if found else None

    def _perform(self, certificate: Resource) -> Inquiry[Outcome]:
        seen = self._see(certificate)
        match decide(seen):
            case Request():
                yield from self._request(seen)
            case Issue(secret=secret):
                yield from self._put(SECRET, secret, seen.issued)
                if seen.directive is not None:
                    yield from self._write_bounced(seen, ())  # what an earlier certificate has restarted
                yield from self._move(certificate, "issue")
            case Mark(bounced=bounced):
                yield from self._write_bounced(seen, bounced)
            case Delete(pods=pods):
                for pod in pods:
                    yield from self._delete(certificate, pod)
            case Finish():
                if seen.key is not None:
                    yield from self._remove(SECRET, seen.key)
                yield from self._move(certificate, "finish")
            case Idle(after=after):
                return Wait(after) if after is not None else Done()
        return _AT_ONCE

    def _request(self, seen: Seen) -> Inquiry[None]:
        key = make_key(seen.certificate, self._context.entropy, self._rsa_keys)
        request = make_request(seen.certificate, key)
        yield from self._put(SECRET, key_secret(seen.certificate, key), seen.key)
        yield from self._put(GLOO_REQUEST, request_for(seen.certificate, request), seen.request)
        yield from self._move(seen.certificate, "request", certificateSigningRequest=request)

    def _put(self, kind: Kind, resource: Resource, existing: Resource | None) -> Inquiry[None]:
        """Create, or give what is there new contents."""
        if existing is None:
            yield from self._context.resources.create(kind, resource)
        else:
            metadata = {**existing["metadata"], **resource["metadata"]}
            yield from self._context.resources.update(kind, {**existing, **resource, "metadata": metadata})

    def _write_bounced(self, seen: Seen, bounced: Any) -> Inquiry[None]:
        """Keep which pods are restarted beside the selectors."""
        kind = ISSUED_CERTIFICATE if seen.directive is None else POD_BOUNCE_DIRECTIVE
        holder = seen.directive or seen.certificate
        status = {**(holder.get("status") or {}), "podsBounced": list(bounced)}
        yield from self._context.write_status(kind, holder, status)

    def _delete(self, certificate: Resource, pod: Resource) -> Inquiry[None]:
        yield from self._remove(POD, pod)
        self._note("PodBounced", certificate, pod=key_of(pod))

    def _remove(self, kind: Kind, resource: Resource) -> Inquiry[None]:
        metadata = resource["metadata"]
        try:
            yield from self._context.resources.delete(kind, metadata["namespace"], metadata["name"])
        except ApiError as error:
            if error.code != 404:
                raise

    def _move(self, certificate: Resource, event: str, **more: Any) -> Inquiry[None]:
        status = moved(certificate, event, **more)
        yield from self._context.write_status(ISSUED_CERTIFICATE, certificate, status)
        self._note("IssuedCertificateMoved", certificate, state=status["state"])
        message = _MESSAGES[event].format(key_of(certificate))
        yield from self._context.recorder.normal(certificate, status["state"].capitalize(), message)

    def _fail(self, certificate: Resource, error: str) -> Inquiry[Outcome]:
        status = failed(certificate, error, self._context.clock())
        yield from self._context.write_status(ISSUED_CERTIFICATE, certificate, status)
        self._note("IssuedCertificateMoved", certificate, state=status["state"], error=error)
        yield from self._context.recorder.warning(certificate, "Failed", error)
        return Wait(restart_after({**certificate, "status": status}, self._context.clock()))

    def _note(self, kind: str, certificate: Resource, **data: Any) -> None:
        self._context.record(HOUSE, [Fact(kind, {"issued_certificate": key_of(certificate)}, data)])


_MESSAGES: Mapping[str, str] = {
    "request": "made a private key and the CertificateRequest {}",
    "issue": "the issuer has signed the CertificateRequest {}, and the Secret is written",
    "finish": "the Secret of {} is in its place, and its pods are restarted",
}
