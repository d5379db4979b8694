"""Whatever fails, in whatever order: at most one request a revision, and the Secret always holds a matching pair."""

from datetime import timedelta

from hypothesis import given, note, settings
from hypothesis import strategies as st

from issuer_bridge.resources import CERTIFICATE_REQUEST, SECRET
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import ECDSA, CertificateRig

REVISION = "cert-manager.io/certificate-revision"
NAMES = st.sampled_from(["www.http.test", "a.http.test", "b.http.test"])
POLICIES = st.sampled_from(["Never", "Always"])
STEPS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([1, 60, 7200, 86400, 40 * 86400])),
    st.tuples(st.just("refuse"), st.booleans()),
    st.tuples(st.just("names"), st.lists(NAMES, min_size=1, max_size=2, unique=True)),
    st.tuples(st.just("key"), st.builds(lambda policy, size: {**ECDSA, "size": size, "rotationPolicy": policy}, POLICIES, st.sampled_from([256, 384]))),
    st.tuples(st.just("renew"), st.none()),
    st.tuples(st.just("lose secret"), st.none()),
    st.tuples(st.just("lose request"), st.none()),
    st.tuples(st.just("lose next key"), st.none()),
    st.tuples(st.just("crash"), st.none()),
)  # fmt: skip


class Watched:
    """A rig that looks at every write."""

    def __init__(self):
        self.rig = CertificateRig()
        self.rig.store.watch(self._heard)
        self.broken = []

    def _heard(self, event, kind, resource):
        written = kind == SECRET and resource["metadata"]["name"] == "www-tls" and event != "DELETED"
        if written and not self.rig.has_pair():
            self.broken.append("no pair")
        if kind == CERTIFICATE_REQUEST:
            requests = self.rig.store.list(CERTIFICATE_REQUEST)
            revisions = [item["metadata"]["annotations"][REVISION] for item in requests]
            if len(revisions) != len(dict.fromkeys(revisions)):
                self.broken.append(f"revisions {revisions}")

    def take(self, step, value):
        rig = self.rig
        match step:
            case "wait":
                rig.run(seconds=value)
            case "refuse":
                rig.refusing = value
            case "names":
                rig.change(dnsNames=value)
            case "key":
                rig.change(privateKey=value)
            case "renew":
                rig.renew()
            case "lose secret":
                self._remove(SECRET, "www-tls")
            case "lose request":
                for name in rig.requests[-1:]:
                    self._remove(CERTIFICATE_REQUEST, name)
            case "lose next key":
                self._remove(SECRET, rig.status("nextPrivateKeySecretName") or "")
            case "crash":
                rig.crash()
                rig.start()

    def _remove(self, kind, name):
        if self.rig.store.get(kind, "default", name):
            self.rig.store.remove(kind, "default", name)


@given(st.lists(STEPS, max_size=12))
@settings(max_examples=60, deadline=timedelta(seconds=20))
def test_one_request_a_revision_and_always_a_pair(steps):
    watched = Watched()
    rig = watched.rig
    rig.add()
    rig.run(seconds=1)
    for step, value in steps:
        watched.take(step, value)
    rig.refusing = False
    rig.run(hours=33)
    note(rig.certificate())
    assert watched.broken == []
    stuck = "CannotRegenerateKey" in rig.reasons()
    assert rig.state() == ("True", "Ready") or stuck
    if not stuck:
        assert rig.has_pair()
        assert rig.sans() == sorted(rig.certificate()["spec"]["dnsNames"])
        assert rig.status("nextPrivateKeySecretName") is None
