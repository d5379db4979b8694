"""Whatever clients do: a healthy run never has anything in its way, any state is explained, and no secret is told."""

import json
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from acme_server.protocol.jwk import jwk_of
from acme_server.protocol.key_authorization import KeyAuthorization
from gravel.explaining.explanation import FAILED, HEALTHY, STUCK, WAITING
from tests.acme_server.rig import key
from tests.gravel.explaining.story_rig import explained, new_client

NAMES = ("a.test", "b.test", "*.c.test")
# How long a healthy client takes between two steps, in seconds; between two that the journal knows there may be one more.
PAUSES = st.lists(st.integers(0, 140), min_size=6, max_size=6)
SETTINGS = st.fixed_dictionaries(
    {
        "issuance_delay": st.sampled_from([timedelta(0), timedelta(hours=1)]),
        "validation_delay": st.sampled_from([timedelta(0), timedelta(minutes=10)]),
        "authorization_reuse": st.sampled_from([0.0, 1.0]),
    }
)


def steps(client, names, waits):
    """What a good client does, step by step, resting as long as it likes and as the server takes."""
    order = client.order(*names)
    yield order
    asked = [each for each in client.authorizations(order) if each["status"] == "pending"]
    if asked:
        for authorization in asked:
            kind = "dns-01" if authorization.get("wildcard") else waits["kind"]
            client.post(client.show(authorization, kind), {})
            yield order
        client.driver.pass_time(seconds=client.server.world.settings.validation_delay.total_seconds())
        client.driver.run()
    yield order
    client.finalize(order, names)
    yield order
    client.driver.pass_time(seconds=client.server.world.settings.issuance_delay.total_seconds())
    certificate = client.post(order.header("Location")).json["certificate"]
    yield order
    client.post(certificate)
    yield order


@given(
    names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True),
    kind=st.sampled_from(["http-01", "dns-01"]),
    options=SETTINGS,
    pauses=PAUSES,
    rounds=st.integers(1, 2),
)
def test_nothing_is_in_the_way_of_a_healthy_run(names, kind, options, pauses, rounds):
    client = new_client(**options)
    for _ in range(rounds):
        for number, order in enumerate(steps(client, names, {"kind": kind})):
            client.driver.pass_time(seconds=pauses[number % len(pauses)])
            client.driver.run()
            for subject in (*names, order.header("Location"), client.kid):
                told = explained(client, subject)
                assert told.verdict in (HEALTHY, WAITING)
                assert [each for each in told.findings if each.blocks] == []
        told = explained(client, order.header("Location"))
        assert (told.verdict, told.findings) == (HEALTHY, ())


ACTIONS = (
    "order",
    "respond",
    "show",
    "run",
    "finalize",
    "poll",
    "deactivate",
    "close",
    "nonce",
    "minute",
    "week",
    "fetch",
)


class Clumsy:
    """A client that does anything at any time."""

    def __init__(self):
        self.client = new_client(validation_attempts=2, external_accounts={"kid": b"m" * 32})
        self.orders = []

    def act(self, action, number):
        client, order = self.client, self.orders[number % len(self.orders)] if self.orders else None
        if action == "order":
            made = client.order(NAMES[number % 3])
            self.orders += [made] if made.status == 201 else []
        elif action in ("minute", "week"):
            client.driver.pass_time(**{f"{action}s": 1})
        elif action == "run":
            client.driver.run()
        elif action == "close":
            client.post(client.kid, {"status": "deactivated"} if number % 5 == 0 else None)
        elif order is not None:
            self.on(order, action, number)

    def on(self, order, action, number):
        client, place = self.client, order.json["authorizations"][0]
        found = client.post(place)
        if action == "poll":
            client.post(order.header("Location"))
        elif action == "finalize":
            client.finalize(order, [NAMES[number % 2]])
        elif action == "nonce":
            client.post(order.json["finalize"], {}, nonce="AAAA")
        elif action == "deactivate":
            client.post(place, {"status": "deactivated"})
        elif action == "fetch":
            shown = client.post(order.header("Location"))
            client.post(shown.json["certificate"]) if "certificate" in shown.json else None
        elif found.status == 200:
            item = found.json["challenges"][number % len(found.json["challenges"])]
            client.post(item["url"], {})


def secrets_of(clumsy):
    """What nobody is to read: keys, what is made of them, and what external accounts sign with."""
    members = jwk_of(key(1).public_key()).members
    thumbprint = clumsy.client.thumbprint
    tokens = [item["token"] for order in clumsy.orders for item in challenges_of(clumsy.client, order)]
    return [
        thumbprint,
        members["x"],
        members["y"],
        "m" * 32,
        *(KeyAuthorization(each, thumbprint).http_body for each in tokens),
    ]


def challenges_of(client, order):
    return client.post(order.json["authorizations"][0]).json.get("challenges", ())


@given(st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 10)), max_size=25))
def test_any_state_is_explained_and_no_secret_is_told(walk):
    clumsy = Clumsy()
    clumsy.act("order", 0)
    for action, number in walk:
        clumsy.act(action, number)
    client = clumsy.client
    subjects = [client.kid, *(order.header("Location") for order in clumsy.orders)]
    secrets = secrets_of(clumsy)
    for subject in subjects:
        told = explained(client, subject)
        text = json.dumps(told.to_json())
        assert told.verdict in (HEALTHY, WAITING, STUCK, FAILED)
        assert (told.verdict == HEALTHY) == (not told.findings)
        assert (told.verdict in (STUCK, FAILED)) == any(each.blocks for each in told.findings)
        assert all(each.cause and each.awaited and each.who and each.attempt for each in told.findings)
        assert [secret for secret in secrets if secret in text] == []
