"""A recording of cert-manager 1.12.5 with 80 requests at once: at no second of it is what is healthy called stuck."""

import json
from datetime import timedelta

from acme_server.protocol.times import rfc3339
from issuer_bridge.diagnosis.cluster import Cluster
from issuer_bridge.diagnosis.diagnosing import diagnose
from issuer_bridge.diagnosis.queue import queue_of
from issuer_bridge.resources import CERTIFICATE_REQUEST, CHALLENGE, CLUSTER_ISSUER, ORDER
from tests.issuer_bridge.bridge_rig import START
from tests.issuer_bridge.diagnosis.diagnosed import told
from tests.issuer_bridge.diagnosis.test_positions import ISSUER, PLACED, made
from tests.issuer_bridge.recorded_walk import FIXTURE

# Two that other clients wrote into the cluster meanwhile, with a status of their own: no controller takes them up.
OTHERS = [f"certificaterequest/shop/{name}" for name in ("kubernetes", "kubernetes-asyncio")]
KINDS = {"certificaterequest": CERTIFICATE_REQUEST, "order": ORDER, "challenge": CHALLENGE}
EVENTS = [json.loads(line) for line in FIXTURE.read_text().splitlines() if "BOOKMARK" not in line]


def status_of(event):
    if event["kind"] == "challenge":
        return event["status"] or {}
    if event["kind"] == "order":
        certificate = {"certificate": "c"} if event["state"] == "valid" else {}
        return {**PLACED, "state": event["state"], **certificate} if event["state"] else {}
    names = ("type", "status", "reason", "message")
    return {"conditions": [dict(zip(names, condition, strict=True)) for condition in event["conditions"]]}


def resource(event, born):
    """What the recording left out is what it must have been: one name a request, and who owns whom."""
    name, request = event["name"], event["name"].split("-")[0]
    spec = {"dnsNames": [request], "dnsName": request, "type": "DNS-01", "solver": {"dns01": {}}, "request": ""}
    owner = {
        "order": ("CertificateRequest", "-".join(name.split("-")[:2])),
        "challenge": ("Order", name.rpartition("-")[0]),
    }
    found = made(name, spec, status_of(event), owner.get(event["kind"]), finalizers=event.get("finalizers") or [])
    written, created = (rfc3339(START + timedelta(seconds=moment)) for moment in (event["t"], born))
    times = {"creationTimestamp": created, "managedFields": [{"time": written}]}
    return {**found, "metadata": {**found["metadata"], **times}}


def seconds():
    """Yield second after second, with what the cluster held."""
    held, born, second = {}, {}, 0
    for event in EVENTS:
        while event["t"] >= second:
            yield second, held
            second += 1
        key = event["kind"], event["name"]
        born.setdefault(key, event["t"])
        if event["type"] == "DELETED":
            held.pop(key, None)
        else:
            held[key] = resource(event, born[key])


def cluster(held):
    lists = {kind: [item for (word, _), item in held.items() if word == name] for name, kind in KINDS.items()}
    return Cluster({CLUSTER_ISSUER: [ISSUER], **lists})


def test_no_second_of_a_healthy_run_is_called_stuck_and_the_cap_is_seen():
    full = 0
    for second, held in seconds():
        found = diagnose(cluster(held), START + timedelta(seconds=second))
        assert [one.subject for one in found if one.blocks and one.subject not in OTHERS] == [], second
        full += any(one.code == "slots-full" for one in found)
    assert full > 60
    assert second > 240
    assert {one.subject: one.code for one in found if one.blocks} == dict.fromkeys(OTHERS[1:], "not-taken-up")


def test_the_slots_and_the_queue_are_those_that_cert_manager_went_by():
    before = None
    for _, held in seconds():
        queue = queue_of(cluster(held).list(CHALLENGE), 60)
        assert len(queue.running) <= 60
        if before and len(before.waiting) > 0 and len(before.running) == 60:
            started = [seat.key for seat in queue.running if seat.key in [waiting.key for waiting in before.waiting]]
            assert sorted(started) == sorted(seat.key for seat in before.waiting[: len(started)])
        before = queue


def test_a_run_that_stops_is_called_stuck():
    """The same cluster, had cert-manager stopped after two minutes."""
    held = dict(next(held for second, held in seconds() if second == 120))
    assert told(diagnose(cluster(held), START + timedelta(seconds=120))) == []
    codes = {code for code, _ in told(diagnose(cluster(held), START + timedelta(hours=1)))}
    assert {"slots-full"} <= codes
