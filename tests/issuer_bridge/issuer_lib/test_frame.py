"""The frame at work, in virtual time: issuer-lib's integration and timing tables, to the millisecond."""

from datetime import timedelta

import pytest

from issuer_bridge.issuer_lib.conduct import ISSUER_LIB, Options, like_issuer_lib
from issuer_bridge.issuer_lib.outcomes import IssuerFault, Pending, Permanent, WithCondition
from issuer_bridge.resources import CERTIFICATE_REQUEST
from tests.issuer_bridge.issuer_lib.frame_rig import FrameRig
from tests.issuer_bridge.issuer_lib.lib_resources import TEST_CLUSTER_ISSUER, TEST_ISSUER

ERROR = Exception("no")
ISSUED = ("True", "Issued", "Succeeded signing the CertificateRequest")
NOT_READY = "Waiting for issuer to become ready. Current issuer ready condition"


def timed(**chosen):
    """As issuer-lib's own timing tests have it."""
    return like_issuer_lib(
        "test-owner",
        **{
            "max_retry_duration": timedelta(minutes=1),
            "first_backoff": timedelta(milliseconds=200),
            "longest_backoff": timedelta(seconds=5),
            **chosen,
        },
    )


SHORT = {"max_retry_duration": timedelta(milliseconds=300)}
# What `check` and `sign` say, and when they are called, in milliseconds.
TIMES = [
    ({}, [ERROR], [ERROR], [("check", 0), ("check", 200), ("sign", 200), ("sign", 400)]),
    (
        {},
        [ERROR, ERROR],
        [ERROR, ERROR],
        [("check", 0), ("check", 200), ("check", 600), ("sign", 600), ("sign", 800), ("sign", 1200)],
    ),
    (SHORT, [ERROR, ERROR], [ERROR], [("check", 0), ("check", 200), ("check", 600), ("sign", 600)]),
    (
        SHORT,
        [ERROR],
        [Pending("soon", timedelta(milliseconds=100)), Pending("soon", timedelta(milliseconds=100))],
        [("check", 0), ("check", 200), ("sign", 200), ("sign", 300), ("sign", 400)],
    ),
    ({}, [Permanent("never")], [], [("check", 0)]),
    ({}, [None, None], [IssuerFault("broken")], [("check", 0), ("sign", 0), ("check", 200), ("sign", 200)]),
]


@pytest.mark.seed("L09", "L14", "L16")
@pytest.mark.parametrize(("chosen", "checks", "signs", "expected"), TIMES)
def test_calls_come_when_issuer_libs_come(chosen, checks, signs, expected):
    rig = FrameRig(timed(**chosen), checks, signs)
    rig.issuer()
    rig.request()
    rig.run(60)
    assert rig.times == expected


@pytest.mark.seed("L02", "L06", "L08", "E03", "B05")
@pytest.mark.parametrize("kind", [TEST_ISSUER, TEST_CLUSTER_ISSUER], ids=lambda kind: kind.kind)
@pytest.mark.parametrize("conduct", [{}, {"conduct": ISSUER_LIB}], ids=["ours", "issuer-lib"])
def test_a_request_waits_for_its_issuer_to_exist_and_to_be_ready(kind, conduct):
    rig = FrameRig(**conduct, checks=[ERROR])
    rig.request(kind=kind.kind)
    rig.run(1)
    missing = f'{kind.plural}.testing.cert-manager.io "issuer-1" not found. Waiting for it to be created.'
    assert rig.ready() == ("False", "Pending", missing)
    rig.issuer(kind)
    rig.run(0.5)
    assert rig.ready() == ("False", "Pending", f'{NOT_READY} is "Pending": Not ready yet: no.')
    rig.run(10)
    assert rig.ready() == ISSUED
    assert [name for name, _ in rig.times if name == "sign"] == ["sign"]


@pytest.mark.seed("L18")
def test_a_condition_that_changes_its_message_only_does_not_hurry():
    """Set twice, then success: three calls; the first is followed at once, since the condition is new."""
    rig = FrameRig(timed(), signs=[WithCondition(Exception(text), "Own", "True", "r") for text in ("one", "two")])
    rig.issuer()
    rig.request()
    rig.run(60)
    assert rig.times == [("check", 0), ("sign", 0), ("sign", 0), ("sign", 200)]
    assert rig.ready() == ISSUED


@pytest.mark.seed("L07", "L17", "B17")
def test_a_fault_of_the_issuer_shows_on_it_and_on_its_requests_and_mends_itself():
    rig = FrameRig(checks=[None, ERROR], signs=[IssuerFault("broken")])
    rig.issuer()
    rig.request()
    rig.run(0.5)
    assert rig.ready(TEST_ISSUER, "issuer-1") == ("False", "Pending", "Not ready yet: broken")
    assert rig.ready() == ("False", "Pending", f'{NOT_READY} is "Pending": Not ready yet: broken.')
    rig.run(60)
    assert rig.ready() == ISSUED


def test_d11_many_faults_are_one_and_leave_the_backoff_of_the_issuer_alone():
    rig = FrameRig(signs=[IssuerFault("broken")] * 5, takes=timedelta(seconds=1))
    rig.issuer()
    for number in range(5):
        rig.request(f"cr{number}")
    rig.run(10)
    first, second = [moment for name, moment in rig.times if name == "check"]
    reported = min(moment for name, moment in rig.times if name == "sign") + 1000
    assert (first, second) == (0, reported + 1000)


@pytest.mark.seed("L15", "L17", "B25")
def test_a_fault_for_good_stays_until_the_issuer_changes():
    rig = FrameRig(signs=[IssuerFault("closed", permanent=True)])
    rig.issuer()
    rig.request()
    rig.run(3600)
    assert rig.ready(TEST_ISSUER, "issuer-1") == ("False", "Failed", "Failed permanently: closed")
    assert rig.ready() == ("False", "Pending", f'{NOT_READY} is "Failed": Failed permanently: closed.')
    issuer = rig.store.get(TEST_ISSUER, "ns1", "issuer-1")
    rig.store.replace(TEST_ISSUER, {**issuer, "spec": {"url": "https://other.test"}})
    rig.run(1)
    assert rig.ready() == ISSUED


@pytest.mark.seed("L04", "L10", "E05", "X8")
def test_a_request_that_nobody_decided_on_is_not_touched():
    rig = FrameRig()
    rig.issuer()
    rig.request(approved=False)
    rig.run(60)
    assert rig.ready() is None
    assert rig.times == [("check", 0)]
    rig.approve()
    rig.run(1)
    assert rig.ready() == ISSUED


@pytest.mark.seed("L10")
def test_a_denied_request_is_told_so_and_never_signed():
    rig = FrameRig()
    rig.issuer()
    rig.request(condition="Denied")
    rig.run(60)
    assert rig.ready()[:2] == ("False", "Denied")
    assert rig.store.get(CERTIFICATE_REQUEST, "ns1", "cr1")["status"]["failureTime"]
    assert rig.events() == [("Warning", "PermanentError", 1)]


def test_a_request_that_went_while_it_was_signed_is_let_go():
    rig = FrameRig(takes=timedelta(seconds=5))
    rig.issuer()
    rig.request()
    rig.run(1)
    rig.store.remove(CERTIFICATE_REQUEST, "ns1", "cr1")
    rig.run(60)
    assert rig.times == [("check", 0), ("sign", 0)]


@pytest.mark.seed("B20")
def test_what_was_signed_is_kept_when_somebody_else_wrote_meanwhile():
    rig = FrameRig(takes=timedelta(seconds=5))
    rig.issuer()
    rig.request()
    rig.run(1)
    rig.approve(condition="Seen")
    rig.run(60)
    found = rig.store.get(CERTIFICATE_REQUEST, "ns1", "cr1")
    assert [item["type"] for item in found["status"]["conditions"]] == ["Approved", "Ready", "Seen"]
    assert rig.ready() == ISSUED
    assert [name for name, _ in rig.times].count("sign") == 1


def test_what_somebody_else_ended_meanwhile_stays_ended():
    rig = FrameRig(takes=timedelta(seconds=5))
    rig.issuer()
    rig.request()
    rig.run(1)
    rig.approve(condition="Ready", status="False", reason="Failed")
    rig.run(60)
    assert rig.ready()[:2] == ("False", "Failed")
    assert "certificate" not in rig.store.get(CERTIFICATE_REQUEST, "ns1", "cr1")["status"]


def test_an_issuer_that_failed_for_good_is_not_checked_for_an_annotation():
    rig = FrameRig(checks=[Permanent("closed")])
    rig.issuer()
    rig.run(1)
    issuer = rig.store.get(TEST_ISSUER, "ns1", "issuer-1")
    rig.store.replace(TEST_ISSUER, {**issuer, "metadata": {**issuer["metadata"], "annotations": {"a": "b"}}})
    rig.run(3600)
    assert rig.times == [("check", 0)]


@pytest.mark.parametrize(
    ("options_of", "expected"),
    [(Options, [0, 1, 2, 4, 5, 9, 10, 18, 19]), (like_issuer_lib, [0, 1, 2, 3, 4, 5, 6, 7, 8])],
)
def test_d4_polls_between_errors_do_not_reset_the_backoff(options_of, expected):
    options = options_of(field_owner="x", first_backoff=timedelta(seconds=1), max_retry_duration=timedelta(minutes=10))
    rig = FrameRig(options, signs=[ERROR, Pending("x", timedelta(seconds=1))] * 4)
    rig.issuer()
    rig.run(1)
    rig.request()
    rig.run(60)
    assert [moment // 1000 - 1 for name, moment in rig.times if name == "sign"] == expected


def test_d7_an_issuer_that_broke_is_found_before_anybody_asks():
    rig = FrameRig(checks=[None, ERROR])
    rig.issuer()
    rig.run(12.5 * 60)
    assert rig.events("issuer-1") == [("Normal", "Checked", 2), ("Warning", "RetryableError", 1)]
    first, second, third = [moment / 60_000 for _, moment in rig.times]
    assert first == 0
    assert 8 <= second <= 12
    assert third == pytest.approx(second + 1 / 60)


def test_d8_the_requests_of_an_issuer_that_is_back_do_not_come_at_once():
    def moments(**chosen):
        rig = FrameRig(checks=[ERROR], workers=100, per_issuer=100, **chosen)
        for number in range(100):
            rig.request(f"cr{number}")
        rig.issuer()
        rig.run(30)
        return [moment for name, moment in rig.times if name == "sign"]

    spread = moments()
    assert len(spread) == 100
    assert max(spread) - min(spread) > 5_000
    assert len({moment // 1000 for moment in spread}) >= 8
    assert len(set(moments(conduct=ISSUER_LIB))) == 1


@pytest.mark.seed("B26")
@pytest.mark.parametrize(
    ("chosen", "at_once"),
    [
        ({}, 5),
        ({"workers": 0}, 1),
        ({"workers": 20, "per_issuer": 20}, 20),
        ({"workers": 20, "per_issuer": 3}, 3),
        ({"workers": 20, "conduct": ISSUER_LIB}, 1),
    ],
)
def test_d9_workers_really_sign_at_once(chosen, at_once):
    rig = FrameRig(takes=timedelta(seconds=1), **chosen)
    rig.issuer()
    for number in range(20):
        rig.request(f"cr{number}")
    rig.run(60)
    assert rig.most_running == at_once
    assert len(rig.calls) == 21


def test_a_full_issuer_holds_up_no_other():
    rig = FrameRig(takes=timedelta(seconds=10), workers=5, per_issuer=2)
    rig.issuer()
    rig.issuer(name="issuer-2")
    for number in range(10):
        rig.request(f"cr{number}")
    rig.request("other", issuer="issuer-2")
    rig.run(15)
    assert rig.ready(name="other") == ISSUED


def test_one_that_went_while_it_waited_for_a_place_leaves_it_to_the_next():
    rig = FrameRig(takes=timedelta(seconds=10), workers=5, per_issuer=1)
    rig.issuer()
    for name in ("cr1", "cr2", "cr3"):
        rig.request(name)
    rig.run(5)
    rig.store.remove(CERTIFICATE_REQUEST, "ns1", "cr2")
    rig.run(60)
    assert (rig.ready(name="cr1"), rig.ready(name="cr3")) == (ISSUED, ISSUED)


@pytest.mark.seed("B18", "B22")
def test_a_rotated_secret_is_used_at_once():
    rig = FrameRig()
    rig.secret("old")
    rig.issuer(authSecretName="credentials")
    rig.run(1)
    rig.secret("new")
    rig.request()
    rig.run(1)
    tokens = [(name, data["credentials"]["token"]) for name, _, data in rig.calls]
    assert tokens == [("check", b"old"), ("check", b"new"), ("sign", b"new")]


@pytest.mark.seed("B18", "B25")
@pytest.mark.parametrize(("conduct", "state"), [({}, "True"), ({"conduct": ISSUER_LIB}, "False")])
def test_d10_a_rotated_secret_mends_an_issuer_that_failed_for_good(conduct, state):
    rig = FrameRig(checks=[Permanent("wrong token")], **conduct)
    rig.secret("old")
    rig.issuer(tokenSecretRef={"name": "credentials"})
    rig.run(3600)
    assert rig.times == [("check", 0)]
    rig.secret("new")
    rig.run(10)
    assert rig.ready(TEST_ISSUER, "issuer-1")[0] == state


def test_after_a_restart_everything_goes_on():
    rig = FrameRig(signs=[ERROR])
    rig.issuer()
    rig.request()
    rig.run(0.5)
    rig.frame.stop()
    rig.start()
    rig.run(60)
    assert rig.ready() == ISSUED


def test_after_quiescence_another_look_at_everything_writes_nothing():
    rig = FrameRig(checks=[Permanent("never"), None, Permanent("never")])
    rig.issuer()
    rig.request()
    rig.request("cr2", approved=False)
    rig.issuer(TEST_CLUSTER_ISSUER, "cluster-issuer-1")
    for name, condition in (("cr3", "Approved"), ("cr4", "Denied")):
        rig.request(name, kind="TestClusterIssuer", issuer="cluster-issuer-1", condition=condition)
    rig.run(60)
    before = rig.objects()
    rig.frame.stop()
    rig.start()
    rig.run(60)
    assert rig.objects() == before


def test_the_journal_hears_of_every_answer():
    rig = FrameRig(signs=[ERROR], takes=timedelta(seconds=2))
    rig.issuer()
    rig.request()
    rig.run(60)
    told = [(fact.kind, fact.data["result"], fact.data["seconds"]) for fact in rig.facts]
    assert told == [("CheckAnswered", "checked", 0), ("SignAnswered", "error", 2), ("SignAnswered", "issued", 2)]
