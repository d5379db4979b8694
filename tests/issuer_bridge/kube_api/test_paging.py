"""Lists in pages: all of one version, by tokens that are of one list and do not live for ever."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuer_bridge.kube_api.listing import KEPT_LISTS
from issuer_bridge.resources import CERTIFICATE_REQUEST
from tests.issuer_bridge.kube_api.test_rest import REQUESTS, ask
from tests.issuer_bridge.kube_api.test_store import add_namespaces, new_store, request

ALL = "/apis/cert-manager.io/v1/certificaterequests"


def filled(*names):
    store = new_store()
    for name in names:
        store.insert(CERTIFICATE_REQUEST, request(name))
    return store


def page(store, path=REQUESTS, **query):
    document = ask(store, "GET", path, **query).document
    return [item["metadata"]["name"] for item in document["items"]], document["metadata"]


@given(st.lists(st.sampled_from("abcdefgh"), unique=True), st.integers(1, 9))
def test_the_pages_together_are_the_list(names, limit):
    store = filled(*names)
    seen, metadata = page(store, limit=str(limit))
    while metadata["continue"]:
        assert metadata["remainingItemCount"] == len(names) - len(seen)
        more, metadata = page(store, limit=str(limit), **{"continue": metadata["continue"]})
        seen += more
    assert seen == sorted(names)


def test_later_pages_show_what_was_there_at_the_first():
    store = filled("a", "b", "c")
    _, metadata = page(store, limit="1")
    store.remove(CERTIFICATE_REQUEST, "default", "b")
    store.insert(CERTIFICATE_REQUEST, request("d"))
    names, later = page(store, limit="5", **{"continue": metadata["continue"]})
    assert (names, later["resourceVersion"]) == (["b", "c"], metadata["resourceVersion"])


def test_a_token_that_is_too_old_comes_with_one_that_goes_on_inconsistently():
    store = filled("a", "b", "c")
    _, metadata = page(store, limit="1")
    for number in range(KEPT_LISTS):
        store.insert(CERTIFICATE_REQUEST, request(f"x{number}"))
        page(store, limit="1")
    store.remove(CERTIFICATE_REQUEST, "default", "b")
    gone = ask(store, "GET", REQUESTS, limit="1", **{"continue": metadata["continue"]})
    assert (gone.code, gone.document["reason"]) == (410, "Expired")
    assert gone.document["message"].startswith("The provided continue parameter is too old")
    names, now = page(store, limit="1", **{"continue": gone.document["metadata"]["continue"]})
    assert (names, now["resourceVersion"]) == (["c"], str(store.resource_version))


def test_pages_of_all_namespaces_go_on_in_the_middle_of_one():
    store = filled("a", "b")
    add_namespaces(store, "other")
    store.insert(CERTIFICATE_REQUEST, request("a", "other"))
    _, metadata = page(store, ALL, limit="1")
    assert page(store, ALL, **{"continue": metadata["continue"]})[0] == ["b", "a"]


def test_a_page_of_what_is_selected_does_not_count_the_rest():
    store = filled("a", "b")
    names, metadata = page(store, limit="1", labelSelector="!x")
    assert names == ["a"]
    assert "remainingItemCount" not in metadata


def encoded(document):
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("path", "query", "code", "text"),
    [
        (ALL, {}, 400, "of another list"),
        ("/apis/acme.cert-manager.io/v1/namespaces/default/orders", {}, 400, "of another list"),
        (REQUESTS, {"resourceVersion": "1"}, 400, "not allowed when using continue"),
        (REQUESTS, {"resourceVersionMatch": "Exact", "resourceVersion": "1"}, 422, "when continue is provided"),
        (REQUESTS, {"continue": "!"}, 400, "continue key is not valid"),
        (REQUESTS, {"continue": encoded([])}, 400, "continue key is not valid"),
        (REQUESTS, {"continue": encoded({"rv": "x", "start": 1, "of": "certificaterequests.cert-manager.io/default"})},
         400, "begins nowhere"),
    ],
)  # fmt: skip
def test_a_token_is_of_one_list(path, query, code, text):
    store = filled("a", "b")
    _, metadata = page(store, limit="1")
    answer = ask(store, "GET", path, **({"continue": metadata["continue"]} | query))
    assert answer.code == code
    assert text in answer.document["message"]


@pytest.mark.parametrize(
    ("version", "match", "code"),
    [("0", "", 200), ("1", "", 200), ("1", "NotOlderThan", 200), ("2", "Exact", 200), ("1", "Exact", 410)],
)
def test_a_list_is_as_new_as_it_is_asked_to_be(version, match, code):
    answer = ask(filled("a", "b"), "GET", REQUESTS, resourceVersion=version, resourceVersionMatch=match)
    assert answer.code == code


def test_a_version_in_the_future_says_when_to_try_again():
    answer = ask(filled("a"), "GET", REQUESTS, resourceVersion="99")
    assert answer.code == 504
    assert dict(answer.headers)["Retry-After"] == "1"
