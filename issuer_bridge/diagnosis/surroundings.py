"""What stands around the chain: issuers, policies, namespaces, webhooks, kinds, and the slots that all share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from shlex import quote

from issuer_bridge.conditions import READY, condition
from issuer_bridge.diagnosis.challenges import shown
from issuer_bridge.diagnosis.cluster import CHAIN, deleted, moment, quoted, subject_of, turned
from issuer_bridge.diagnosis.finding import Finding
from issuer_bridge.diagnosis.readings import CERT_MANAGER, DESCRIBE, DNS, ISSUERS, OWNER, PLATFORM, WEBHOOK, read
from issuer_bridge.diagnosis.rules import AT_ONCE, SOON, Found, Rule, View, quiet
from issuer_bridge.kube_api.core_tables import involved, last_seen
from issuer_bridge.resources import CHALLENGE, EVENT, ORDER, Resource

SCHEDULER = "scheduler"
NOT_SERVED = "not served"
"""Why a kind was not read: the cluster does not know it."""
_LISTED = 5
# Of an issuer, these are tried again.
_PASSING = ("ca-unreachable", "ca-fails")
_RECENT = timedelta(hours=1)


def _unready(_view: View, resource: Resource) -> Found | None:
    ready = condition(resource, READY)
    if ready.get("status") == "True":
        return None
    if not ready:
        return Found("it has no Ready condition: nobody has looked at it", None, (), patience=SOON)
    reading = read(ISSUERS, f"{ready.get('reason')} {ready.get('message')}")
    patience = SOON if reading and reading.code in _PASSING else None
    cause, since = "it is not Ready, and all that names it waits", turned(resource, READY)
    return Found(cause, since, quoted(resource, READY), reading, patience)


def _webhook_without_ca(_view: View, configuration: Resource) -> Found | None:
    annotations = configuration["metadata"].get("annotations") or {}
    empty = [
        str(one.get("name"))
        for one in configuration.get("webhooks") or ()
        if not (one.get("clientConfig") or {}).get("caBundle") and not (one.get("clientConfig") or {}).get("url")
    ]
    if not empty or not any(key.startswith("cert-manager.io/inject-") for key in annotations):
        return None
    return Found(f"the API server cannot trust {', '.join(empty)}: cainjector has put no caBundle there")


def _terminating(view: View, namespace: Resource) -> Found | None:
    since, name = deleted(namespace), namespace["metadata"]["name"]
    if since is None:
        return None
    inside = [
        subject_of(item)
        for kind in (CHALLENGE, ORDER)
        for item in view.cluster.list(kind)
        if item["metadata"].get("namespace") == name and item["metadata"].get("finalizers")
    ]
    if not inside:
        return None
    more = f" and {len(inside) - _LISTED} more" if len(inside) > _LISTED else ""
    evidence = tuple(
        f"{one.get('type')}: {one.get('message')}" for one in (namespace.get("status") or {}).get("conditions") or ()
    )
    cause = f"it is Terminating until the finalizers go of {', '.join(inside[:_LISTED])}{more}"
    return Found(cause, since, evidence)


ISSUER_RULES: tuple[Rule, ...] = (
    quiet("deleted", lambda _, issuer: deleted(issuer)),
    Rule(
        "issuer-not-ready",
        _unready,
        "a change of the issuer or its Secrets; errors of the network and 5xx are tried again after 5 s, up to every 5 minutes",
        PLATFORM,
        DESCRIBE.replace("-n {namespace} ", ""),
        AT_ONCE,
    ),
)
POLICY_RULES: tuple[Rule, ...] = (
    Rule("policy-not-ready", _unready, "a change of the policy", PLATFORM, "kubectl describe {kind} {name}", SOON),
)
WEBHOOK_RULES: tuple[Rule, ...] = (
    Rule(
        "webhook-untrusted",
        _webhook_without_ca,
        "cainjector",
        PLATFORM,
        "kubectl logs -n cert-manager deploy/cert-manager-cainjector",
    ),
)
NAMESPACE_RULES: tuple[Rule, ...] = (
    Rule(
        "namespace-terminating",
        _terminating,
        "the clean-up of its Challenges, which needs their issuer and its Secrets, if they are not gone with it",
        OWNER,
        "kubectl get challenges -n {name}, and take away the finalizers of what stays",
        SOON,
        pain=22,
    ),
)


def slots(view: View, stuck: Mapping[str, Finding]) -> Iterator[Finding]:
    """Say that all slots are taken; it does not pass by itself when all of them are held by what is stuck."""
    queue = view.queue
    if queue.free or not queue.waiting:
        return
    held = [stuck[f"challenge/{seat.key}"] for seat in queue.running if f"challenge/{seat.key}" in stuck]
    codes: dict[str, int] = {}
    for finding in held:
        codes[finding.code] = codes.get(finding.code, 0) + 1
    kinds = ", ".join(f"{number} {code}" for code, number in sorted(codes.items(), key=lambda pair: -pair[1]))
    known = sorted((since, finding.subject) for finding in held if (since := finding.since))
    yield Finding(
        code="slots-full",
        subject=SCHEDULER,
        cause=f"all {queue.maximum} slots are used and {len(queue.waiting)} Challenges wait for one; {len(held)} of the holders are stuck",
        awaited="that a holder ends: there is no timeout, and none is passed over",
        who=OWNER if held else CERT_MANAGER,
        attempt="mend or delete what holds the slots, or raise --max-concurrent-challenges; gravel simulate sizes it",
        blocks=len(held) >= queue.maximum,
        since=known[0][0] if known else None,
        pain=1,
        evidence=tuple(
            filter(None, (kinds, *(f"since {since:%Y-%m-%d %H:%M}Z: {subject}" for since, subject in known[:_LISTED])))
        ),
    )


def aliases(view: View, stuck: Mapping[str, Finding]) -> Iterator[Finding]:
    """Several DNS-01 Challenges that follow CNAMEs and are not seen: one target keeps one of them."""
    unseen = [
        challenge
        for challenge in view.cluster.list(CHALLENGE)
        if (challenge["spec"].get("solver") or {}).get("dns01", {}).get("cnameStrategy") == "Follow"
        and getattr(stuck.get(subject_of(challenge)), "code", "") == "dns01-not-seen"
    ]
    for challenge in unseen if len(unseen) > 1 else ():
        others = ", ".join(subject_of(one) for one in unseen if one is not challenge)
        yield Finding(
            code="alias-shared",
            subject=subject_of(challenge),
            cause=f"{shown(challenge)} follows a CNAME and is not seen, as others are not: where two names lead to one TXT record, the last writer wins",
            awaited="that the names lead to records of their own",
            who=DNS,
            attempt=f"compare: dig +short CNAME {quote('_acme-challenge.' + str(challenge['spec']['dnsName']))}",
            blocks=False,
            pain=19,
            evidence=(others,),
        )


def missing_kinds(view: View) -> Iterator[Finding]:
    """Say which of cert-manager's kinds are not served."""
    missing = [kind for kind in CHAIN if view.cluster.unread.get(kind) == NOT_SERVED]
    if missing:
        yield Finding(
            code="crds-missing",
            subject="cluster",
            cause=f"the cluster does not know {', '.join(f'{kind.plural}.{kind.group}' for kind in missing)}",
            awaited="that cert-manager's CRDs are installed",
            who=PLATFORM,
            attempt="kubectl get crds; helm upgrade cert-manager --set crds.enabled=true",
            blocks=True,
        )


def warnings(view: View, told: Sequence[Finding]) -> Iterator[Finding]:
    """Warning events of the last hour about objects of which nothing else is told: of Ingresses, and of the unforeseen."""
    subjects = {finding.subject: None for finding in told}
    for event in view.cluster.list(EVENT):
        if event.get("type") != "Warning":
            continue
        reason, message, seen = str(event.get("reason")), str(event.get("message")), moment(last_seen(event))
        if seen is None or view.now - seen > _RECENT:
            continue
        name = involved(event)
        namespace = (event.get("involvedObject") or {}).get("namespace")
        subject = name.replace("/", f"/{namespace}/", 1) if namespace else name
        shim = reason == "BadConfig"
        if subject in subjects or not (shim or reason == "Foreign" or read((WEBHOOK,), message)):
            continue
        subjects[subject] = None
        reading = read((WEBHOOK,), message)
        yield Finding(
            code=reading.code if reading else "annotations-bad" if shim else "left-alone",
            subject=subject,
            cause="cert-manager makes no Certificate of it" if shim else "cert-manager warns of it",
            awaited="a change of its annotations" if shim else "what the event asks for",
            who=reading.who if reading else OWNER,
            attempt=reading.attempt if reading else f"kubectl describe -n {quote(str(namespace))} {quote(name)}",
            blocks=shim,
            since=seen,
            evidence=(f"event {reason}: {message}",),
        )
