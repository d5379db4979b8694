"""The bridge at work for an AcmeClusterIssuer, in virtual time; faults are the server's own."""

from acme_server.faults.rule import read_rule
from acme_server.protocol.vantage import HttpAnswer
from issuer_bridge.resources import ACME_CLUSTER_ISSUER, ACME_ISSUER
from tests.issuer_bridge.bridge_resources import DNS01, HTTP01
from tests.issuer_bridge.bridge_rig import START, Rig, kind_of

ISSUED = ("True", "Issued", "Succeeded signing the CertificateRequest")
REFERENCE = {"name": "gravel", "kind": "AcmeClusterIssuer", "group": "gravel.test"}


def acme_issuer(kind="AcmeClusterIssuer", **spec):
    """An AcmeClusterIssuer, or an AcmeIssuer of the namespace `default`, with an http01 and a dns01 solver."""
    metadata = {"name": "gravel"} if kind == "AcmeClusterIssuer" else {"name": "gravel", "namespace": "default"}
    return {
        "apiVersion": "gravel.test/v1alpha1",
        "kind": kind,
        "metadata": metadata,
        "spec": {
            "directory": "gravel://default",
            "accountKeySecretRef": {"name": "account"},
            "solvers": [{**DNS01, "selector": {"dnsZones": ["dns.test"]}}, HTTP01],
            **spec,
        },
    }


class OfAcmeIssuers:
    """What a rig does otherwise when its requests name an AcmeClusterIssuer."""

    def apply_issuer(self, kind="AcmeClusterIssuer", **spec):
        self.create({k.kind: k for k in (ACME_ISSUER, ACME_CLUSTER_ISSUER)}[kind], acme_issuer(kind, **spec))

    def apply(self, name, *names, **spec):
        super().apply(name, *names, **{"issuerRef": REFERENCE, **spec})

    @property
    def issuer(self):
        """The issuer as it is now."""
        return self.store.get(ACME_CLUSTER_ISSUER, "", "gravel")

    def said(self, type_="Ready"):
        """(status, reason, message) of a condition of the issuer."""
        conditions = self.issuer.get("status", {}).get("conditions", [])
        return next(((c["status"], c["reason"], c["message"]) for c in conditions if c["type"] == type_), None)

    def invalid(self, name):
        """Whether the request is said to be at fault itself."""
        conditions = self.request(name)["status"]["conditions"]
        return any(c["type"] == "InvalidRequest" and c["status"] == "True" for c in conditions)


class AcmeRig(OfAcmeIssuers, Rig):
    """A server and a bridge, with an issuer that is Ready after a second."""

    def __init__(self, *faults, issuer=None, **options):
        super().__init__(**options)
        self.apply_issuer(**(issuer or {}))
        self.run(seconds=1)
        self.arm(*faults)

    def arm(self, *faults):
        """Arm faults of the server, as documents of docs/faults.md."""
        for fault in faults:
            self.world.faults.arm(read_rule(fault), self.driver.now())

    def moments(self, kind):
        """The seconds, since the start, at which the server was asked for something."""
        return [int((moment - START).total_seconds()) for moment, asked in self.asked if asked == kind]

    def tamper_once(self, kind, *answers):
        """Give these answers to the next questions of a kind, and the server's to all others."""
        left = list(answers)

        def tamper(question):
            if kind_of(question) == kind and left:
                self.asked.append((self.driver.now(), kind))
                return left.pop(0)
            return None

        self.tamper = tamper


REFUSED = HttpAnswer(error="connection refused")
