"""CA and SelfSigned issuers: Ready, signing, and what is in the way; rows of upstream's tests, in virtual time."""

import base64
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID as Access
from cryptography.x509.oid import ExtendedKeyUsageOID

from issuer_bridge.cert_manager.local_signing import bundle, sign, template_of
from issuer_bridge.resources import CERTIFICATE_REQUEST, SECRET
from tests.issuer_bridge.bridge_resources import csr_of, key_of
from tests.issuer_bridge.bridge_rig import START
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import rsa_key
from tests.issuer_bridge.local_rig import SYSTEM, LocalRig, pem_key, tls_secret

ANNOTATION = "cert-manager.io/private-key-secret-name"
ISSUED = ("True", "Issued", "Certificate fetched from issuer successfully")
CA = {"name": "mesh-ca", "kind": "ClusterIssuer"}


def extension(certificate, cls):
    return certificate.extensions.get_extension_for_class(cls).value


def csr(*extensions, subject=(), key=None):
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    for value in extensions:
        builder = builder.add_extension(value, critical=False)
    pem = builder.sign(key or key_of("a.test"), hashes.SHA256()).public_bytes(Encoding.PEM)
    return base64.b64encode(pem).decode()


def usages(*names):
    parts = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    parts += ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{part: part in names for part in parts})


def root(key=None, *, ca=True):
    """A self-signed certificate."""
    path = x509.BasicConstraints(ca=ca, path_length=None)
    request = {
        "request": csr(path, subject=[x509.NameAttribute(x509.NameOID.COMMON_NAME, "root")], key=key or key_of("r"))
    }
    return sign(template_of({**request, "isCA": ca}, {}), None, key or key_of("r"), bytes(20), START)


def ask(rig, name="one", annotations=None, reference=None, **spec):
    metadata = {"name": name, "namespace": "default", "annotations": annotations or {}}
    spec = {"request": csr_of("a.test"), "issuerRef": reference or CA, **spec}
    resource = {"apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest", "metadata": metadata, "spec": spec}
    rig.create(CERTIFICATE_REQUEST, resource)
    rig.run(seconds=2)


def issued(rig, name="one", field="certificate"):
    assert rig.ready(name) == ISSUED
    return x509.load_pem_x509_certificates(base64.b64decode(rig.request(name)["status"][field]))


@pytest.mark.seed("K04")
def test_a_ca_issuer_signs_with_the_key_in_its_secret():
    rig = LocalRig()
    ask(rig, duration="2h", usages=["digital signature", "server auth"])
    (leaf,), (authority,) = issued(rig), issued(rig, field="ca")
    leaf.verify_directly_issued_by(authority)
    assert [authority] == rig.chain("root", SYSTEM)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(hours=2)
    assert list(extension(leaf, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert (extension(leaf, x509.BasicConstraints).ca, extension(leaf, x509.KeyUsage)) == (
        False,
        usages("digital_signature"),
    )
    san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert (san.critical, san.value.get_values_for_type(x509.DNSName)) == (True, ["a.test"])
    assert ("CertificateIssued", ISSUED[2]) in rig.events("CertificateRequest")


@pytest.mark.seed("K09", "K10", "K11")
def test_a_certificate_of_an_intermediate_carries_the_chain_and_the_root_is_in_ca_crt():
    rig = LocalRig()
    rig.add_in("default", "middle", isCA=True, commonName="middle.test")
    rig.issuer("middle", {"ca": {"secretName": "middle-tls"}}, "default")
    rig.add_in("default", "leaf", dnsNames=["leaf.test"], issuerRef={"name": "middle"})
    rig.run(seconds=10)
    (top,) = rig.chain("root", SYSTEM)
    (middle,) = rig.chain("middle-tls")
    assert [each.subject.rfc4514_string() for each in rig.chain("leaf-tls")] == ["", "CN=middle.test"]
    assert (rig.chain("leaf-tls")[1], rig.chain("leaf-tls", entry="ca.crt")) == (middle, [top])
    assert rig.has_pair("leaf-tls")
    assert extension(rig.leaf("leaf-tls"), x509.AuthorityKeyIdentifier).key_identifier == (
        extension(middle, x509.SubjectKeyIdentifier).digest
    )


def test_a_self_signed_certificate_is_its_own_ca():
    rig = LocalRig()
    (own,) = rig.chain("root", SYSTEM)
    own.verify_directly_issued_by(own)
    assert rig.chain("root", SYSTEM, "ca.crt") == [own]
    assert extension(own, x509.BasicConstraints).ca
    assert rig.issuer_ready("bootstrap") == ("True", "IsReady", "")


def test_the_urls_of_an_issuer_are_in_what_it_signs():
    rig = LocalRig()
    urls = {"crlDistributionPoints": ["http://crl.test/"], "ocspServers": ["http://ocsp.test/"]}
    rig.issuer("urls", {"ca": {"secretName": "root", **urls, "issuingCertificateURLs": ["http://ca.test/"]}})
    rig.run(seconds=1)
    ask(rig, reference={"name": "urls", "kind": "ClusterIssuer"})
    (leaf,) = issued(rig)
    told = {each.access_method: each.access_location.value for each in extension(leaf, x509.AuthorityInformationAccess)}
    assert told == {Access.OCSP: "http://ocsp.test/", Access.CA_ISSUERS: "http://ca.test/"}
    (point,) = extension(leaf, x509.CRLDistributionPoints)
    assert point.full_name[0].value == "http://crl.test/"


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({}, 'Error getting keypair for CA issuer: secret "pair" not found'),
        (
            {"tls_crt": root().public_bytes(Encoding.PEM)},
            "Error getting keypair for CA issuer: no data for \"tls.key\" in secret 'default/pair'",
        ),
        (
            {"tls_crt": b"x"},
            ("Error getting keypair for CA issuer: error decoding certificate PEM block: no valid certificates found"),
        ),
        (
            {"tls_crt": root().public_bytes(Encoding.PEM), "tls_key": b"x"},
            (
                "Error getting keypair for CA issuer: "
                "error decoding private key PEM block: no PEM data was found in given input"
            ),
        ),
    ],
)
@pytest.mark.seed("K05")
def test_an_issuer_without_a_key_pair_says_what_is_missing(entries, message):
    rig = LocalRig(root=False)
    if entries:
        rig.create(SECRET, tls_secret("pair", **entries))
    rig.issuer("ca", {"ca": {"secretName": "pair"}}, "default")
    rig.run(seconds=1)
    assert rig.issuer_ready("ca", "default") == ("False", "ErrGetKeyPair", message)
    assert sorted(rig.events("Issuer")) == [
        ("ErrGetKeyPair", message),
        ("ErrInitIssuer", message.replace("Error getting keypair for CA issuer", "Error initializing issuer")),
    ]
    ask(rig, reference={"name": "ca"})
    assert rig.ready("one")[2] == "Referenced issuer does not have a Ready status condition"


def test_a_certificate_that_is_no_ca_cannot_sign():
    rig = LocalRig(root=False)
    leaf = root(ca=False)
    rig.create(SECRET, tls_secret("pair", tls_crt=leaf.public_bytes(Encoding.PEM), tls_key=pem_key(key_of("r"))))
    rig.issuer("ca", {"ca": {"secretName": "pair"}}, "default")
    rig.run(seconds=1)
    text = "Error getting keypair for CA issuer: certificate is not a CA"
    assert rig.issuer_ready("ca", "default") == ("False", "ErrInvalidKeyPair", text)
    assert rig.events("Issuer") == [("ErrInvalidKeyPair", text)]


@pytest.mark.seed("K05")
def test_an_issuer_becomes_ready_and_signs_when_its_secret_comes():
    rig = LocalRig(root=False)
    rig.issuer("ca", {"ca": {"secretName": "pair"}}, "default")
    rig.run(seconds=1)
    ask(rig, reference={"name": "ca"})
    pair = {"tls_crt": root().public_bytes(Encoding.PEM), "tls_key": pem_key(key_of("r"))}
    rig.create(SECRET, tls_secret("pair", **pair))
    rig.run(seconds=1)
    assert rig.issuer_ready("ca", "default") == ("True", "KeyPairVerified", "Signing CA verified")
    assert ("KeyPairVerified", "Signing CA verified") in rig.events("Issuer")
    assert issued(rig, field="ca") == [root()]


def test_a_broken_ca_crt_is_waited_for():
    rig = LocalRig(root=False)
    pair = {"tls_crt": root().public_bytes(Encoding.PEM), "tls_key": pem_key(key_of("r"))}
    rig.create(SECRET, tls_secret("pair", **pair, ca_crt=b"x"))
    rig.issuer("ca", {"ca": {"secretName": "pair"}}, "default")
    rig.run(seconds=1)
    ask(rig, reference={"name": "ca"})
    text = "Failed to parse signing CA keypair from secret default/pair: error decoding certificate PEM block: "
    assert rig.ready("one") == ("False", "Pending", f"{text}no valid certificates found")
    assert ("SecretInvalidData", f"{text}no valid certificates found") in rig.events("CertificateRequest")
    rig.store.replace(SECRET, {**rig.store.get(SECRET, "default", "pair"), "data": tls_secret("x", **pair)["data"]})
    rig.run(seconds=1)
    assert issued(rig, field="ca") == [root()]


SELF = {"name": "bootstrap", "kind": "ClusterIssuer"}
NOT_SIGNED = "Error generating certificate template: CSR not signed by referenced private key"


@pytest.mark.parametrize(
    ("annotations", "secret", "ready", "event"),
    [
        (
            {},
            {},
            "Failed",
            ("MissingAnnotation", f'Annotation "{ANNOTATION}" missing or reference empty: secret name missing'),
        ),
        (
            {ANNOTATION: ""},
            {},
            "Failed",
            ("MissingAnnotation", (f'Annotation "{ANNOTATION}" missing or reference empty: secret name missing')),
        ),
        (
            {ANNOTATION: "k"},
            None,
            "Pending",
            ("MissingSecret", 'Referenced secret default/k not found: secret "k" not found'),
        ),
        (
            {ANNOTATION: "k"},
            {"tls_key": b"x"},
            "Pending",
            (
                "ErrorParsingKey",
                (
                    f'Failed to get key "k" referenced in annotation '
                    f'"{ANNOTATION}": error decoding private key PEM block: no PEM data was found in given input'
                ),
            ),
        ),
        ({ANNOTATION: "k"}, {"tls_key": pem_key(key_of("other"))}, "Failed", ("ErrorKeyMatch", NOT_SIGNED)),
    ],
)
def test_a_self_signed_request_says_what_is_wrong_with_its_key(annotations, secret, ready, event):
    rig = LocalRig()
    if secret:
        rig.create(SECRET, tls_secret("k", **secret))
    ask(rig, annotations=annotations, reference=SELF)
    assert rig.ready("one") == ("False", ready, event[1])
    assert event in rig.events("CertificateRequest")


def test_a_self_signed_request_goes_on_when_its_secret_comes_and_warns_of_an_empty_issuer():
    rig = LocalRig()
    ask(rig, annotations={ANNOTATION: "k"}, reference=SELF)
    rig.create(SECRET, tls_secret("k", tls_key=pem_key(key_of("a.test"))))
    rig.run(seconds=1)
    (own,) = issued(rig)
    own.verify_directly_issued_by(own)
    assert "BadConfig" in dict(rig.events("CertificateRequest"))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"request": csr(x509.BasicConstraints(ca=True, path_length=None))},
            "encoded CSR error: IsCA true does not match expected value false",
        ),
        (
            {"request": csr(usages("digital_signature"))},
            (
                "encoded CSR error: the KeyUsages [ 'digital signature' ] "
                "do not match the expected KeyUsages [ 'digital signature', 'key encipherment' ]"
            ),
        ),
        (
            {
                "request": csr(usages("digital_signature"), x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])),
                "usages": ["digital signature"],
            },
            ("encoded CSR error: the ExtKeyUsages [ 'client auth' ] do not match the expected ExtKeyUsages []"),
        ),
        ({"usages": ["digital signature", "magic"]}, "unknown key usages: [magic]"),
    ],
)
def test_a_request_that_contradicts_its_csr_is_not_signed(spec, message):
    rig = LocalRig()
    ask(rig, **spec)
    assert rig.ready("one") == ("False", "Failed", f"Error generating certificate template: {message}")
    assert rig.request("one")["status"]["failureTime"]


@pytest.mark.parametrize("key", [rsa_key(2048), ec.derive_private_key(9, ec.SECP384R1())], ids=["RSA", "P-384"])
def test_keys_of_any_kind_sign(key):
    own = root(key)
    own.verify_directly_issued_by(own)
    assert own.signature_hash_algorithm.digest_size == (48 if isinstance(key, ec.EllipticCurvePrivateKey) else 32)


def test_authorities_that_are_no_chain_are_refused():
    no_ca = root(ca=False)
    leaf = sign(template_of({"request": csr_of("a.test")}, {}), no_ca, key_of("r"), bytes(20), START)
    for top, authority in ((root(), root(key_of("stranger"))), (leaf, no_ca)):
        with pytest.raises(ValueError, match="certificate chain is malformed or broken"):
            bundle(top, [authority])


def test_two_runs_of_one_seed_sign_the_same():
    assert LocalRig().chain("root", SYSTEM) == LocalRig().chain("root", SYSTEM)


class OwnCaRig(LocalRig):
    """With an issuer whose CA no Certificate renews."""

    def __init__(self, **options):
        super().__init__(root=False, **options)
        pair = {"tls_crt": root().public_bytes(Encoding.PEM), "tls_key": pem_key(key_of("r"))}
        self.create(SECRET, tls_secret("root", SYSTEM, **pair))
        self.issuer("mesh-ca", {"ca": {"secretName": "root"}})
        self.run(seconds=1)

    def exchange_key(self, key):
        secret = self.store.get(SECRET, SYSTEM, "root")
        data = {**secret["data"], "tls.key": base64.b64encode(pem_key(key)).decode()}
        self.driver.spawn(self.store.update(SECRET, {**secret, "data": data}), lambda _: None)
        self.run(seconds=1)


@pytest.mark.seed("B67")
def test_a_ca_with_another_key_than_its_certificates_signs_nothing_until_it_has_its_own_again():
    rig = OwnCaRig()
    rig.exchange_key(key_of("stranger"))
    text = "Error getting keypair for CA issuer: the private key is not the key of the certificate"
    assert rig.issuer_ready("mesh-ca") == ("False", "ErrInvalidKeyPair", text)
    assert ("ErrInvalidKeyPair", text) in rig.events("ClusterIssuer")
    ask(rig)
    assert rig.ready("one")[1] == "Pending"
    rig.exchange_key(key_of("r"))
    assert rig.issuer_ready("mesh-ca")[:2] == ("True", "KeyPairVerified")
    assert rig.ready("one") == ISSUED


def test_cert_manager_finds_out_when_it_signs_and_gives_the_request_up():
    rig = OwnCaRig(upstream_accounts=True)
    rig.exchange_key(key_of("stranger"))
    assert rig.issuer_ready("mesh-ca")[0] == "True"
    ask(rig)
    assert rig.ready("one")[:2] == ("False", "Failed")
    assert rig.ready("one")[2].startswith("Error signing certificate: ")
