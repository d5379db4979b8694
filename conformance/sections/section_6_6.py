"""RFC 8555 sections 6.6 and 7.3.3: limits and changed terms, looked at in whatever the run has met of them."""

from __future__ import annotations

from conformance.check import check
from conformance.session import Session
from conformance.verdict import Level, NotReachable, expect
from conformance.wire import Reply

MUST, SHOULD = Level.MUST, Level.SHOULD


def _met(session: Session, status: int, kind: str) -> list[Reply]:
    """Return the replies of a status or a type of problem that the run was given; a newOrder is one more chance."""
    session.account.post(session.url("newOrder"), session.identifiers())
    replies = [exchange.reply for exchange in session.wire.log if exchange.reply is not None]
    found = [reply for reply in replies if reply.status == status or reply.kind == kind]
    if not found:
        raise NotReachable(f"the run met no {kind}")
    return found


@check("6.6", MUST, "newOrder")
def a_limit_is_named_so(session: Session) -> None:
    """A request beyond a limit is refused as rateLimited."""
    for reply in _met(session, 429, "rateLimited"):
        expect(reply.kind == "rateLimited", "rateLimited", reply)


@check("6.6", SHOULD, "newOrder")
def a_limit_says_when_it_ends(session: Session) -> None:
    """A request beyond a limit is answered with a Retry-After."""
    for reply in _met(session, 429, "rateLimited"):
        expect(reply.header("Retry-After") != "", "a Retry-After", f"{reply} without")


@check("7.3.3", MUST, "newOrder")
def changed_terms_are_explained(session: Session) -> None:
    """Changed terms: 403, userActionRequired, a Link to them with the relation terms-of-service, and an 'instance'."""
    for reply in _met(session, -1, "userActionRequired"):
        expect(reply.status == 403, "403", reply)
        links = reply.header("Link").replace("'", '"')
        expect('rel="terms-of-service"' in links, 'a Link with rel="terms-of-service"', links or "none")
        instance = (reply.problem or {}).get("instance")
        expect(isinstance(instance, str), "a URL as instance", instance)
