"""Reading a cluster over HTTP through its kubeconfig: lists and nothing else, whatever may not be read is told."""

import asyncio

import pytest

from acme_server.protocol.vantage import Elapsed, Pause, conduct
from issuer_bridge.cluster.connection import Connection, Where
from issuer_bridge.diagnosis.cluster import READ
from issuer_bridge.diagnosis.diagnosing import diagnose
from issuer_bridge.diagnosis.reading import METADATA, read_cluster
from issuer_bridge.resources import CERTIFICATE, CHALLENGE, EVENT, ORDER, SECRET, ApiError
from scheduler.versions import NEWEST
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import CertificateRig
from tests.issuer_bridge.cluster.cluster_rig import Faults, kubeconfig, served, status
from tests.issuer_bridge.diagnosis.diagnosed import findings, told


@pytest.fixture(scope="module")
def stuck():
    """A rig with five Certificates whose names lead nowhere, for ten minutes."""
    rig = CertificateRig(errors=NEWEST)
    rig.hide = lambda question: True
    for number in range(5):
        rig.add(f"c{number}")
    rig.run(minutes=10)
    return rig


async def read(rig, folder, faults, namespace=None, page=500):
    """Read the rig's store over HTTP; return the cluster and how far it was told to be."""
    heard = []
    async with served(rig.store, faults) as url:
        connection = Connection(Where(kubeconfig(folder, url)))
        await connection.open()

        async def vantage(question):
            if isinstance(question, Pause):
                await asyncio.sleep(0)
                return Elapsed()
            return await connection(question)

        try:
            tell = lambda kind, count: heard.append((kind, count))  # noqa: E731
            return await conduct(read_cluster(namespace, tell, page=page), vantage), heard
        finally:
            await connection.close()


def refuse(code, *plurals):
    """Refuse lists of some kinds, but those of one namespace."""

    def before(request):
        refused = request.path.rpartition("/")[2] in plurals and "/namespaces/" not in request.path
        return status(code, "Forbidden")(request) if refused else None

    return before


@pytest.mark.parametrize("page", [500, 2])
async def test_what_is_found_over_http_is_what_is_there_and_only_lists_were_asked_for(stuck, tmp_path, page):
    faults = Faults()
    cluster, heard = await read(stuck, tmp_path, faults, page=page)
    assert diagnose(cluster, stuck.driver.now()) == findings(stuck)
    assert told(findings(stuck)) == [("http01-not-routed", "challenge")] * 5
    assert {method for method, _, _ in faults.asked} == {"GET"}
    assert {path.rpartition("/")[2] for _, path, _ in faults.asked} == {kind.plural for kind in READ}
    assert not any("watch" in query for _, _, query in faults.asked)
    assert [count for kind, count in heard if kind == CHALLENGE] == ([5] if page == 500 else [2, 4, 5])


async def test_of_secrets_the_metadata_alone_crosses_the_wire(stuck, tmp_path):
    faults, asked = Faults(), {}
    faults.before = lambda request: asked.update({request.path: request.headers["Accept"]})
    cluster, _ = await read(stuck, tmp_path, faults)
    assert asked["/api/v1/secrets"] == METADATA
    assert asked["/api/v1/events"] == "application/json"
    assert cluster.list(SECRET)
    assert all(sorted(secret) == ["apiVersion", "kind", "metadata"] for secret in cluster.list(SECRET))


async def test_a_kind_that_is_forbidden_is_told_and_done_without(stuck, tmp_path):
    faults = Faults()
    faults.before = refuse(403, "events", "secrets", "namespaces")
    cluster, _ = await read(stuck, tmp_path, faults)
    assert sorted(kind.plural for kind in cluster.unread) == ["events", "namespaces", "secrets"]
    assert cluster.unread[EVENT] == "a fault: 403"
    assert told(diagnose(cluster, stuck.driver.now())) == told(findings(stuck))


async def test_kinds_that_are_not_served_mean_that_the_crds_are_missing(stuck, tmp_path):
    faults = Faults()
    faults.before = refuse(404, "orders", "challenges", "certificaterequestpolicies")
    cluster, _ = await read(stuck, tmp_path, faults)
    (found,) = [one for one in diagnose(cluster, stuck.driver.now()) if one.subject == "cluster"]
    assert (found.code, found.blocks) == ("crds-missing", True)
    assert "orders.acme.cert-manager.io, challenges.acme.cert-manager.io" in found.cause
    assert "policy" not in found.cause


async def test_of_one_namespace_challenges_are_read_of_all_where_that_is_allowed(stuck, tmp_path):
    faults = Faults()
    cluster, _ = await read(stuck, tmp_path, faults, "elsewhere")
    assert (len(cluster.list(CHALLENGE)), cluster.list(CERTIFICATE), dict(cluster.unread)) == (5, (), {})
    faults.before = refuse(403, "challenges")
    cluster, _ = await read(stuck, tmp_path, faults, "default")
    assert (len(cluster.list(CHALLENGE)), len(cluster.list(ORDER))) == (5, 5)
    assert list(cluster.unread) == [CHALLENGE]


async def test_a_list_whose_next_page_is_gone_is_read_anew_as_a_whole(stuck, tmp_path):
    faults = Faults()
    faults.once(lambda request: "continue" in request.query, status(410, "Expired"))
    cluster, _ = await read(stuck, tmp_path, faults, page=2)
    assert diagnose(cluster, stuck.driver.now()) == findings(stuck)


async def test_who_is_not_let_in_is_told_so(stuck, tmp_path):
    faults = Faults()
    faults.before = status(401, "Unauthorized")
    with pytest.raises(ApiError, match="a fault: 401"):
        await read(stuck, tmp_path, faults)
