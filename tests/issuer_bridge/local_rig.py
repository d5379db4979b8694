"""A bridge with cert-manager's own CA: a self-signed root in a Secret, and a ClusterIssuer `mesh-ca` that signs with it."""

import base64

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from issuer_bridge.resources import CERTIFICATE, CLUSTER_ISSUER, ISSUER, SECRET
from tests.issuer_bridge.bridge_rig import Rig
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import CertificateRig, certificate, rsa_key

SYSTEM = "kube-system"


def typed_issuer(name, spec, namespace=""):
    """An Issuer of a namespace, or without one a ClusterIssuer."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    kind = "Issuer" if namespace else "ClusterIssuer"
    return {"apiVersion": "cert-manager.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def pem_key(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def tls_secret(name, namespace="default", **entries):
    """A Secret; an underscore in the name of an entry is a dot."""
    data = {entry.replace("_", "."): base64.b64encode(value).decode() for entry, value in entries.items()}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, "data": data}


class LocalRig(CertificateRig):
    """The rig of Certificates without an ACME issuer; `root`: with a CA that is ready."""

    def __init__(self, *, root=True, **options):
        Rig.__init__(self, **{"rsa_keys": rsa_key, **options})
        if root:
            self.issuer("bootstrap", {"selfSigned": {}})
            self.issuer("mesh-ca", {"ca": {"secretName": "root"}})
            reference = {"name": "bootstrap", "kind": "ClusterIssuer"}
            spec = {"secretName": "root", "isCA": True, "commonName": "root.test", "issuerRef": reference}
            self.add_in(SYSTEM, "root", **spec, duration="87600h")
            self.run(seconds=5)
            assert self.issuer_ready("mesh-ca")[:2] == ("True", "KeyPairVerified")

    def issuer(self, name, spec, namespace=""):
        self.create(ISSUER if namespace else CLUSTER_ISSUER, typed_issuer(name, spec, namespace))

    def issuer_ready(self, name, namespace=""):
        """(status, reason, message) of Ready."""
        found = self.store.get(ISSUER if namespace else CLUSTER_ISSUER, namespace, name)
        (ready,) = (found.get("status") or {}).get("conditions") or [None]
        return ready and (ready["status"], ready["reason"], ready["message"])

    def add_in(self, namespace, name, **spec):
        """Create a Certificate of mesh-ca."""
        reference = {"name": "mesh-ca", "kind": "ClusterIssuer"}
        resource = certificate(name, **{"issuerRef": reference, **spec})
        self.create(CERTIFICATE, {**resource, "metadata": {"name": name, "namespace": namespace}})

    def chain(self, name, namespace="default", entry="tls.crt"):
        data = self.store.get(SECRET, namespace, name)["data"]
        return x509.load_pem_x509_certificates(base64.b64decode(data[entry]))
