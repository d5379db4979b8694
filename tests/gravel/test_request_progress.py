import pytest

from gravel.request_progress import (
    ChallengeProgress,
    Progress,
    Verdict,
    by_owner,
    certificate_progress,
    challenge_progress,
    describe_progress,
    describe_wait,
    progress_of,
    verdict_of,
)


def conditions(**of):
    """Ready="True/Issued" -> a status with that condition."""
    found = []
    for name, text in of.items():
        status, reason, *message = text.split("/")
        found.append({"type": name, "status": status, "reason": reason, "message": "".join(message)})
    return {"metadata": {"name": "www", "uid": "r"}, "status": {"conditions": found}}


def order(uid="o", owner="r", created="1", **status):
    metadata = {"name": uid, "uid": uid, "creationTimestamp": created, "ownerReferences": [{"uid": owner}]}
    return {"kind": "Order", "metadata": metadata, "status": status}


def challenge(name="c", owner="o", wildcard=False, **status):
    metadata = {"name": name, "uid": name, "ownerReferences": [{"uid": owner}]}
    spec = {"type": "DNS-01", "dnsName": "x.test", "wildcard": wildcard}
    return {"kind": "Challenge", "metadata": metadata, "spec": spec, "status": status}


@pytest.mark.parametrize(
    ("request_", "verdict"),
    [
        ({"metadata": {}}, Verdict.PENDING),
        (conditions(Approved="True/x"), Verdict.PENDING),
        (conditions(Approved="True/x", Ready="False/Pending"), Verdict.PENDING),
        (conditions(Approved="True/x", Ready="True/Issued"), Verdict.READY),
        (conditions(Approved="True/x", Ready="False/Failed"), Verdict.FAILED),
        (conditions(InvalidRequest="True/x"), Verdict.FAILED),
        (conditions(InvalidRequest="False/x"), Verdict.PENDING),
        (conditions(Denied="True/x"), Verdict.DENIED),
        (conditions(Denied="True/x", Ready="False/Denied"), Verdict.DENIED),
        (conditions(Ready="False/Denied"), Verdict.DENIED),
    ],
    ids=str,
)
def test_conditions_decide_the_verdict(request_, verdict):
    assert verdict_of(request_) == verdict


@pytest.mark.parametrize(
    ("status", "stage"),
    [
        ({}, "queued"),
        ({"state": "pending"}, "queued"),
        ({"processing": True}, "presenting"),
        ({"processing": True, "presented": True}, "checking"),
        ({"processing": True, "presented": True, "state": "valid"}, "valid"),
        ({"state": "invalid"}, "invalid"),
        ({"state": "errored"}, "errored"),
        ({"state": "expired"}, "expired"),
    ],
    ids=str,
)
def test_a_challenge_is_in_a_stage(status, stage):
    assert challenge_progress(challenge(**status)).stage == stage


def test_a_wildcards_challenge_shows_the_star_and_a_valid_one_no_reason():
    shown = challenge_progress(challenge(wildcard=True, state="valid", reason="Successfully authorized domain"))
    assert shown == ChallengeProgress("DNS-01", "*.x.test", "valid")


def test_progress_is_put_together_along_the_owners():
    owned = by_owner(
        [
            challenge("c2"),
            challenge("c1", processing=True, reason="why"),
            challenge("foreign", owner="other"),
            order("other", owner="s"),
            order("o", state="pending"),
        ]
    )
    request = conditions(Approved="True/x", Ready="False/Pending/Waiting on certificate issuance")
    assert progress_of("default", "www", request, owned) == Progress(
        "default",
        "www",
        Verdict.PENDING,
        "Pending",
        "Waiting on certificate issuance",
        "pending",
        (ChallengeProgress("DNS-01", "x.test", "presenting", "why"), ChallengeProgress("DNS-01", "x.test", "queued")),
    )


def test_the_latest_order_counts():
    owned = by_owner([order("new", created="2"), order("old", created="1", state="errored")])
    assert progress_of("default", "www", conditions(Approved="True/x"), owned).order_state == "new"


def test_a_request_that_is_not_there_is_over():
    progress = progress_of("default", "www", None, {})
    assert (progress.verdict, progress.over) == (Verdict.DELETED, True)


def line(request, *children):
    return describe_progress(progress_of("default", "www", request, by_owner(children)))


@pytest.mark.parametrize(
    ("text", "request_", "children"),
    [
        ("default/www Pending: not approved yet", conditions(), ()),
        ("default/www Pending: not taken up yet", conditions(Approved="True/x"), ()),
        ("default/www Pending: no issuer", conditions(Approved="True/x", Ready="False/Pending/no issuer"), ()),
        (
            "default/www Pending: order pending; DNS-01 x.test checking: not seen",
            conditions(Approved="True/x"),
            (order(state="pending"), challenge(processing=True, presented=True, reason="not seen")),
        ),
        ("default/www Ready (Issued): fetched", conditions(Ready="True/Issued/fetched"), (order(state="valid"),)),
        ("default/www Failed: bad CSR", conditions(Approved="True/x", Ready="False/Failed/bad CSR"), ()),
        ("default/www Failed (Strange): no", conditions(InvalidRequest="True/Strange/no"), ()),
        ("default/www Denied (No): not ours", conditions(Denied="True/No/not ours", Ready="False/Denied/x"), ()),
        ("default/www Denied: x", conditions(Ready="False/Denied/x"), ()),
    ],
    ids=str,
)
def test_a_request_has_one_line(text, request_, children):
    assert line(request_, *children) == text


def waits(request, *children):
    return describe_wait([progress_of("shop", "www", request, by_owner(children))])


@pytest.mark.parametrize(
    ("text", "request_", "children"),
    [
        ("", conditions(Ready="True/Issued"), ()),
        ("shop/www is not approved (approve it: gravel approve -n shop www)", conditions(), ()),
        ("shop/www has no order: nobody has taken it up", conditions(Approved="True/x"), ()),
        ("shop/www has no order: no issuer", conditions(Approved="True/x", Ready="False/Pending/no issuer"), ()),
        ("shop/www waits for its order, which is new", conditions(Approved="True/x"), (order(),)),
        (
            "shop/www waits for DNS-01 x.test queued",
            conditions(Approved="True/x"),
            (order(state="pending"), challenge("c1", state="valid"), challenge("c2")),
        ),
    ],
    ids=str,
)
def test_what_a_request_waits_for_can_be_said(text, request_, children):
    assert waits(request_, *children) == text


def test_progress_is_json_too():
    progress = progress_of("default", "www", conditions(Approved="True/x"), by_owner([order(), challenge()]))
    assert progress.to_json() == {
        "kind": "CertificateRequest",
        "namespace": "default",
        "name": "www",
        "verdict": "Pending",
        "reason": "",
        "message": "",
        "order": "new",
        "challenges": [{"type": "DNS-01", "dns_name": "x.test", "stage": "queued", "reason": ""}],
    }


def certificate(generation=1, observed=1, **of):
    found = conditions(**of)
    found["metadata"]["generation"] = generation
    for condition in found["status"]["conditions"]:
        condition["observedGeneration"] = observed
    return found


def request_of_certificate(name, created, **of):
    owner = [{"uid": "r"}]
    metadata = {"name": name, "uid": name, "creationTimestamp": created, "ownerReferences": owner}
    return {**conditions(**of), "kind": "CertificateRequest", "metadata": metadata}


@pytest.mark.parametrize(
    ("certificate_", "children", "text"),
    [
        (None, (), "default/www Deleted: it does not exist"),
        (certificate(), (), "default/www Pending: not taken up yet"),
        (certificate(Ready="True/Ready/fine"), (), "default/www Ready: fine"),
        (certificate(Ready="True/Ready", generation=2), (), "default/www Pending: not taken up yet"),
        (
            certificate(Ready="True/Ready", Issuing="True/Renewing/due"),
            (request_of_certificate("www-1", "1", Approved="True/x"), order(owner="www-1", state="pending")),
            "default/www Pending: order pending",
        ),
        (certificate(Ready="False/DoesNotExist", Issuing="True/DoesNotExist/no"), (), "default/www Pending: no"),
        (certificate(Ready="False/x", Issuing="False/Failed/bad"), (), "default/www Failed: bad"),
        (
            certificate(Ready="False/x", Issuing="False/Failed/bad", generation=2),
            (),
            "default/www Pending: not taken up yet",
        ),
    ],
    ids=range(8),
)
def test_a_certificate_is_described_by_its_conditions_or_its_newest_request(certificate_, children, text):
    assert describe_progress(certificate_progress("default", "www", certificate_, by_owner(children))) == text


def test_a_certificate_that_waits_for_approval_names_the_request_to_approve():
    requests = [request_of_certificate(f"www-{number}", str(number)) for number in (1, 2)]
    waiting = certificate_progress("default", "www", certificate(Issuing="True/x"), by_owner(requests))
    assert describe_wait([waiting]) == "default/www is not approved (approve it: gravel approve -n default www-2)"
