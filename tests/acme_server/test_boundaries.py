"""Moments at which clocks and calendars go wrong: certificates issued just before them are right."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from acme_server.protocol.times import parse_rfc3339, rfc3339
from acme_server.renewal_info import certid_of
from acme_server.settings import Settings
from acme_server.worlds import Options
from tests.acme_server.rig import leaf_of
from tests.acme_server.worlds_rig import client_of, issue, make_worlds

NAME = "a.example.org"
LIFETIME = timedelta(days=90)
SECOND = timedelta(seconds=1)
# ASN.1's two spellings of a moment (RFC 5280 section 4.1.2.5): to 2049, and from 2050 on.
TIME = re.compile(rb"\x17\x0d(\d{12}Z)|\x18\x0f(\d{14}Z)")
UTC_TIME, GENERALIZED_TIME = "%y%m%d%H%M%SZ", "%Y%m%d%H%M%SZ"

# Start of the world, where its process is, and how notBefore and notAfter are spelled.
STARTS = {
    "32-bit time_t ends": (datetime(2038, 1, 19, 3, 14, 6, tzinfo=UTC), "UTC", (UTC_TIME, UTC_TIME)),
    "UTCTime ends while it is valid": (datetime(2049, 12, 31, 23, 59, 30, tzinfo=UTC), "UTC", (UTC_TIME, GENERALIZED_TIME)),
    "UTCTime has ended": (datetime(2050, 1, 1, 0, 2, tzinfo=UTC), "UTC", (GENERALIZED_TIME, GENERALIZED_TIME)),
    "UTCTime's last second": (
        datetime(2049, 10, 3, 0, 1, tzinfo=UTC), "UTC", (UTC_TIME, UTC_TIME)
    ),
    "a leap day": (datetime(2028, 2, 28, 23, 59, 59, tzinfo=UTC), "UTC", (UTC_TIME, UTC_TIME)),
    "on a leap day": (datetime(2028, 2, 29, 12, tzinfo=UTC), "UTC", (UTC_TIME, UTC_TIME)),
    "no leap day in 2100": (datetime(2100, 2, 28, 23, 59, 59, tzinfo=UTC), "UTC", (GENERALIZED_TIME, GENERALIZED_TIME)),
    "summer begins": (datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), "Europe/Berlin", (UTC_TIME, UTC_TIME)),
    "summer ends": (datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC), "Europe/Berlin", (UTC_TIME, UTC_TIME)),
    "summer ends elsewhere": (datetime(2026, 11, 1, 5, 59, 59, tzinfo=UTC), "America/New_York", (UTC_TIME, UTC_TIME)),
}  # fmt: skip


@pytest.fixture(params=STARTS.values(), ids=STARTS)
async def issued(request, monkeypatch):
    """A world that begins at a boundary, a client with a certificate of it, its chain, and its start and spellings."""
    start, zone, spellings = request.param
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    worlds = make_worlds()
    hosted = await worlds.create("w", Options(Settings(certificate_lifetime=LIFETIME), 7, start, frozen=True))
    client = client_of(hosted)
    _, chain = await issue(hosted, NAME, client=client)
    yield hosted, client, chain, start, spellings
    await worlds.close()
    monkeypatch.undo()
    time.tzset()


async def test_a_certificate_lives_exactly_as_long_as_was_said(issued):
    _, _, chain, start, _ = issued
    leaf = leaf_of(chain)
    assert leaf.not_valid_before_utc == start - timedelta(minutes=1)
    # Both ends belong to it.
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == LIFETIME - SECOND


async def test_moments_are_spelled_as_rfc_5280_wants_them(issued):
    _, _, chain, _, spellings = issued
    leaf = leaf_of(chain)
    found = [match.group(1) or match.group(2) for match in TIME.finditer(leaf.tbs_certificate_bytes)]
    moments = (leaf.not_valid_before_utc, leaf.not_valid_after_utc)
    expected = [moment.strftime(spelling).encode() for moment, spelling in zip(moments, spellings, strict=True)]
    assert expected == found


async def test_a_verifier_takes_it_from_its_first_second_to_its_last_and_no_longer(issued):
    hosted, _, chain, _, _ = issued
    leaf, *intermediates = x509.load_pem_x509_certificates(chain)
    store = Store([hosted.world.authority.root])

    def accepts(moment):
        # The verifier takes moments without a zone for UTC.
        policy = PolicyBuilder().store(store).time(moment.replace(tzinfo=None))
        try:
            policy.build_server_verifier(x509.DNSName(NAME)).verify(leaf, intermediates)
        except VerificationError:
            return False
        return True

    first, last = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    assert [accepts(moment) for moment in (first - SECOND, first, last, last + SECOND)] == [False, True, True, False]


async def test_what_the_wire_says_of_time_is_utc(issued):
    hosted, client, chain, start, _ = issued
    leaf = leaf_of(chain)
    order = client.order(NAME, notAfter=rfc3339(start + timedelta(days=1)))
    assert order.json["notAfter"] == (start + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    suggested = client.get(f"/renewal-info/{certid_of(leaf)}").json["suggestedWindow"]
    assert parse_rfc3339(suggested["start"]) < parse_rfc3339(suggested["end"]) < leaf.not_valid_after_utc
    await hosted.driver.advance(LIFETIME)
    assert hosted.driver.now() == start + LIFETIME
