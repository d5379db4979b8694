"""Our bridge beside a recorded cert-manager: the same states, reasons, flags and finalizers, in the same order."""

import pytest

from tests.issuer_bridge.recorded_walk import KINDS, ours, recorded, steps


@pytest.fixture(scope="module")
def walks():
    return recorded(), ours()


def finished(walk):
    return [name for kind, name, _, words in walk if kind == "certificaterequest" and words.startswith("Ready=True")]


def test_as_many_requests_are_through(walks):
    theirs, mine = (finished(walk) for walk in walks)
    assert len(theirs) == len(mine) == 20


@pytest.mark.parametrize("kind", KINDS)
def test_one_request_walks_as_recorded(walks, kind):
    theirs, mine = ([words for _, words in steps(walk, "s00", kind)] for walk in walks)
    assert theirs == mine


@pytest.mark.parametrize("kind", ["order", "challenge"])
def test_all_requests_that_are_through_walk_as_recorded_until_they_are(walks, kind):
    """How a Challenge goes depends on whether a worker cleans it up before its Order deletes it."""
    theirs, mine = walks
    both = [name for name in finished(theirs) if name in finished(mine)]
    assert len(both) > 10
    for name in both:
        expected, found = ([words for _, words in steps(walk, name, kind)] for walk in walks)
        assert expected[:5] == found[:5]
