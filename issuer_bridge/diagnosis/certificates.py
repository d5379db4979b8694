"""Where a Certificate stands: the controllers of `pkg/controller/certificates`, read backwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from acme_server.protocol.times import rfc3339
from issuer_bridge.cert_manager.certificates.decisions import ISSUING
from issuer_bridge.cert_manager.certificates.renewal import Backoff
from issuer_bridge.cert_manager.certificates.steps import revision_of
from issuer_bridge.conditions import READY, condition, is_true
from issuer_bridge.diagnosis.cluster import deleted, moment, quoted, status_of, subject_of, turned
from issuer_bridge.diagnosis.readings import CERT_MANAGER, DESCRIBE, LOG, OWNER
from issuer_bridge.diagnosis.rules import AT_ONCE, SOON, Found, Rule, View, quiet
from issuer_bridge.references import key_of
from issuer_bridge.resources import CERTIFICATE_REQUEST, SECRET, Resource

LATE = timedelta(hours=1)
"""How long after its renewal time a Certificate may be without a new certificate."""


def _requests(view: View, certificate: Resource) -> Sequence[Resource]:
    return [one for one in view.cluster.owned(certificate, CERTIFICATE_REQUEST) if not deleted(one)]


def next_revision(certificate: Resource) -> int:
    """Return the revision that is being issued, or comes next."""
    return int(status_of(certificate).get("revision") or 0) + 1


def _next(view: View, certificate: Resource) -> list[Resource]:
    wanted = next_revision(certificate)
    return [one for one in _requests(view, certificate) if revision_of(one) == wanted]


def _duplicates(view: View, certificate: Resource) -> Found | None:
    wanted = (next_revision(certificate) - 1, next_revision(certificate))
    for revision in wanted:
        same = [one for one in _requests(view, certificate) if revision and revision_of(one) == revision]
        if len(same) > 1:
            names = ", ".join(one["metadata"]["name"] for one in same)
            return Found(f"there are {len(same)} requests of revision {revision}, and none is followed", None, (names,))
    return None


def _backing_off(view: View, certificate: Resource) -> Found | None:
    status, failed = status_of(certificate), condition(certificate, ISSUING).get("status") == "False"
    since = moment(status.get("lastFailureTime"))
    if not failed or since is None:
        return None
    left = Backoff().left(status, view.now)
    attempts, due = status.get("failedIssuanceAttempts") or 1, rfc3339(view.now + left)
    cause = f"{attempts} issuances in a row have failed; the next one is made at {due}"
    # What failed tells why, if it is still there.
    note = bool(_next(view, certificate)) and left > timedelta(0)
    return Found(cause, since, quoted(certificate, ISSUING), patience=timedelta.max if note else AT_ONCE)


def _key_kept(view: View, certificate: Resource) -> Found | None:
    events = view.cluster.events(certificate, "CannotRegenerateKey")
    if not events or not is_true(certificate, ISSUING) or _next(view, certificate):
        return None
    text = f"event CannotRegenerateKey: {events[0].get('message')}"
    return Found("the private key does not fit the spec any more, and may not be made anew", None, (text,))


def _unrequested(view: View, certificate: Resource) -> Found | None:
    if not is_true(certificate, ISSUING) or _next(view, certificate):
        return None
    since = turned(certificate, ISSUING)
    return Found("it is being issued, but there is no request", since, quoted(certificate, ISSUING))


def _request_tells(view: View, certificate: Resource) -> bool:
    return is_true(certificate, ISSUING) and bool(_next(view, certificate))


def _untriggered(view: View, certificate: Resource) -> Found | None:
    if is_true(certificate, READY) or _shares_secret(view, certificate):
        return None
    cause = "it is not Ready, and nothing is under way"
    return Found(cause, turned(certificate, READY), quoted(certificate, READY))


def _shares_secret(view: View, certificate: Resource) -> Found | None:
    """Who has got the Secret is well, and silent."""
    name, namespace = certificate["spec"].get("secretName"), certificate["metadata"]["namespace"]
    sharing = view.sharing.get((namespace, str(name)), ())
    if len(sharing) < 2 or is_true(certificate, READY):
        return None
    names = ", ".join(subject_of(one) for one in sharing)
    return Found(
        f"{len(sharing)} Certificates write the same Secret {name}: one gets it, the others stay as they are",
        None,
        (names,),
    )


def _expiry(view: View, certificate: Resource) -> Found | None:
    end, due = moment(status_of(certificate).get("notAfter")), moment(status_of(certificate).get("renewalTime"))
    if end is not None and view.now > end:
        return Found("the certificate has expired", end, _why(view, certificate))
    if end is None or due is None or view.now - due < LATE:
        return None
    return Found(f"the renewal is overdue; the certificate expires at {rfc3339(end)}", due, _why(view, certificate))


def _why(view: View, certificate: Resource) -> tuple[str, ...]:
    """Point to what keeps the renewal."""
    waits = [f"waits for {subject_of(one)}" for one in _next(view, certificate)]
    return (*quoted(certificate, READY, ISSUING), *waits)


def _secret_gone(view: View, certificate: Resource) -> Found | None:
    name = f"{certificate['metadata']['namespace']}/{certificate['spec'].get('secretName')}"
    if SECRET not in view.cluster.objects or not is_true(certificate, READY) or view.cluster.get(SECRET, name):
        return None
    return Found(f"the Secret {name} is gone, with the private key", view.now)


def secrets_shared(certificates: Sequence[Resource]) -> dict[tuple[str, str], list[Resource]]:
    """Return the Certificates of each Secret, by namespace and name."""
    found: dict[tuple[str, str], list[Resource]] = {}
    for one in sorted(certificates, key=lambda one: (one["metadata"].get("creationTimestamp") or "", key_of(one))):
        if not deleted(one):
            place = one["metadata"]["namespace"], str((one.get("spec") or {}).get("secretName"))
            found.setdefault(place, []).append(one)
    return found


_RENEW = "mend what failed, then at once: cmctl renew -n {namespace} {name}"
CERTIFICATE_RULES: tuple[Rule, ...] = (
    quiet("deleted", lambda _, certificate: deleted(certificate)),
    Rule(
        "requests-twice",
        _duplicates,
        "that all but one are deleted",
        OWNER,
        "kubectl delete certificaterequest -n {namespace} ONE",
        SOON,
        pain=21,
    ),
    Rule(
        "key-kept",
        _key_kept,
        "another rotationPolicy, or the old spec",
        OWNER,
        "set spec.privateKey.rotationPolicy: Always",
        AT_ONCE,
    ),
    Rule("not-requested", _unrequested, "that cert-manager makes a key and a request", CERT_MANAGER, LOG),
    quiet("request-tells", _request_tells),
    Rule("backing-off", _backing_off, "the end of the backoff: 1 h, doubled by each failure up to 32 h", OWNER, _RENEW),
    Rule("not-triggered", _untriggered, "that cert-manager begins to issue it", CERT_MANAGER, LOG),
)
CERTIFICATE_ALSO: tuple[Rule, ...] = (
    Rule(
        "secret-shared",
        _shares_secret,
        "that each has a Secret of its own",
        OWNER,
        "change spec.secretName of all but one",
        AT_ONCE,
    ),
    Rule("expiring", _expiry, "a renewal that succeeds", OWNER, DESCRIBE, AT_ONCE),
    Rule("secret-gone", _secret_gone, "that it is issued anew", CERT_MANAGER, LOG, SOON),
)
