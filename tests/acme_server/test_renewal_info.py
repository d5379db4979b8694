"""When to renew, and how a certificate is asked about (RFC 9773 sections 3 and 4)."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from acme_server.certificates import Certificate, revoke
from acme_server.execution import carry_out
from acme_server.protocol.encoding import b64url
from acme_server.protocol.times import parse_rfc3339, rfc3339
from acme_server.registration_authority.renewal import set_renewal_info
from acme_server.renewal_info import certid_of, parse_certid, suggested_window
from acme_server.settings import Settings
from tests.acme_server.rig import BASE, START, leaf_of, registered

NAME = "www.example.org"
# The key identifier and the serial number of RFC 9773 section 4.1, whose first bit is set.
KEY_IDENTIFIER, SERIAL = "aYhba4dGQEHhs3uEe6CuLN4ByNQ", "AIdlQyE"


def issue(**settings):
    """Return a client, the certificate and the URL of its renewal information."""
    client = registered(Settings(always_valid=True, **settings))
    leaf = leaf_of(client.post(client.issue(NAME).json["certificate"]).reply.body)
    return client, leaf, f"{client.get('/dir').json['renewalInfo']}/{certid_of(leaf)}".removeprefix(BASE)


def window(response):
    assert response.status == 200
    suggested = response.json["suggestedWindow"]
    return parse_rfc3339(suggested["start"]), parse_rfc3339(suggested["end"])


def test_the_rfcs_own_identifier_is_read():
    key_identifier = bytes.fromhex("69885b6b87464041e1b37b847ba0ae2cde01c8d4")
    assert (key_identifier, 0x87654321) == parse_certid(f"{KEY_IDENTIFIER}.{SERIAL}")


@given(st.binary(min_size=1, max_size=64), st.integers(1, 2**159 - 1))
def test_every_identifier_has_one_spelling(key_identifier, serial):
    der = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
    assert (key_identifier, serial) == parse_certid(f"{b64url(key_identifier)}.{b64url(der)}")
    with pytest.raises(ValueError, match="no serial number"):
        parse_certid(f"{b64url(key_identifier)}.{b64url(bytes(1) + der)}")


def test_an_identifier_is_made_of_what_the_certificate_says():
    _, leaf, url = issue()
    key_identifier, serial = url.rpartition("/")[2].split(".")
    authority = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert base64.urlsafe_b64decode(key_identifier + "=") == authority.key_identifier
    assert int.from_bytes(base64.urlsafe_b64decode(serial + "=="), "big") == leaf.serial_number


# Lifetime -> when the window begins and ends, before the certificate does.
WINDOWS = [
    (timedelta(days=90), timedelta(days=30.9), timedelta(days=29.1)),
    (timedelta(days=10), timedelta(days=10) / 3 + timedelta(days=0.1), timedelta(days=10) / 3 - timedelta(days=0.1)),
    (timedelta(days=6), timedelta(days=3.06), timedelta(days=2.94)),
]


@pytest.mark.parametrize(("lifetime", "first", "last"), WINDOWS, ids=str)
def test_the_window_is_a_fiftieth_of_the_lifetime_around_two_thirds_or_half_of_it(lifetime, first, last):
    client, leaf, url = issue(certificate_lifetime=lifetime)
    start, end = window(client.get(url))
    cut = timedelta(seconds=1)
    assert timedelta(0) <= leaf.not_valid_after_utc - first - start < cut
    assert timedelta(0) <= leaf.not_valid_after_utc - last - end < cut


@given(st.integers(0, 10**9), st.booleans())
def test_no_window_is_empty_whatever_the_lifetime(seconds, revoked):
    record = Certificate("", "", "", (), "", "", "", "", "", START, START + timedelta(seconds=seconds))
    start, end = suggested_window(revoke(record, None, START) if revoked else record, START)
    assert rfc3339(start) < rfc3339(end)


def test_a_revoked_certificate_should_have_been_renewed_before_now():
    client, leaf, url = issue()
    assert window(client.get(url))[0] > client.driver.now()
    client.driver.pass_time(days=1)
    der = b64url(leaf.public_bytes(Encoding.DER))
    assert client.post(f"{BASE}/revoke-cert", {"certificate": der}).status == 200
    start, end = window(client.get(url))
    assert start < end < client.driver.now()


@pytest.mark.parametrize(("settings", "expected"), [({}, "21600"), ({"renewal_info_retry_after": timedelta(0)}, "0")])
def test_a_reply_says_when_to_ask_again(settings, expected):
    client, _, url = issue(**settings)
    response = client.get(url)
    assert response.header("Retry-After") == expected
    assert response.header("Content-Type") == "application/json"


def test_nobody_signs_and_who_does_is_answered_too():
    client, _, url = issue()
    assert client.get(url).json == client.post(BASE + url).json
    assert client.get(url, "HEAD").status == 200


# What stands in the place of a certificate's identifier -> the problem.
BAD = [
    ("x", "malformed", 400),
    ("x.y.z", "malformed", 400),
    (".", "malformed", 400),
    (f"{KEY_IDENTIFIER}=.{SERIAL}", "malformed", 400),
    (f"{KEY_IDENTIFIER}.{SERIAL}==", "malformed", 400),
    (f"{KEY_IDENTIFIER}.h2VDIQ", "malformed", 400),
    (f"{KEY_IDENTIFIER}.AA", "malformed", 400),
    (f"{KEY_IDENTIFIER}.AAE", "malformed", 400),
    (f"{KEY_IDENTIFIER}.", "malformed", 400),
    (f".{SERIAL}", "malformed", 400),
    (f"{KEY_IDENTIFIER}.{'A' * 40}", "malformed", 400),
    ("%2e.%00", "malformed", 400),
    (f"{KEY_IDENTIFIER}.{SERIAL}", "malformed", 404),
    ("x" * 257, "malformed", 404),
    ("", "malformed", 404),
    ("x/y", "malformed", 404),
]


@pytest.mark.parametrize(("certid", "kind", "status"), BAD)
def test_what_is_no_identifier_is_malformed_and_what_is_unknown_not_there(certid, kind, status):
    client, _, _ = issue()
    assert client.get(f"/renewal-info/{certid}").outcome == (status, kind)


def test_the_issuers_key_is_part_of_the_identifier():
    client, _, url = issue()
    serial = url.rpartition(".")[2]
    assert client.get(f"/renewal-info/{KEY_IDENTIFIER}.{serial}").status == 404


@pytest.mark.parametrize("response", ['{"suggestedWindow": {}}', "not JSON", '{"explanationURL": "https://ä.test"}'])
def test_what_was_set_is_served_as_it_is_until_it_is_set_to_nothing(response):
    client, leaf, url = issue()
    world, usual = client.server.world, client.get(url).json
    der = leaf.public_bytes(Encoding.DER)
    carry_out(world, set_renewal_info(world, der, response), START)
    served = client.get(url)
    assert (served.status, served.reply.body, served.header("Retry-After")) == (200, response.encode(), "21600")
    assert [entry.data for entry in world.journal if entry.kind == "RenewalInfoSet"] == [{"response": response}]
    carry_out(world, set_renewal_info(world, der, ""), START)
    assert json.loads(client.get(url).reply.body) == usual


def test_the_issuers_of_a_certificate_are_those_of_its_chain():
    client = registered(Settings(always_valid=True))
    order = client.issue(NAME)
    _, *issuers = x509.load_pem_x509_certificates(client.post(order.json["certificate"]).reply.body)
    assert issuers == [client.server.world.authority.intermediate]
