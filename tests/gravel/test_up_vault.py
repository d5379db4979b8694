"""A real `gravel up` with an issuer of type Vault: logged in to over TLS, and what it signed is verified."""

import asyncio
import base64
import ipaddress
import ssl

import pytest
from aiohttp import web
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from gravel.cli import gravel
from gravel.running import Running
from tests.issuer_bridge.local_rig import pem_key
from tests.issuer_bridge.stand_ins.vault import DAY, VaultStandIn

MANIFEST = """\
apiVersion: v1
kind: Secret
metadata: {{name: vault, namespace: cert-manager}}
stringData: {{secret: secret-1}}
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {{name: vault}}
spec:
  vault:
    server: https://127.0.0.1:{port}
    path: pki/sign/web
    caBundle: {bundle}
    auth: {{appRole: {{path: approle, roleId: role-1, secretRef: {{name: vault, key: secret}}}}}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {{name: www, namespace: default}}
spec:
  secretName: www-tls
  dnsNames: [www.test]
  duration: 240h
  privateKey: {{algorithm: ECDSA}}
  issuerRef: {{name: vault, kind: ClusterIssuer}}
"""


@pytest.fixture
async def vault(tmp_path):
    """Serve a stand-in over TLS, with a certificate of its own CA; yield it and its port."""
    stand_in = VaultStandIn()

    async def answer(request):
        headers = {name.lower(): value for name, value in request.headers.items()}
        status, document = stand_in.handle(request.method, request.path, headers, await request.read())
        return web.json_response(document, status=status)

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    leaf = stand_in.issued(x509.Name([]), key.public_key(), stand_in.root, DAY, [name])
    (tmp_path / "pair.pem").write_bytes(pem_key(key) + leaf.public_bytes(Encoding.PEM))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "pair.pem")
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    yield stand_in, site._server.sockets[0].getsockname()[1]
    await runner.cleanup()


@pytest.mark.seed("K02", "B47")
async def test_a_certificate_of_a_vault_is_issued_over_tls_and_verified(vault, tmp_path, free_settings):
    stand_in, port = vault
    root = stand_in.root[0].public_bytes(Encoding.PEM)
    (tmp_path / "www.yaml").write_text(MANIFEST.format(port=port, bundle=base64.b64encode(root).decode()))
    (tmp_path / "root.pem").write_bytes(root)
    async with Running(free_settings(), bridge=True) as running:
        environment = {"GRAVEL_KUBERNETES": running.addresses.kubernetes}
        for arguments in (
            ["apply", str(tmp_path / "www.yaml"), "--timeout", "30"],
            ["verify", "certificate/www", "--roots", str(tmp_path / "root.pem"), "--valid-for", "230h"],
        ):
            done = await asyncio.to_thread(CliRunner().invoke, gravel, arguments, env=environment)
            assert done.exit_code == 0, done.output
    assert done.output == "certificate/default/www: pass, for www.test\n"
