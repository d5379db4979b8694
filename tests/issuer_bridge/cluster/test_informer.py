import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from acme_server.protocol.vantage import REFUSED, Elapsed, HttpAnswer, Pause
from issuer_bridge.cluster.cache import Cache
from issuer_bridge.cluster.calls import ApiWatch
from issuer_bridge.cluster.informer import FIRST_BACKOFF, LONGEST_BACKOFF, NOT_SERVED, Informer
from issuer_bridge.resources import ORDER


def order(name, version, uid=None):
    return {"metadata": {"namespace": "default", "name": name, "uid": uid or name, "resourceVersion": str(version)}}


def page(version, *orders, token=""):
    metadata = {"resourceVersion": str(version), "continue": token}
    return HttpAnswer(200, body=json.dumps({"metadata": metadata, "items": orders}).encode())


def lines(*events):
    return HttpAnswer(200, body=b"".join(json.dumps({"type": t, "object": o}).encode() + b"\n" for t, o in events))


def refused(code, **details):
    status = {"kind": "Status", "code": code, "reason": "R", "message": "no", "details": details}
    return HttpAnswer(code, body=json.dumps(status).encode())


END = HttpAnswer(200)
BROKEN = HttpAnswer(error="connection reset")
EXPIRED = lines(("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}))
TOO_LARGE = lines(("ERROR", {"kind": "Status", "code": 504, "reason": "Timeout", "message": "Too large"}))


class Follower:
    """An informer that is answered by hand; time passes only in pauses, by what they ask."""

    def __init__(self, labels="", chance=0):
        self.told, self.pauses = [], []
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.cache = Cache(ORDER, lambda event, _, it: self.told.append((event, it["metadata"]["name"])))
        self.inquiry = Informer(self.cache, lambda: self.now, lambda size: bytes([chance] * size), labels).run()
        self.question = next(self.inquiry)

    def answer(self, *answers):
        """Answer question after question, whatever it is; pauses answer themselves."""
        for each in answers:
            self.question = self.inquiry.send(each)
            while isinstance(self.question, Pause):
                self.pauses.append(self.question.duration)
                self.question = self.inquiry.send(Elapsed())
        return self

    @property
    def asked(self):
        """("list" or "watch", the version from which)"""
        query = parse_qs(urlsplit(self.question.url).query)
        return "watch" if isinstance(self.question, ApiWatch) else "list", query.get("resourceVersion", [""])[0]

    @property
    def names(self):
        return [item["metadata"]["name"] for item in self.cache.list(None, None)]


def test_it_lists_and_watches_from_the_version_of_the_list():
    follower = Follower().answer(page(7, order("a", 3)))
    assert follower.asked == ("watch", "7")
    assert (follower.names, follower.told, follower.cache.synced) == (["a"], [("ADDED", "a")], True)


def test_a_watch_wants_bookmarks_and_an_end():
    query = parse_qs(urlsplit(Follower("x=y").answer(page(7)).question.url).query)
    assert query["allowWatchBookmarks"] == ["true"]
    assert query["labelSelector"] == ["x=y"]
    assert query["timeoutSeconds"] == ["300"]


def test_a_long_list_is_read_page_by_page():
    follower = Follower().answer(page(7, order("a", 3), token="next"))
    assert parse_qs(urlsplit(follower.question.url).query)["continue"] == ["next"]
    assert follower.answer(page(7, order("b", 4))).names == ["a", "b"]


def test_a_page_that_comes_too_late_lets_the_list_begin_anew_without_pages():
    follower = Follower().answer(page(7, order("a", 3), token="next"), refused(410))
    assert "limit" not in parse_qs(urlsplit(follower.question.url).query)
    assert follower.answer(page(9, order("b", 8))).names == ["b"]


def test_news_are_told_and_an_end_is_followed_by_a_watch_from_the_last_of_them():
    news = lines(("ADDED", order("a", 8)), ("MODIFIED", order("a", 9)), ("DELETED", order("a", 10)))
    follower = Follower().answer(page(7), news, END)
    assert follower.told == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    assert (follower.asked, follower.pauses) == (("watch", "10"), [])


def test_a_bookmark_moves_the_version_and_tells_nobody():
    follower = Follower().answer(page(7), lines(("BOOKMARK", {"metadata": {"resourceVersion": "50"}})), END)
    assert (follower.asked, follower.told) == (("watch", "50"), [])


@pytest.mark.parametrize(
    ("answer", "then"),
    [
        (EXPIRED, "list"),
        (refused(410), "list"),
        (TOO_LARGE, "watch"),
        (refused(504), "watch"),
        (refused(500), "watch"),
        (refused(403), "watch"),
        (BROKEN, "watch"),
        (HttpAnswer(error=REFUSED), "watch"),
        (HttpAnswer(200, body=b"garbage\n"), "watch"),
        (END, "watch"),
    ],
)
def test_after_a_failure_it_waits_and_goes_on_from_where_it_was(answer, then):
    follower = Follower().answer(page(7), answer)
    assert follower.pauses == [FIRST_BACKOFF]
    assert follower.asked == (then, "7" if then == "watch" else "")


def test_failures_in_a_row_are_waited_for_ever_longer_until_something_comes():
    follower = Follower().answer(page(7), *[BROKEN] * 8)
    seconds = [wait.total_seconds() for wait in follower.pauses]
    assert seconds == [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, LONGEST_BACKOFF.total_seconds(), LONGEST_BACKOFF.total_seconds()]
    follower.answer(lines(("ADDED", order("a", 8))), BROKEN)
    assert follower.pauses[-1] == FIRST_BACKOFF


def test_expiry_after_expiry_is_not_asked_in_a_circle():
    follower = Follower()
    for _ in range(3):
        follower.answer(page(7), EXPIRED)
    assert follower.pauses == [FIRST_BACKOFF, 2 * FIRST_BACKOFF, 4 * FIRST_BACKOFF]


def test_waits_are_spread_by_chance():
    assert Follower(chance=128).answer(page(7), BROKEN).pauses == [FIRST_BACKOFF * 1.5]


def test_a_server_says_how_long_to_wait():
    assert Follower().answer(page(7), refused(429, retryAfterSeconds=5)).pauses == [timedelta(seconds=5)]


def test_an_idle_watch_that_ends_after_a_while_is_no_failure():
    follower = Follower().answer(page(7))
    follower.now += timedelta(minutes=5)
    assert follower.answer(END).pauses == []
    assert follower.asked == ("watch", "7")


def test_what_was_deleted_while_nobody_watched_is_told_after_the_next_list():
    follower = Follower().answer(page(7, order("a", 3), order("b", 4)), EXPIRED, page(20, order("b", 4)))
    assert follower.told == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]
    assert follower.asked == ("watch", "20")


def test_what_came_again_under_its_name_meanwhile_is_told_as_another():
    follower = Follower().answer(page(7, order("a", 3)), EXPIRED, page(20, order("a", 15, uid="other")))
    assert follower.told == [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "a")]


def test_a_kind_that_is_not_served_is_empty_and_asked_for_again_later():
    follower = Follower().answer(refused(404))
    assert (follower.cache.synced, follower.names, follower.pauses) == (True, [], [NOT_SERVED])
    assert follower.answer(page(7, order("a", 3))).names == ["a"]
