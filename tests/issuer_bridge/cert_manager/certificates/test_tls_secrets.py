"""What a Certificate's Secret holds: entries, labels, annotations, formats, keystores."""

import base64
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    pkcs12,
)

from issuer_bridge.cert_manager.certificates.keystores import PROFILES
from issuer_bridge.cert_manager.certificates.tls_secrets import Material, kept, tls_secret
from issuer_bridge.resources import SECRET
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import CertificateRig, certificate
from tests.issuer_bridge.cert_manager.certificates.test_policies import KEY, pem_of

PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
ISSUER = {"cert-manager.io/issuer-name": "gravel"}
PASSWORD = {"passwordSecretRef": {"name": "password", "key": "password"}}
CA = pem_of(names=("ca.test",))


def material(chain=None, ca=b""):
    return Material(PEM, chain or pem_of(), ca, "www", ISSUER)


def secret_of(existing=None, chain=None, ca=b"", **spec):
    return tls_secret(certificate(**spec), existing, material(chain, ca), lambda _: b"changeit")


def entry(secret, name):
    return base64.b64decode(secret["data"][name])


def test_the_annotations_tell_of_the_certificate():
    chain = pem_of(names=("www.http.test", "b.http.test"), common_name="www.http.test")
    assert secret_of(chain=chain)["metadata"]["annotations"] == {
        "cert-manager.io/alt-names": "www.http.test,b.http.test",
        "cert-manager.io/certificate-name": "www",
        "cert-manager.io/common-name": "www.http.test",
        "cert-manager.io/ip-sans": "",
        "cert-manager.io/issuer-name": "gravel",
        "cert-manager.io/uri-sans": "",
    }


def test_what_an_earlier_certificate_told_goes_and_what_others_told_stays():
    annotations = {"cert-manager.io/email-sans": "a@b.test", "cert-manager.io/allow-direct-injection": "true", "n": "1"}
    found = secret_of({"metadata": {"annotations": annotations}})["metadata"]["annotations"]
    assert "cert-manager.io/email-sans" not in found
    assert (found["cert-manager.io/allow-direct-injection"], found["n"]) == ("true", "1")


def test_the_template_cannot_hide_what_the_certificate_tells():
    template = {"annotations": {"cert-manager.io/common-name": "lie", "x": "y"}}
    found = secret_of(secretTemplate=template)["metadata"]["annotations"]
    assert (found["cert-manager.io/common-name"], found["x"]) == ("", "y")


@pytest.mark.parametrize("ca", [b"", CA], ids=["none", "one"])
def test_the_ca_is_there_when_the_issuer_told_it(ca):
    assert ("ca.crt" in secret_of(ca=ca)["data"]) is bool(ca)


def test_the_same_again_is_the_same():
    spec = {"additionalOutputFormats": [{"type": "DER"}], "keystores": {"pkcs12": {"create": True, **PASSWORD}}}
    once = secret_of(**spec)
    assert tls_secret(certificate(**spec), once, kept(once), lambda _: b"changeit") == once


@pytest.mark.parametrize("encoding", [PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8])
def test_the_der_has_the_octets_of_the_pem(encoding):
    pem = KEY.private_bytes(Encoding.PEM, encoding, NoEncryption())
    spec = {"additionalOutputFormats": [{"type": "DER"}, {"type": "CombinedPEM"}]}
    found = tls_secret(certificate(**spec), None, Material(pem, pem_of(), b"", "www", {}), lambda _: b"")
    body = base64.b64decode(b"".join(pem.splitlines()[1:-1]))
    assert entry(found, "key.der") == body
    assert load_der_private_key(body, None).private_numbers() == KEY.private_numbers()
    assert entry(found, "tls-combined.pem") == pem + b"\n" + pem_of()


@pytest.mark.parametrize("profile", [None, *PROFILES])
def test_a_pkcs12_holds_key_certificate_and_chain(profile, tmp_path):
    chain = pem_of() + pem_of(names=("intermediate.test",))
    wanted = {"create": True, **PASSWORD, **({"profile": profile} if profile else {})}
    found = secret_of(chain=chain, ca=CA, keystores={"pkcs12": wanted})
    key, leaf, others = pkcs12.load_key_and_certificates(entry(found, "keystore.p12"), b"changeit")
    assert key.private_numbers() == KEY.private_numbers()
    certificates = x509.load_pem_x509_certificates(chain + CA)
    assert [leaf, *others] == certificates
    (trusted,) = pkcs12.load_pkcs12(entry(found, "truststore.p12"), b"changeit").additional_certs
    assert trusted.certificate == certificates[-1]
    path = tmp_path / "keystore.p12"
    path.write_bytes(entry(found, "keystore.p12"))
    command = ["openssl", "pkcs12", "-in", path, "-passin", "pass:changeit", "-nodes", "-legacy"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count("BEGIN CERTIFICATE") == 3


@pytest.mark.client("keytool")
def test_java_reads_the_jks_with_its_key(tmp_path):
    found = secret_of(ca=CA, keystores={"jks": {"create": True, "alias": "Mine", **PASSWORD}})
    for name in ("keystore.jks", "truststore.jks"):
        (tmp_path / name).write_bytes(entry(found, name))

    def run(*arguments):
        command = [*map(str, arguments), "-noprompt"]
        done = subprocess.run(["keytool", *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    listed = run("-list", "-keystore", "keystore.jks", "-storetype", "JKS", "-storepass", "changeit")
    assert "mine, " in listed
    assert "contains 2 entries" in listed
    trusted = run("-list", "-keystore", "truststore.jks", "-storetype", "JKS", "-storepass", "changeit")
    assert "contains 1 entry" in trusted
    source = ("-srckeystore", "keystore.jks", "-srcstoretype", "JKS", "-srcstorepass", "changeit", "-srcalias", "mine")
    goal = ("-destkeystore", "out.p12", "-deststoretype", "PKCS12", "-deststorepass", "changeit")
    run("-importkeystore", *source, *goal)
    key, leaf, _ = pkcs12.load_key_and_certificates((tmp_path / "out.p12").read_bytes(), b"changeit")
    assert key.private_numbers() == KEY.private_numbers()
    assert leaf == x509.load_pem_x509_certificate(pem_of())


def test_a_jks_repeats():
    spec = {"keystores": {"jks": {"create": True, **PASSWORD}}}
    assert entry(secret_of(**spec), "keystore.jks") == entry(secret_of(**spec), "keystore.jks")


@pytest.mark.parametrize(
    ("keystores", "told"),
    [
        ({"jks": {"create": True}}, "spec.keystores.jks has neither"),
        ({"pkcs12": {"create": True}}, "neither passwordSecretRef nor password"),
        ({"pkcs12": {"create": True, "password": "x", "profile": "Modern2026"}}, "take LegacyDES or Modern2023"),
    ],
    ids=str,
)
def test_a_keystore_that_cannot_be_is_told_why(keystores, told):
    with pytest.raises(ValueError, match=told):
        secret_of(keystores=keystores)


def test_a_keystore_is_written_once_and_goes_when_it_is_not_wanted():
    rig = CertificateRig()
    password = {"metadata": {"name": "password", "namespace": "default"}, "data": {"password": "Y2hhbmdlaXQ="}}
    rig.store.insert(SECRET, password)
    rig.issue(keystores={"pkcs12": {"create": True, **PASSWORD}})
    first = rig.data("keystore.p12")
    assert pkcs12.load_key_and_certificates(first, b"changeit")[1] == rig.leaf()
    rig.change(secretTemplate={"labels": {"a": "b"}})
    rig.run(minutes=1)
    assert rig.data("keystore.p12") == first
    rig.renew()
    rig.run(minutes=1)
    assert pkcs12.load_key_and_certificates(rig.data("keystore.p12"), b"changeit")[1] == rig.leaf()
    assert rig.data("keystore.p12") != first
    rig.change(keystores={"pkcs12": {"create": False, **PASSWORD}})
    rig.run(minutes=1)
    assert "keystore.p12" not in rig.secret()["data"]


def test_a_keystore_without_its_password_waits_for_it():
    rig = CertificateRig()
    rig.add(keystores={"pkcs12": {"create": True, **PASSWORD}})
    rig.run(minutes=2)
    assert rig.secret() is None
    assert "Secret 'password' has no 'password'" in dict(rig.events("Certificate"))["SecretRefused"]
    rig.store.insert(
        SECRET, {"metadata": {"name": "password", "namespace": "default"}, "data": {"password": "Y2hhbmdlaXQ="}}
    )
    rig.run(minutes=2)
    assert rig.state() == ("True", "Ready")
    assert rig.count("new-order") == 1
