"""What the agent makes: the CSR of an IssuedCertificate, and its two Secrets, which never leave its cluster."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from acme_server.protocol.driver import Entropy
from acme_server.protocol.jwk import PrivateKey
from issuer_bridge.cert_manager.certificates.private_keys import RsaKeys, new_key, read_key, write_key
from issuer_bridge.cert_manager.certificates.signing_requests import signing_request
from issuer_bridge.gloo.authority import pem_of
from issuer_bridge.pem import encode
from issuer_bridge.references import controller_reference
from issuer_bridge.resources import GLOO, GLOO_REQUEST, ISSUED_CERTIFICATE, SECRET, Resource

KEY_TYPE, ISSUED_TYPE = f"{GLOO}/generated_private_key", f"{GLOO}/issued_certificate"
PRIVATE_KEY = "private-key"
CA_CERT, CA_KEY, CHAIN, ROOT, ROOT_KEY = "ca-cert.pem", "ca-key.pem", "cert-chain.pem", "root-cert.pem", "key.pem"
DEFAULT_RSA = 4096
DEFAULT_ORG = "gloo-mesh"


def host_names(hosts: Any) -> dict[str, list[str]]:
    """Sort hosts into `ipAddresses`, `uris` (identities, `spiffe://TRUST-DOMAIN/PATH`) and `dnsNames`."""
    if not hosts:
        raise ValueError("spec.hosts: name one host at least")
    names: dict[str, list[str]] = {"dnsNames": [], "ipAddresses": [], "uris": []}
    for host in hosts:
        try:
            names["ipAddresses"].append(str(ipaddress.ip_address(host)))
        except ValueError:
            names["uris" if "://" in host else "dnsNames"].append(host)
    for uri in names["uris"]:
        scheme, _, rest = uri.partition("://")
        if scheme != "spiffe" or not rest.partition("/")[0]:
            raise ValueError(f"spec.hosts: {uri} is no identity; write spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT")
    return names


def signing_secret_of(certificate: Resource) -> tuple[str, str] | None:
    """Return namespace and name of the Secret that signs, in the issuer's cluster; None when the spec names none."""
    spec = certificate["spec"]
    authority = spec.get("glooMeshCa") or {}
    return reference_of(authority.get("signingCertificateSecret") or spec.get("signingCertificateSecret"))


def reference_of(reference: Mapping[str, str] | None) -> tuple[str, str] | None:
    """Return namespace and name of an object reference, None when there is none."""
    return (reference.get("namespace", ""), reference.get("name", "")) if reference else None


def make_key(certificate: Resource, entropy: Entropy, rsa_keys: RsaKeys | None) -> PrivateKey:
    """Make the key: RSA where keys of that kind are made, of 4096 bits or what the spec says; else P-256."""
    size = (certificate["spec"].get("certOptions") or {}).get("rsaKeySizeBytes") or DEFAULT_RSA
    wanted = {"algorithm": "RSA", "size": size} if rsa_keys else {"algorithm": "ECDSA"}
    return new_key({"privateKey": wanted}, entropy, rsa_keys)


def make_request(certificate: Resource, key: PrivateKey) -> str:
    """Return the CSR as a resource carries it; ValueError says what of the spec makes none."""
    spec = certificate["spec"]
    org = (spec.get("certOptions") or {}).get("orgName") or spec.get("org") or DEFAULT_ORG
    ca = signing_secret_of(certificate) is not None
    usages = ["digital signature", "cert sign", "crl sign"] if ca else ["digital signature", "key encipherment"]
    # The hash goes with the key that is asked for.
    asked = {"algorithm": "RSA", "size": key.key_size} if isinstance(key, rsa.RSAPrivateKey) else {"algorithm": "ECDSA"}
    names = host_names(spec.get("hosts"))
    subject = {"organizations": [org]}
    return signing_request({"subject": subject, **names, "usages": usages, "isCA": ca, "privateKey": asked}, key)


def key_secret(certificate: Resource, key: PrivateKey) -> Resource:
    """Return the Secret that keeps the private key until the certificate is there."""
    return _owned(certificate, SECRET.api_version, SECRET.kind) | {
        "type": KEY_TYPE,
        "data": {PRIVATE_KEY: encode(write_key(key))},
    }


def request_for(certificate: Resource, request: str) -> Resource:
    """Return the CertificateRequest, of the same name and namespace."""
    made = _owned(certificate, GLOO_REQUEST.api_version, GLOO_REQUEST.kind)
    return made | {"spec": {"certificateSigningRequest": request}}


def issued_secret(certificate: Resource, key: Resource, request: Resource) -> Resource:
    """Return the Secret that the mesh reads; ValueError when what was signed is not for our key.

    Its names are Istio's (`cacerts`); `key.pem`, the root's key, is empty: that one stays in the issuer's cluster.
    """
    status = request["status"]
    pem = base64.b64decode(key["data"][PRIVATE_KEY])
    try:
        chain = x509.load_pem_x509_certificates(base64.b64decode(status["signedCertificate"]))
        root = x509.load_pem_x509_certificates(base64.b64decode(status["signingRootCa"]))
    except (ValueError, KeyError) as error:
        raise ValueError(f"what the issuer signed is no certificate and its root: {error}") from None
    if chain[0].public_key() != read_key(pem).public_key():
        raise ValueError("what the issuer signed is not for the private key of this cluster")
    namespace, name = reference_of(certificate["spec"]["issuedCertificateSecret"]) or ("", "")
    data = {
        CA_CERT: pem_of(chain[:1]),
        CA_KEY: pem.decode("ascii"),
        CHAIN: pem_of(chain + root),
        ROOT: pem_of(root),
        ROOT_KEY: "",
    }
    return {
        "apiVersion": SECRET.api_version,
        "kind": SECRET.kind,
        "metadata": {"namespace": namespace, "name": name},
        "type": ISSUED_TYPE,
        "data": {entry: encode(text) for entry, text in data.items()},
    }


def _owned(certificate: Resource, api_version: str, kind: str) -> Resource:
    metadata = {name: certificate["metadata"][name] for name in ("namespace", "name")}
    owners = [controller_reference(certificate, ISSUED_CERTIFICATE)]
    return {"apiVersion": api_version, "kind": kind, "metadata": {**metadata, "ownerReferences": owners}}
