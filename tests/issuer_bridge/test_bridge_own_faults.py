"""Faults on our own side: a store that refuses writes, solvers that fail, an Order that is somebody else's."""

from acme_server.protocol.vantage import Inquiry
from issuer_bridge.resources import CERTIFICATE_REQUEST, CHALLENGE, ORDER, ApiError
from solvers.solver import SolverError
from tests.issuer_bridge.bridge_rig import Rig, kind_of

ISSUED = ("True", "Issued", "Certificate fetched from issuer successfully")
DOWN = ApiError(500, "InternalError", "the storage is down")
STALE = ApiError(409, "Conflict", "the object has been modified")


def refusing(rig, verb, kind, *errors):
    """Let a verb of the store fail for a kind, so many times."""
    left, real = list(errors), getattr(rig.store, verb)

    def refuse(asked, resource):
        if asked is kind and left:
            raise left.pop(0)
        return (yield from real(asked, resource))

    setattr(rig.store, verb, refuse)
    return left


def ready_rig(**options):
    rig = Rig(**options)
    rig.apply_issuer()
    rig.run(seconds=1)
    return rig


def test_an_order_that_cannot_be_created_is_tried_again():
    rig = ready_rig()
    refusing(rig, "create", ORDER, DOWN)
    rig.apply("one", "one.http.test")
    rig.run(seconds=1)
    status, reason, message = rig.ready("one")
    assert (status, reason) == ("False", "Pending")
    assert message.startswith("Failed create new order resource default/one-")
    assert message.endswith(": the storage is down")
    assert "OrderCreatingError" in [reason for reason, _ in rig.events("CertificateRequest")]
    rig.run(minutes=1)
    assert rig.ready("one") == ISSUED


def test_a_challenge_that_cannot_be_created_is_tried_again():
    rig = ready_rig()
    left = refusing(rig, "create", CHALLENGE, DOWN)
    rig.apply("two", "a.http.test", "b.http.test")
    rig.run(minutes=1)
    assert (rig.ready("two"), left) == (ISSUED, [])


def test_what_the_server_said_survives_a_conflict():
    """A second order at the server would be the price of forgetting the first."""
    rig = ready_rig()
    left = refusing(rig, "update_status", ORDER, STALE, STALE, STALE)
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    assert (rig.ready("one"), left) == (ISSUED, [])
    placed = rig.facts("acme_server", "OrderCreated")
    assert len(placed) == 1


def test_a_store_that_stays_down_is_written_to_when_it_is_back():
    rig = ready_rig()
    refusing(rig, "update_status", CERTIFICATE_REQUEST, *[DOWN] * 4)
    rig.apply("one", "one.http.test")
    rig.run(minutes=5)
    assert rig.ready("one") == ISSUED


def test_what_the_server_says_of_a_request_that_is_gone_is_written_to_nobody():
    """The request is deleted while its order is being placed."""
    rig = ready_rig()

    def delete(question):
        if kind_of(question) == "new-order":
            rig.lose = lambda question: None
            rig.store.remove(CERTIFICATE_REQUEST, "default", "one")

    rig.lose = delete
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    assert (rig.count("new-order"), rig.orders, rig.challenges) == (1, [], [])


def test_a_request_that_is_made_anew_meanwhile_gets_an_order_of_its_own():
    """Its Order has the same name, but what the server says of the first belongs to the first."""
    rig = ready_rig()

    def renew(question):
        if kind_of(question) == "authz":
            rig.lose = lambda question: None
            rig.store.remove(CERTIFICATE_REQUEST, "default", "one")
            rig.apply("one", "one.http.test")

    rig.lose = renew
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    assert rig.ready("one") == ISSUED
    assert rig.count("new-order") == 2


def test_an_order_of_somebody_else_is_waited_for():
    rig = ready_rig()
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    (order,) = rig.orders
    rig = ready_rig()
    metadata = {"name": order["metadata"]["name"], "namespace": "default"}
    spec = {**order["spec"], "issuerRef": {"name": "nobody"}}
    rig.create(ORDER, {"apiVersion": order["apiVersion"], "kind": "Order", "metadata": metadata, "spec": spec})
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    assert rig.ready("one") is None
    rig.driver.spawn(rig.store.delete(ORDER, "default", metadata["name"]), lambda _: None)
    rig.run(minutes=2)
    assert rig.ready("one") == ISSUED


class Clumsy:
    """A solver that fails a few times before it works."""

    def __init__(self, solver, **failures):
        self.solver = solver
        self.failures = failures

    def _fails(self, verb):
        self.failures[verb] = self.failures.get(verb, 0) - 1
        if self.failures[verb] >= 0:
            raise SolverError(f"cannot {verb} now")

    def present(self, presentation) -> Inquiry[None]:
        self._fails("present")
        return (yield from self.solver.present(presentation))

    def check(self, presentation):
        return self.solver.check(presentation)

    def clean_up(self, presentation) -> Inquiry[None]:
        self._fails("clean_up")
        return (yield from self.solver.clean_up(presentation))


def test_a_solver_that_cannot_present_is_tried_again():
    rig = ready_rig(wrap=lambda solver: Clumsy(solver, present=2))
    rig.apply("one", "one.http.test")
    rig.run(seconds=1)
    (challenge,) = rig.challenges
    assert (challenge["status"]["presented"], challenge["status"]["reason"]) == (False, "cannot present now")
    assert ("PresentError", "Error presenting challenge: cannot present now") in rig.events("Challenge")
    rig.run(minutes=1)
    assert rig.ready("one") == ISSUED


def test_a_solver_that_cannot_clean_up_keeps_its_slot_but_not_the_certificate():
    rig = ready_rig(wrap=lambda solver: Clumsy(solver, clean_up=2))
    rig.apply("one", "one.http.test")
    rig.run(seconds=4)
    (challenge,) = rig.challenges
    assert rig.ready("one") == ISSUED
    assert (challenge["status"]["processing"], challenge["status"]["reason"]) == (
        True,
        "Error cleaning up challenge: cannot clean_up now",
    )
    assert ("CleanUpError", "Error cleaning up challenge: cannot clean_up now") in rig.events("Challenge")
    rig.run(minutes=1)
    assert rig.challenges[0]["status"]["processing"] is False


def test_a_deleted_challenge_is_removed_once_however_long_its_clean_up_takes():
    rig = ready_rig(wrap=lambda solver: Clumsy(solver, clean_up=3))
    rig.zone.set_default_addresses(["192.0.2.1"])
    rig.apply("one", "one.http.test")
    rig.run(seconds=5)
    rig.driver.spawn(rig.store.delete(CERTIFICATE_REQUEST, "default", "one"), lambda _: None)
    rig.run(minutes=5)
    assert rig.operator.scheduler.challenges == ()
    assert len(rig.facts("scheduler", "ChallengeRemoved")) == 1
