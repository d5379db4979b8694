"""The whole workflow between two clusters: undisturbed, and with crashes, duplicate delivery and a parted network."""

import json
import logging
from contextlib import contextmanager
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from issuer_bridge.gloo.meshes import Mesh, objects_of
from issuer_bridge.resources import CONFIG_MAP, EVENT, GLOO_REQUEST, ISSUED_CERTIFICATE, POD_BOUNCE_DIRECTIVE, SECRET
from tests.issuer_bridge.gloo.gloo_resources import CACERTS, issued_certificate, pod, root_secret, shows
from tests.issuer_bridge.gloo.two_clusters import START, TwoClusters, data_of

MESH = Mesh(
    "istio",
    ("gloo-mesh", "root-ca"),
    gateways=[("istio-system", {"app": "gateway"})],
    workloads=[("shop", {"team": "shop"}), ("shop", {"team": "shop", "tier": "web"})],
)
PODS = [
    pod("shop-0", "shop", team="shop", tier="web"),
    pod("gateway-0", app="gateway"),
    pod("istiod-0", app="istiod"),
    pod("shop-1", "shop", team="shop"),
    pod("stranger", "shop", team="other"),
]
IN_ORDER = ["istiod-0", "gateway-0", "shop-0", "shop-1"]


@contextmanager
def logs():
    """All that is logged meanwhile, however unimportant."""
    lines, logger = [], logging.getLogger("issuer_bridge")
    handler, level = logging.Handler(), logger.level
    handler.emit = lambda record: lines.append(f"{record.getMessage()} {record.exc_info}")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def meshed(**options):
    rig = TwoClusters(**options)
    rig.add_root()
    rig.add_mesh(*PODS)
    return rig


def private_keys(rig):
    """Every private key that was ever in a Secret of the remote cluster, as PEM."""
    found = {}
    for kind, text in rig.seen["remote"]:
        secret = json.loads(text)
        if kind == SECRET:
            found |= {v: None for k, v in data_of(secret).items() if k in ("private-key", "ca-key.pem") and v}
    return list(found)


def leaks(rig, logged):
    """What of the issuer's cluster, of anything but a Secret in the agent's, or of what is told, holds a private key."""
    told = [json.dumps(entry.to_json()) for journal in rig.journals.values() for entry in journal]
    objects = [text for _, text in rig.seen["management"]]
    objects += [text for kind, text in rig.seen["remote"] if kind != SECRET]
    keys = private_keys(rig)
    assert keys
    return [text for text in (*objects, *told, *logged) if any(shows(text, key) for key in keys)]


@pytest.mark.seed("G01")
def test_a_certificate_is_issued_to_a_remote_cluster_by_a_central_ca_outside_of_it():
    rig = TwoClusters()
    rig.add_root()
    rig.remote.insert(ISSUED_CERTIFICATE, issued_certificate())
    rig.run(seconds=2)
    assert rig.state() == "FINISHED"
    root = data_of(rig.management.get(SECRET, "gloo-mesh", "root-ca"))
    issued = data_of(rig.remote.get(SECRET, *CACERTS))
    assert issued["root-cert.pem"] == root["root-cert.pem"]
    assert sorted(issued) == ["ca-cert.pem", "ca-key.pem", "cert-chain.pem", "key.pem", "root-cert.pem"]
    assert issued["key.pem"] == b""


@pytest.mark.seed("G02")
def test_the_issuer_creates_the_issued_certificate_on_the_remote_cluster():
    rig = TwoClusters()
    rig.perform(rig.issuing.issue(MESH))
    assert (rig.certificate()["spec"]["hosts"], rig.management.list(ISSUED_CERTIFICATE)) == ([MESH.identity], [])
    assert rig.far_line.writes[:2] == [("create", POD_BOUNCE_DIRECTIVE), ("create", ISSUED_CERTIFICATE)]


@pytest.mark.seed("G05")
def test_private_keys_never_leave_their_cluster_and_show_in_no_object_event_log_or_journal_line():
    with logs() as logged:
        rig = meshed()
        rig.perform(rig.issuing.issue(MESH))
        rig.run(minutes=1)
        assert rig.state() == "FINISHED"
        assert leaks(rig, logged) == []
    root_key = data_of(rig.management.get(SECRET, "gloo-mesh", "root-ca"))["key.pem"]
    assert [text for _, text in rig.seen["remote"] if shows(text, root_key)] == []


def test_the_search_for_private_keys_finds_one_that_is_encoded_twice():
    secret = root_secret()
    key = data_of(secret)["key.pem"]
    assert shows(json.dumps({"events": [json.dumps(secret)]}), key)
    assert not shows(json.dumps(root_secret(data={"root-cert.pem": data_of(secret)["root-cert.pem"]})), key)


@pytest.mark.seed("G12")
def test_the_control_plane_is_restarted_first_then_the_data_plane_each_pod_once():
    rig = meshed()
    rig.perform(rig.issuing.issue(MESH))
    rig.run(minutes=1)
    assert (rig.state(), rig.bounced) == ("FINISHED", IN_ORDER)
    assert rig.remote.get(CONFIG_MAP, "shop", "istio-ca-root-cert") is not None


@pytest.mark.seed("G14")
def test_the_agent_alone_writes_the_status_and_the_issuer_alone_that_of_the_request():
    rig = meshed()
    rig.perform(rig.issuing.issue(MESH))
    rig.run(minutes=1)
    by_agent, by_issuer = (
        {kind for verb, kind in line.writes if verb == "status"} for line in (rig.agent_line, rig.far_line)
    )
    assert by_agent == {ISSUED_CERTIFICATE, POD_BOUNCE_DIRECTIVE}
    assert by_issuer == {GLOO_REQUEST}


@pytest.mark.seed("G04", "X14")
def test_the_issuer_fills_the_status_and_the_agent_writes_the_secret():
    """Where the document has the issuer write the Secret, it would need the private key, which it has not (X14)."""
    rig = meshed()
    rig.perform(rig.issuing.issue(MESH))
    rig.run(minutes=1)
    assert {kind for verb, kind in rig.far_line.writes} == {POD_BOUNCE_DIRECTIVE, ISSUED_CERTIFICATE, GLOO_REQUEST}
    assert rig.own_line.writes == []
    assert ("create", SECRET) in rig.agent_line.writes
    assert set(rig.request()["status"]) == {"observedGeneration", "state", "signedCertificate", "signingRootCa"}


def test_a_new_generation_gets_a_new_key_and_restarts_the_pods_again():
    rig = meshed()
    rig.perform(rig.issuing.issue(MESH))
    rig.run(minutes=1)
    first = data_of(rig.remote.get(SECRET, *CACERTS))
    rig.perform(rig.issuing.issue(Mesh("istio", MESH.signing_secret, trust_domain="mesh.test")))
    rig.run(minutes=1)
    second = data_of(rig.remote.get(SECRET, *CACERTS))
    assert rig.state() == "FINISHED"
    assert first["ca-key.pem"] != second["ca-key.pem"]
    assert rig.bounced == [*IN_ORDER, "istiod-0-again"]


def test_when_all_is_finished_another_look_writes_nothing():
    rig = meshed()
    rig.perform(rig.issuing.issue(MESH))
    rig.run(minutes=1)
    before = (rig.remote.resource_version, rig.management.resource_version)
    for side in ("agent", "issuing"):
        rig.crash(side)
        rig.restart(side)
    rig.run(hours=3)
    assert (rig.remote.resource_version, rig.management.resource_version) == before


def test_a_seed_repeats_keys_and_certificates():
    issued = []
    for _ in range(2):
        rig = meshed(seed=7)
        rig.perform(rig.issuing.issue(MESH))
        rig.run(minutes=1)
        issued.append(data_of(rig.remote.get(SECRET, *CACERTS)))
    assert issued[0] == issued[1]


def undisturbed():
    """The moments at which something was written to the remote cluster."""
    rig, moments = meshed(), []
    rig.remote.watch(lambda *_: moments.append(rig.driver.now() - START))
    rig.perform(rig.issuing.issue(MESH))
    rig.run(minutes=1)
    return sorted(set(moments))


@pytest.mark.parametrize("moment", undisturbed(), ids=str)
@pytest.mark.parametrize("after", [-1, 1], ids=["unwritten", "unheard"])
def test_killed_before_or_after_any_write_the_agent_finishes_and_restarts_each_pod_once(moment, after):
    rig = meshed()
    rig.driver.spawn(rig.issuing.issue(MESH), lambda _: None)
    rig.disturb("agent", moment + timedelta(milliseconds=after), timedelta(seconds=1))
    rig.run(minutes=2)
    assert (rig.state(), rig.bounced) == ("FINISHED", IN_ORDER)


FAULTS = st.tuples(st.sampled_from(["agent", "issuing", "network"]), st.integers(0, 12_000), st.integers(1, 20_000))


@settings(max_examples=60)
@given(st.lists(FAULTS, max_size=8), st.booleans(), st.integers(0, 3))
def test_whatever_dies_is_told_twice_or_cannot_be_reached_it_finishes_in_order_and_no_key_leaves(faults, twice, seed):
    with logs() as logged:
        rig = meshed(seed=seed, twice=twice)
        for fault, at, lasting in faults:
            rig.disturb(fault, timedelta(milliseconds=at), timedelta(milliseconds=lasting))
        for kind, resource in objects_of(MESH):
            rig.remote.insert(kind, resource)
        rig.run(hours=3)
        assert (rig.state(), rig.error()) == ("FINISHED", "")
        assert rig.bounced == IN_ORDER
        assert leaks(rig, logged) == []
        assert [event for event in rig.remote.list(EVENT) if event["type"] == "Warning"] == []
