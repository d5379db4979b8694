"""The verdict on what a handshake showed."""

import hashlib
from ipaddress import ip_address

import pytest
from cryptography import x509

from acme_server.protocol.identifier import Identifier
from acme_server.protocol.key_authorization import KeyAuthorization
from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import TlsAnswer
from acme_server.tls_alpn import judge
from tests.challenge_certificates import OTHER_KEY, challenge_certificate, doubled

KEY = KeyAuthorization("LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0", "9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI")
NAME = "www.gravel.example"
DIGEST = hashlib.sha256(f"{KEY.token}.{KEY.thumbprint}".encode()).digest()
VALUE = b"\x04\x20" + DIGEST


def judged(certificate, protocol="acme-tls/1"):
    judge(TlsAnswer(certificate, protocol, address="192.0.2.1:443"), Identifier("dns", NAME), KEY)


def test_the_certificate_of_the_rfc_is_accepted():
    judged(challenge_certificate(value=VALUE))


def test_the_name_is_compared_without_regard_to_case():
    judged(challenge_certificate(names=[NAME.upper()], value=VALUE))


IP = x509.IPAddress(ip_address("192.0.2.1"))
REFUSED = {
    "signed by another key": ({"signer": OTHER_KEY}, "It is not self-signed"),
    "issued by another name": ({"issuer": "a CA"}, "It is not self-signed"),
    "no names": ({"names": None}, "Its subjectAltName is missing or empty"),
    "another name": ({"names": ["a.test"]}, "Its subjectAltName is 'a.test', not that one name"),
    "a name more": ({"names": [NAME, "a.test"]}, f"Its subjectAltName is '{NAME}', 'a.test', not"),
    "the name twice": ({"names": [NAME, NAME]}, f"'{NAME}', '{NAME}', not that one name"),
    "an address more": ({"names": [NAME, IP]}, f"'{NAME}', '192.0.2.1', not that one name"),
    "the name as another kind": ({"names": [x509.UniformResourceIdentifier(NAME)]}, "not that one name"),
    "a wildcard": ({"names": ["*.gravel.example"]}, "'*.gravel.example', not that one name"),
    "a dot after it": ({"names": [f"{NAME}."]}, f"'{NAME}.', not that one name"),
    "a hundred names": ({"names": [f"{n}.test" for n in range(100)]}, "'4.test' and 95 more, not that one name"),
    "no acmeIdentifier": ({"value": None}, "It has no acmeIdentifier extension"),
    "the identifier of the drafts": ({"oid": "1.3.6.1.5.5.7.1.30.1"}, "It has no acmeIdentifier extension"),
    "an uncritical one": ({"critical": False}, "Its acmeIdentifier extension is not critical"),
    "another key authorization": ({"value": b"\x04\x20" + bytes(32)}, f"is 0420{'00' * 32}, but for this key"),
    "no OCTET STRING": ({"value": DIGEST}, f"is {DIGEST.hex()}, but for this key authorization it is 0420"),
    "an octet after it": ({"value": VALUE + b"\x00"}, "but for this key authorization it is 0420"),
    "a long length": ({"value": b"\x04\x81\x20" + DIGEST}, "but for this key authorization it is 0420"),
    "half of it": ({"value": b"\x04\x10" + DIGEST[:16]}, "but for this key authorization it is 0420"),
    "far too much": ({"value": bytes(5000)}, f"is {'0' * 80}..., but"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_any_other_is_unauthorized_and_the_difference_is_named(fault):
    changes, words = REFUSED[fault]
    with pytest.raises(Problem) as refused:
        judged(challenge_certificate(**{"value": VALUE, **changes}))
    detail = refused.value.detail
    assert refused.value.kind == "unauthorized"
    assert detail.startswith(f"192.0.2.1:443: The certificate for {NAME} is not this challenge's. ")
    assert words in detail
    assert len(detail) < 700


@pytest.mark.parametrize("der", [b"", b"junk", doubled()], ids=["none", "junk", "an extension twice"])
def test_what_cannot_be_read_is_unauthorized(der):
    with pytest.raises(Problem, match="It cannot be read"):
        judged(der)


@pytest.mark.parametrize("protocol", [None, "h2", "ACME-TLS/1"])
def test_without_the_protocol_the_best_certificate_is_unauthorized(protocol):
    with pytest.raises(Problem, match='did not agree on the protocol "acme-tls/1"') as refused:
        judged(challenge_certificate(value=VALUE), protocol)
    assert refused.value.kind == "unauthorized"


def test_names_of_strangers_are_quoted_escaped_and_short():
    names = [x509.DirectoryName(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "\x1b[31m\u202e" + "x" * 50)]))]
    with pytest.raises(Problem) as refused:
        judged(challenge_certificate(names=names * 9, value=VALUE))
    assert refused.value.detail.isascii()
    assert refused.value.detail.isprintable()
    assert len(refused.value.detail) < 700
