"""How the resources of one DNS-01 request changed: at a real cert-manager 1.12.5, as recorded, and at our bridge.

Both had 80 requests at once, of which 20 were through after 245 s. Ours has the
recorded moments of creation, `--compat cert-manager` and `--timing cert-manager`.
"""

import json
import re
from datetime import timedelta
from pathlib import Path

from issuer_bridge.resources import CERTIFICATE_REQUEST, CHALLENGE, ORDER
from scheduler.settings import CLUSTER
from scheduler.versions import NEWEST
from solvers.timing import TIMINGS
from tests.issuer_bridge.bridge_resources import DNS01
from tests.issuer_bridge.bridge_rig import START, Rig

FIXTURE = Path(__file__).parents[1] / "fixtures" / "cert-manager-1.12.5-80-dns01.jsonl"
KINDS = ("certificaterequest", "order", "challenge")
LENGTH = timedelta(seconds=245)


def ready(conditions):
    """The conditions in words, without names that differ from run to run."""
    told = [f"{kind}={status} {reason}: {message}" for kind, status, reason, message in conditions if kind == "Ready"]
    return re.sub(r"default/[\w-]+", "default/ORDER", told[0]) if told else "Approved=True" if conditions else ""


def challenge(status, finalizers, *, deleting, gone):
    if gone:
        return "gone"
    told = [word for word in ("processing", "presented") if (status or {}).get(word)]
    told += [f"state {status['state']}"] if (status or {}).get("state") else []
    told += [status["reason"]] if (status or {}).get("reason") else []
    told += ["finalizer"] if finalizers else []
    return ", ".join([*told, *(["being deleted"] if deleting else [])])


def recorded():
    """[(kind, name of the request, seconds, words)] of the recording."""
    walk = []
    for event in (json.loads(line) for line in FIXTURE.read_text().splitlines()):
        if event["type"] == "BOOKMARK":
            continue
        if event["kind"] == "certificaterequest":
            words = ready(event["conditions"])
        elif event["kind"] == "order":
            words = event["state"] or ""
        else:
            gone = event["type"] == "DELETED"
            words = challenge(event["status"], event["finalizers"], deleting=event["deleting"], gone=gone)
        walk.append((event["kind"], event["name"][:3], event["t"], words))
    return walk


def ours():
    """The same of our bridge, in virtual time."""
    arrivals = {name: moment for kind, name, moment, words in recorded() if (kind, words) == (KINDS[0], "")}
    rig = Rig(timing=TIMINGS["cert-manager"], scheduler=CLUSTER, errors=NEWEST, keep_challenges=False)
    rig.apply_issuer(solvers=[DNS01])
    walk = []

    def heard(event, kind, resource):
        name, moment = resource["metadata"]["name"][:3], (rig.driver.now() - START).total_seconds()
        status = resource.get("status") or {}
        if kind is CERTIFICATE_REQUEST:
            conditions = status.get("conditions", [])
            words = ready([[item[word] for word in ("type", "status", "reason", "message")] for item in conditions])
        elif kind is ORDER:
            words = status.get("state", "")
        elif kind is CHALLENGE:
            metadata, gone = resource["metadata"], event == "DELETED"
            deleting = "deletionTimestamp" in metadata
            words = challenge(status, metadata.get("finalizers"), deleting=deleting, gone=gone)
        else:
            return
        walk.append((kind.kind.lower(), name, moment, words))

    rig.store.watch(heard)
    for name, moment in arrivals.items():
        rig.driver.later(timedelta(seconds=moment), lambda name=name: rig.apply(name, f"{name}.example.test"))
    rig.driver.run(until=START + LENGTH)
    return walk


def steps(walk, name, kind):
    """[(seconds, words)] of one request's resource of a kind."""
    return [(moment, words) for found, of, moment, words in walk if (found, of) == (kind, name)]


def table(name="s00"):
    """Both walks of one request side by side, with seconds since the start."""
    theirs, mine = recorded(), ours()
    rows = ["| resource | what is written | cert-manager | gravel |", "|---|---|---:|---:|"]
    for kind in KINDS:
        for (then, words), (now, own) in zip(steps(theirs, name, kind), steps(mine, name, kind), strict=True):
            written = words if words == own else f"{words} / {own}"
            rows.append(f"| {kind} | {written or 'created'} | {then:.1f} | {now:.1f} |")
    return "\n".join(rows)
