"""Which certificate a request renews: the leaf in its Certificate's Secret, by its RFC 9773 id.

Upstream: resolveReplacesCertID of pkg/controller/certificaterequests/acme/acme.go,
and `renewalInformationSource` of the issuer (pkg/acme/util.go).
"""

from __future__ import annotations

import base64

from issuer_bridge.acme_client.renewal import certificate_id
from issuer_bridge.cert_manager.accounts import acme_of
from issuer_bridge.resources import CERTIFICATE, SECRET, Resource, Resources

CERTIFICATE_NAME = "cert-manager.io/certificate-name"


def replaced_by(request: Resource, issuer: Resource | None, resources: Resources) -> str:
    """Return the id, "" when it cannot be told or the issuer does not want it; that keeps nobody from renewing."""
    namespace = request["metadata"]["namespace"]
    name = (request["metadata"].get("annotations") or {}).get(CERTIFICATE_NAME)
    source = (acme_of(issuer) or {}).get("renewalInformationSource") if issuer else None
    certificate = resources.get(CERTIFICATE, namespace, name) if name and source != "None" else None
    secret_name = certificate["spec"].get("secretName") if certificate else None
    secret = resources.get(SECRET, namespace, secret_name) if secret_name else None
    chain = (secret.get("data") or {}).get("tls.crt") if secret else None
    try:
        return certificate_id(base64.b64decode(chain).decode("ascii")) if chain else ""
    except ValueError:
        return ""
