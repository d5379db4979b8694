"""Where a cluster is, and as whom it is asked: what `kubernetes_asyncio` reads, on real files and real HTTP."""

import json
import sys
from datetime import UTC, datetime
from random import Random

import pytest
from kubernetes_asyncio.config import incluster_config

from acme_server import tls
from acme_server.protocol.vantage import conduct
from issuer_bridge.cluster import calls
from issuer_bridge.cluster.connection import Connection, NoCluster, Where
from issuer_bridge.resources import SECRET, ApiError
from solvers.tls_context import server_context
from tests.embedded_api import new_store
from tests.issuer_bridge.cluster.cluster_rig import Faults, kubeconfig, served, status

MISSING = calls.read(SECRET, "default", "none")


@pytest.fixture
async def api():
    faults = Faults()
    async with served(new_store(), faults) as url:
        faults.url = url
        yield faults


def guarded(api, *tokens):
    """Let the API want these tokens, one after the other; return what was shown."""
    shown = []

    def look(request):
        shown.append(request.headers.get("Authorization"))
        return None if shown[-1] in [f"Bearer {token}" for token in tokens] else status(401, "Unauthorized")(request)

    api.before = look
    return shown


async def ask(path=None, context=None, **where):
    connection = Connection(Where(path, context, **where))
    await connection.open()
    try:
        return await conduct(calls.read(SECRET, "default", "none"), connection)
    finally:
        await connection.close()


async def test_the_token_of_a_kubeconfig_is_shown(api, tmp_path):
    shown = guarded(api, "secret")
    assert await ask(kubeconfig(tmp_path, api.url, token="secret")) is None
    assert shown == ["Bearer secret"]


async def test_a_bare_url_needs_no_file(api):
    assert await ask(server=f"{api.url}/") is None
    assert api.asked[-1][1] == "/api/v1/namespaces/default/secrets/none"


async def test_the_token_of_a_bare_url_is_shown(api):
    shown = guarded(api, "secret")
    assert await ask(server=api.url, token="secret") is None
    assert shown == ["Bearer secret"]


async def test_a_context_names_another_cluster(api, tmp_path):
    connection = Connection(Where(kubeconfig(tmp_path, api.url), "elsewhere"))
    await connection.open()
    assert connection.url == "http://127.0.0.1:1"
    await connection.close()


async def test_an_exec_plugin_is_asked_again_when_its_token_has_expired(api, tmp_path):
    count = tmp_path / "count"
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        f"import json, pathlib\ncount = pathlib.Path({str(count)!r})\n"
        "number = len(count.read_text()) if count.exists() else 0\ncount.write_text('x' * (number + 1))\n"
        "print(json.dumps({'apiVersion': 'client.authentication.k8s.io/v1', 'kind': 'ExecCredential',"
        " 'status': {'token': f'token-{number}'}}))\n"
    )
    command = {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "args": [str(plugin)]}
    shown = guarded(api, "token-1")
    assert await ask(kubeconfig(tmp_path, api.url, exec=command)) is None
    assert shown == ["Bearer token-0", "Bearer token-1"]


async def test_a_token_that_stays_refused_is_an_error(api, tmp_path):
    guarded(api)
    with pytest.raises(ApiError) as refused:
        await ask(kubeconfig(tmp_path, api.url, token="wrong"))
    assert refused.value.code == 401


async def test_nothing_listens_there(tmp_path):
    connection = Connection(Where(kubeconfig(tmp_path, "http://127.0.0.1:1")))
    await connection.open()
    answer = await connection(calls.ApiRequest(calls.path_of(SECRET)))
    await connection.close()
    assert answer.error == "connection refused"


@pytest.fixture
def pod(tmp_path, monkeypatch):
    """The files and variables of a pod; call it with the port of the API and the CA it shows itself under."""

    def at(url, ca):
        host, port = url.removeprefix("https://").split(":")
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
        for variable, text in (("TOKEN", "first"), ("CERT", ca)):
            path = tmp_path / variable
            path.write_text(text)
            monkeypatch.setattr(incluster_config, f"SERVICE_{variable}_FILENAME", str(path))
        return tmp_path / "TOKEN"

    return at


async def test_a_pod_asks_its_cluster_over_tls_and_reads_a_renewed_token(api, pod):
    material = tls.create(Random(1).randbytes, datetime.now(UTC), ("127.0.0.1",))
    async with served(new_store(), api, server_context(material.certificate_pem, material.key_pem)) as url:
        token = pod(url, material.ca_pem)
        shown = guarded(api, "second")
        connection = Connection(Where(in_cluster=True))
        await connection.open()
        token.write_text("second")
        assert await conduct(calls.read(SECRET, "default", "none"), connection) is None
        await connection.close()
        assert (connection.url, shown) == (url, ["Bearer first", "Bearer second"])


@pytest.mark.parametrize(
    "text", ["", "[]", "not: [yaml", json.dumps({"current-context": "x", "contexts": [], "clusters": [], "users": []})]
)
async def test_a_kubeconfig_that_says_nothing_is_named(tmp_path, text):
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    with pytest.raises(NoCluster, match="kubeconfig does not say where a cluster is"):
        await Connection(Where(str(path))).open()


async def test_a_context_that_is_not_there_is_named(tmp_path):
    with pytest.raises(NoCluster, match="nowhere"):
        await Connection(Where(kubeconfig(tmp_path, "http://127.0.0.1:1"), "nowhere")).open()


async def test_outside_a_pod_there_is_no_cluster_to_be_in(monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(NoCluster, match="this pod does not say"):
        await Connection(Where(in_cluster=True)).open()
