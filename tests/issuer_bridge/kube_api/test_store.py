import re
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.resources import CERTIFICATE_REQUEST, CHALLENGE, CLUSTER_ISSUER, NAMESPACE, ORDER, SECRET, ApiError

STALE = "the object has been modified; please apply your changes to the latest version and try again"
UNVERSIONED = "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update"
NOW = datetime(2026, 11, 22, 1, 2, 3, 999999, tzinfo=UTC)


def new_store(seed=1, now=NOW):
    return EmbeddedStore(lambda: now, Random(seed).randbytes)


def add_namespaces(store, *names):
    for name in names:
        store.insert(NAMESPACE, {"metadata": {"name": name}})


def request(name="www", namespace="default", **metadata):
    return {
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "spec": {"request": "Zm9v", "issuerRef": {"name": "gravel"}},
    }


def order(name="www-1", owners=()):
    references = [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
        }
        for owner in owners
    ]
    return request(name, ownerReferences=references)


def challenge(name, owner):
    spec = {"authorizationURL": "a", "dnsName": "x.test", "issuerRef": {"name": "gravel"}, "key": "k", "token": "t"}
    return {**order(name, [owner]), "spec": spec | {"solver": {"http01": {}}, "type": "HTTP-01", "url": "u"}}


def run(inquiry):
    """Run an inquiry that asks nothing."""
    try:
        next(inquiry)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it asked the network")


def heard_by(store):
    heard = []
    store.watch(lambda event, kind, resource: heard.append((event, kind.kind, resource["metadata"]["name"])))
    return heard


class TestCreate:
    def test_the_server_gives_metadata_and_type(self):
        made = copy_json(new_store().insert(CERTIFICATE_REQUEST, request(labels={"a": "b"})))
        uid = made["metadata"].pop("uid")
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", uid)
        assert made == {
            "apiVersion": "cert-manager.io/v1",
            "kind": "CertificateRequest",
            "metadata": {
                "name": "www",
                "namespace": "default",
                "labels": {"a": "b"},
                "creationTimestamp": "2026-11-22T01:02:03Z",
                "generation": 1,
                "resourceVersion": "1",
            },
            "spec": {"request": "Zm9v", "issuerRef": {"name": "gravel"}},
        }

    def test_status_and_system_metadata_of_the_client_are_dropped(self):
        sent = request(uid="mine", generation=7, creationTimestamp="2000-01-01T00:00:00Z", managedFields=[{}])
        made = new_store().insert(CERTIFICATE_REQUEST, sent | {"status": {"certificate": "Zm9v"}})
        assert "status" not in made
        assert "managedFields" not in made["metadata"]
        assert made["metadata"]["uid"] != "mine"
        assert made["metadata"]["generation"] == 1
        assert made["metadata"]["creationTimestamp"] == "2026-11-22T01:02:03Z"

    def test_a_name_is_generated_from_a_prefix(self):
        sent = request()
        sent["metadata"] = {"generateName": "www-", "namespace": "default"}
        made = new_store().insert(CERTIFICATE_REQUEST, sent)
        assert re.fullmatch(r"www-[bcdfghjklmnpqrstvwxz2456789]{5}", made["metadata"]["name"])

    def test_a_generated_name_that_is_taken_is_drawn_again(self):
        draws = iter([b"\0" * 5, bytes(16), b"\0" * 5, b"\1" * 5, bytes([1] * 16)])
        store = EmbeddedStore(lambda: NOW, lambda _: next(draws))
        sent = request()
        sent["metadata"] = {"generateName": "www-", "namespace": "default"}
        names = [store.insert(CERTIFICATE_REQUEST, sent)["metadata"]["name"] for _ in range(2)]
        assert names == ["www-bbbbb", "www-ccccc"]

    def test_a_name_is_taken_once_in_each_namespace(self):
        store = new_store()
        add_namespaces(store, "other")
        store.insert(CERTIFICATE_REQUEST, request())
        store.insert(CERTIFICATE_REQUEST, request(namespace="other"))
        with pytest.raises(ApiError) as caught:
            store.insert(CERTIFICATE_REQUEST, request())
        error = caught.value
        assert (error.code, error.reason) == (409, "AlreadyExists")
        assert error.message == 'certificaterequests.cert-manager.io "www" already exists'

    def test_a_cluster_wide_object_has_no_namespace(self):
        issuer = {"metadata": {"name": "x", "namespace": "default"}, "spec": {"selfSigned": {}}}
        store = new_store()
        assert "namespace" not in store.insert(CLUSTER_ISSUER, issuer)["metadata"]
        assert store.get(CLUSTER_ISSUER, "", "x")

    def test_a_secrets_plain_data_is_encoded(self):
        sent = {"metadata": {"name": "s"}, "stringData": {"a": "b"}, "data": {"c": "ZA=="}}
        made = new_store().insert(SECRET, sent)
        assert made["data"] == {"a": "Yg==", "c": "ZA=="}
        assert made["type"] == "Opaque"
        assert not {"stringData", "generation", "status"} & {*made, *made["metadata"]}

    def test_a_resource_version_cannot_be_brought_along(self):
        with pytest.raises(ApiError, match="resourceVersion should not be set"):
            new_store().insert(CERTIFICATE_REQUEST, request(resourceVersion="1"))

    def test_the_same_seed_makes_the_same_objects(self):
        first, second = (new_store(seed=7).insert(CERTIFICATE_REQUEST, request()) for _ in range(2))
        assert first == second


class TestUpdate:
    @pytest.mark.parametrize(
        ("change", "generation"),
        [
            ({"metadata": {"labels": {"a": "b"}}}, 1),
            ({"spec": {"selfSigned": {"crlDistributionPoints": ["u"]}}}, 2),
            ({"status": {"acme": {"uri": "u"}}}, 1),
        ],
        ids=str,
    )
    def test_generation_counts_changes_of_the_spec(self, change, generation):
        store = new_store()
        sent = copy_json(store.insert(CLUSTER_ISSUER, {"metadata": {"name": "x"}, "spec": {"selfSigned": {}}}))
        sent["metadata"] |= change.pop("metadata", {})
        assert generation == store.replace(CLUSTER_ISSUER, sent | change)["metadata"]["generation"]

    def test_an_update_leaves_the_status(self):
        store = new_store()
        made = store.insert(CERTIFICATE_REQUEST, request())
        made = store.replace_status(CERTIFICATE_REQUEST, made | {"status": {"certificate": "Zm9v"}})
        changed = store.replace(CERTIFICATE_REQUEST, made | {"status": {"certificate": "YmFy"}})
        assert changed["status"] == {"certificate": "Zm9v"}

    def test_a_status_update_leaves_everything_else(self):
        store = new_store()
        made = store.insert(CERTIFICATE_REQUEST, request(labels={"a": "b"}))
        sent = {"metadata": made["metadata"] | {"labels": {"c": "d"}}, "spec": {}, "status": {"certificate": "Zm9v"}}
        changed = store.replace_status(CERTIFICATE_REQUEST, sent)
        assert made["spec"] == changed["spec"]
        assert changed["metadata"]["labels"] == {"a": "b"}
        assert (changed["metadata"]["generation"], changed["metadata"]["resourceVersion"]) == (1, "2")
        assert changed["status"] == {"certificate": "Zm9v"}

    @pytest.mark.parametrize("write", ["replace", "replace_status"])
    def test_a_write_that_changes_nothing_is_none(self, write):
        store = new_store()
        made = store.insert(CERTIFICATE_REQUEST, request())
        heard = heard_by(store)
        assert made == getattr(store, write)(CERTIFICATE_REQUEST, made)
        assert heard == []
        assert store.resource_version == 1

    @pytest.mark.parametrize("write", ["replace", "replace_status"])
    @pytest.mark.parametrize(
        ("metadata", "code", "text"),
        [
            (
                {"resourceVersion": "99"},
                409,
                f'Operation cannot be fulfilled on certificaterequests.cert-manager.io "www": {STALE}',
            ),
            (
                {"resourceVersion": None},
                422,
                f'CertificateRequest.cert-manager.io "www" is invalid: {UNVERSIONED}',
            ),
            ({"name": "nope"}, 404, 'certificaterequests.cert-manager.io "nope" not found'),
        ],
        ids=["stale", "unversioned", "absent"],
    )
    def test_what_was_not_read_is_not_written(self, write, metadata, code, text):
        store = new_store()
        made = copy_json(store.insert(CERTIFICATE_REQUEST, request()))
        made["metadata"] |= metadata
        with pytest.raises(ApiError) as caught:
            getattr(store, write)(CERTIFICATE_REQUEST, made)
        assert (code, text) == (caught.value.code, caught.value.message)

    def test_another_objects_uid_is_a_conflict(self):
        store = new_store()
        made = copy_json(store.insert(CERTIFICATE_REQUEST, request()))
        made["metadata"]["uid"] = "other"
        with pytest.raises(ApiError, match="Precondition failed: UID in precondition: other") as caught:
            store.replace(CERTIFICATE_REQUEST, made)
        assert caught.value.code == 409

    def test_a_secret_may_be_written_without_a_version(self):
        store = new_store()
        store.insert(SECRET, {"metadata": {"name": "s"}, "data": {"a": "Yg=="}})
        changed = store.replace(SECRET, {"metadata": {"name": "s"}, "data": {"a": "Yw=="}})
        assert (changed["data"], changed["metadata"]["resourceVersion"]) == ({"a": "Yw=="}, "2")


class TestDelete:
    def test_what_is_gone_is_told_with_a_version_of_its_own(self):
        store = new_store()
        store.insert(CERTIFICATE_REQUEST, request())
        assert store.remove(CERTIFICATE_REQUEST, "default", "www")["metadata"]["resourceVersion"] == "2"
        assert store.get(CERTIFICATE_REQUEST, "default", "www") is None
        with pytest.raises(ApiError, match="not found"):
            store.remove(CERTIFICATE_REQUEST, "default", "www")

    def test_what_it_owns_goes_with_it(self):
        store = new_store()
        owner = store.insert(CERTIFICATE_REQUEST, request())
        child = store.insert(ORDER, order(owners=[owner]))
        store.insert(CHALLENGE, challenge("www-1-2", child))
        store.insert(ORDER, order("other"))
        heard = heard_by(store)
        store.remove(CERTIFICATE_REQUEST, "default", "www")
        assert heard == [
            ("DELETED", "CertificateRequest", "www"),
            ("DELETED", "Order", "www-1"),
            ("DELETED", "Challenge", "www-1-2"),
        ]
        assert [item["metadata"]["name"] for item in store.list(ORDER)] == ["other"]

    def test_what_has_another_owner_stays_until_that_one_goes(self):
        store = new_store()
        owners = [store.insert(CERTIFICATE_REQUEST, request(name)) for name in ("one", "two")]
        store.insert(ORDER, order(owners=owners))
        store.remove(CERTIFICATE_REQUEST, "default", "one")
        assert store.get(ORDER, "default", "www-1")
        store.remove(CERTIFICATE_REQUEST, "default", "two")
        assert store.get(ORDER, "default", "www-1") is None

    def test_an_owner_that_was_taken_back_takes_nothing_along(self):
        store = new_store()
        owner = store.insert(CERTIFICATE_REQUEST, request())
        child = copy_json(store.insert(ORDER, order(owners=[owner])))
        del child["metadata"]["ownerReferences"]
        store.replace(ORDER, child)
        store.remove(CERTIFICATE_REQUEST, "default", "www")
        assert store.get(ORDER, "default", "www-1")


class TestListAndWatch:
    def test_a_list_is_in_the_order_of_namespace_and_name(self):
        store = new_store()
        add_namespaces(store, "x", "y")
        for name, namespace in (("b", "x"), ("a", "y"), ("a", "x")):
            store.insert(CERTIFICATE_REQUEST, request(name, namespace))
        keys = [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in store.list(CERTIFICATE_REQUEST)]
        assert keys == [("x", "a"), ("x", "b"), ("y", "a")]
        assert len(store.list(CERTIFICATE_REQUEST, "x")) == 2

    def test_a_list_holds_only_what_has_all_the_labels(self):
        store = new_store()
        store.insert(CERTIFICATE_REQUEST, request("one", labels={"a": "b", "c": "d"}))
        store.insert(CERTIFICATE_REQUEST, request("two", labels={"a": "b"}))
        found = store.list(CERTIFICATE_REQUEST, labels={"a": "b", "c": "d"})
        assert [item["metadata"]["name"] for item in found] == ["one"]

    def test_a_listener_that_writes_does_not_turn_the_order_around(self):
        store = new_store()
        store.watch(lambda event, kind, _: kind == SECRET or store.insert(SECRET, {"metadata": {"name": "s"}}))
        heard = heard_by(store)
        store.insert(CERTIFICATE_REQUEST, request())
        assert heard == [("ADDED", "CertificateRequest", "www"), ("ADDED", "Secret", "s")]

    def test_a_listener_that_stopped_hears_nothing_more(self):
        store, heard = new_store(), []
        stop = store.watch(lambda *event: heard.append(event))
        stop()
        store.insert(CERTIFICATE_REQUEST, request())
        assert heard == []

    def test_a_listener_that_fails_does_not_silence_the_store(self):
        store = new_store()
        stop = store.watch(lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.insert(CERTIFICATE_REQUEST, request())
        stop()
        heard = heard_by(store)
        store.insert(CERTIFICATE_REQUEST, request("two"))
        assert heard == [("ADDED", "CertificateRequest", "two")]


def test_the_ports_verbs_are_inquiries_that_ask_nothing():
    store = new_store()
    made = run(store.create(CERTIFICATE_REQUEST, request()))
    made = run(store.update(CERTIFICATE_REQUEST, made | {"metadata": made["metadata"] | {"labels": {"a": "b"}}}))
    made = run(store.update_status(CERTIFICATE_REQUEST, made | {"status": {"certificate": "Zm9v"}}))
    assert made == store.get(CERTIFICATE_REQUEST, "default", "www")
    assert made["metadata"]["resourceVersion"] == "3"
    run(store.delete(CERTIFICATE_REQUEST, "default", "www"))
    assert store.list(CERTIFICATE_REQUEST) == []


def test_times_are_the_clocks():
    moments = iter([*[NOW] * 5, NOW + timedelta(seconds=1)])  # four namespaces come first
    store = EmbeddedStore(lambda: next(moments), Random(1).randbytes)
    made = [store.insert(CERTIFICATE_REQUEST, request(name)) for name in ("a", "b")]
    assert [item["metadata"]["creationTimestamp"] for item in made] == ["2026-11-22T01:02:03Z", "2026-11-22T01:02:04Z"]


WRITES = st.lists(
    st.tuples(
        st.sampled_from(["create", "label", "spec", "status", "same", "stale", "delete"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["Zm9v", "YmFy"]),
    ),
    max_size=40,
)


def write(store, verb, name, text):
    """Do one write as a client would; refused ones are no writes."""
    if verb == "create":
        return store.insert(ORDER, request(name))
    if verb == "delete":
        return store.remove(ORDER, "default", name)
    sent = copy_json(store.get(ORDER, "default", name) or request(name))
    if verb == "label":
        sent["metadata"]["labels"] = {"text": text}
    elif verb == "spec":
        sent["spec"]["commonName"] = text
    elif verb == "status":
        return store.replace_status(ORDER, sent | {"status": {"certificate": text}})
    elif verb == "stale":
        sent["metadata"]["resourceVersion"] = "0"
    return store.replace(ORDER, sent)


@given(WRITES)
def test_versions_grow_generations_count_specs_and_what_was_read_stays(writes):
    store, heard, refused, read = new_store(), [], [], []

    def listen(event, kind, resource):
        heard.append(int(resource["metadata"]["resourceVersion"]))
        read.append((resource, copy_json(resource)))

    store.watch(listen)
    for verb, name, text in writes:
        before, version = store.get(ORDER, "default", name), store.resource_version
        try:
            returned = write(store, verb, name, text)
        except ApiError as error:
            refused.append(error.code)
            assert (before, version) == (store.get(ORDER, "default", name), store.resource_version)
            continue
        after = store.get(ORDER, "default", name)
        read.append((returned, copy_json(returned)))
        assert store.resource_version - version in (0, 1)
        if before and after:
            assert (before == after) == (version == store.resource_version)
            respecified = before["spec"] != after["spec"]
            assert before["metadata"]["generation"] + respecified == after["metadata"]["generation"]
            assert before["metadata"]["uid"] == after["metadata"]["uid"]
    assert heard == list(range(1, store.resource_version + 1))
    assert all(now == then for now, then in read)
    assert {404, 409, 422}.issuperset(refused)
