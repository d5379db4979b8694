"""What a person may call a thing, and what is said of what there is not."""

import attrs
import pytest

from acme_server.personality import PEBBLE
from acme_server.protocol.encoding import b64url
from gravel.explaining.subjects import Unknown
from tests.acme_server.rig import Client, csr, key, make_server
from tests.gravel.explaining.story_rig import challenge, codes, explained, name_of, new_client, respond


def issued(client, *names):
    order = client.order(*names)
    client.authorize(order)
    client.finalize(order, names)
    certificate = client.post(order.header("Location")).json["certificate"]
    client.post(certificate)
    return order, certificate


@pytest.mark.parametrize("form", ["url", "word", "bare", "slash"])
def test_an_order_is_found_by_its_url_and_by_its_id(form):
    client = new_client()
    url = client.order("a.test").header("Location")
    record = url.rpartition("/")[2]
    told = explained(client, {"url": url, "word": f"order/{record}", "bare": record, "slash": f"{url}/"}[form])
    assert (told.subject, codes(told)) == (f"order/{record}", ["challenge-not-responded"])


def test_the_finalize_url_is_the_orders():
    client = new_client()
    order = client.order("a.test")
    assert explained(client, order.json["finalize"]).subject == "order/" + order.header("Location").rpartition("/")[2]


def test_an_authorization_and_its_challenges_have_stories_of_their_own():
    client = new_client()
    order = client.order("a.test", "b.test")
    respond(client, order)
    first, second = order.json["authorizations"]
    assert explained(client, first).verdict == "failed"
    assert explained(client, f"authz/{second.rpartition('/')[2]}").verdict == "waiting"
    found = client.post(first).json["challenges"][0]
    assert explained(client, found["url"]).subject == explained(client, name_of(found)).subject == name_of(found)


@pytest.mark.parametrize("form", [str, str.upper, lambda serial: f"cert/{serial}", lambda serial: f"00:{serial}"])
def test_a_certificate_is_found_by_its_serial(form):
    client = new_client()
    serial = issued(client, "a.test")[1].rpartition("/")[2]
    told = explained(client, form(serial))
    assert (told.subject, told.verdict) == (f"certificate/{serial.lstrip('0')}", "healthy")


def test_the_paths_of_another_personality_are_read():
    client = new_client()
    order = client.order("a.test")
    world = client.server.world
    client.server.world = attrs.evolve(world, settings=attrs.evolve(world.settings, personality=PEBBLE))
    record = order.header("Location").rpartition("/")[2]
    assert explained(client, f"{client.base}/my-order/{record}").subject == f"order/{record}"


def test_of_a_name_the_last_order_counts_and_those_before_do_not():
    client = new_client()
    respond(client, client.order("a.test", "b.test"))
    respond(client, client.order("a.test"))
    assert explained(client, "a.test").verdict == "failed"
    client.order("a.test")
    assert codes(explained(client, "a.test")) == ["not-found", "challenge-not-responded"]
    issued(client, "a.test")
    assert explained(client, "a.test").verdict == "healthy"
    assert explained(client, "b.test").verdict == "failed"


def test_of_a_name_the_orders_of_every_account_count():
    client = new_client()
    issued(client, "a.test")
    other = Client(client.server, key(2))
    other.register()
    respond(other, other.order("a.test"))
    assert (explained(client, "a.test").verdict, codes(explained(client, "a.test"))) == ("failed", ["not-found"])


def test_a_wildcard_is_a_name_of_its_own():
    client = new_client()
    client.order("*.a.test")
    assert codes(explained(client, "*.A.test")) == ["challenge-not-responded"]
    with pytest.raises(Unknown, match=r"the nearest is \*\.a\.test"):
        explained(client, "a.test")


def test_an_account_tells_of_all_its_orders():
    client = new_client()
    issued(client, "a.test")
    respond(client, client.order("b.test"))
    client.order("c.test")
    told = explained(client, client.kid)
    assert (told.verdict, codes(told)) == ("failed", ["not-found", "challenge-not-responded"])


SENTENCES = [
    ("a.tset", "the nearest is a.test"),
    ("zzzz", "what can be explained is a DNS name"),
    ("order/none", "nothing here is called 'order/none'"),
    ("challenge/x/1", "nothing here"),
    ("challenge/x", "nothing here"),
    ("challenge/x/²", "nothing here"),
    ("account/none", "nothing here"),
    ("nonsense/default/one", "nothing here"),
    ("https://other.test/order/1", "is at another server or world"),
    ("https://acme.test:14000/dir", "is no order"),
    ("", "nothing here"),
]


@pytest.mark.parametrize(("name", "sentence"), SENTENCES)
def test_what_there_is_not_is_told_in_one_sentence(name, sentence):
    client = new_client()
    client.order("a.test")
    with pytest.raises(Unknown) as raised:
        explained(client, name)
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)


def test_where_no_client_ever_came_that_is_told():
    client = Client(new_client().server)
    client.server.world = make_server().world
    with pytest.raises(Unknown, match="no client has got as far as a signed request"):
        explained(client, "a.test")


def test_the_timeline_tells_what_happened_once():
    client = new_client()
    order = client.order("a.test")
    for _ in range(3):
        client.finalize(order, ["a.test"])
    respond(client, order)
    told = [(line["text"], line.get("times", 1)) for line in explained(client, "a.test").timeline]
    record = challenge(client, order)[0]
    assert record["status"] == "invalid"
    assert [text.partition(":")[0] for text, _ in told[2:]] == [
        "finalize was refused with orderNotReady",
        "the client responded to http-01 of a.test",
        "http-01 of a.test failed",
        "the authorization of a.test is invalid for good",
    ]
    assert told[2][1] == 3


def test_a_long_timeline_leaves_its_beginning_out():
    client = new_client()
    order = client.order("a.test")
    client.authorize(order)
    for number in range(300):
        client.post(order.json["finalize"], {"csr": b64url(csr([f"{number}.test"]))})
    told = explained(client, "a.test").timeline
    assert (len(told), told[0]["text"]) == (201, "105 earlier lines are left out")
