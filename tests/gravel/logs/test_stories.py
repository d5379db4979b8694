"""Which request and which order a fact belongs to, whatever is told first."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from acme_server.links import Links
from acme_server.personality import PERSONALITIES
from acme_server.protocol.journal import Fact, Journal
from gravel.logs.stories import Stories, resources_of

BASE = "https://127.0.0.1:14000"
A, B = "default/a", "default/b"


def told(facts, links):
    """Return request and order of each fact, as they are known at the end."""
    journal, stories = Journal(), Stories()
    for house, fact in facts:
        journal.append(house, [fact], datetime(2026, 1, 1, tzinfo=UTC))
    for entry in journal:
        stories.learn(entry, resources_of(entry, links))
    return [stories.of(entry, resources_of(entry, links)) for entry in journal]


def server(kind, data=None, **subject):
    return "acme_server", Fact(kind, {"account": "acct", **subject}, data or {})


def bridge(kind, data=None, **subject):
    return "issuer_bridge", Fact(kind, subject, data or {})


def story(links, request, order, authorizations):
    """The facts of a request with one challenge, and where the order was told before anybody said whose it is."""
    challenge, (authorization, *_) = f"{order}-1", authorizations
    return [
        bridge("OrderCreated", request=request, order=request),
        server("OrderCreated", {"authorizations": authorizations}, order=order),
        bridge("OrderPlaced", {"url": links.order(order)}, request=request, order=request),
        bridge("ChallengeCreated", {"url": links.challenge(authorization, 0)}, challenge=challenge, order=request),
        ("scheduler", Fact("ChallengeQueued", {"challenge": challenge})),
        server("ChallengeResponded", authorization=authorization, challenge=f"{authorization}/0"),
        server("AuthorizationValidated", authorization=authorization),
        server("CertificateIssued", order=order, certificate=f"{order}c"),
        bridge("RequestIssued", request=request),
        server("CertificateRevoked", certificate=f"{order}c"),
    ]


@pytest.mark.seed("B59")
@pytest.mark.parametrize("personality", PERSONALITIES.values(), ids=list(PERSONALITIES))
def test_all_facts_of_two_requests_are_told_apart_whatever_the_urls_look_like(personality):
    links = Links(BASE, personality.paths)
    first, second = story(links, A, "o1", ["z1"]), story(links, B, "o2", ["z2"])
    found = told([fact for pair in zip(first, second, strict=True) for fact in pair], links)
    assert found == [(A, links.order("o1")), (B, links.order("o2"))] * len(first)


def test_an_order_of_a_client_that_is_no_bridge_has_no_request():
    links = Links(BASE)
    facts = [server("OrderCreated", {"authorizations": ["z"]}, order="o")]
    facts += [server("ChallengeFailed", authorization="z", challenge="z/1")]
    assert told(facts, links) == [(None, links.order("o"))] * 2


def test_an_authorization_that_is_used_again_does_not_lend_its_request_to_the_new_order():
    links = Links(BASE)
    facts = [*story(links, A, "o1", ["z"]), server("OrderCreated", {"authorizations": ["z"]}, order="o2")]
    assert told(facts, links)[-1] == (None, links.order("o2"))


def test_a_certificate_belongs_to_its_last_request_and_to_none_of_its_orders():
    facts = [
        bridge("IssuanceTriggered", certificate="default/a"),
        bridge("RequestCreated", certificate="default/a", request="default/a-1"),
        bridge("OrderPlaced", {"url": f"{BASE}/order/o1"}, request="default/a-1", order="default/a-1-1"),
        bridge("RequestCreated", certificate="default/a", request="default/a-2"),
        bridge("SecretWritten", certificate="default/a"),
    ]
    assert [request for request, _ in told(facts, Links(BASE))][-2:] == ["default/a-2"] * 2
    assert [order for _, order in told(facts, Links(BASE))][-2:] == [None] * 2


@pytest.mark.parametrize(
    ("facts", "awaits"),
    [
        ([server("OrderCreated", order="o")], False),
        ([bridge("OrderCreated", order="b", request=A), server("OrderCreated", order="o")], True),
        ([bridge("OrderCreated", order="b", request=A), server("OrderFinalized", order="o")], False),
        ([bridge("OrderCreated", order="b", request=A), bridge("OrderFailed", order="b"), server("OrderCreated", order="o")], False),
        ([bridge("IssuanceTriggered", certificate=A)], True),
        ([bridge("RequestCreated", certificate=A, request=A), bridge("IssuanceTriggered", certificate=A)], True),
    ],
)  # fmt: skip
def test_a_beginning_waits_where_the_bridge_may_tell_more(facts, awaits):
    journal, stories, links = Journal(), Stories(), Links(BASE)
    for house, fact in facts:
        journal.append(house, [fact], datetime(2026, 1, 1, tzinfo=UTC))
    for entry in journal:
        stories.learn(entry, resources_of(entry, links))
    assert stories.awaits(entry, resources_of(entry, links)) is awaits
