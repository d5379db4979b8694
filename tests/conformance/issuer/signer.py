"""A small external issuer that does as it should, in a thread; the broken ones differ from it in a method or two.

It serves Issuers of `spec.vault`, which nothing else here does. An issuer is ready unless its spec says `broken`.
"""

from __future__ import annotations

import base64
import threading
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from conformance.issuer.kube import EVENTS, REQUESTS, Follower, Kube, Refused
from conformance.issuer.options import Target

COLLECTION, ISSUERS = REQUESTS.format("default"), "/apis/cert-manager.io/v1/namespaces/default/issuers"
TICK = 0.02
FINAL = ("Issued", "Failed", "Denied")


class Authority:
    """A certificate and its key."""

    def __init__(self, name, parent=None):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = (parent or self).sign(self.name, self.key.public_key(), x509.BasicConstraints(True, None))

    def sign(self, subject, key, *extensions, begin=timedelta(minutes=-1), serial=None):
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(self.name, subject, key, serial or x509.random_serial_number())
        builder = builder.not_valid_before(now + begin).not_valid_after(now + timedelta(days=90))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(self.key, SHA256())


def bundle(*certificates):
    return base64.b64encode(b"".join(one.public_bytes(Encoding.PEM) for one in certificates)).decode()


def now():
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def condition(resource, kind):
    conditions = resource.get("status", {}).get("conditions", ())
    return next((one for one in conditions if one["type"] == kind), {})


class Signer:
    """A context: inside, it works."""

    root = Authority("root")
    middle = Authority("middle", root)
    other = Authority("other", root)
    stranger = Authority("stranger")

    def __init__(self, url):
        self.kube = Kube(Target(url))
        self.issuers = {}
        self.published = []
        self.requests = {}
        self._stop = False
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self):
        self._followers = [Follower(self.kube, path) for path in (COLLECTION, ISSUERS)]
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._stop = True
        self._thread.join(10)
        for follower in self._followers:
            follower.close()
        self.kube.wire.close()

    def know(self, *names):
        """Wait until the issuers of these names, and what is said of them, are known."""
        issuers = self._followers[1]
        assert issuers.wait(lambda: {*names} <= {one.object["metadata"]["name"] for one in issuers.seen}, 10)
        while not all(name in self.published for name in names):
            issuers.wait(lambda: False, TICK)

    def _work(self):
        requests, issuers = self._followers
        done = [0, 0]
        while not self._stop:
            requests.wait(lambda: len(requests.seen) > done[0], TICK)
            for seen in issuers.seen[done[1] :]:
                done[1] += 1
                self._issuer_came(seen.object, gone=seen.kind == "DELETED")
            for seen in requests.seen[done[0] :]:
                done[0] += 1
                name = seen.object["metadata"]["name"]
                self.requests[name] = seen.object
                if seen.kind == "DELETED":
                    del self.requests[name]
                elif not any(one.object["metadata"]["name"] == name for one in requests.seen[done[0] :]):
                    self.look(seen.object)
            self.tick()

    def _issuer_came(self, issuer, *, gone):
        name = issuer["metadata"]["name"]
        self.issuers[name] = {} if gone else issuer
        if not gone:
            self.publish(issuer)
            self.published.append(name)
            self.issuer_changed(name)

    # What the broken do otherwise.

    def tick(self):
        """Nothing happens while nothing happens."""

    def issuer_changed(self, name):
        for request in list(self.requests.values()):
            if request["spec"]["issuerRef"]["name"] == name:
                self.look(request)

    def publish(self, issuer):
        """Say that the issuer is ready, or not."""
        ready = {**self.ready_of(issuer), "type": "Ready", "lastTransitionTime": now(), "reason": "Checked"}
        if condition(issuer, "Ready").get("status") != ready["status"]:
            path = f"{ISSUERS}/{issuer['metadata']['name']}"
            self.kube.update_status(path, lambda status: {**status, "conditions": [ready]})

    def ready_of(self, issuer):
        status = "False" if "broken" in issuer["spec"]["vault"] else "True"
        return {"status": status, "observedGeneration": issuer["metadata"]["generation"]}

    def is_ready(self, issuer):
        return condition(issuer, "Ready").get("status") == "True"

    def is_ours(self, reference):
        return (reference["group"], reference["kind"]) == ("cert-manager.io", "Issuer")

    def may_sign(self, request):
        return condition(request, "Approved")

    def is_denied(self, request):
        return condition(request, "Denied")

    def is_over(self, request):
        return condition(request, "Ready").get("reason") in FINAL

    def look(self, request):
        """Take the one step that a request needs."""
        request = self.fresh(request)
        reference = request and request["spec"]["issuerRef"]
        if not request or not self.is_ours(reference) or self.is_over(request):
            return
        if self.is_denied(request):
            self.deny(request)
        elif not self.may_sign(request):
            self.unapproved(request)
        elif not (issuer := self.issuers.get(reference["name"])):
            self.missing(request)
        elif not self.is_ready(issuer):
            self.pending(request, "the issuer is not ready")
        else:
            self.try_to_sign(request)

    def fresh(self, request):
        """Return a request as it is by now, for what a watch told may be old; None when it is gone."""
        try:
            return self.kube.get(f"{COLLECTION}/{request['metadata']['name']}")
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def try_to_sign(self, request):
        csr = x509.load_pem_x509_csr(base64.b64decode(request["spec"]["request"]))
        if self.is_valid(csr):
            self.issue(request, csr)
        else:
            self.fail(request, "the signature of the CSR is wrong")

    def unapproved(self, request):
        """Leave it alone."""

    def missing(self, request):
        self.pending(request, "the issuer does not exist")

    def deny(self, request):
        self.write(request, "False", "Denied", "it was denied", failureTime=now())

    def pending(self, request, message):
        self.write(request, "False", "Pending", message)

    def fail(self, request, message):
        self.write(request, "False", "Failed", message, failureTime=now())

    def issue(self, request, csr):
        self.write(request, "True", "Issued", "signed", **self.signed(csr))

    def signed(self, csr):
        return {"certificate": bundle(*self.chain(csr)), "ca": bundle(self.root.certificate)}

    def chain(self, csr):
        return self.leaf(csr), self.middle.certificate

    def leaf(self, csr, *more, **changes):
        return self.middle.sign(csr.subject, csr.public_key(), self.names(csr), *more, **changes)

    def names(self, csr):
        return csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    def is_valid(self, csr):
        return csr.is_signature_valid

    def write(self, request, status, reason, message, **fields):
        """Write Ready, and more; the same again is not written."""
        ready = {"type": "Ready", "status": status, "reason": reason, "message": message}

        def change(old):
            before = condition({"status": old}, "Ready")
            ready["lastTransitionTime"] = self.moved(before, status)
            return {**old, **fields, "conditions": self.conditions(old.get("conditions", ()), ready)}

        old = condition(request, "Ready")
        if {name: old.get(name) for name in ready} != ready or fields:
            try:
                self.kube.update_status(f"{COLLECTION}/{request['metadata']['name']}", change)
            except Refused as refused:
                if refused.status != 404:
                    raise

    def moved(self, before, status):
        return before["lastTransitionTime"] if before.get("status") == status else now()

    def conditions(self, old, ready):
        return [*(one for one in old if one["type"] != "Ready"), ready]

    def tell(self, request, message):
        """Tell of a request in an event."""
        about = {"kind": "CertificateRequest", "name": request["metadata"]["name"], "namespace": "default"}
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": "told-"},
            "involvedObject": {**about, "uid": request["metadata"]["uid"]},
            "type": "Normal",
            "reason": "Waiting",
            "message": message,
        }
        self.kube.create(EVENTS.format("default"), event)
