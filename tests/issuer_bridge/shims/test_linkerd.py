"""Linkerd's identity issuer: a CA certificate that is renewed, and workloads that trust the anchor alone; virtual time."""

import base64
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import PolicyBuilder, Store

from issuer_bridge.cert_manager.certificates.private_keys import read_key
from issuer_bridge.cert_manager.local_signing import sign, template_of
from issuer_bridge.resources import NAMESPACE, SECRET
from tests.issuer_bridge.bridge_resources import csr_of
from tests.issuer_bridge.local_rig import SYSTEM, LocalRig

NAME = "linkerd-identity-issuer"
WORKLOAD = "api.payments.serviceaccount.identity.linkerd.cluster.local"
# As the owner's document has it, and with the key that Linkerd demands.
SPEC = {
    "secretName": NAME,
    "duration": "48h",
    "renewBefore": "12h",
    "commonName": "identity.linkerd.cluster.local",
    "dnsNames": ["identity.linkerd.cluster.local"],
    "isCA": True,
    "usages": ["cert sign", "crl sign", "server auth", "client auth"],
    "privateKey": {"algorithm": "ECDSA"},
}


class ControlPlane(LocalRig):
    """A bridge with the identity issuer, and what Linkerd's identity service does: it watches its Secret."""

    def __init__(self):
        super().__init__()
        self.loaded = []
        self.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "linkerd"}})
        self.store.watch(self.heard)
        self.add_in("linkerd", NAME, **SPEC)
        self.run(seconds=5)

    def heard(self, _event, kind, secret):
        if kind == SECRET and secret["metadata"]["name"] == NAME:
            data = {name: base64.b64decode(value) for name, value in secret["data"].items()}
            self.loaded.append((x509.load_pem_x509_certificate(data["tls.crt"]), read_key(data["tls.key"])))

    def certify(self):
        """Sign for a workload, as a proxy asks for every day."""
        issuer, key = self.loaded[-1]
        template = template_of({"request": csr_of(WORKLOAD), "duration": "24h", "usages": ["server auth"]}, {})
        return sign(template, issuer, key, bytes(range(20)), self.driver.now()), issuer

    def verify(self, leaf, issuer):
        """Verify a chain by the trust anchor alone."""
        policy = PolicyBuilder().store(Store(self.chain("root", SYSTEM))).time(self.driver.now())
        return policy.build_server_verifier(x509.DNSName(WORKLOAD)).verify(leaf, [issuer])


@pytest.mark.seed("B44")
def test_the_identity_issuer_is_a_ca_in_a_secret_of_linkerds_shape():
    plane = ControlPlane()
    secret = plane.store.get(SECRET, "linkerd", NAME)
    assert (secret["type"], sorted(secret["data"])) == ("kubernetes.io/tls", ["ca.crt", "tls.crt", "tls.key"])
    assert plane.chain(NAME, "linkerd", "ca.crt") == plane.chain("root", SYSTEM)
    issuer, key = plane.loaded[-1]
    assert (isinstance(key, ec.EllipticCurvePrivateKey), key.curve.name) == (True, "secp256r1")
    usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.crl_sign) == (True, True)
    assert issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert issuer.not_valid_after_utc - issuer.not_valid_before_utc == timedelta(hours=48)


@pytest.mark.seed("B44", "B66")
def test_a_rotation_reaches_the_control_plane_and_interrupts_nobody():
    plane = ControlPlane()
    plane.run(hours=30)
    old = plane.certify()
    plane.verify(*old)
    plane.run(hours=7)  # past the renewal, 36 hours after the beginning
    assert len({issuer.serial_number for issuer, _ in plane.loaded}) == 2
    new = plane.certify()
    assert new[1] != old[1]
    for leaf, issuer in (old, new):
        assert plane.verify(leaf, issuer)[0] == leaf
