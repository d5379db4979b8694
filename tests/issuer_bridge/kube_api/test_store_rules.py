"""Whatever is written in whichever order, the store keeps its invariants."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from issuer_bridge.kube_api.deletion import POLICIES
from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.resources import NAMESPACE, ORDER, ApiError
from tests.issuer_bridge.kube_api.test_store import new_store, request

NAMES, NAMESPACES = st.sampled_from(["a", "b", "c", "d"]), st.sampled_from(["default", "one"])
FINALIZERS = st.lists(st.sampled_from(["x.test/f", "y.test/f"]), unique=True)
WORDS = st.sampled_from(["v", "w"])


class StoreRules(RuleBasedStateMachine):
    """Orders that own each other, finalizers, deletions by each policy, and a namespace that comes and goes."""

    uids = Bundle("uids")

    def __init__(self):
        super().__init__()
        self.store = new_store()
        self.seen = {}  # the last that was told of each object that is there
        self.version = self.store.resource_version
        self.store.watch(self.listen)
        self.store.insert(NAMESPACE, {"metadata": {"name": "one"}})

    def listen(self, event, kind, resource):
        metadata = resource["metadata"]
        assert int(metadata["resourceVersion"]) == self.version + 1
        self.version += 1
        before = self.seen.pop(metadata["uid"], None)
        assert (before is None) == (event == "ADDED")
        if event == "DELETED":
            return
        self.seen[metadata["uid"]] = resource
        if before and kind == ORDER:
            marked = "deletionTimestamp" in metadata and "deletionTimestamp" not in before["metadata"]
            counted = metadata["generation"] - before["metadata"]["generation"]
            assert counted == (resource["spec"] != before["spec"]) + marked

    def tried(self, act):
        """Do a write; what is refused changes nothing."""
        version = self.store.resource_version
        try:
            return act()
        except ApiError:
            assert version == self.store.resource_version
            return None

    def order(self, namespace, name):
        return copy_json(self.store.get(ORDER, namespace, name) or request(name, namespace))

    @rule(
        target=uids,
        name=NAMES,
        namespace=NAMESPACES,
        finalizers=FINALIZERS,
        owners=st.lists(uids | st.just("no"), max_size=2),
        blocks=st.booleans(),
    )
    def create(self, name, namespace, finalizers, owners, blocks):
        reference = {
            "apiVersion": "acme.cert-manager.io/v1",
            "kind": "Order",
            "name": "x",
            "blockOwnerDeletion": blocks,
        }
        references = [reference | {"uid": uid} for uid in dict.fromkeys(owners) if uid]
        sent = request(name, namespace, finalizers=finalizers, ownerReferences=references)
        made = self.tried(lambda: self.store.insert(ORDER, sent))
        return made["metadata"]["uid"] if made else "no"

    @rule(name=NAMES, namespace=NAMESPACES, word=WORDS)
    def respecify(self, name, namespace, word):
        sent = self.order(namespace, name)
        sent["spec"]["commonName"] = word
        sent["status"] = {"reason": word}
        before = self.store.get(ORDER, namespace, name)
        changed = self.tried(lambda: self.store.replace(ORDER, sent))
        assert changed is None or changed.get("status") == before.get("status")

    @rule(name=NAMES, namespace=NAMESPACES, word=WORDS)
    def tell(self, name, namespace, word):
        sent = self.order(namespace, name) | {"status": {"reason": word}, "spec": {}}
        self.tried(lambda: self.store.replace_status(ORDER, sent))

    @rule(name=NAMES, namespace=NAMESPACES, finalizers=FINALIZERS)
    def hold(self, name, namespace, finalizers):
        sent = self.order(namespace, name)
        sent["metadata"]["finalizers"] = finalizers
        self.tried(lambda: self.store.replace(ORDER, sent))

    @rule(name=NAMES, namespace=NAMESPACES, policy=st.sampled_from([None, *POLICIES]))
    def delete(self, name, namespace, policy):
        self.tried(lambda: self.store.remove(ORDER, namespace, name, policy))

    @rule()
    def delete_the_namespace(self):
        self.tried(lambda: self.store.remove(NAMESPACE, "", "one"))

    @rule()
    def create_the_namespace(self):
        self.tried(lambda: self.store.insert(NAMESPACE, {"metadata": {"name": "one"}}))

    @invariant()
    def what_is_told_is_what_is_there(self):
        there = {item["metadata"]["uid"]: item for item in self.store.list(ORDER)}
        assert there == {uid: item for uid, item in self.seen.items() if item["kind"] == "Order"}
        assert self.version == self.store.resource_version

    @invariant()
    def what_is_deleted_is_held(self):
        for item in self.store.list(ORDER):
            assert "deletionTimestamp" not in item["metadata"] or item["metadata"]["finalizers"]

    @invariant()
    def what_is_owned_has_an_owner_or_goes(self):
        there = {(item["metadata"]["namespace"], item["metadata"]["uid"]) for item in self.store.list(ORDER)}
        for item in self.store.list(ORDER):
            references = item["metadata"].get("ownerReferences", ())
            owned = [(item["metadata"]["namespace"], reference["uid"]) in there for reference in references]
            assert all(owned) or "deletionTimestamp" in item["metadata"]

    @invariant()
    def what_is_there_is_in_a_namespace(self):
        namespaces = {item["metadata"]["name"]: item for item in self.store.list(NAMESPACE)}
        for item in self.store.list(ORDER):
            namespace = namespaces[item["metadata"]["namespace"]]["metadata"]
            assert "deletionTimestamp" not in namespace or "deletionTimestamp" in item["metadata"]


StoreRules.TestCase.settings = settings(deadline=None)
TestStoreRules = StoreRules.TestCase
