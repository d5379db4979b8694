"""Profiles: what an order may choose, and what its certificate is like then."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from acme_server.leaf_lint import Leaf, lint
from acme_server.profiles import DEFAULT, PROFILES, with_lifetime
from acme_server.protocol.encoding import b64url
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.times import rfc3339
from acme_server.settings import Settings
from tests.acme_server.rig import START, csr, leaf_of, make_server, registered

NAME = "www.example.org"


def certificate_of(client, order, name=NAME):
    client.authorize(order)
    return leaf_of(client.post(client.finalize(order, [name]).json["certificate"]).reply.body)


@pytest.mark.parametrize(
    ("profile", "days", "subject", "client_auth"),
    [
        ("default", 90, "", False),
        ("classic", 90, NAME, False),
        ("tlsclient", 90, NAME, True),
        ("shortlived", 6, "", False),
    ],
)
def test_a_certificate_is_as_its_profile_says(profile, days, subject, client_auth):
    client = registered(Settings(always_valid=True))
    order = client.order(NAME, profile=profile)
    assert order.json["profile"] == profile
    leaf = certificate_of(client, order)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(days=days) - timedelta(seconds=1)
    assert subject == "".join(str(each.value) for each in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME))
    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert client_auth == (ExtendedKeyUsageOID.CLIENT_AUTH in usages)
    # RFC 5280 section 4.2.1.6: critical where there is no subject.
    assert leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical == (not subject)


FEATURES = {
    "status_request": x509.TLSFeature([x509.TLSFeatureType.status_request]),
    "status_request_v2": x509.TLSFeature([x509.TLSFeatureType.status_request_v2]),
    "nothing": None,
}


@pytest.mark.parametrize(
    ("profile", "wish", "granted"),
    [
        ("classic", "status_request", True),
        ("classic", "status_request_v2", False),
        ("classic", "nothing", False),
        ("default", "status_request", False),
    ],
)
def test_a_certificate_says_that_its_server_must_staple_where_asked_and_allowed(profile, wish, granted):
    client = registered(Settings(always_valid=True))
    order = client.order(NAME, profile=profile)
    client.authorize(order)
    request = csr([NAME], extensions=[FEATURES[wish]] if FEATURES[wish] else [])
    finalized = client.post(order.json["finalize"], {"csr": b64url(request)})
    leaf = leaf_of(client.post(finalized.json["certificate"]).reply.body)
    found = [each.value for each in leaf.extensions if isinstance(each.value, x509.TLSFeature)]
    assert found == ([FEATURES["status_request"]] if granted else [])


def test_without_a_profile_an_order_has_the_first_and_says_so():
    assert registered().order(NAME).json["profile"] == "default"


def test_the_directory_describes_the_profiles():
    profiles = registered().get("/dir").json["meta"]["profiles"]
    assert profiles == {profile.name: profile.description for profile in PROFILES}


@pytest.mark.parametrize(("value", "kind"), [("long", "invalidProfile"), ("", "invalidProfile"), (1, "malformed")])
def test_no_other_profile_is_taken(value, kind):
    assert registered().order(NAME, profile=value).outcome == (400, kind)


def test_a_profile_bounds_the_validity_that_may_be_asked_for():
    client = registered()
    end = rfc3339(START + timedelta(days=7))
    assert client.order(NAME, notAfter=end).status == 201
    assert client.order(NAME, notAfter=end, profile="shortlived").outcome == (400, "malformed")


def test_a_profile_may_last_minutes():
    client = registered(Settings(always_valid=True, profiles=with_lifetime(PROFILES, "brief", timedelta(minutes=5))))
    leaf = certificate_of(client, client.order(NAME, profile="brief"))
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(minutes=5, seconds=-1)


def test_a_lifetime_that_is_given_changes_a_profile_or_adds_one():
    profiles = with_lifetime(with_lifetime(PROFILES, "classic", timedelta(1)), "new", timedelta(2))
    assert [profile.name for profile in profiles] == ["default", "classic", "tlsclient", "shortlived", "new"]
    assert (profiles[1].lifetime, profiles[1].common_name) == (timedelta(1), True)
    assert (
        attrs.evolve(DEFAULT, name="new", description="Valid for 2 days, 0:00:00", lifetime=timedelta(2)) == profiles[4]
    )


def test_another_profile_is_another_order():
    client = registered(Settings(order_reuse=True))
    first, same, other = (client.order(NAME, profile=name) for name in ("classic", "classic", "default"))
    assert first.header("Location") == same.header("Location") != other.header("Location")


AUTHORITY = make_server().world.authority
GOOD = Leaf(
    public_key=ec.derive_private_key(5, ec.SECP256R1()).public_key(),
    identifiers=(Identifier("dns", NAME),),
    serial=1 << 126,
    not_before=START,
    not_after=START + timedelta(days=1),
    signers=AUTHORITY.intermediates + AUTHORITY.roots,
)
BROKEN = {
    "it has no name": {"identifiers": ()},
    "a name is there twice": {"identifiers": GOOD.identifiers * 2},
    "its serial number has less than 64 bits": {"serial": (1 << 64) - 1},
    "its serial number has more than 20 octets": {"serial": 1 << 159},
    "it ends before it begins": {"not_after": START - timedelta(seconds=1)},
    "it is valid before its issuer is": {"not_before": START - timedelta(days=2)},
    "it is valid after its issuer is": {"not_after": START + timedelta(days=3650)},
    "its key is the authority's": {"public_key": AUTHORITY.root.public_key()},
}


def test_a_good_leaf_has_no_complaint():
    assert lint(GOOD) == []


@pytest.mark.parametrize("complaint", BROKEN)
def test_each_fault_of_a_leaf_is_named(complaint):
    assert lint(attrs.evolve(GOOD, **BROKEN[complaint])) == [complaint]


def test_an_order_whose_certificate_cannot_be_signed_says_why():
    client = registered(Settings(always_valid=True, certificate_lifetime=timedelta(days=36500)))
    order = client.order(NAME, notAfter=rfc3339(START + timedelta(days=10000)))
    client.authorize(order)
    failed = client.finalize(order, [NAME]).json
    assert failed["status"] == "invalid"
    assert failed["error"]["detail"] == "the certificate cannot be signed: it is valid after its issuer is"
