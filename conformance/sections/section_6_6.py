"""RFC 8555 sections 6.6 and 7.3.3: limits and changed terms, looked at in whatever the run has met of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from conformance.check import check
from conformance.session import Session
from conformance.verdict import Level, NotReachable, expect
from conformance.wire import Exchange, Reply

MUST, SHOULD = Level.MUST, Level.SHOULD


def _met(session: Session, what: str, where: Callable[[Exchange, Reply], bool]) -> list[Reply]:
    """Return the replies of the whole run that are of a kind; a newOrder is one more chance."""
    with suppress(NotReachable):
        session.account.post(session.url("newOrder"), session.identifiers())
    met = [one.reply for one in session.wire.log if one.reply is not None and where(one, one.reply)]
    if not met:
        raise NotReachable(f"the run met no {what}")
    return met


def _limits(session: Session) -> list[Reply]:
    return _met(session, "limit", lambda _, reply: reply.status == 429 or reply.kind == "rateLimited")


@check("6.6", MUST, "newOrder")
def a_limit_is_named_so(session: Session) -> None:
    """A request beyond a limit is refused as rateLimited."""
    for reply in _limits(session):
        expect(reply.kind == "rateLimited", "rateLimited", reply)


@check("6.6", SHOULD, "newOrder")
def a_limit_says_when_it_ends(session: Session) -> None:
    """A request beyond a limit is answered with a Retry-After."""
    for reply in _limits(session):
        expect(reply.header("Retry-After") != "", "a Retry-After", f"{reply} without")


@check("7.3.3", MUST, "newOrder")
def changed_terms_are_explained(session: Session) -> None:
    """Changed terms: 403, userActionRequired, a Link to them with the relation terms-of-service, and an 'instance'."""
    # A newAccount may be refused with the same type of problem, and needs neither.
    registered = session.directory.get("newAccount")
    for reply in _met(
        session, "changed terms", lambda one, reply: reply.kind == "userActionRequired" and one.url != registered
    ):
        expect(reply.status == 403, "403", reply)
        links = reply.header("Link").replace("'", '"')
        expect('rel="terms-of-service"' in links, 'a Link with rel="terms-of-service"', links or "none")
        instance = (reply.problem or {}).get("instance")
        expect(isinstance(instance, str), "a URL as instance", instance)
