"""Workloads of an Istio mesh: identity, signing, and the roots in every namespace; real store and CA, virtual time."""

import base64
from datetime import UTC, datetime, timedelta
from random import Random

import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store

from issuer_bridge.kube_api.reviews import token_status
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.kube_api.users import Access, User, service_account
from issuer_bridge.resources import CERTIFICATE_REQUEST, CONFIG_MAP, NAMESPACE, SECRET
from issuer_bridge.shims.istio_csr import IDENTITIES, IstioOptions, Refused, chain_with_roots, check_csr
from tests.issuer_bridge.bridge_resources import key_of
from tests.issuer_bridge.local_rig import SYSTEM, LocalRig

API, WEB = "spiffe://cluster.local/ns/payments/sa/api", "spiffe://cluster.local/ns/shop/sa/web"
ACCESS = Access(
    {"api-token": service_account("payments", "api"), "web-token": service_account("shop", "web"), "x": User("human")}
)
ROOTS = "istio-ca-root-cert"
STORE = EmbeddedStore(lambda: datetime(2026, 11, 22, tzinfo=UTC), Random(1).randbytes)


def review(token):
    """Ask the TokenReview of the embedded API."""
    return token_status(STORE, ACCESS, token)
    yield


def csr(*uris, subject=(), names=(), extensions=()):
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    sans = [*map(x509.UniformResourceIdentifier, uris), *names]
    for value in ((x509.SubjectAlternativeName(sans),) if sans else ()) + tuple(extensions):
        builder = builder.add_extension(value, critical=False)
    return builder.sign(key_of(*uris), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


class Mesh(LocalRig):
    """A bridge that serves a mesh whose CA is mesh-ca."""

    def __init__(self, *, approver=True, **options):
        reference = {"name": "mesh-ca", "kind": "ClusterIssuer", "group": "cert-manager.io"}
        istio = IstioOptions((SYSTEM, "root"), reference, review, **options)
        super().__init__(istio=istio)
        self.namespace("istio-system")
        self.answers = []
        self.crash()  # and without an approver from here on, as the CA itself needs one
        self.options = attrs.evolve(self.options, approver=approver)
        self.start()

    def namespace(self, name):
        self.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        self.run(seconds=1)

    def ask(self, token, pem, seconds=86400):
        """Return the chain, or code and message of the refusal; None while it is not decided."""
        self.answers.clear()
        asked = self.operator.istio.create_certificate(token, pem, seconds)
        self.driver.spawn(asked, self.answers.append, self.answers.append)
        self.run(seconds=2)
        answer = self.answers[0] if self.answers else None
        return answer.args if isinstance(answer, Refused) else answer

    @property
    def mesh_requests(self):
        return self.store.list(CERTIFICATE_REQUEST, "istio-system")

    def roots_of(self, namespace):
        found = self.store.get(CONFIG_MAP, namespace, ROOTS)
        return found and (found["data"], found["metadata"]["labels"])


@pytest.mark.seed("B41")
def test_a_workload_gets_a_certificate_for_its_identity_with_the_roots_last():
    mesh = Mesh(preserve=True)
    leaf, roots = mesh.ask("api-token", csr(API))
    certificate = x509.load_pem_x509_certificate(leaf.encode())
    san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [name.value for name in san] == [API]
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(hours=1)
    assert x509.load_pem_x509_certificates(roots.encode()) == mesh.chain("root", SYSTEM)
    (request,) = mesh.mesh_requests
    assert request["metadata"]["name"].startswith("istio-csr-")
    assert request["metadata"]["annotations"][IDENTITIES] == API
    assert (request["spec"]["duration"], request["spec"]["usages"]) == ("1h0m0s", ["client auth", "server auth"])


@pytest.mark.seed("B42")
def test_two_workloads_verify_each_other_by_the_roots_of_their_namespaces():
    mesh = Mesh()
    for name in ("payments", "shop"):
        mesh.namespace(name)
    roots = [
        x509.load_pem_x509_certificate(mesh.roots_of(name)[0]["root-cert.pem"].encode())
        for name in ("payments", "shop")
    ]
    for token, identity in (("api-token", API), ("web-token", WEB)):
        leaf, _ = mesh.ask(token, csr(identity))
        verifier = PolicyBuilder().store(Store(roots)).time(mesh.driver.now()).build_client_verifier()
        (subject,) = verifier.verify(x509.load_pem_x509_certificate(leaf.encode()), []).subjects
        assert subject.value == identity


def test_the_request_is_deleted_when_it_is_signed_and_a_shorter_validity_is_kept():
    mesh = Mesh()
    leaf, _ = mesh.ask("api-token", csr(API), seconds=600)
    certificate = x509.load_pem_x509_certificate(leaf.encode())
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(minutes=10)
    assert mesh.mesh_requests == []


@pytest.mark.parametrize(("token", "identity"), [("nobody's", API), ("x", API), ("web-token", API), ("api-token", WEB)])
def test_who_is_not_known_or_is_somebody_else_is_refused(token, identity):
    mesh = Mesh()
    assert mesh.ask(token, csr(identity)) == ("UNAUTHENTICATED", "request authenticate failure")
    assert mesh.mesh_requests == []


def usage(*names):
    parts = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    parts += ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{part: part in names for part in parts})


@pytest.mark.parametrize(
    ("pem", "text"),
    [
        ("no PEM", "failed to decode CSR"),
        (csr(), "the CSR asks for"),
        (csr(API, WEB), "the CSR asks for"),
        (csr(API, API), "the CSR asks for"),
        (csr(API, names=[x509.DNSName("a.test")]), "names that are not URIs"),
        (csr(API, names=[x509.RFC822Name("a@b.test")]), "names that are not URIs"),
        (csr(API, subject=[x509.NameAttribute(x509.NameOID.COMMON_NAME, "a")]), "a common name"),
        (csr(API, extensions=[x509.BasicConstraints(ca=True, path_length=None)]), "forbidden extension"),
        (csr(API, extensions=[usage("digital_signature", "key_cert_sign")]), "forbidden key usages"),
        (csr(API, extensions=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])]), "extended key usages"),
    ],
)
def test_a_csr_that_asks_for_more_is_refused(pem, text):
    with pytest.raises(ValueError, match=text):
        check_csr(pem, [API])


def test_the_usages_of_a_workload_may_be_asked_for():
    extended = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
    check_csr(csr(API, extensions=[usage("digital_signature", "key_encipherment"), extended]), [API])


def test_a_request_that_fails_is_an_internal_error_and_is_deleted():
    mesh = Mesh()
    mismatch = csr(API, extensions=[usage("digital_signature")])  # of the CSR, and not of the request
    assert mesh.ask("api-token", mismatch) == ("INTERNAL", "failed to sign certificate request")
    assert mesh.mesh_requests == []


def test_one_that_nobody_approves_is_waited_for_and_one_that_is_deleted_is_an_error():
    mesh = Mesh(approver=False)
    assert mesh.ask("api-token", csr(API)) is None
    (request,) = mesh.mesh_requests
    mesh.driver.spawn(
        mesh.store.delete(CERTIFICATE_REQUEST, "istio-system", request["metadata"]["name"]), lambda _: None
    )
    mesh.run(seconds=1)
    assert mesh.answers[0].args == ("INTERNAL", "failed to sign certificate request")


def test_a_chain_that_leads_to_no_root_of_the_mesh_is_not_handed_out():
    mesh, stranger = Mesh(), LocalRig(seed=2)
    leaf, _ = mesh.ask("api-token", csr(API))
    roots = stranger.chain("root", SYSTEM)[0].public_bytes(Encoding.PEM)
    with pytest.raises(ValueError, match="against the current mesh roots"):
        chain_with_roots(base64.b64encode(leaf.encode()).decode(), roots, mesh.driver.now())
    own = mesh.chain("root", SYSTEM)[0].public_bytes(Encoding.PEM)
    with pytest.raises(ValueError, match="against the current mesh roots"):
        chain_with_roots(base64.b64encode(leaf.encode()).decode(), own, datetime(2030, 1, 1, tzinfo=UTC))


@pytest.mark.seed("K12")
def test_every_namespace_has_the_roots_and_a_changed_copy_is_mended():
    mesh = Mesh()
    pem = mesh.chain("root", SYSTEM)[0].public_bytes(Encoding.PEM).decode()
    wanted = ({"root-cert.pem": pem}, {"istio.io/config": "true"})
    mesh.namespace("payments")
    for name in ("default", "istio-system", "payments"):
        assert mesh.roots_of(name) == wanted
    copy = mesh.store.get(CONFIG_MAP, "payments", ROOTS)
    changed = {**copy, "metadata": {**copy["metadata"], "labels": {}}, "data": {**copy["data"], "more": "x"}}
    mesh.store.replace(CONFIG_MAP, changed)
    mesh.run(seconds=1)
    assert mesh.roots_of("payments") == wanted
    mesh.driver.spawn(mesh.store.delete(CONFIG_MAP, "payments", ROOTS), lambda _: None)
    mesh.run(seconds=1)
    assert mesh.roots_of("payments") == wanted


def test_new_roots_come_to_every_namespace():
    mesh = Mesh()
    before = mesh.roots_of("default")
    mesh.driver.spawn(mesh.store.delete(SECRET, SYSTEM, "root"), lambda _: None)
    mesh.run(seconds=5)
    (root,) = mesh.chain("root", SYSTEM)
    after = {"root-cert.pem": root.public_bytes(Encoding.PEM).decode()}
    assert (mesh.roots_of("default")[0], before[0] == after) == (after, False)
