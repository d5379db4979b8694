"""IP addresses as identifiers (RFC 8738), and those that are not to be dialled (RFC 6890)."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from acme_server.network import Network
from acme_server.protocol.encoding import b64url
from acme_server.protocol.identifier import Identifier, parse_identifier
from acme_server.protocol.key_authorization import KeyAuthorization
from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import DnsAnswer, DnsRecord, Fetch, HttpAnswer, Resolve, conduct
from acme_server.settings import Settings
from acme_server.special_addresses import is_special
from acme_server.validation_authority import Attempt, validate
from tests.acme_server.rig import key, leaf_of, registered
from tests.acme_server.test_handshake import server
from tests.challenge_certificates import KEY as CERTIFICATE_KEY
from tests.challenge_certificates import challenge_certificate

KEY = KeyAuthorization("token", "thumbprint")


@pytest.mark.parametrize("value", ["192.0.2.1", "::1", "2001:db8::1", "2001:db8:0:1:1:1:1:1"])
def test_an_address_is_an_identifier(value):
    assert parse_identifier({"type": "ip", "value": value}) == Identifier("ip", value)


BAD_ADDRESSES = [
    ("2001:DB8::1", "is spelled 2001:db8::1 (RFC 5952)"),
    ("2001:db8:0:0:0:0:0:1", "is spelled 2001:db8::1 (RFC 5952)"),
    ("fe80::1%eth0", "has a zone, which no certificate can have"),
    ("[::1]", "is not an IP address"),
    ("192.0.2.01", "is not an IP address"),
    ("192.0.2", "is not an IP address"),
    ("192.0.2.0/24", "is not an IP address"),
    ("*.192.0.2.1", "is not an IP address"),
    ("a.test", "is not an IP address"),
    ("", "is not an IP address"),
]


@pytest.mark.parametrize(("value", "complaint"), BAD_ADDRESSES)
def test_another_spelling_is_malformed(value, complaint):
    with pytest.raises(Problem) as caught:
        parse_identifier({"type": "ip", "value": value})
    assert (caught.value.kind, caught.value.detail) == ("malformed", f"{value!r} {complaint}")


def csr(*addresses, common_name=None):
    """The base64url of a CSR with these iPAddresses."""
    subject = [x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)] if common_name else []
    sans = x509.SubjectAlternativeName([x509.IPAddress(ip_address(each)) for each in addresses])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject)).add_extension(sans, False)
    return b64url(builder.sign(key(900), hashes.SHA256()).public_bytes(serialization.Encoding.DER))


def ordered(*addresses):
    """Order, and prove control over http-01."""
    client = registered()
    identifiers = [{"type": "ip", "value": each} for each in addresses]
    order = client.post(f"{client.base}/new-order", {"identifiers": identifiers})
    client.authorize(order, "http-01")
    return client, order


@pytest.mark.parametrize("common_name", [None, "192.0.2.1"])
def test_a_certificate_is_issued_for_addresses(common_name):
    client, order = ordered("192.0.2.1", "2001:db8::1")
    sent = csr("192.0.2.1", "2001:db8::1", common_name=common_name)
    finalized = client.post(order.json["finalize"], {"csr": sent})
    assert finalized.json["status"] == "valid"
    leaf = leaf_of(client.post(finalized.json["certificate"]).reply.body)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["192.0.2.1", "2001:db8::1"]
    assert all(isinstance(name, x509.IPAddress) for name in names)


@pytest.mark.parametrize("sent", [csr("192.0.2.2"), csr("192.0.2.1", common_name="192.0.2.9")])
def test_a_csr_for_another_address_is_refused(sent):
    client, order = ordered("192.0.2.1")
    assert client.post(order.json["finalize"], {"csr": sent}).outcome == (400, "badCSR")


def now():
    return datetime.now(UTC)


def attempt(kind, value, of="ip", **settings):
    return Attempt(kind, Identifier(of, value), KEY, Settings(**settings), now)


@pytest.mark.parametrize(
    ("value", "url", "dialled"),
    [("192.0.2.1", "http://192.0.2.1/", "192.0.2.1:80"), ("2001:db8::1", "http://[2001:db8::1]/", "[2001:db8::1]:80")],
)
def test_http01_asks_the_address_itself_and_no_dns(value, url, dialled):
    question = next(validate(attempt("http-01", value)))
    assert isinstance(question, Fetch)
    assert (question.url.partition(".well-known")[0], question.address) == (url, dialled)


SHOWN = [
    ([x509.IPAddress(ip_address("127.0.0.1"))], True),
    (["127.0.0.1"], False),
    ([x509.IPAddress(ip_address("127.0.0.2"))], False),
    (["1.0.0.127.in-addr.arpa"], False),
]


@pytest.mark.parametrize(("names", "valid"), SHOWN)
async def test_tlsalpn01_asks_for_the_reverse_name_and_wants_the_address_in_the_certificate(names, valid, tmp_path):
    certificate = challenge_certificate(names, b"\x04\x20" + KEY.digest)
    (tmp_path / "certificate.pem").write_text(ssl.DER_cert_to_PEM_cert(certificate))
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (tmp_path / "key.pem").write_bytes(CERTIFICATE_KEY.private_bytes(*pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    context.set_alpn_protocols(["acme-tls/1"])
    asked = []
    context.sni_callback = lambda sock, name, _: asked.append(name)
    async with server(context=context) as (address, _):
        port = int(address.rpartition(":")[2])
        verdict = await conduct(validate(attempt("tls-alpn-01", "127.0.0.1", tls_alpn_port=port)), Network())
    assert (asked, verdict.valid) == (["1.0.0.127.in-addr.arpa"], valid)


SPECIAL = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "ff02::1",
]
ORDINARY = [
    "1.1.1.1",
    "8.8.8.8",
    "172.32.0.1",
    "100.128.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::",
    "2606:4700::1111",
]


@pytest.mark.parametrize(
    ("address", "special"), [*((each, True) for each in SPECIAL), *((each, False) for each in ORDINARY)]
)
def test_addresses_of_special_purpose_are_known_also_in_disguise(address, special):
    assert special is is_special(address)


def guarded(kind, of, value, dns, moved=None):
    """Validate with the guard; dns: name -> addresses. Return the verdict and what was dialled."""
    inquiry, dialled = validate(attempt(kind, value, of, ssrf_guard=True)), []
    try:
        question = next(inquiry)
        while True:
            if isinstance(question, Resolve):
                found = [each for each in dns.get(question.name, ()) if (":" in each) is (question.rtype == "AAAA")]
                records = tuple(DnsRecord(question.name, question.rtype, each) for each in found)
                question = inquiry.send(DnsAnswer(records=records))
            else:
                dialled.append(question.address)
                question = inquiry.send(HttpAnswer(302, (("Location", moved or ""),)))
    except StopIteration as stop:
        return stop.value, dialled


GUARDED = [
    ("http-01", "dns", "a.test", {"a.test": ["127.0.0.1"]}, None, [], "127.0.0.1: The address of a.test"),
    ("tls-alpn-01", "dns", "a.test", {"a.test": ["10.0.0.1"]}, None, [], "10.0.0.1: The address of a.test"),
    ("http-01", "ip", "169.254.169.254", {}, None, [], "169.254.169.254: The address is"),
    ("tls-alpn-01", "ip", "::1", {}, None, [], "::1: The address is"),
    ("http-01", "dns", "a.test", {"a.test": ["8.8.8.8"]}, "http://[::1]/", ["8.8.8.8:80"], "::1: The address is"),
    (
        "http-01",
        "dns",
        "a.test",
        {"a.test": ["8.8.8.8"], "b.test": ["192.168.0.1"]},
        "http://b.test/",
        ["8.8.8.8:80"],
        "192.168.0.1: The address of b.test",
    ),
    ("http-01", "dns", "a.test", {"a.test": ["::1", "8.8.8.8"]}, None, ["8.8.8.8:80"], "Redirect without a Location"),
]


@pytest.mark.parametrize(("kind", "of", "value", "dns", "moved", "dialled", "words"), GUARDED)
def test_the_guard_dials_no_special_address_at_the_first_step_nor_at_a_redirect(
    kind, of, value, dns, moved, dialled, words
):
    verdict, seen = guarded(kind, of, value, dns, moved)
    assert (verdict.problem.kind, seen) == ("connection", dialled)
    assert words in verdict.problem.detail


LIMITS = [
    ({"max_redirects": 0}, ["/x"], "Too many redirects; at most 0 are followed", 1),
    ({"max_redirects": 1}, ["/x", "/y"], "Too many redirects; at most 1 are followed", 2),
    ({"redirect_ports": (80, 443)}, ["http://192.0.2.1:80/", "http://192.0.2.1:22/"], "Invalid port in redirect", 2),
    ({"redirect_ports": (443,)}, ["http://192.0.2.9/", "/z", "https://192.0.2.1:8443/"], "not 8443", 3),
]


@pytest.mark.parametrize(("settings", "moved", "words", "visits"), LIMITS)
def test_redirects_go_as_far_as_the_settings_let_them(settings, moved, words, visits):
    inquiry = validate(attempt("http-01", "192.0.2.1", **settings))
    next(inquiry)
    for location in moved[:-1]:
        inquiry.send(HttpAnswer(302, (("Location", location),)))
    with pytest.raises(StopIteration) as stopped:
        inquiry.send(HttpAnswer(302, (("Location", moved[-1]),)))
    verdict = stopped.value.value
    assert (verdict.problem.kind, len(verdict.record)) == ("connection", visits)
    assert words in verdict.problem.detail


def test_time_and_size_of_an_answer_are_the_settings_own():
    limits = {"validation_timeout": timedelta(seconds=3), "max_validation_body": 128}
    question = next(validate(attempt("http-01", "192.0.2.1", **limits)))
    assert (question.timeout, question.limit) == (timedelta(seconds=3), 128)


@pytest.mark.parametrize("families", [("AAAA", "A"), ("A", "AAAA"), ("A",), ("AAAA",)])
def test_the_families_of_addresses_are_asked_for_and_dialled_in_the_settings_order(families):
    addresses = {"A": "192.0.2.1", "AAAA": "2001:db8::1"}
    inquiry, asked = validate(attempt("http-01", "a.test", "dns", address_families=families)), []
    try:
        question = next(inquiry)
        while True:
            asked.append(question)
            if isinstance(question, Resolve):
                record = DnsRecord(question.name, question.rtype, addresses[question.rtype])
                question = inquiry.send(DnsAnswer(records=(record,)))
            else:
                question = inquiry.send(HttpAnswer(error="connection refused"))
    except StopIteration:
        pass
    assert families == tuple(each.rtype for each in asked if isinstance(each, Resolve))
    dialled = [each.address for each in asked if isinstance(each, Fetch)]
    assert [f"[{addresses[each]}]:80" if each == "AAAA" else f"{addresses[each]}:80" for each in families] == dialled
