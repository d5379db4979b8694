"""CSRs: what is read from them, and a badCSR with a sentence for everything else."""

import re
from ipaddress import ip_network

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import example, given
from hypothesis import strategies as st

from acme_server.csr import MAX_BYTES, parse_csr
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.jwk import jwk_of
from acme_server.protocol.problem import Problem

P256 = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
SHA256 = hashes.SHA256()
ACCEPTED_KEYS = {
    "RSA-2048": RSA,
    "RSA-4096": rsa.generate_private_key(65537, 4096),
    "P-256": P256,
    "P-384": ec.generate_private_key(ec.SECP384R1()),
    "P-521": ec.generate_private_key(ec.SECP521R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
}
DNS = x509.DNSName("www.gravel.example")


def make(*names, subject=(), key=P256, algorithm=SHA256, extensions=()):
    """A CSR from the library's own builder, which makes no malformed one."""
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, value, _validate=False) for value in subject]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    without_hash = isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    return builder.sign(key, None if without_hash else algorithm).public_bytes(Encoding.DER)


def tlv(tag, *parts):
    content = b"".join(parts)
    if len(content) < 128:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def oid(text):
    return tlv(6, encoded_arcs(*map(int, text.split("."))))


def encoded_arcs(first, second, *others):
    octets = [40 * first + second]
    for arc in others:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.insert(0, arc & 0x7F | 0x80)
        octets += groups
    return bytes(octets)


def general_names(*names):
    return tlv(0x30, *(tlv(0x82, name) for name in names))


def extension(names, identifier="2.5.29.17"):
    return tlv(0x30, oid(identifier), tlv(4, names))


def attribute(*extensions, identifier="1.2.840.113549.1.9.14"):
    return tlv(0x30, oid(identifier), tlv(0x31, tlv(0x30, *extensions)))


NULL = tlv(5)
RSA_SHA256 = "1.2.840.113549.1.1.11"
ECDSA_SHA256 = tlv(0x30, oid("1.2.840.10045.4.3.2"))


def raw(*attributes, version=0, subject=b"", spki=None, key=P256, algorithm=SHA256, signed_as=ECDSA_SHA256):
    """A CSR by hand (RFC 2986 section 4), signed over whatever it is given."""
    spki = spki or key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    info = tlv(0x30, tlv(2, bytes([version])), tlv(0x30, subject), spki, tlv(0xA0, *attributes))
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(info, padding.PKCS1v15(), algorithm)
    else:
        signature = key.sign(info, ec.ECDSA(algorithm))
    return tlv(0x30, info, signed_as, tlv(3, b"\0", signature))


NAMED = attribute(extension(general_names(b"www.gravel.example")))


def refusal(der):
    with pytest.raises(Problem) as caught:
        parse_csr(der)
    return caught.value


@pytest.mark.parametrize("kind", ACCEPTED_KEYS)
def test_every_issued_kind_of_key_is_read(kind):
    key = ACCEPTED_KEYS[kind].public_key()
    der = make(DNS, key=ACCEPTED_KEYS[kind])
    request = parse_csr(der)
    assert (der, key, jwk_of(key).thumbprint) == (request.der, request.public_key, request.thumbprint)


@pytest.mark.parametrize("algorithm", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()], ids=lambda item: item.name)
@pytest.mark.parametrize("key", [P256, RSA], ids=["P-256", "RSA"])
def test_the_whole_of_sha_2_from_256_bits_on_may_sign(key, algorithm):
    assert parse_csr(make(DNS, key=key, algorithm=algorithm)).identifiers == (Identifier("dns", DNS.value),)


@pytest.mark.parametrize(
    ("names", "subject", "expected"),
    [
        (["b.example.org", "a.example.org"], [], ["a.example.org", "b.example.org"]),
        (["A.Example.ORG", "a.example.org"], [], ["a.example.org"]),
        (["*.example.org", "example.org"], [], ["*.example.org", "example.org"]),
        ([], ["only.example.org"], ["only.example.org"]),
        (["a.example.org"], ["A.example.org"], ["a.example.org"]),
        (["a.example.org"], ["b.example.org"], ["a.example.org", "b.example.org"]),
        (["a.example.org"], ["b.example.org", "c.example.org"], ["a.example.org", "b.example.org", "c.example.org"]),
        ([], ["a" * 60 + ".example.org"], ["a" * 60 + ".example.org"]),
    ],
)
@pytest.mark.filterwarnings("ignore:Attribute's length:UserWarning")
def test_names_come_from_alternative_names_and_common_names(names, subject, expected):
    request = parse_csr(make(*map(x509.DNSName, names), subject=subject))
    assert [Identifier("dns", name) for name in expected] == list(request.identifiers)


def test_a_common_name_too_long_for_x520_makes_no_noise(recwarn):
    with pytest.warns(UserWarning, match="length must be"):
        der = make(subject=["a" * 60 + ".example.org"])
    recwarn.clear()
    parse_csr(der)
    assert list(recwarn) == []


def test_an_empty_common_name_is_no_name():
    assert parse_csr(raw(NAMED, subject=common_name(12, b""))).identifiers == (Identifier("dns", DNS.value),)


def common_name(tag, value):
    return tlv(0x31, tlv(0x30, oid("2.5.4.3"), tlv(tag, value)))


def test_what_else_a_csr_asks_for_is_ignored():
    wishes = [
        x509.KeyUsage(True, True, True, True, True, True, True, False, False),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]),
        x509.BasicConstraints(ca=False, path_length=None),
        x509.TLSFeature([x509.TLSFeatureType.status_request]),
        x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\xff"),
    ]
    request = parse_csr(make(DNS, extensions=wishes))
    assert request.identifiers == (Identifier("dns", DNS.value),)


def test_a_csr_made_by_hand_is_read_like_one_from_the_library():
    """So that what the raw table refuses is refused for its fault, not for the hand that made it."""
    assert parse_csr(raw(NAMED)).identifiers == parse_csr(make(DNS)).identifiers
    by_rsa = raw(NAMED, key=RSA, signed_as=tlv(0x30, oid(RSA_SHA256), NULL))
    assert parse_csr(by_rsa).identifiers == parse_csr(make(DNS, key=RSA)).identifiers


def rsa_info(n, e=65537):
    numbers = [tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big")) for value in (n, e)]
    return tlv(0x30, tlv(0x30, oid("1.2.840.113549.1.1.1"), NULL), tlv(3, b"\0", tlv(0x30, *numbers)))


MODULUS = RSA.public_key().public_numbers().n
REFUSED_KEYS = {
    "RSA-1024": (make(DNS, key=rsa.generate_private_key(65537, 1024)), "an RSA key of 1024 bits"),
    "RSA-2047": (raw(NAMED, spki=rsa_info((1 << 2046) | 1)), "an RSA key of 2047 bits"),
    "RSA-4104": (raw(NAMED, spki=rsa_info((1 << 4103) | 1)), "an RSA key of 4104 bits"),
    "RSA-16384": (raw(NAMED, spki=rsa_info((1 << 16383) | 1)), "an RSA key of 16384 bits"),
    "exponent 3": (make(DNS, key=rsa.generate_private_key(3, 2048)), "public exponent is not 65537"),
    "huge exponent": (raw(NAMED, spki=rsa_info(MODULUS, (1 << 2040) | 1)), "public exponent is not 65537"),
    "even modulus": (raw(NAMED, spki=rsa_info(MODULUS + 1)), "even modulus"),
    "secp256k1": (make(DNS, key=ec.generate_private_key(ec.SECP256K1())), "curve secp256k1; use P-256"),
    "DSA": (make(DNS, key=dsa.generate_private_key(2048)), "use RSA, P-256, P-384, P-521 or Ed25519"),
    "Ed448": (make(DNS, key=ed448.Ed448PrivateKey.generate()), "use RSA, P-256, P-384, P-521 or Ed25519"),
    "X25519": (
        raw(
            NAMED,
            spki=x25519.X25519PrivateKey.generate()
            .public_key()
            .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        ),
        "use RSA, P-256, P-384, P-521 or Ed25519",
    ),
    "unknown kind": (
        raw(NAMED, spki=tlv(0x30, tlv(0x30, oid("1.2.3.4")), tlv(3, b"\0x"))),
        "public key that cannot be read",
    ),
    "off the curve": (
        raw(
            NAMED,
            spki=tlv(
                0x30, tlv(0x30, oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")), tlv(3, b"\0\x04", b"\1" * 64)
            ),
        ),
        "public key that cannot be read",
    ),
}


@pytest.mark.parametrize("fault", REFUSED_KEYS)
def test_weak_and_foreign_keys_are_refused(fault):
    der, words = REFUSED_KEYS[fault]
    problem = refusal(der)
    assert problem.kind == "badCSR"
    assert re.search(words, problem.detail)


SHA1_WITH_RSA, MD5_WITH_RSA = "1.2.840.113549.1.1.5", "1.2.840.113549.1.1.4"
REFUSED_SIGNATURES = {
    "SHA-1, RSA": (raw(NAMED, key=RSA, algorithm=hashes.SHA1(), signed_as=tlv(0x30, oid(SHA1_WITH_RSA), NULL)), "SHA1"),
    "MD5, RSA": (raw(NAMED, key=RSA, algorithm=hashes.MD5(), signed_as=tlv(0x30, oid(MD5_WITH_RSA), NULL)), "MD5"),
    "SHA-1, EC": (raw(NAMED, algorithm=hashes.SHA1(), signed_as=tlv(0x30, oid("1.2.840.10045.4.1"))), "SHA1"),
    "SHA-224": (make(DNS, key=RSA, algorithm=hashes.SHA224()), "SHA224; sign it with SHA-256"),
    "another key's": (
        raw(
            NAMED,
            spki=ACCEPTED_KEYS["P-521"].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        ),
        "does not verify",
    ),
    "another algorithm": (raw(NAMED, signed_as=tlv(0x30, oid(RSA_SHA256), NULL)), "does not verify"),
    "an unknown algorithm": (raw(NAMED, signed_as=tlv(0x30, oid("1.2.3.4"))), "unsupported algorithm"),
    "a changed name": (make(DNS).replace(b"www.", b"vvv."), "does not verify"),
}


@pytest.mark.parametrize("fault", REFUSED_SIGNATURES)
def test_bad_signatures_are_refused(fault):
    der, words = REFUSED_SIGNATURES[fault]
    problem = refusal(der)
    assert problem.kind == "badCSR"
    assert re.search(words, problem.detail)


SAN = extension(general_names(b"www.gravel.example"))
REFUSED_CONTENT = {
    "no name": (make(), "has no name; put each DNS name into its subjectAltName extension"),
    "empty SAN": (raw(attribute(extension(general_names()))), "empty subjectAltName"),
    "network": (make(DNS, x509.IPAddress(ip_network("192.0.2.0/24"))), "subjectAltName of type IPAddress"),
    "e-mail": (make(x509.RFC822Name("me@gravel.example")), "subjectAltName of type RFC822Name"),
    "URI": (make(x509.UniformResourceIdentifier("https://gravel.example")), "type UniformResourceIdentifier"),
    "otherName": (make(x509.OtherName(x509.ObjectIdentifier("1.2.3"), NULL)), "subjectAltName of type OtherName"),
    "registered ID": (make(x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))), "subjectAltName of type RegisteredID"),
    "directory name": (make(x509.DirectoryName(x509.Name([]))), "subjectAltName of type DirectoryName"),
    "NUL in a name": (make(x509.DNSName("a.example\0.gravel.example")), r"'a\.example\\x00\.gravel\.example'"),
    "line break in a name": (make(x509.DNSName("a\r\nX: y.example")), r"'a\\r\\nX: y.example'"),
    "name not in ASCII": (raw(attribute(extension(general_names("ü.example".encode())))), "not in A-label form"),
    "name not in UTF-8": (raw(attribute(extension(general_names(b"\xff.example")))), "names must be ASCII"),
    "empty DNS name": (raw(attribute(extension(general_names(b"")))), "which is empty"),
    "trailing dot": (make(x509.DNSName("gravel.example.")), "which ends with a dot"),
    "one label": (make(x509.DNSName("localhost")), "which has only one label"),
    "inner wildcard": (make(x509.DNSName("a.*.example")), "wildcard only as its whole first label"),
    "address as a DNS name": (make(x509.DNSName("192.0.2.1")), "looks like an IP address"),
    "address as common name": (make(DNS, subject=["192.0.2.1"]), "common name '192.0.2.1', which looks like an IP"),
    "words as common name": (
        make(DNS, subject=["Gravel Works"]),
        "common name 'Gravel Works', which is not a DNS name",
    ),
    "bits as common name": (
        raw(NAMED, subject=common_name(3, b"\0\xff")),
        "subject that cannot be read; leave the subject empty",
    ),
    "CA:TRUE": (make(DNS, extensions=[x509.BasicConstraints(ca=True, path_length=None)]), "asks for a CA certificate"),
    "two SANs": (raw(attribute(SAN, SAN)), "extensions that cannot be read; each may occur once"),
    "garbled SAN": (raw(attribute(extension(b"\x30\x05junk"))), "extensions that cannot be read"),
    "garbled extension": (raw(attribute(SAN, extension(b"junk", "2.5.29.19"))), "extensions that cannot be read"),
    "garbled request": (raw(tlv(0x30, oid("1.2.840.113549.1.9.14"), tlv(0x31, b"\x04\x01x"))), "cannot be read"),
    "version 2": (raw(NAMED, version=1), "is not a DER-encoded PKCS #10 request"),
}


@pytest.mark.parametrize("fault", REFUSED_CONTENT)
def test_names_and_wishes_that_cannot_be_granted_are_refused(fault):
    der, words = REFUSED_CONTENT[fault]
    problem = refusal(der)
    assert problem.kind == "badCSR"
    assert re.search(words, problem.detail)
    assert problem.detail.isprintable()


def nested(depth):
    der = b""
    for _ in range(depth):
        der = tlv(0x31, der)
    return tlv(0x30, der)


MALFORMED = {
    "nothing": b"",
    "garbage": b"\xff" * 100,
    "something after it": make(DNS) + b"\0",
    "cut short": make(DNS)[:-1],
    "indefinite length": b"\x30\x80" + make(DNS)[4:] + b"\0\0",
    "deep nesting": nested(5000),
    "huge OID": raw(NAMED, signed_as=tlv(0x30, tlv(6, b"\x2a" + b"\xff" * 20000 + b"\x7f"))),
    "a certificate's length": b"\x30\x84\xff\xff\xff\xff",
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_malformed_der_is_a_bad_csr(fault):
    problem = refusal(MALFORMED[fault])
    assert problem.kind == "badCSR"
    assert "is not a DER-encoded PKCS #10 request (RFC 2986)" in problem.detail


def test_pem_is_named_as_such():
    text = x509.load_der_x509_csr(make(DNS)).public_bytes(Encoding.PEM)
    assert "is PEM; send the base64url of its DER form" in refusal(text).detail


def test_too_many_names_are_refused_unread():
    der = make(*(x509.DNSName(f"n{number}.example") for number in range(50_000)))
    assert f"at most {MAX_BYTES} are accepted" in refusal(der).detail


def test_a_thousand_names_are_read():
    names = [f"n{number:04}.example" for number in range(1000)]
    assert names == [item.value for item in parse_csr(make(*map(x509.DNSName, names))).identifiers]


VALID = make(DNS, subject=["gravel.example"])


@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_but_a_problem(der):
    assert refusal(der).kind == "badCSR"


@given(st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), min_size=1, max_size=4))
@example([(0, 0x31)])
def test_no_damage_raises_anything_but_a_problem(changes):
    der = bytearray(VALID)
    for place, octet in changes:
        der[place] = octet
    if bytes(der) != VALID:
        assert refusal(bytes(der)).kind == "badCSR"


@given(st.lists(st.binary(max_size=30), max_size=4), st.binary(max_size=60))
def test_no_signed_content_raises_anything_but_a_problem(names, junk):
    """Random changes break the signature; these are signed, so that what is behind it is read."""
    for der in (
        raw(attribute(extension(general_names(*names)))),
        raw(attribute(extension(junk))),
        raw(junk),
        raw(NAMED, subject=junk),
        raw(NAMED, subject=common_name(12, junk)),
    ):
        try:
            parse_csr(der)
        except Problem as problem:
            assert problem.kind == "badCSR"  # noqa: PT017 - either outcome is fine, a third is not
