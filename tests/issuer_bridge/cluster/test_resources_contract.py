"""The port to resources, held on the embedded store and on the adapter: over HTTP, with faults, and on any cluster.

`make test-kube` runs the last on the cluster of $KUBECONFIG, in a namespace that it deletes afterwards.
"""

import os
from contextlib import asynccontextmanager

import pytest

from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.resources import CERTIFICATE_REQUEST, CHALLENGE, ISSUER, LEASE, NAMESPACE, ORDER, SECRET, ApiError
from tests.embedded_api import new_store
from tests.issuer_bridge.bridge_resources import csr_of
from tests.issuer_bridge.cluster.cluster_rig import adapter, rig, status, until

KUBECONFIG = os.environ.get("GRAVEL_TEST_KUBE") and os.environ.get("KUBECONFIG")


def request(name="www", **metadata):
    spec = {"request": csr_of("www.example.test"), "issuerRef": {"name": "gravel"}}
    return {"metadata": {"name": name, "namespace": "", **metadata}, "spec": spec}


class Held:
    """An adapter, and the namespace in which a test may write."""

    def __init__(self, resources, run, namespace="default"):
        self.resources, self.run, self.namespace = resources, run, namespace
        self.heard = []
        resources.watch(self._hear)

    def _hear(self, event, kind, resource):
        if resource["metadata"].get("namespace") == self.namespace:
            self.heard.append((event, kind.kind, resource["metadata"]["name"]))

    def placed(self, resource):
        return {**resource, "metadata": {**resource["metadata"], "namespace": self.namespace}}

    async def create(self, kind, resource):
        return await self.run(self.resources.create(kind, self.placed(resource)))

    def get(self, kind, name):
        return self.resources.get(kind, self.namespace, name)

    def names(self, kind, labels=None):
        return [resource["metadata"]["name"] for resource in self.resources.list(kind, self.namespace, labels)]


@asynccontextmanager
async def embedded(folder):
    store = new_store()

    async def run(inquiry):
        try:
            next(inquiry)
        except StopIteration as stop:
            return stop.value
        raise AssertionError("an embedded store asks nobody")

    yield Held(store, run)


@asynccontextmanager
async def over_http(folder):
    async with rig(folder) as (_, _, opened):
        yield Held(opened.resources, opened.run)


@asynccontextmanager
async def through_faults(folder):
    """Every third request is refused: 429 with Retry-After, or 500 where that leaves nothing half done."""
    async with rig(folder) as (_, faults, opened):
        count = iter(range(1 << 30))

        def disturb(request):
            if next(count) % 3:
                return None
            code = 429 if request.method in ("POST", "DELETE") else 500
            return status(code, **({"Retry-After": "1"} if code == 429 else {}))(request)

        faults.before = disturb
        yield Held(opened.resources, opened.run)


@asynccontextmanager
async def without_news(folder):
    """What is written is not told by the watch: the caches know of our own writes alone."""
    async with rig(folder) as (_, faults, opened):
        faults.telling.clear()
        faults.cut()
        yield Held(opened.resources, opened.run)


@asynccontextmanager
async def on_a_cluster(folder):
    async with adapter(KUBECONFIG) as opened:
        created = await opened.run(
            opened.resources.create(NAMESPACE, {"metadata": {"generateName": "gravel-contract-"}})
        )
        namespace = created["metadata"]["name"]
        try:
            yield Held(opened.resources, opened.run, namespace)
        finally:
            await opened.run(opened.resources.delete(NAMESPACE, "", namespace))


BACKENDS = [embedded, over_http, through_faults, without_news, *([on_a_cluster] if KUBECONFIG else [])]


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.__name__)
async def held(request, tmp_path):
    async with request.param(tmp_path) as opened:
        yield opened


class TestResources:
    async def test_what_was_created_is_read_at_once_with_what_the_server_added(self, held):
        created = await held.create(CERTIFICATE_REQUEST, request())
        found = held.get(CERTIFICATE_REQUEST, "www")
        assert found["metadata"]["uid"] == created["metadata"]["uid"]
        assert found["metadata"]["resourceVersion"]
        assert (found["apiVersion"], found["kind"]) == ("cert-manager.io/v1", "CertificateRequest")

    async def test_nothing_is_found_where_nothing_was_written(self, held):
        assert held.get(ORDER, "www") is None
        assert held.names(ORDER) == []

    async def test_a_name_may_be_generated(self, held):
        resource = request()
        del resource["metadata"]["name"]
        resource["metadata"]["generateName"] = "www-"
        created = await held.create(CERTIFICATE_REQUEST, resource)
        assert created["metadata"]["name"].startswith("www-")
        assert held.names(CERTIFICATE_REQUEST) == [created["metadata"]["name"]]

    async def test_a_name_is_given_once(self, held):
        await held.create(CERTIFICATE_REQUEST, request())
        with pytest.raises(ApiError) as refused:
            await held.create(CERTIFICATE_REQUEST, request())
        assert (refused.value.code, refused.value.reason) == (409, "AlreadyExists")

    async def test_what_breaks_the_rules_is_refused_with_the_field(self, held):
        resource = request()
        del resource["spec"]["issuerRef"]
        with pytest.raises(ApiError, match=r"spec\.issuerRef") as refused:
            await held.create(CERTIFICATE_REQUEST, resource)
        assert refused.value.code == 422

    async def test_lists_are_in_the_order_of_names_and_may_want_labels(self, held):
        await held.create(SECRET, {"metadata": {"name": "b", "labels": {"a": "1", "b": "2"}}})
        await held.create(SECRET, {"metadata": {"name": "a", "labels": {"a": "1"}}})
        assert [name for name in held.names(SECRET) if name in "ab"] == ["a", "b"]
        assert held.names(SECRET, {"a": "1", "b": "2"}) == ["b"]

    async def test_what_was_read_stays_as_it_was_whatever_is_written(self, held):
        first = await held.create(ISSUER, {"metadata": {"name": "i"}, "spec": {"selfSigned": {}}})
        second = await held.run(held.resources.update_status(ISSUER, {**first, "status": {"acme": {"uri": "1"}}}))
        read = [first, second, held.get(ISSUER, "i"), *held.resources.list(ISSUER)]
        then = copy_json(read)
        labelled = {**second, "metadata": {**second["metadata"], "labels": {"a": "1"}}}
        await held.run(held.resources.update(ISSUER, labelled))
        await held.run(held.resources.delete(ISSUER, held.namespace, "i"))
        assert read == then

    async def test_an_update_leaves_the_status_alone_and_a_status_the_rest(self, held):
        created = await held.create(ISSUER, {"metadata": {"name": "i"}, "spec": {"selfSigned": {}}})
        changed = {**created, "metadata": {**created["metadata"], "labels": {"a": "1"}}, "status": {"acme": {}}}
        updated = await held.run(held.resources.update(ISSUER, changed))
        assert ("status" in updated, updated["metadata"]["labels"]) == (False, {"a": "1"})
        unlabelled = {**updated, "metadata": {**updated["metadata"], "labels": {}}, "status": {"acme": {"uri": "u"}}}
        written = await held.run(held.resources.update_status(ISSUER, unlabelled))
        assert (written["status"]["acme"]["uri"], written["metadata"]["labels"]) == ("u", {"a": "1"})
        assert held.get(ISSUER, "i")["status"] == written["status"]

    async def test_an_old_copy_is_a_conflict_and_the_next_read_is_newer(self, held):
        created = await held.create(ISSUER, {"metadata": {"name": "i"}, "spec": {"selfSigned": {}}})
        await held.run(held.resources.update_status(ISSUER, {**created, "status": {"acme": {"uri": "1"}}}))
        with pytest.raises(ApiError) as refused:
            await held.run(held.resources.update_status(ISSUER, {**created, "status": {"acme": {"uri": "2"}}}))
        assert (refused.value.code, refused.value.reason) == (409, "Conflict")
        assert held.get(ISSUER, "i")["status"]["acme"]["uri"] == "1"

    async def test_what_is_not_there_is_neither_changed_nor_deleted(self, held):
        created = await held.create(SECRET, {"metadata": {"name": "a"}})
        await held.run(held.resources.delete(SECRET, held.namespace, "a"))
        for inquiry in (held.resources.update(SECRET, created), held.resources.delete(SECRET, held.namespace, "a")):
            with pytest.raises(ApiError) as refused:
                await held.run(inquiry)
            assert (refused.value.code, refused.value.reason) == (404, "NotFound")

    async def test_what_was_deleted_is_gone_at_once_and_may_come_again(self, held):
        first = await held.create(SECRET, {"metadata": {"name": "a"}})
        await held.run(held.resources.delete(SECRET, held.namespace, "a"))
        assert held.get(SECRET, "a") is None
        second = await held.create(SECRET, {"metadata": {"name": "a"}})
        assert held.get(SECRET, "a")["metadata"]["uid"] == second["metadata"]["uid"] != first["metadata"]["uid"]

    async def test_every_write_is_told_once_and_in_order(self, held):
        created = await held.create(SECRET, {"metadata": {"name": "a"}})
        await held.run(held.resources.update(SECRET, {**created, "data": {"k": "dg=="}}))
        await held.run(held.resources.delete(SECRET, held.namespace, "a"))
        await held.create(SECRET, {"metadata": {"name": "b"}})
        assert [each for each in held.heard if each[2] in "ab"] == [
            ("ADDED", "Secret", "a"),
            ("MODIFIED", "Secret", "a"),
            ("DELETED", "Secret", "a"),
            ("ADDED", "Secret", "b"),
        ]

    async def test_who_has_stopped_watching_hears_nothing(self, held):
        heard = []
        stop = held.resources.watch(lambda *news: heard.append(news))
        stop()
        await held.create(SECRET, {"metadata": {"name": "a"}})
        assert heard == []

    async def test_a_kind_that_nobody_watches_is_read_as_it_was_written(self, held):
        created = await held.create(LEASE, {"metadata": {"name": "l"}, "spec": {"holderIdentity": "me"}})
        await held.run(held.resources.update(LEASE, {**created, "spec": {"holderIdentity": "you"}}))
        assert held.get(LEASE, "l")["spec"]["holderIdentity"] == "you"


@pytest.mark.parametrize("backend", [embedded, over_http, through_faults])
async def test_what_an_object_owns_is_deleted_with_it(backend, tmp_path):
    async with backend(tmp_path) as held:
        owner = await held.create(CERTIFICATE_REQUEST, request())
        reference = {"apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest", "name": "www"}
        owned = request("www-1", ownerReferences=[{**reference, "uid": owner["metadata"]["uid"]}])
        await held.create(ORDER, owned)
        await held.run(held.resources.delete(CERTIFICATE_REQUEST, held.namespace, "www"))
        await until(lambda: held.get(ORDER, "www-1") is None)
        assert held.names(CHALLENGE) == []
