"""Each thing that can be wrong with a certificate is found by its rule, and by no other."""

from datetime import timedelta

import attrs
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gravel.verify.evidence import Asked, Evidence
from gravel.verify.rules import RULES, verify
from tests.gravel.verify.issued import DAY, LEAF, MIDDLE, NOW, ROOT, made
from tests.issuer_bridge.bridge_resources import key_of


def public(name):
    return key_of(name).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def chain(*some):
    return tuple(each.certificate for each in some)


def leaf(**options):
    return {"chain": chain(made("leaf", MIDDLE, names=("www.test",), **options), MIDDLE)}


GOOD = Evidence(
    "secret/default/x",
    NOW,
    Asked(("www.test",), "", 10 * DAY, DAY),
    chain=chain(LEAF, MIDDLE),
    key=public("leaf"),
    roots=chain(ROOT),
    revocation="good",
)
FAULTS = [
    ("missing", {"missing": ("issuer/x",)}, "issuer/x does not exist"),
    ("not-ready", {"not_ready": (("issuer/x", "no account"),)}, "issuer/x is not Ready"),
    ("unreadable", {"chain": (), "broken": "tls.crt is empty"}, "tls.crt is empty"),
    ("bad-key", {"key": None, "bad_key": "it is none"}, "the private key cannot be read: it is none"),
    ("key-differs", {"key": public("x")}, "the private key is another than the certificate's"),
    ("chain-order", {"chain": chain(LEAF, MIDDLE, made("x", ROOT))}, "certificate 3, CN=x, has not issued"),
    ("root-in-chain", {"chain": chain(LEAF, MIDDLE, ROOT)}, "certificate 3, CN=root, is a root"),
    ("untrusted", {"roots": chain(made("x", ca=True))}, "no path leads to what is trusted: CN=middle was issued by"),
    ("nothing-trusted", {"roots": ()}, "nothing is trusted"),
    ("not-yet-valid", leaf(begin=DAY, end=11 * DAY), "it is not valid before 2026-06-02T00:00:00Z"),
    ("expired", leaf(begin=-11 * DAY, end=-DAY), "it has expired at 2026-05-31T00:00:00Z"),
    ("ends-soon", leaf(begin=-9.5 * DAY, end=DAY / 2), "it ends at 2026-06-01T12:00:00Z, in less than 24h0m0s"),
    ("lifetime-differs", leaf(end=10 * DAY), "it lasts 264h0m0s, and 240h0m0s was asked for"),
    ("name-missing", {"asked": Asked(("www.test", "WWW.test", "api.test"))}, "it is not for api.test"),
    ("name-missing", {"asked": Asked(("www.test",), "api.test")}, "it is not for api.test"),
    ("name-beside", {"asked": Asked(())}, "it is for www.test too, which nobody asked for"),
    ("revoked", {"revocation": "the list says so"}, "it is revoked"),
    ("revocation-unknown", {"revocation": None, "unknown": "timeout"}, "could not be learned: timeout"),
]


@pytest.mark.seed("B47")
@pytest.mark.parametrize(("code", "changed", "cause"), FAULTS)
def test_a_fault_is_found_by_its_rule_alone(code, changed, cause):
    found = verify(attrs.evolve(GOOD, **changed))
    assert [finding.code for finding in found] == [code]
    assert cause in found[0].cause
    assert found[0].subject == GOOD.subject


def test_every_rule_has_a_fault_and_what_is_well_has_none():
    assert verify(GOOD) == ()
    assert list(dict.fromkeys(code for code, *_ in FAULTS)) == [rule.code for rule in RULES]


@pytest.mark.parametrize("asked", [Asked(), Asked((), "www.test"), Asked(("WWW.TEST",)), Asked(("www.test",), "leaf")])
def test_a_common_name_may_be_a_name_too_and_nothing_asked_is_nothing_wrong(asked):
    assert verify(attrs.evolve(GOOD, asked=asked)) == ()


@pytest.mark.parametrize("end", [9 * DAY - timedelta(seconds=1), 9 * DAY + timedelta(hours=1)])
def test_a_ca_may_date_back_and_leave_out_the_last_second(end):
    assert verify(attrs.evolve(GOOD, **leaf(end=end))) == ()


def test_what_blocks_comes_first():
    found = verify(attrs.evolve(GOOD, unknown="timeout", revocation=None, key=public("x"), roots=()))
    assert [(one.code, one.blocks) for one in found] == [
        ("key-differs", True),
        ("nothing-trusted", False),
        ("revocation-unknown", False),
    ]
