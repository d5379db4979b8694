"""Resources for tests: an issuer, a request, and CSRs whose keys follow from their names."""

import base64
import hashlib
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

HTTP01 = {"http01": {"ingress": {}}}
DNS01 = {"dns01": {"webhook": {"groupName": "acme.gravel.test", "solverName": "builtin"}}}
APPROVED = {"type": "Approved", "status": "True", "reason": "cert-manager.io", "message": "yes"}


def key_of(*names):
    number = int.from_bytes(hashlib.sha256(" ".join(names).encode()).digest(), "big") >> 1
    return ec.derive_private_key(number, ec.SECP256R1())


def pem_csr(*names, common_name="", addresses=()):
    subject = [x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)] if common_name else []
    sans = [x509.DNSName(name) for name in names]
    sans += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    if sans:
        builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
    return builder.sign(key_of(*names), hashes.SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.PEM)


def csr_of(*names, **fields):
    """What `spec.request` holds."""
    return base64.b64encode(pem_csr(*names, **fields)).decode()


def issuer(name="gravel", kind="ClusterIssuer", ready="True", **acme):
    """A ClusterIssuer with an http01 and a dns01 solver."""
    spec = {
        "server": "gravel://default",
        "privateKeySecretRef": {"name": "account"},
        "solvers": [{**DNS01, "selector": {"dnsZones": ["dns.test"]}}, HTTP01],
        **acme,
    }
    metadata = {"name": name, "uid": f"uid-{name}", "generation": 1}
    if kind == "Issuer":
        metadata["namespace"] = "default"
    status = {"conditions": [{"type": "Ready", "status": ready, "reason": "x", "message": "y"}]} if ready else {}
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": kind,
        "metadata": metadata,
        "spec": {"acme": spec},
        "status": status,
    }


def request(*names, name="one", conditions=(APPROVED,), csr=None, reference=None, **status):
    """A CertificateRequest, approved unless told otherwise."""
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "CertificateRequest",
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}", "labels": {"team": "a"}},
        "spec": {
            "request": csr_of(*names) if csr is None else csr,
            "issuerRef": reference or {"name": "gravel", "kind": "ClusterIssuer"},
        },
        "status": {"conditions": list(conditions), **status},
    }
