import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuer_bridge.cluster.cache import REMEMBERED, Cache
from issuer_bridge.resources import EVENT, ORDER


def order(version, name="a", uid="1", **metadata):
    return {"metadata": {"namespace": "d", "name": name, "uid": uid, "resourceVersion": str(version), **metadata}}


def opened(*, watched=True, kind=ORDER):
    told = []

    def tell(event, _, resource):
        told.append((event, resource["metadata"]["uid"], int(resource["metadata"]["resourceVersion"])))

    return Cache(kind, tell, watched=watched), told


def version_of(cache, name="a"):
    found = cache.get("d", name)
    return found and int(found["metadata"]["resourceVersion"])


def test_our_own_write_is_read_at_once_and_its_echo_is_old_news():
    cache, told = opened()
    cache.put(order(5))
    cache.heard("ADDED", order(5))
    assert (version_of(cache), told) == (5, [("ADDED", "1", 5)])


def test_an_older_version_from_the_watch_does_not_undo_our_write():
    cache, told = opened()
    cache.heard("ADDED", order(3))
    cache.put(order(5))
    cache.heard("MODIFIED", order(4))
    assert (version_of(cache), told) == (5, [("ADDED", "1", 3), ("MODIFIED", "1", 5)])


def test_an_older_list_does_not_take_back_what_we_created_or_deleted_meanwhile():
    cache, told = opened()
    cache.heard("ADDED", order(3, "b", "2"))
    cache.put(order(9))
    cache.drop(order(3, "b", "2"))
    cache.replace([order(3, "b", "2")], version=7)
    assert (version_of(cache), version_of(cache, "b")) == (9, None)
    cache.heard("DELETED", order(10, "b", "2"))
    assert told == [("ADDED", "2", 3), ("ADDED", "1", 9), ("DELETED", "2", 3)]


def test_a_name_is_taken_again_by_another_object():
    cache, told = opened()
    cache.put(order(3))
    cache.drop(order(3))
    cache.put(order(6, uid="2"))
    cache.heard("DELETED", order(5))
    assert (version_of(cache), told) == (6, [("ADDED", "1", 3), ("DELETED", "1", 3), ("ADDED", "2", 6)])


def test_the_write_that_takes_the_last_finalizer_off_is_the_end():
    cache, told = opened()
    cache.put(order(3, deletionTimestamp="t", finalizers=["f"]))
    cache.put(order(4, deletionTimestamp="t"))
    cache.heard("MODIFIED", order(3, deletionTimestamp="t", finalizers=["f"]))
    assert (version_of(cache), [each[0] for each in told]) == (None, ["ADDED", "DELETED"])


def test_of_what_nobody_watches_the_last_are_remembered():
    cache, _ = opened(watched=False, kind=EVENT)
    for number in range(REMEMBERED + 1):
        cache.put(order(number + 1, f"e{number}", f"u{number}"))
    assert cache.get("d", "e0") is None
    assert version_of(cache, f"e{REMEMBERED}") == REMEMBERED + 1
    assert len(cache.list(None, None)) <= REMEMBERED


@pytest.mark.parametrize(
    ("namespace", "labels", "names"), [(None, None, "ab"), ("d", {"x": "1"}, "b"), ("e", None, "")]
)
def test_lists_want_namespaces_and_labels(namespace, labels, names):
    cache, _ = opened()
    cache.put(order(1, "b", "2", labels={"x": "1"}))
    cache.put(order(2))
    assert "".join(item["metadata"]["name"] for item in cache.list(namespace, labels)) == names


@given(st.permutations([("put", 1), ("put", 2), ("put", 3), ("heard", 1), ("heard", 2), ("heard", 3)]))
def test_in_whatever_order_versions_come_they_are_told_growing_and_the_newest_stays(order_of_arrival):
    cache, told = opened()
    for way, version in order_of_arrival:
        if way == "put":
            cache.put(order(version))
        else:
            cache.heard("MODIFIED", order(version))
    versions = [version for *_, version in told]
    assert versions == sorted(dict.fromkeys(versions))
    assert version_of(cache) == versions[-1] == 3
