"""Upstream's challenge scenarios by name (pkg/controller/acmechallenges/sync_test.go, TestSyncHappyPath), step by step.

With `--compat cert-manager` and a cluster's steps: every status that is written,
with the finalizer, the events, and what the ACME server is asked meanwhile.
"""

import pytest

from acme_server.protocol.vantage import HttpAnswer
from issuer_bridge.cert_manager.challenge_views import FINALIZER
from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.resources import CERTIFICATE_REQUEST, CHALLENGE
from scheduler.settings import CLUSTER
from scheduler.versions import NEWEST
from solvers.solver import SolverError
from tests.issuer_bridge.bridge_resources import HTTP01
from tests.issuer_bridge.bridge_rig import Rig, kind_of, of_the_server
from tests.issuer_bridge.recorded_walk import challenge
from tests.issuer_bridge.scripted_server import answer, problem

RESET = HttpAnswer(error="read tcp: connection reset by peer")
STARTED = ("Started", "Challenge scheduled for processing")
PRESENTED = ("Presented", "Presented challenge using HTTP-01 challenge mechanism")
VERIFIED = ("DomainVerified", 'Domain "a.http.test" verified with "HTTP-01" validation')
BEGUN = ["", "processing", "processing, finalizer"]
PENDING = "processing, state pending, finalizer"
NOT_FOUND = "Waiting for HTTP-01 challenge propagation: wrong status code '404', expected '200'"
WAITING = f"processing, presented, state pending, {NOT_FOUND}, finalizer"
POLLED = ["authz", "authz"]  # the server decides between the two
AUTHORIZED = "Successfully authorized domain"
NO_DETAILS = "Error accepting authorization: acme: authorization error for a.http.test: "
DENIED = f"{NO_DETAILS}403 urn:ietf:params:acme:error:unauthorized: no"


def ended(state, reason):
    """What is written from a verdict on: cleaned up, then released in a sync of its own."""
    told = f"state {state}, {reason}" if reason else f"state {state}"
    return [f"processing, presented, {told}, finalizer", f"processing, presented, {told}", told]


def unpresented(state, reason):
    return [status.replace("presented, ", "") for status in ended(state, reason)]


class Walk:
    """A bridge whose only Challenge is watched; answers: for the first questions of a kind, instead of the server's."""

    def __init__(self, wrap=lambda solver: solver, **answers):
        self.rig = rig = Rig(wrap=wrap, scheduler=CLUSTER, errors=NEWEST)
        self.statuses, self.calls, self.answers = [], [], {kind: list(given) for kind, given in answers.items()}
        rig.tamper = self._tamper
        rig.apply_issuer(solvers=[HTTP01])
        rig.run(seconds=1)
        rig.store.watch(self._heard)
        rig.apply("one", "a.http.test")

    def _tamper(self, question):
        kind = kind_of(question)
        if not self.statuses or kind not in ("authz", "answer"):
            return None
        self.calls.append(kind)
        given = self.answers.get(kind)
        return given.pop(0) if given else None

    def _heard(self, event, kind, resource):
        if kind is CHALLENGE:
            metadata = resource["metadata"]
            deleting, gone = "deletionTimestamp" in metadata, event == "DELETED"
            found = metadata.get("finalizers") == [FINALIZER]
            self.statuses.append(challenge(resource.get("status"), found, deleting=deleting, gone=gone))

    def delete(self):
        self.rig.driver.spawn(self.rig.store.delete(CERTIFICATE_REQUEST, "default", "one"), lambda _: None)

    @property
    def events(self):
        return sorted(self.rig.events("Challenge"))


def without_ours():
    other = {"type": "http-01", "url": "https://acme.test:14000/chall/other", "status": "pending", "token": "t"}
    return answer(
        200, {"status": "pending", "identifier": {"type": "dns", "value": "a.http.test"}, "challenges": [other]}
    )


def judged(status, error=None):
    other = {"type": "dns-01", "url": "https://acme.test:14000/chall/other", "status": status, "token": "t"}
    told = (
        {"error": {"type": "urn:ietf:params:acme:error:unauthorized", "detail": error, "status": 403}} if error else {}
    )
    document = {"status": status, "identifier": {"type": "dns", "value": "a.http.test"}, "challenges": [other | told]}
    return answer(200, document)


# Upstream's name: (answers; statuses after BEGUN, events after Started, calls).
SCENARIOS = {
    "if finalizer is missing, add it; update status if state is unknown; accept the challenge if the self check is passing; "
    "cleanup the challenge resources if it is in a valid state; mark it as not processing": (
        {}, [PENDING, *ended("valid", AUTHORIZED)], [PRESENTED, VERIFIED], ["authz", "answer", *POLLED],
    ),
    "if GetAuthorization doesn't return challenge, error": (
        {"authz": [without_ours()]},
        unpresented("errored", "unexpected non-ACME API error: challenge was not present in authorization"), [], ["authz"],
    ),
    "mark certificate as failed if accepting the authorization fails; cleanup if it is in a failed state": (
        {"authz": [None, judged("invalid")]},
        [PENDING, *ended("invalid", NO_DETAILS)],
        [PRESENTED, ("Failed", f"Accepting challenge authorization failed: {NO_DETAILS}")], ["authz", "answer", "authz"],
    ),
    "correctly persist ACME authorization error details as Challenge failure reason": (
        {"authz": [None, judged("invalid", "no")]}, [PENDING, *ended("invalid", DENIED)],
        [PRESENTED, ("Failed", f"Accepting challenge authorization failed: {DENIED}")], ["authz", "answer", "authz"],
    ),
    "transient net.Error from GetAuthorization leaves challenge in non-final state": (
        {"authz": [RESET]}, None, [PRESENTED, VERIFIED], ["authz", "authz", "answer", *POLLED],
    ),
    "transient net.Error from Accept": (
        {"answer": [RESET]}, None, [PRESENTED, VERIFIED], ["authz", "answer", "answer", *POLLED],
    ),
    "transient net.Error from WaitAuthorization": (
        {"authz": [None, RESET]}, None, [PRESENTED, VERIFIED], ["authz", "answer", "authz", "answer", "authz"],
    ),
    "ACME error malformed": (
        {"authz": [problem("malformed", 400)]}, unpresented("expired", ""), [], ["authz"],
    ),
    "ACME error 429": (
        {"answer": [problem("rateLimited", 429)]},
        [PENDING, *ended("errored", "Failed to retrieve Order resource: 429 urn:ietf:params:acme:error:rateLimited: "
                         "rateLimited it is")], [PRESENTED], ["authz", "answer"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("answers", "statuses", "events", "calls"), SCENARIOS.values(), ids=SCENARIOS)
def test_upstream_scenario(answers, statuses, events, calls):
    walk = Walk(**answers)
    walk.rig.run(minutes=1)
    assert walk.calls == calls
    assert walk.events == sorted([STARTED, *events])
    if statuses is None:  # it comes to a good end all the same
        assert walk.statuses[:3] == BEGUN
        assert walk.statuses[-3:] == ended("valid", AUTHORIZED)
    else:
        assert walk.statuses == [*BEGUN, *statuses]
    assert walk.rig.responder._keys == {}


def test_call_present_and_update_challenge_status_to_presented():
    walk = Walk()
    walk.rig.hide = lambda question: True
    walk.rig.run(seconds=5)
    assert walk.statuses == [*BEGUN, PENDING, WAITING]
    assert walk.events == [PRESENTED, STARTED]
    assert walk.calls == ["authz"]
    assert walk.rig.challenges[0]["status"]["presentedAt"] == "2026-01-01T00:00:01Z"


def test_cleanup_if_the_challenge_is_deleted_and_remove_the_finalizer():
    walk = Walk()
    walk.rig.hide = lambda question: True
    walk.rig.run(seconds=5)
    shown = dict(walk.rig.responder._keys)
    walk.delete()
    walk.rig.run(seconds=15)
    assert shown
    assert walk.statuses[5:] == [f"{WAITING}, being deleted", "gone"]
    assert (walk.rig.responder._keys, walk.rig.operator.scheduler.challenges) == ({}, ())
    assert walk.calls == ["authz"]


def test_a_challenge_that_never_had_its_turn_goes_at_once():
    """finalizer no longer set: there is nothing to clean up."""
    walk = Walk()
    walk.rig.run(milliseconds=150)
    walk.rig.apply("two", "b.http.test")
    walk.rig.run(milliseconds=120)  # between two passes of the scheduler
    waiting = [item for item in walk.rig.challenges if not item.get("status")]
    assert [item["spec"]["dnsName"] for item in waiting] == ["b.http.test"]
    walk.rig.driver.spawn(walk.rig.store.delete(CERTIFICATE_REQUEST, "default", "two"), lambda _: None)
    walk.rig.run(milliseconds=1)
    assert [item["spec"]["dnsName"] for item in walk.rig.challenges] == ["a.http.test"]


class Stuck:
    """A solver that cannot take away what it showed until it is mended."""

    def __init__(self, solver):
        self.solver, self.mended = solver, False
        self.present, self.check = solver.present, solver.check

    def clean_up(self, presentation):
        if not self.mended:
            raise SolverError("cannot")
        return (yield from self.solver.clean_up(presentation))


@pytest.mark.parametrize("compat", [None, NEWEST], ids=["ours", "cert-manager"])
def test_if_the_challenge_is_deleted_and_the_cleanup_fails_set_the_reason(compat):
    """Slot and object are held, whoever's conduct it is; and both go when the clean-up works."""
    solvers = []

    def wrap(solver):
        solvers.append(Stuck(solver))
        return solvers[-1]

    rig = Rig(wrap=wrap, errors=compat)
    rig.hide = lambda question: not of_the_server(question)
    rig.apply_issuer(solvers=[HTTP01])
    rig.apply("one", "a.http.test")
    rig.run(seconds=5)
    rig.driver.spawn(rig.store.delete(CERTIFICATE_REQUEST, "default", "one"), lambda _: None)
    rig.run(minutes=2)
    (held,) = rig.challenges
    assert held["metadata"]["finalizers"] == [FINALIZER]
    assert "deletionTimestamp" in held["metadata"]
    assert held["status"]["processing"] is True
    assert held["status"]["reason"] == "Error cleaning up challenge: cannot"
    assert ("CleanUpError", "Error cleaning up challenge: cannot") in rig.events("Challenge")
    assert [item.processing for item in rig.operator.scheduler.challenges] == [True]
    solvers[0].mended = True
    rig.run(minutes=5)
    assert (rig.challenges, rig.operator.scheduler.challenges, rig.responder._keys) == ([], (), {})


@pytest.mark.parametrize("compat", [None, NEWEST], ids=["ours", "cert-manager"])
def test_a_crash_while_it_is_deleted_does_not_forget_the_clean_up(compat):
    rig = Rig(errors=compat)
    rig.hide = lambda question: True
    rig.apply_issuer(solvers=[HTTP01])
    rig.apply("one", "a.http.test")
    rig.run(seconds=5)
    rig.crash()
    rig.driver.spawn(rig.store.delete(CERTIFICATE_REQUEST, "default", "one"), lambda _: None)
    rig.run(seconds=5)
    assert len(rig.challenges) == 1
    rig.start()
    rig.run(minutes=1)
    assert (rig.challenges, rig.responder._keys) == ([], {})


def test_the_finalizer_of_an_older_cert_manager_is_replaced():
    rig = Rig()
    rig.hide = lambda question: True
    rig.apply_issuer(solvers=[HTTP01])
    rig.apply("one", "a.http.test")
    rig.run(seconds=5)
    rig.crash()
    (held,) = copy_json(rig.challenges)
    held["metadata"]["finalizers"] = ["finalizer.acme.cert-manager.io", "other.test/keep"]
    rig.store.replace(CHALLENGE, held)
    rig.start()
    rig.run(seconds=5)
    assert rig.challenges[0]["metadata"]["finalizers"] == ["other.test/keep", FINALIZER]
