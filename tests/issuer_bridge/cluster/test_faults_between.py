"""The adapter over HTTP while connections break, and while the API says no."""

import pytest

from issuer_bridge.resources import CERTIFICATE_REQUEST, INGRESS, SECRET, ApiError
from tests.embedded_api import new_store
from tests.issuer_bridge.cluster.cluster_rig import cut_off, rig, status, stream_of, until


def secret(name="a", **more):
    return {"metadata": {"name": name, "namespace": "default"}, **more}


def is_writing(request):
    return request.method in ("POST", "PUT", "DELETE")


async def test_a_broken_watch_goes_on_without_a_list_and_misses_nothing(tmp_path):
    store = new_store()
    store.insert(SECRET, secret("first"))
    async with rig(tmp_path, store) as (store, faults, opened):
        for number in range(5):
            faults.cut()
            store.insert(SECRET, secret(f"s{number}"))
            await until(lambda: opened.resources.get(SECRET, "default", f"s{number}"))  # noqa: B023 - awaited here
        assert sum(path.endswith("/secrets") and "watch" not in query for _, path, query in faults.asked) == 1


async def test_expired_history_is_listed_anew_and_what_is_gone_is_told(tmp_path):
    store = new_store()
    store.insert(SECRET, secret("kept"))
    store.insert(SECRET, secret("gone"))
    async with rig(tmp_path, store) as (store, faults, opened):
        told = []
        opened.resources.watch(lambda event, _, it: told.append((event, it["metadata"]["name"])))
        expired = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
        faults.before = lambda request: (
            stream_of({"type": "ERROR", "object": expired})(request) if "watch" in request.query else None
        )
        faults.cut()
        store.remove(SECRET, "default", "gone")
        await until(lambda: told)
        faults.before = lambda request: None
        assert told == [("DELETED", "gone")]
        store.insert(SECRET, secret("new"))
        await until(lambda: opened.resources.get(SECRET, "default", "new"))


async def test_a_write_that_was_carried_out_but_not_answered_is_a_conflict_with_the_newer_copy_at_hand(tmp_path):
    async with rig(tmp_path) as (store, faults, opened):
        created = await opened.run(opened.resources.create(SECRET, secret()))
        faults.telling.clear()
        faults.cut()

        def carried_out_then_cut(request):
            store.replace(SECRET, {**created, "data": {"k": "dg=="}})
            return cut_off(request)

        faults.once(is_writing, carried_out_then_cut)
        with pytest.raises(ApiError) as refused:
            await opened.run(opened.resources.update(SECRET, {**created, "data": {"k": "dg=="}}))
        assert refused.value.reason == "Conflict"
        assert opened.resources.get(SECRET, "default", "a")["data"] == {"k": "dg=="}


async def test_a_deletion_that_was_not_answered_finds_itself_done(tmp_path):
    async with rig(tmp_path) as (store, faults, opened):
        await opened.run(opened.resources.create(SECRET, secret()))

        def carried_out_then_cut(request):
            store.remove(SECRET, "default", "a")
            return cut_off(request)

        faults.once(is_writing, carried_out_then_cut)
        with pytest.raises(ApiError, match="not found"):
            await opened.run(opened.resources.delete(SECRET, "default", "a"))
        assert opened.resources.get(SECRET, "default", "a") is None


async def test_a_creation_that_was_not_answered_is_not_repeated(tmp_path):
    """It may have been carried out, and a generated name would make two of it."""
    async with rig(tmp_path) as (_, faults, opened):
        faults.once(is_writing, cut_off)
        with pytest.raises(ApiError, match="does not answer: connection reset") as refused:
            await opened.run(opened.resources.create(SECRET, secret()))
        assert refused.value.code == 503
        assert sum(method == "POST" for method, *_ in faults.asked) == 1


@pytest.mark.seed("B57")
@pytest.mark.parametrize(("code", "reason"), [(403, "Forbidden"), (422, "Invalid"), (500, "InternalError")])
async def test_a_refusal_is_told_in_the_words_of_its_status(tmp_path, code, reason):
    async with rig(tmp_path) as (_, faults, opened):
        faults.once(is_writing, status(code, reason))
        with pytest.raises(ApiError, match=f"a fault: {code}") as refused:
            await opened.run(opened.resources.create(SECRET, secret()))
        assert (refused.value.code, refused.value.reason) == (code, reason)


async def test_a_server_that_never_stops_saying_429_is_given_up(tmp_path):
    async with rig(tmp_path) as (_, faults, opened):
        faults.before = lambda request: status(429)(request) if is_writing(request) else None
        with pytest.raises(ApiError) as refused:
            await opened.run(opened.resources.create(SECRET, secret()))
        assert refused.value.code == 429


async def test_what_is_no_api_is_told_as_such(tmp_path):
    async with rig(tmp_path) as (_, faults, opened):
        faults.once(is_writing, stream_of())
        with pytest.raises(ApiError, match="no Kubernetes API"):
            await opened.run(opened.resources.create(SECRET, secret()))


async def test_what_is_in_the_way_can_be_read_although_the_watch_has_not_told_it(tmp_path):
    async with rig(tmp_path) as (store, faults, opened):
        faults.telling.clear()
        faults.cut()
        store.insert(SECRET, secret(data={"k": "dg=="}))
        assert opened.resources.get(SECRET, "default", "a") is None
        with pytest.raises(ApiError, match="already exists"):
            await opened.run(opened.resources.create(SECRET, secret()))
        assert opened.resources.get(SECRET, "default", "a")["data"] == {"k": "dg=="}


async def test_every_kind_is_followed(tmp_path):
    async with rig(tmp_path) as (_, faults, _):
        await until(lambda: faults.watched(INGRESS.plural) == faults.watched(CERTIFICATE_REQUEST.plural) == 1)
