"""Approval by change tickets: who approves is a service that answers `GET URL/TICKET`."""

import pytest

from acme_server.protocol.vantage import HttpAnswer
from issuer_bridge.policy.problems import unready
from issuer_bridge.policy.tickets import ANNOTATION, ticket_plugin
from issuer_bridge.resources import CERTIFICATE_REQUEST
from tests.issuer_bridge.policy.policy_resources import policy
from tests.issuer_bridge.policy.policy_rig import PASS, PolicyRig


def ticket(name):
    return {ANNOTATION: name}


def asking(tickets, name="CHG-1", by="ticket"):
    rig = PolicyRig(by)
    rig.tickets = tickets
    rig.ask(annotations=ticket(name))
    return rig


@pytest.mark.seed("B36")
@pytest.mark.parametrize(("state", "decision"), [("approved", "Approved"), ("rejected", "Denied")])
def test_a_request_is_decided_as_its_ticket(state, decision):
    rig = asking({"CHG-1": state})
    assert rig.decision() == (decision, ANNOTATION, f"ticket CHG-1 is {state}")
    [fact] = rig.facts("issuer_bridge", "RequestReviewed")
    assert fact.data == {"result": decision, "message": f"ticket CHG-1 is {state}"}
    type_ = "Normal" if decision == "Approved" else "Warning"
    assert (type_, decision, f"ticket CHG-1 is {state}") in rig.told()


def test_a_ticket_that_is_not_decided_yet_is_looked_at_again():
    rig = asking({"CHG-1": "in review"})
    assert rig.decision() is None
    assert ("Normal", "WaitingForTicket", "ticket CHG-1 is in review") in rig.told()
    rig.tickets["CHG-1"] = "approved"
    rig.run(seconds=11)
    assert rig.decision()[0] == "Approved"


def test_a_request_without_a_ticket_waits_until_it_is_annotated():
    rig = PolicyRig("ticket")
    rig.tickets = {"CHG-1": "approved"}
    rig.ask()
    rig.run(hours=1)
    assert rig.decision() is None
    asked = rig.store.get(CERTIFICATE_REQUEST, "default", "one")
    rig.store.replace(CERTIFICATE_REQUEST, {**asked, "metadata": {**asked["metadata"], "annotations": ticket("CHG-1")}})
    rig.run(seconds=1)
    assert rig.decision()[0] == "Approved"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("CHG-2", "there is no ticket CHG-2"),
        ("../admin", "'../admin' is no name of a ticket: letters, digits, hyphens and underscores, 64 at most"),
        ("", "'' is no name of a ticket: letters, digits, hyphens and underscores, 64 at most"),
    ],
)
def test_a_ticket_that_there_is_not_approves_nothing(name, why):
    rig = asking({"CHG-1": "approved"}, name)
    rig.run(minutes=1)
    assert rig.decision() is None
    assert ("Normal", "WaitingForTicket", why) in rig.told()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (HttpAnswer(error="connection refused"), "connection refused"),
        (HttpAnswer(503), "HTTP 503"),
        (HttpAnswer(200, (), b"approved"), "the answer has no state"),
        (HttpAnswer(200, (), b"[1]"), "the answer has no state"),
        (HttpAnswer(200, (), b'{"state": 1}'), "the answer has no state"),
    ],
)
def test_a_service_that_does_not_answer_is_asked_again(answer, why):
    rig = asking({"CHG-1": answer})
    assert rig.decision() is None
    assert ("Warning", "TicketError", f"ticket CHG-1 cannot be looked up: {why}") in rig.told()
    rig.tickets["CHG-1"] = "approved"
    rig.run(minutes=1)
    assert rig.decision()[0] == "Approved"


@pytest.mark.seed("B36")
@pytest.mark.parametrize(
    ("annotations", "state", "decision"),
    [
        (ticket("CHG-1"), "approved", "Approved"),
        (ticket("CHG-1"), "rejected", "Denied"),
        (ticket("CHG-1"), "in review", None),
        ({}, "approved", "Denied"),
    ],
)
def test_a_policy_can_want_a_ticket_too(annotations, state, decision):
    rig = PolicyRig().open()
    rig.tickets = {"CHG-1": state}
    rig.say(plugins={"ticket": {}}, **PASS)
    rig.ask(annotations=annotations)
    assert (rig.decision() or (None,))[0] == decision


def test_a_policy_that_wants_tickets_is_not_ready_without_a_place_to_look_them_up():
    [cause] = unready(policy(plugins={"ticket": {}}), {"ticket": ticket_plugin("")})
    assert (cause.field, cause.message) == (
        "spec.plugins.ticket",
        "Required value: start the bridge with --ticket-url",
    )
