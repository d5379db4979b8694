"""`gravel verify` against real things: a running gravel and what it revoked, the objects of an API, a list of another CA."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from gravel.cli import gravel
from gravel.kube_client import KubeClient
from gravel.running import Running
from issuer_bridge.acme_client.async_client import AcmeClient
from issuer_bridge.cert_manager.certificates.policies import data_of
from issuer_bridge.cert_manager.certificates.private_keys import read_key
from issuer_bridge.resources import CERTIFICATE, CERTIFICATE_REQUEST, ISSUER, SECRET
from tests.embedded_api import new_store, serving
from tests.gravel.verify.issued import MIDDLE, NOW, ROOT, made
from tests.gravel.verify.test_verify_document import MANIFEST
from tests.issuer_bridge.bridge_resources import csr_of, key_of
from tests.issuer_bridge.cluster.cluster_rig import kubeconfig
from tests.issuer_bridge.local_rig import pem_key, tls_secret

NOBODY = "http://127.0.0.1:1"


async def run(*arguments, kubernetes=NOBODY, management=NOBODY):
    """Return the exit code, the objects that it printed, and the complaint."""
    environment = {"GRAVEL_KUBERNETES": kubernetes, "GRAVEL_MANAGEMENT": management}
    done = await asyncio.to_thread(CliRunner().invoke, gravel, ["verify", *arguments, "--json"], env=environment)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return done.exit_code, told, done.stderr


def codes(told):
    return [finding["code"] for finding in told["findings"]]


@pytest.mark.seed("B47")
async def test_what_a_running_gravel_issued_and_revoked_is_known(tmp_path, free_settings):
    (tmp_path / "www.yaml").write_text(MANIFEST)
    async with Running(free_settings(http01_port=0), bridge=True) as running:
        where = {"kubernetes": running.addresses.kubernetes, "management": running.addresses.management}
        environment = {"GRAVEL_KUBERNETES": running.addresses.kubernetes}
        for arguments in (["apply", str(tmp_path)], ["wait", "secret/www-tls"]):
            done = await asyncio.to_thread(CliRunner().invoke, gravel, arguments, env=environment)
            assert done.exit_code == 0, done.output
        _, [told], _ = await run("certificate/www", **where)
        assert (told["verdict"], told["revocation"]) == ("pass", "good")
        async with KubeClient(running.addresses.kubernetes) as client:
            secret = await client.get(SECRET, "default", "www-tls")
        leaf = x509.load_pem_x509_certificate(data_of(secret, "tls.crt")).public_bytes(Encoding.DER)
        key, trust = read_key(data_of(secret, "tls.key")), running.addresses.tls_ca
        trust = await asyncio.to_thread(Path(trust).read_text)
        async with AcmeClient(running.addresses.directory, key_of("no account"), trust=trust) as client:
            await client.revoke(leaf, 1, key)
        code, [told], _ = await run("certificate/www", **where)
    assert (code, codes(told)) == (1, ["revoked"])
    assert "Revoked at" in told["revocation"]


@pytest.fixture
async def lists():
    """Serve revocation lists at paths; yield the URL and what it serves."""
    served = {}

    async def answer(request):
        return web.Response(body=served[request.path]) if request.path in served else web.Response(status=404)

    app = web.Application()
    app.router.add_get("/{name}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}", served
    await runner.cleanup()


def revocation_list(signer, *serials):
    now = datetime.now(UTC)
    builder = x509.CertificateRevocationListBuilder().issuer_name(signer.certificate.subject)
    builder = builder.last_update(now).next_update(now + timedelta(days=1))
    for serial in serials:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("served", "revocation", "found"),
    [
        (revocation_list(MIDDLE, 8), "good", []),
        (revocation_list(MIDDLE, 7), "the list of CN=middle says: revoked at 2026-06-01T00:00:00Z", ["revoked"]),
        (revocation_list(made("middle", ROOT, key=key_of("x")), 7), None, ["revocation-unknown"]),
        (b"no list", None, ["revocation-unknown"]),
        (None, None, ["revocation-unknown"]),
    ],
    ids=["not listed", "listed", "signed by another", "no list", "not there"],
)
async def test_of_another_ca_the_list_that_the_certificate_names_is_read(lists, tmp_path, served, revocation, found):
    url, files = lists
    files |= {"/list": served} if served else {}
    soon = datetime.now(UTC) - NOW + timedelta(days=9)
    leaf = made("leaf", MIDDLE, names=("www.test",), lists=(f"{url}/list",), end=soon)
    (tmp_path / "www.pem").write_bytes(leaf.pem + MIDDLE.pem)
    _, [told], _ = await run(str(tmp_path / "www.pem"))
    assert told["revocation"] == revocation
    assert [code for code in codes(told) if code.startswith("revo")] == found


def ready(status):
    return {"conditions": [{"type": "Ready", "status": status, "reason": "x", "message": "said why"}]}


def insert(store, kind, name, spec, status=None):
    resource = {"metadata": {"name": name, "namespace": "default"}, "spec": spec}
    made_there = store.insert(kind, resource)
    if status:
        store.replace_status(kind, made_there | {"status": status})


REFERENCE = {"name": "ca", "kind": "Issuer"}
CA = {"ca": {"secretName": "ca"}}


@pytest.fixture
async def cluster(tmp_path):
    """A store with a Certificate, its Secret and its Issuer behind a real API; the roots in a file."""
    store = new_store()
    end = datetime.now(UTC) - NOW + timedelta(days=9)
    middle = made("middle", ROOT, ca=True, end=end)
    leaf = made("leaf", middle, names=("www.test",), end=end)
    secret = tls_secret("www-tls", tls_crt=leaf.pem + middle.pem, tls_key=pem_key(leaf.key))
    annotations = {"cert-manager.io/issuer-name": "ca", "cert-manager.io/issuer-kind": "Issuer"}
    store.insert(SECRET, {**secret, "metadata": {**secret["metadata"], "annotations": annotations}})
    spec = {"secretName": "www-tls", "dnsNames": ["www.test"], "issuerRef": REFERENCE}
    insert(store, CERTIFICATE, "www", spec, ready("True"))
    insert(store, ISSUER, "ca", CA, ready("True"))
    (tmp_path / "root.pem").write_bytes(made("root", ca=True, end=end, key=ROOT.key).pem)
    async with serving(store) as url:
        yield store, url, str(tmp_path / "root.pem")


@pytest.mark.seed("B47")
async def test_a_certificate_and_its_secret_are_what_was_asked_for(cluster, tmp_path):
    _, url, roots = cluster
    code, told, _ = await run("certificate/www", "secret/www-tls", "--roots", roots, kubernetes=url)
    assert (code, [one["verdict"] for one in told]) == (0, ["pass", "pass"])
    file = kubeconfig(tmp_path, url)
    assert (await run("cert/www", "--roots", roots, "--kubeconfig", file))[0] == 0


@pytest.mark.seed("B47")
@pytest.mark.parametrize("thing", ["certificate/www", "secret/www-tls"])
async def test_a_reference_to_an_issuer_that_is_not_ready_or_not_there_is_found(cluster, thing):
    store, url, roots = cluster
    insert_again = store.get(ISSUER, "default", "ca")
    store.replace_status(ISSUER, insert_again | {"status": ready("False")})
    code, [told], _ = await run(thing, "--roots", roots, kubernetes=url)
    assert (code, codes(told), told["findings"][0]["evidence"]) == (1, ["not-ready"], ["said why"])
    store.remove(ISSUER, "default", "ca")
    code, [told], _ = await run(thing, "--roots", roots, kubernetes=url)
    assert (code, codes(told)) == (1, ["missing"])
    assert told["findings"][0]["cause"] == "issuer.cert-manager.io/ca does not exist"


async def test_names_that_the_spec_asks_for_now_are_missed(cluster):
    store, url, roots = cluster
    certificate = store.get(CERTIFICATE, "default", "www")
    spec = {**certificate["spec"], "dnsNames": ["api.test"], "duration": "2160h"}
    store.replace(CERTIFICATE, {**certificate, "spec": spec})
    code, [told], _ = await run("certificate/www", "--roots", roots, kubernetes=url)
    assert (code, codes(told)) == (1, ["lifetime-differs", "name-missing", "name-beside"])


async def test_a_request_is_compared_with_its_csr(cluster):
    store, url, roots = cluster
    secret = store.get(SECRET, "default", "www-tls")
    for name, csr in (("same", csr_of("leaf")), ("other", csr_of("www.test"))):
        status = {**ready("True"), "certificate": secret["data"]["tls.crt"]}
        insert(store, CERTIFICATE_REQUEST, name, {"request": csr, "issuerRef": REFERENCE}, status)
    _, [same, other], _ = await run("cr/same", "cr/other", "--roots", roots, kubernetes=url)
    assert codes(same) == ["name-missing", "name-beside"]  # its key is the leaf's, its names are not
    assert codes(other) == ["key-differs"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["no.pem"], "no.pem cannot be read: no such file or directory"),
        (["issuer/x"], "'issuer/x' is neither a file nor secret/NAME"),
        (["secert/x"], "did you mean secrets?"),
        (["secret/x", "--key", "x"], "--key is the key of one FILE"),
        (["secret/x", "--roots", "/dev/null"], "--roots /dev/null holds no certificates"),
    ],
)
async def test_a_mistake_in_the_command_is_told(arguments, complaint):
    code, told, said = await run(*arguments)
    assert (code, told, complaint in said) == (2, [], True), said


async def test_an_api_that_does_not_answer_is_told():
    code, _, said = await run("secret/x")
    assert (code, "secret/x cannot be read: nothing answers at" in said) == (1, True)
