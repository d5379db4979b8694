"""A bridge whose CA rotates, in virtual time: workloads with certificates, trust stores, and readers that load them.

At every minute each live certificate is verified against what the reader of each trust store has loaded.
"""

import base64
from datetime import timedelta

from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from issuer_bridge.conditions import condition
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.resources import CERTIFICATE, CLUSTER_ISSUER, CONFIG_MAP, SECRET, ApiError
from issuer_bridge.rotation.rotations import CONDITION, ROTATE_TO
from issuer_bridge.rotation.trust_stores import ACKNOWLEDGED, LABEL, TrustStore, hash_of
from tests.issuer_bridge.local_rig import SYSTEM, LocalRig

MINUTE = timedelta(minutes=1)


class Shut(EmbeddedStore):
    """A store in which some objects cannot be written for a while; their names are in `shut`."""

    shut = ()

    def update(self, kind, resource):
        if resource["metadata"]["name"] in self.shut:
            raise ApiError(503, "ServiceUnavailable", "the network is in two parts")
        return (yield from super().update(kind, resource))


class Reader:
    """Who reads a trust store: loads what it holds so many minutes after a change, and then says so, or tells nothing."""

    def __init__(self, rig, name, delay=0, *, tells=True):
        self.rig, self.name, self.delay, self.tells = rig, name, delay, tells
        self.loaded = self.seen = self.store.bundle
        self.due = None

    @property
    def store(self):
        return TrustStore(CONFIG_MAP, self.rig.store.get(CONFIG_MAP, "default", self.name))

    def pass_minute(self, now):
        store = self.store
        if store.bundle != self.seen:
            self.seen, self.due = store.bundle, now + self.delay * MINUTE
        if self.due is not None and now >= self.due:
            self.loaded, self.due = self.seen, None
            if self.tells:
                metadata = store.resource["metadata"]
                annotations = {**metadata["annotations"], ACKNOWLEDGED: hash_of(self.loaded)}
                self.rig.store.replace(
                    CONFIG_MAP, {**store.resource, "metadata": {**metadata, "annotations": annotations}}
                )


class RotationRig(LocalRig):
    """`mesh-ca` signs with Secret `root`, and there is a Secret `root-2`; leaves live for two hours."""

    def __init__(self, workloads=3, delays=(0,), *, lifetime="2h", annotations=None, **options):
        super().__init__(**options)
        reference = {"name": "bootstrap", "kind": "ClusterIssuer"}
        spec = {"isCA": True, "issuerRef": reference, "duration": "87600h"}
        self.add_in(SYSTEM, "root-2", secretName="root-2", commonName="root-2.test", **spec)
        self.annotate(**(annotations or {}))
        for number in range(workloads):
            self.add_in("default", f"w{number}", duration=lifetime, dnsNames=[f"w{number}.test"])
        self.run(seconds=30)
        self.old, self.new = (self.chain(name, SYSTEM)[0] for name in ("root", "root-2"))
        self.readers = [self._reader(number, delay) for number, delay in enumerate(delays)]
        self.broken = []
        self._verified = {}

    def new_store(self):
        return Shut(self.driver.now, self.entropy)

    def _reader(self, number, delay):
        text = base64.b64decode(self.store.get(SECRET, SYSTEM, "root")["data"]["ca.crt"]).decode()
        metadata = {"name": f"roots-{number}", "namespace": "default", "labels": {LABEL: "ClusterIssuer.mesh-ca"}}
        metadata["annotations"] = {ACKNOWLEDGED: hash_of(text)}
        resource = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"ca.crt": text}}
        self.create(CONFIG_MAP, resource)
        self.run(seconds=1)
        return Reader(self, f"roots-{number}", delay)

    @property
    def ca(self):
        return self.store.get(CLUSTER_ISSUER, "", "mesh-ca")

    @property
    def told(self):
        """Status, reason and message of CARotation."""
        found = condition(self.ca, CONDITION)
        return found.get("status", "False"), found.get("reason", "Stable"), found.get("message", "")

    @property
    def wanted(self):
        return self.ca["metadata"].get("annotations", {}).get(ROTATE_TO)

    @property
    def phases(self):
        """Those it has been in, oldest first."""
        return ["Stable", *(fact.data["phase"] for fact in self.facts("issuer_bridge", "RotationMoved"))]

    def annotate(self, name="mesh-ca", **annotations):
        """Annotate the issuer; `rotate_to` is gravel.test/rotate-to, and None takes one away."""
        issuer = self.store.get(CLUSTER_ISSUER, "", name)
        new = {f"gravel.test/{key.replace('_', '-')}": value for key, value in annotations.items()}
        merged = {**(issuer["metadata"].get("annotations") or {}), **new}
        kept = {key: value for key, value in merged.items() if value is not None}
        self.store.replace(CLUSTER_ISSUER, {**issuer, "metadata": {**issuer["metadata"], "annotations": kept}})

    def sign_with(self, secret):
        """The naive swap."""
        self.store.replace(CLUSTER_ISSUER, {**self.ca, "spec": {"ca": {"secretName": secret}}})

    def leaves(self):
        """Live certificates, by the name of their Secret."""
        for certificate in self.store.list(CERTIFICATE, "default"):
            name = certificate["spec"]["secretName"]
            if self.store.get(SECRET, "default", name):
                leaf, *rest = self.chain(name)
                if leaf.not_valid_after_utc > self.driver.now():
                    yield name, leaf, tuple(rest)

    def bundles(self):
        """What is trusted where, as its reader has it."""
        yield from ((f"ConfigMap {reader.name}", reader.loaded) for reader in self.readers)
        for name, _, _ in self.leaves():
            data = self.store.get(SECRET, "default", name)["data"]
            yield f"Secret {name}", base64.b64decode(data["ca.crt"]).decode()

    def live(self, minutes):
        """Let minutes pass; look at each."""
        for _ in range(minutes):
            self.run(minutes=1)
            self.look()

    def look(self):
        now = self.driver.now()
        for reader in self.readers:
            reader.pass_minute(now)
        bundles = list(self.bundles())
        for holder, leaf, rest in self.leaves():
            for store, bundle in bundles:
                if not self._verifies(leaf, rest, bundle):
                    self.broken.append((now, f"Secret {holder}", store))

    def _verifies(self, leaf, rest, bundle):
        key = leaf.serial_number, bundle
        if key not in self._verified:
            policy = PolicyBuilder().store(Store(x509.load_pem_x509_certificates(bundle.encode())))
            policy = policy.time(leaf.not_valid_before_utc + timedelta(seconds=1))
            name = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
                x509.DNSName
            )[0]
            try:
                policy.build_server_verifier(x509.DNSName(name)).verify(leaf, list(rest))
                self._verified[key] = True
            except VerificationError:
                self._verified[key] = False
        return self._verified[key]

    def signers(self):
        """By which of the two CAs the certificates are: `old`, `new`."""
        subjects = {self.old.subject: "old", self.new.subject: "new"}
        return sorted({subjects[leaf.issuer] for _, leaf, _ in self.leaves()})

    def rotate(self, to="root-2"):
        """Ask for a rotation; None takes it back."""
        self.annotate(rotate_to=to)
