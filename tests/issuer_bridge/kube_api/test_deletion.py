"""Deletion: finalizers hold an object, policies say what becomes of what it owns, a namespace takes its contents along."""

import pytest

from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.resources import CERTIFICATE_REQUEST, CHALLENGE, CLUSTER_ISSUER, NAMESPACE, ORDER, SECRET, ApiError
from tests.issuer_bridge.kube_api.test_store import challenge, new_store, order, request, run

NEW_FINALIZER = (
    'CertificateRequest.cert-manager.io "www" is invalid: metadata.finalizers: Forbidden: no new finalizers can be '
    'added if the object is being deleted, found new finalizers []string{"b.test/f"}'
)


@pytest.fixture
def store():
    return new_store()


def heard_by(store):
    """What listeners are told: the event, the name, and whether the object is marked as deleted."""
    heard = []
    store.watch(
        lambda event, kind, resource: heard.append(
            (event, resource["metadata"]["name"], "deletionTimestamp" in resource["metadata"])
        )
    )
    return heard


def names(store, kind):
    return [item["metadata"]["name"] for item in store.list(kind)]


class TestFinalizers:
    def test_an_object_with_finalizers_is_marked_and_stays(self, store):
        store.insert(CERTIFICATE_REQUEST, request(finalizers=["a.test/f"]))
        heard = heard_by(store)
        left = store.remove(CERTIFICATE_REQUEST, "default", "www")
        assert left == store.get(CERTIFICATE_REQUEST, "default", "www")
        metadata = left["metadata"]
        assert (metadata["deletionTimestamp"], metadata["deletionGracePeriodSeconds"]) == ("2026-11-22T01:02:03Z", 0)
        assert (metadata["generation"], metadata["resourceVersion"]) == (2, "2")
        assert heard == [("MODIFIED", "www", True)]

    def test_a_second_deletion_changes_nothing(self, store):
        store.insert(CERTIFICATE_REQUEST, request(finalizers=["a.test/f"]))
        first = store.remove(CERTIFICATE_REQUEST, "default", "www")
        assert first == store.remove(CERTIFICATE_REQUEST, "default", "www")
        assert store.resource_version == 2

    @pytest.mark.parametrize("finalizers", [[], None])
    def test_who_takes_the_last_finalizer_sees_the_object_once_more(self, store, finalizers):
        store.insert(CERTIFICATE_REQUEST, request(finalizers=["a.test/f"]))
        left = copy_json(store.remove(CERTIFICATE_REQUEST, "default", "www"))
        heard = heard_by(store)
        left["metadata"]["finalizers"] = finalizers
        last = run(store.update(CERTIFICATE_REQUEST, left))
        assert (last["metadata"]["resourceVersion"], "finalizers" in last["metadata"]) == ("2", False)
        assert heard == [("DELETED", "www", True)]
        assert store.resource_version == 3
        assert store.get(CERTIFICATE_REQUEST, "default", "www") is None

    def test_one_of_two_finalizers_goes_and_the_object_stays(self, store):
        store.insert(CERTIFICATE_REQUEST, request(finalizers=["a.test/f", "b.test/f"]))
        left = copy_json(store.remove(CERTIFICATE_REQUEST, "default", "www"))
        left["metadata"]["finalizers"] = ["b.test/f"]
        assert store.replace(CERTIFICATE_REQUEST, left)["metadata"]["finalizers"] == ["b.test/f"]

    def test_what_is_being_deleted_takes_no_new_finalizer(self, store):
        store.insert(CERTIFICATE_REQUEST, request(finalizers=["a.test/f"]))
        left = copy_json(store.remove(CERTIFICATE_REQUEST, "default", "www"))
        left["metadata"]["finalizers"] += ["b.test/f"]
        with pytest.raises(ApiError) as caught:
            store.replace(CERTIFICATE_REQUEST, left)
        assert (caught.value.code, caught.value.message) == (422, NEW_FINALIZER)

    def test_a_client_cannot_take_the_mark_back(self, store):
        store.insert(CERTIFICATE_REQUEST, request(finalizers=["a.test/f"]))
        left = store.remove(CERTIFICATE_REQUEST, "default", "www")
        sent = {**left, "metadata": {key: left["metadata"][key] for key in ("name", "finalizers", "resourceVersion")}}
        assert store.replace(CERTIFICATE_REQUEST, sent) == left

    def test_what_is_held_still_owns(self, store):
        owner = store.insert(CERTIFICATE_REQUEST, request(finalizers=["a.test/f"]))
        store.insert(ORDER, order(owners=[owner]))
        left = copy_json(store.remove(CERTIFICATE_REQUEST, "default", "www"))
        assert names(store, ORDER) == ["www-1"]
        left["metadata"]["finalizers"] = []
        store.replace(CERTIFICATE_REQUEST, left)
        assert names(store, ORDER) == []


def owned(child, *, blocking):
    for reference in child["metadata"]["ownerReferences"]:
        reference["blockOwnerDeletion"] = blocking
    return child


class TestOwners:
    def test_a_dependant_with_a_finalizer_is_marked_when_its_owner_goes(self, store):
        owner = store.insert(CERTIFICATE_REQUEST, request())
        child = order(owners=[owner])
        child["metadata"]["finalizers"] = ["a.test/f"]
        store.insert(ORDER, child)
        store.remove(CERTIFICATE_REQUEST, "default", "www")
        assert "deletionTimestamp" in store.get(ORDER, "default", "www-1")["metadata"]
        assert names(store, CERTIFICATE_REQUEST) == []

    @pytest.mark.parametrize(
        ("blocking", "expected"),
        [
            (True, [("MODIFIED", "www", True), ("DELETED", "www-1", False), ("DELETED", "www", True)]),
            (False, [("MODIFIED", "www", True), ("DELETED", "www-1", False), ("DELETED", "www", True)]),
        ],
    )
    def test_foreground_waits_for_what_is_owned(self, store, blocking, expected):
        owner = store.insert(CERTIFICATE_REQUEST, request())
        store.insert(ORDER, owned(order(owners=[owner]), blocking=blocking))
        heard = heard_by(store)
        left = store.remove(CERTIFICATE_REQUEST, "default", "www", "Foreground")
        assert left["metadata"]["finalizers"] == ["foregroundDeletion"]
        assert heard == expected

    @pytest.mark.parametrize(("blocking", "stays"), [(True, ["www"]), (False, [])])
    def test_only_a_blocking_dependant_that_is_held_holds_its_owner(self, store, blocking, stays):
        owner = store.insert(CERTIFICATE_REQUEST, request())
        child = owned(order(owners=[owner]), blocking=blocking)
        child["metadata"]["finalizers"] = ["a.test/f"]
        store.insert(ORDER, child)
        store.remove(CERTIFICATE_REQUEST, "default", "www", "Foreground")
        assert names(store, CERTIFICATE_REQUEST) == stays
        left = copy_json(store.get(ORDER, "default", "www-1"))
        left["metadata"]["finalizers"] = []
        store.replace(ORDER, left)
        assert (names(store, ORDER), names(store, CERTIFICATE_REQUEST)) == ([], [])

    def test_foreground_goes_down_all_levels(self, store):
        owner = store.insert(CERTIFICATE_REQUEST, request())
        child = store.insert(ORDER, owned(order(owners=[owner]), blocking=True))
        store.insert(CHALLENGE, owned(challenge("www-1-2", child), blocking=True))
        heard = heard_by(store)
        store.remove(CERTIFICATE_REQUEST, "default", "www", "Foreground")
        gone = [name for event, name, _ in heard if event == "DELETED"]
        assert gone == ["www-1-2", "www-1", "www"]

    def test_orphans_stay_without_their_owner(self, store):
        owner = store.insert(CERTIFICATE_REQUEST, request())
        store.insert(ORDER, order(owners=[owner]))
        left = store.remove(CERTIFICATE_REQUEST, "default", "www", "Orphan")
        assert left["metadata"]["finalizers"] == ["orphan"]
        assert names(store, CERTIFICATE_REQUEST) == []
        assert "ownerReferences" not in store.get(ORDER, "default", "www-1")["metadata"]

    @pytest.mark.parametrize(
        ("reference", "stays"),
        [
            ({}, False),
            ({"kind": "Elsewhere"}, True),
            ({"apiVersion": "batch/v1", "kind": "Job"}, True),
        ],
        ids=["a kind of ours", "no kind of ours", "no group of ours"],
    )
    def test_an_owner_that_never_was_keeps_nothing(self, store, reference, stays):
        owner = {"apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest", "name": "www", "uid": "nobody"}
        made = store.insert(ORDER, request("www-1", ownerReferences=[owner | reference]))
        assert made["metadata"]["name"] == "www-1"
        assert bool(names(store, ORDER)) == stays

    def test_an_owner_in_another_namespace_is_none(self, store):
        store.insert(NAMESPACE, {"metadata": {"name": "other"}})
        owner = store.insert(CERTIFICATE_REQUEST, request(namespace="other"))
        store.insert(ORDER, order(owners=[owner]))
        assert names(store, ORDER) == []

    def test_a_cluster_wide_owner_owns_in_every_namespace(self, store):
        owner = store.insert(CLUSTER_ISSUER, {"metadata": {"name": "x"}, "spec": {"selfSigned": {}}})
        store.insert(ORDER, order(owners=[owner]))
        assert names(store, ORDER) == ["www-1"]
        store.remove(CLUSTER_ISSUER, "", "x")
        assert names(store, ORDER) == []

    def test_a_reference_to_a_gone_owner_is_taken_out_beside_a_live_one(self, store):
        owners = [store.insert(CERTIFICATE_REQUEST, request(name)) for name in ("one", "two")]
        store.insert(ORDER, order(owners=owners))
        store.remove(CERTIFICATE_REQUEST, "default", "one")
        references = store.get(ORDER, "default", "www-1")["metadata"]["ownerReferences"]
        assert [item["name"] for item in references] == ["two"]

    @pytest.mark.parametrize(("policy", "stays"), [("Foreground", False), ("Orphan", True)])
    def test_what_comes_to_an_owner_that_is_going_shares_its_lot(self, store, policy, stays):
        owner = store.insert(CERTIFICATE_REQUEST, request(finalizers=["a.test/f"]))
        first = owned(order("held", [owner]), blocking=True)
        first["metadata"]["finalizers"] = ["a.test/f"]
        store.insert(ORDER, first)
        store.remove(CERTIFICATE_REQUEST, "default", "www", policy)
        store.insert(ORDER, order("late", [owner]))
        assert (store.get(ORDER, "default", "late") is not None) == stays

    def test_a_long_chain_of_owners_goes_at_once(self, store):
        child = store.insert(ORDER, order("o0"))
        for number in range(1, 2000):
            child = store.insert(ORDER, order(f"o{number}", [child]))
        store.remove(ORDER, "default", "o0")
        assert names(store, ORDER) == []


class TestNamespaces:
    def test_four_are_there_from_the_beginning(self, store):
        found = store.list(NAMESPACE)
        labels = [item["metadata"]["labels"] for item in found]
        expected = ["default", "kube-node-lease", "kube-public", "kube-system"]
        assert labels == [{"kubernetes.io/metadata.name": name} for name in expected]
        assert {item["status"]["phase"] for item in found} == {"Active"}

    def test_two_stores_give_their_first_namespaces_the_same_uids_and_spend_no_entropy(self, store):
        other = new_store(seed=2)
        uids = [[item["metadata"]["uid"] for item in each.list(NAMESPACE)] for each in (store, other)]
        assert uids[0] == uids[1]
        assert len(set(uids[0])) == 4

    def test_nothing_is_created_where_there_is_no_namespace(self, store):
        with pytest.raises(ApiError) as caught:
            store.insert(SECRET, {"metadata": {"name": "s", "namespace": "nope"}})
        assert (caught.value.code, caught.value.message) == (404, 'namespaces "nope" not found')

    def test_a_namespace_goes_with_all_that_is_in_it(self, store):
        store.insert(NAMESPACE, {"metadata": {"name": "one"}})
        store.insert(SECRET, {"metadata": {"name": "s", "namespace": "one"}})
        store.insert(SECRET, {"metadata": {"name": "s"}})
        heard = heard_by(store)
        left = store.remove(NAMESPACE, "", "one")
        assert (left["status"]["phase"], left["spec"]) == ("Terminating", {"finalizers": ["kubernetes"]})
        assert heard == [("MODIFIED", "one", True), ("DELETED", "s", False), ("DELETED", "one", True)]
        assert len(store.list(SECRET)) == 1

    def test_a_terminating_namespace_waits_for_finalizers_and_takes_nothing_new(self, store):
        store.insert(NAMESPACE, {"metadata": {"name": "one"}})
        store.insert(SECRET, {"metadata": {"name": "s", "namespace": "one", "finalizers": ["a.test/f"]}})
        store.remove(NAMESPACE, "", "one")
        with pytest.raises(ApiError) as caught:
            store.insert(SECRET, {"metadata": {"name": "t", "namespace": "one"}})
        text = "unable to create new content in namespace one because it is being terminated"
        assert (caught.value.code, caught.value.message) == (403, f'secrets "t" is forbidden: {text}')
        assert caught.value.details["causes"][0]["reason"] == "NamespaceTerminating"
        left = copy_json(store.get(SECRET, "one", "s"))
        left["metadata"]["finalizers"] = []
        store.replace(SECRET, left)
        assert store.get(NAMESPACE, "", "one") is None

    def test_a_namespace_keeps_its_label_and_its_finalizer(self, store):
        made = store.insert(NAMESPACE, {"metadata": {"name": "one"}, "spec": {"finalizers": []}})
        changed = store.replace(NAMESPACE, {**made, "metadata": {**made["metadata"], "labels": {"a": "b"}}, "spec": {}})
        assert changed["metadata"]["labels"] == {"a": "b", "kubernetes.io/metadata.name": "one"}
        assert changed["spec"] == {"finalizers": ["kubernetes"]}
