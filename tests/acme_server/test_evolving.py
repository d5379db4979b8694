"""The quicker attrs.evolve: the same copies."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from acme_server.authorizations import Authorization, Challenge
from acme_server.evolving import evolve
from acme_server.orders import Order
from acme_server.protocol.identifier import Identifier
from tests.acme_server.rig import START

NAME = Identifier("dns", "www.example.org")
CHALLENGE = Challenge("http-01", "token", attempt=2, issuers=("ca.test",))
LATER = START + timedelta(days=1)


@pytest.mark.parametrize(
    ("record", "changes"),
    [
        (CHALLENGE, {"record": ({},), "due": LATER}),
        (
            Authorization("a", "b", NAME, False, (CHALLENGE,), START, LATER, ahead=True),
            {"version": 3, "challenges": ()},
        ),
        (Order("a", "b", (NAME,), ("c",), START, LATER, replaces="d"), {"id": "e", "profile": "classic"}),
        (Order("a", "b", (NAME,), ("c",), START, LATER, replaces="d"), {}),
    ],
)
def test_a_record_is_copied_with_changes_as_attrs_does_it(record, changes):
    assert evolve(record, **changes) == attrs.evolve(record, **changes)


def test_a_field_that_is_not_there_cannot_change():
    with pytest.raises(KeyError):
        evolve(CHALLENGE, colour="red")
