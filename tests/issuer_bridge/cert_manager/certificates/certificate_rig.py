"""A bridge with Certificates in virtual time, and Certificates, Secrets and requests for tables."""

import base64
import functools
import json
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from acme_server.protocol.vantage import HttpAnswer
from issuer_bridge.resources import CERTIFICATE, CERTIFICATE_REQUEST, SECRET
from tests.issuer_bridge.bridge_rig import Rig, kind_of

REFUSAL = {"type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": "not here"}
LIFETIME, ECDSA = timedelta(days=90), {"algorithm": "ECDSA"}


@functools.cache
def rsa_key(bits):
    """One RSA key a size: to make one takes long, and which it is does not matter."""
    return rsa.generate_private_key(65537, bits)


def certificate(name="www", **spec):
    """A Certificate with an ECDSA key, unless told otherwise."""
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": f"uid-{name}",
            "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {
            "secretName": f"{name}-tls",
            "issuerRef": {"name": "gravel", "kind": "ClusterIssuer"},
            "privateKey": ECDSA,
            **({} if "commonName" in spec or "ipAddresses" in spec else {"dnsNames": [f"{name}.http.test"]}),
            **spec,
        },
    }


class CertificateRig(Rig):
    """A Rig with an issuer that is ready. `refusing`: the server accepts no order."""

    def __init__(self, seed=1, **options):
        super().__init__(seed, **{"rsa_keys": rsa_key, **options})
        self.refusing = False
        self.tamper = self._refuse
        self.apply_issuer()
        self.run(seconds=1)

    def _refuse(self, question):
        if self.refusing and kind_of(question) == "new-order":
            return HttpAnswer(400, (("Content-Type", "application/problem+json"),), json.dumps(REFUSAL).encode())
        return None

    def add(self, name="www", labels=None, annotations=None, **spec):
        """Create a Certificate."""
        resource = certificate(name, **spec)
        metadata = {"name": name, "namespace": "default", "labels": labels or {}, "annotations": annotations or {}}
        self.create(CERTIFICATE, {**resource, "metadata": metadata})

    def issue(self, name="www", **spec):
        """Create a Certificate, and let it be issued."""
        self.add(name, **spec)
        self.run(minutes=2)
        assert self.state(name) == ("True", "Ready"), self.certificate(name)

    def certificate(self, name="www"):
        return self.store.get(CERTIFICATE, "default", name)

    def change(self, name="www", **spec):
        """Change the spec; None takes a field out."""
        resource = self.certificate(name)
        changed = {**resource["spec"], **spec}
        spec = {field: value for field, value in changed.items() if value is not None}
        self.store.replace(CERTIFICATE, {**resource, "spec": spec})

    def renew(self, name="www"):
        """Do what `cmctl renew` does."""
        resource = self.certificate(name)
        condition = {"type": "Issuing", "status": "True", "reason": "ManuallyTriggered"}
        condition |= {"message": "Certificate re-issuance manually triggered", "lastTransitionTime": self.stamp}
        status = resource["status"]
        others = [item for item in status["conditions"] if item["type"] != "Issuing"]
        self.store.replace_status(CERTIFICATE, {**resource, "status": {**status, "conditions": [*others, condition]}})

    @property
    def stamp(self):
        return f"{self.driver.now():%Y-%m-%dT%H:%M:%SZ}"

    def condition(self, type_, name="www"):
        conditions = self.certificate(name).get("status", {}).get("conditions", [])
        return next((item for item in conditions if item["type"] == type_), {})

    def state(self, name="www", type_="Ready"):
        found = self.condition(type_, name)
        return found.get("status"), found.get("reason")

    def status(self, field, name="www"):
        return self.certificate(name).get("status", {}).get(field)

    def secret(self, name="www-tls"):
        return self.store.get(SECRET, "default", name)

    def data(self, entry, name="www-tls"):
        return base64.b64decode(self.secret(name)["data"][entry])

    def leaf(self, name="www-tls"):
        return x509.load_pem_x509_certificate(self.data("tls.crt", name))

    def key(self, name="www-tls"):
        return load_pem_private_key(self.data("tls.key", name), password=None)

    def sans(self, name="www-tls"):
        san = self.leaf(name).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return sorted(str(general.value) for general in san)

    @property
    def requests(self):
        return [item["metadata"]["name"] for item in self.store.list(CERTIFICATE_REQUEST)]

    @property
    def secrets(self):
        return [item["metadata"]["name"] for item in self.store.list(SECRET, "default")]

    def reasons(self):
        """The reasons of the events about Certificates, oldest first; those of one moment by their text."""
        return sorted({reason for reason, _ in self.events("Certificate")})

    def has_pair(self, name="www-tls"):
        return self.leaf(name).public_key() == self.key(name).public_key()
