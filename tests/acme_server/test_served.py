"""What a world was asked is counted, whoever asked and whatever came of it."""

import pytest

from acme_server.exchange import Request
from acme_server.protocol.histogram import Histogram
from acme_server.protocol.problem import Problem
from acme_server.served import BOUNDS, Served
from tests.acme_server.rig import Client, make_server


def served(*requests):
    server = make_server()
    for method, path in requests:
        server.handle(Request(method, path))
    return server.world.served.requests


@pytest.mark.parametrize(
    ("method", "path", "row"),
    [
        ("GET", "/dir", ("GET", "/dir", 200)),
        ("HEAD", "/nonce", ("HEAD", "/nonce", 200)),
        ("GET", "/order/x", ("GET", "/order/{order}", 405)),
        ("POST", "/order/x", ("POST", "/order/{order}", 400)),
        ("GET", "/nowhere", ("GET", "", 404)),
        ("BREW", "/dir", ("other", "/dir", 405)),
    ],
)
def test_a_request_is_counted_by_method_route_and_status(method, path, row):
    requests = served((method, path), (method, path))
    assert [(key[0], key[1], count) for key, count in requests.items()] == [(*row[:2], 2)]
    assert next(iter(requests))[2] // 100 == row[2] // 100


def test_what_never_became_a_request_is_counted_too():
    server = make_server()
    server.refuse(Problem("malformed", "no", 408))
    assert server.world.served.requests == {("POST", "", 408): 1}


def test_a_time_belongs_to_the_request_that_was_counted_last():
    counts = Served()
    counts.count("POST", "/new-order", 201)
    counts.took(0.002)
    counts.count("POST", "/new-authz", 403)
    counts.took(0.004)
    assert {route: times.total for route, times in counts.times.items()} == {"/new-order": 0.002, "/new-authz": 0.004}


def test_a_copy_of_a_world_goes_on_counting():
    client = Client(make_server())
    world = client.server.world
    assert world.copy().served is world.served
    assert world.copy().limits.refusals is world.limits.refusals


@pytest.mark.parametrize(
    ("seconds", "place"), [(0, 0), (BOUNDS[0], 0), (0.0002, 1), (1.0, len(BOUNDS) - 1), (1.5, len(BOUNDS))]
)
def test_a_duration_belongs_to_the_first_bound_that_it_does_not_pass(seconds, place):
    times = Histogram(BOUNDS)
    times.add(seconds)
    assert times.counts.index(1) == place
