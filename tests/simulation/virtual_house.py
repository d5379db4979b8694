"""A whole house in virtual time: the real parts, no socket and no real clock.

The ACME server, the responder and the DNS stand behind a `VirtualNetwork` as
plain functions; everything else is composed by `gravel.house.build`, as for
real runs.
"""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from acme_server.exchange import Request
from acme_server.faults.virtual import heard
from acme_server.protocol.vantage import HttpAnswer
from acme_server.settings import Settings as ServerSettings
from gravel.dns_faults import DnsFaults
from gravel.house import HouseSettings, build
from issuer_bridge.operator import Options
from issuer_bridge.resources import CERTIFICATE_REQUEST, CLUSTER_ISSUER
from scheduler.simulator.loop import VirtualDriver
from scheduler.simulator.network import VirtualNetwork
from solvers.dns.answer import hear_answer
from solvers.dns.zone import Zone
from solvers.timing import TIMINGS

START = datetime(2026, 1, 1, tzinfo=UTC)
ACME = "acme.test:14000"
RESPONDER = "127.0.0.1:5002"
DNS = "127.0.0.1:8053"


def entropy_of(seed):
    """An endless, repeatable stream of bytes."""
    state = {"counter": 0}

    def draw(size):
        out = b""
        while len(out) < size:
            out += hashlib.sha256(f"{seed}/{state['counter']}".encode()).digest()
            state["counter"] += 1
        return out[:size]

    return draw


class VirtualHouse:
    """Parts plus what a test does with them."""

    def __init__(
        self, seed=1, latency=timedelta(milliseconds=5), timing="cert-manager", nameservers=(), server=None, **options
    ):
        self.network = VirtualNetwork(
            routes={ACME: self._acme, RESPONDER: self._responder},
            dns=lambda question: hear_answer(self.house.zone, question, self._faults),
            latency=latency,
        )
        self.driver = VirtualDriver(START, self.network)
        settings = HouseSettings(
            base_url=f"https://{ACME}",
            server=attrs.evolve(server or ServerSettings(), dns=DNS, http01_port=5002, tls_alpn_port=5001),
            timing=TIMINGS[timing],
            bridge=attrs.evolve(Options(), **options),
        )
        self.house = build(self.driver, settings, entropy_of(seed), zone=Zone(nameservers=nameservers))
        self._faults = DnsFaults(self.house.zone)
        self._faults.follow(self.house.world, self.driver.now)
        self.house.operator.start()

    def _acme(self, question):
        parts = urlsplit(question.url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {key.lower(): value for key, value in question.headers}
        reply = self.house.server.handle(Request(question.method, path, headers, question.body))
        return heard(reply)

    def _responder(self, question):
        parts = urlsplit(question.url)
        status, body = self.house.responder.handle(question.method, parts.netloc, parts.path)
        return HttpAnswer(status, (), body)

    def create(self, kind, resource):
        """Write a resource as `gravel apply` would, now."""
        self.driver.spawn(self.house.resources.create(kind, resource), lambda _: None)

    def apply_issuer(self):
        solvers = [
            {
                "selector": {"dnsZones": ["dns.test"]},
                "dns01": {"webhook": {"groupName": "acme.gravel.test", "solverName": "builtin"}},
            },
            {"http01": {"ingress": {}}},
        ]
        self.create(
            CLUSTER_ISSUER,
            {
                "apiVersion": "cert-manager.io/v1",
                "kind": "ClusterIssuer",
                "metadata": {"name": "gravel"},
                "spec": {
                    "acme": {
                        "server": "gravel://default",
                        "privateKeySecretRef": {"name": "account"},
                        "solvers": solvers,
                    }
                },
            },
        )

    def apply_request(self, name, *names, csr=None):
        self.create(
            CERTIFICATE_REQUEST,
            {
                "apiVersion": "cert-manager.io/v1",
                "kind": "CertificateRequest",
                "metadata": {"name": name, "namespace": "default"},
                "spec": {"request": csr or csr_of(*names), "issuerRef": {"name": "gravel", "kind": "ClusterIssuer"}},
            },
        )

    def request(self, name):
        return self.house.resources.get(CERTIFICATE_REQUEST, "default", name)

    def ready(self, name):
        """Return (status, reason) of the Ready condition, or None."""
        conditions = self.request(name).get("status", {}).get("conditions", [])
        return next(((c["status"], c["reason"]) for c in conditions if c["type"] == "Ready"), None)

    def facts(self, kind=None):
        return [entry for entry in self.house.world.journal if kind in (None, entry.kind)]


def csr_of(*names):
    """A base64 PEM CSR whose key follows from its names, so that runs repeat."""
    number = int.from_bytes(hashlib.sha256(" ".join(names).encode()).digest(), "big") >> 1
    key = ec.derive_private_key(number, ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
    request = builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    return base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode()
