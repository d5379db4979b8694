"""draft-ietf-acme-profiles: what kinds of certificate there are to choose from."""

from __future__ import annotations

from typing import Any

from conformance.check import check
from conformance.expectations import accepted, refused
from conformance.session import Session
from conformance.verdict import Level, NotOffered, expect
from conformance.wire import Reply

MUST = Level.MUST


def _profiles(session: Session) -> Any:
    if (found := session.meta("profiles")) is None:
        raise NotOffered("the directory's meta has no profiles")
    return found


def _ordered(session: Session, profile: str) -> Reply:
    return session.account.post(session.url("newOrder"), {**session.identifiers(), "profile": profile})


@check("profiles 3", MUST)
def profiles_are_described(session: Session) -> None:
    """meta.profiles is an object: a text for each name of a profile."""
    found = _profiles(session)
    texts = isinstance(found, dict) and all(isinstance(text, str) for text in found.values())
    expect(texts, "an object of texts as profiles", found)


@check("profiles 4", MUST, "newOrder")
def an_unknown_profile_is_named_so(session: Session) -> None:
    """An order for a profile that is not listed is refused as invalidProfile."""
    _profiles(session)
    refused(_ordered(session, "x-unknown"), "the profile x-unknown", "invalidProfile")


@check("profiles 4", MUST, "newOrder")
def an_order_shows_its_profile(session: Session) -> None:
    """An order for a profile shows it."""
    for profile in _profiles(session):
        reply = _ordered(session, profile)
        accepted(reply, 201, f"an order for the profile {profile}")
        expect(reply.json().get("profile") == profile, f"the profile {profile}", reply.json().get("profile"))
