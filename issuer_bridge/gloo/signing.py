"""What the issuer answers to a CertificateRequest of another cluster, from what it sees.

A Secret that the IssuedCertificate names signs, identities and CAs alike. Where it names none, a request of
cert-manager is made of it, which ends in an ACME Order: for host names and addresses, and never a CA.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from itertools import chain
from typing import Any, TypeAlias

import attrs
from cryptography import x509

from issuer_bridge.conditions import DENIED, INVALID_REQUEST, READY, condition, is_true, ready_reason
from issuer_bridge.gloo.authority import Signed, pem_of
from issuer_bridge.gloo.secrets import host_names, signing_secret_of
from issuer_bridge.gloo.states import State, is_observed, state_of
from issuer_bridge.references import key_of
from issuer_bridge.resources import CERTIFICATE_REQUEST, GLOO, Resource

ORIGIN = f"{GLOO}/request"
"""The annotation of cert-manager's request: CLUSTER/NAMESPACE/NAME of the one that it was made of."""


@attrs.frozen
class Options:
    """What the issuer of one remote cluster may choose.

    cluster: its name; issuer: the issuerRef of cert-manager's requests, None to leave those to another; namespace:
    where they are made; roots: PEM that verifies what that issuer signs, when it does not say so itself (ACME).
    """

    cluster: str = "remote"
    issuer: Mapping[str, str] | None = None
    namespace: str = "default"
    roots: str = ""


@attrs.frozen
class Seen:
    """request and certificate: from the remote cluster; signing and relayed: the Secret and cert-manager's, from ours."""

    request: Resource
    certificate: Resource | None
    signing: Resource | None = None
    relayed: Resource | None = None


@attrs.frozen
class Sign:
    """Sign with the CA of this Secret."""

    secret: Resource
    request: x509.CertificateSigningRequest
    days: int


@attrs.frozen
class Relay:
    """Make this request of cert-manager."""

    request: Resource


@attrs.frozen
class Idle:
    """Nothing before something changes."""


Step: TypeAlias = Sign | Signed | Relay | Idle


def decide(seen: Seen, options: Options) -> Step:
    """Return the next step; ValueError says why nothing will be signed."""
    if _is_answered(seen.request):
        return Idle()
    if seen.certificate is None:
        raise ValueError("failed to find issued certificate matching certificate request")
    certificate, spec = seen.certificate, seen.certificate["spec"]
    # A CSR that the agent does not wait for yet may be replaced; its next status wakes us.
    if spec.get("agentCa") or not is_observed(certificate) or state_of(certificate) is not State.REQUESTED:
        return Idle()
    request = read_request(seen.request, certificate)
    wanted = signing_secret_of(certificate)
    if wanted is not None:
        if seen.signing is None:
            raise ValueError(f"could not find the signing Secret {'/'.join(wanted)}")
        return Sign(seen.signing, request, (spec.get("certOptions") or {}).get("ttlDays") or 0)
    if options.issuer is None:
        return Idle()
    identities = host_names(spec.get("hosts"))["uris"]
    if identities:
        raise ValueError(
            f"an ACME CA signs no identities ({', '.join(identities)}); name a signingCertificateSecret that does"
        )
    return Relay(relayed(seen.request, certificate, options)) if seen.relayed is None else _heard(seen.relayed, options)


def read_request(resource: Resource, certificate: Resource) -> x509.CertificateSigningRequest:
    """Return the CSR, which names the hosts of the IssuedCertificate, all and no others; ValueError when it does not."""
    try:
        request = x509.load_pem_x509_csr(base64.b64decode(resource["spec"].get("certificateSigningRequest") or ""))
        valid = request.is_signature_valid
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound) as error:
        raise ValueError(f"spec.certificateSigningRequest: it is no PEM of a CSR with names: {error}") from None
    if not valid:
        raise ValueError("spec.certificateSigningRequest: its signature does not verify with the key inside")
    asked = sorted(str(name.value) for name in names)
    hosts = sorted(chain.from_iterable(host_names(certificate["spec"].get("hosts")).values()))
    if asked != hosts:
        raise ValueError(f"the CSR asks for {', '.join(asked)}, the issued certificate has {', '.join(hosts)}")
    return request


def relayed_name(request: Resource, options: Options) -> str:
    """Return the name of cert-manager's request, another for each CSR: the old ones stay to be looked at."""
    told = f"{options.cluster}/{key_of(request)}/{request['spec'].get('certificateSigningRequest')}"
    return f"{request['metadata']['name']}-{hashlib.sha256(told.encode()).hexdigest()[:10]}"


def relayed(request: Resource, certificate: Resource, options: Options) -> Resource:
    """Return cert-manager's request for a CSR of another cluster."""
    days = (certificate["spec"].get("certOptions") or {}).get("ttlDays") or 0
    spec: dict[str, Any] = {
        "request": request["spec"]["certificateSigningRequest"],
        "issuerRef": dict(options.issuer or {}),
        "usages": ["digital signature", "key encipherment"],
    }
    return {
        "apiVersion": CERTIFICATE_REQUEST.api_version,
        "kind": CERTIFICATE_REQUEST.kind,
        "metadata": {
            "name": relayed_name(request, options),
            "namespace": options.namespace,
            "annotations": {ORIGIN: f"{options.cluster}/{key_of(request)}"},
        },
        "spec": {**spec, **({"duration": f"{24 * days}h"} if days > 0 else {})},
    }


def _is_answered(request: Resource) -> bool:
    """Whether there is an answer to the spec as it is now; FINISHED without a certificate is none."""
    status = request.get("status") or {}
    finished = status.get("state") == "FINISHED" and bool(status.get("signedCertificate"))
    return is_observed(request) and (finished or status.get("state") == "FAILED")


def _heard(request: Resource, options: Options) -> Step:
    """Return what became of cert-manager's request."""
    for type_ in (DENIED, INVALID_REQUEST):
        if is_true(request, type_):
            raise ValueError(condition(request, type_).get("message", type_))
    if ready_reason(request) in ("Failed", "Denied"):
        raise ValueError(condition(request, READY).get("message", "Failed"))
    if not is_true(request, READY):
        return Idle()
    status = request["status"]
    found = x509.load_pem_x509_certificates(base64.b64decode(status["certificate"]))
    root = base64.b64decode(status.get("ca") or "").decode("ascii") or options.roots
    return Signed(pem_of(found), root or pem_of(found[-1:]))
