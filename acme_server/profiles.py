"""Profiles: the kinds of certificate that an order may choose from (draft-ietf-acme-profiles)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import attrs

from acme_server.protocol.problem import Problem, malformed


@attrs.frozen
class Profile:
    """What certificates of one kind are like.

    description: text or URL for people; lifetime: the longest, None for the
    server's; common_name: whether the first DNS name that fits is the subject's
    too; client_auth: whether they are for TLS clients as well; must_staple:
    whether they say that a server must staple (RFC 7633) where the CSR asks for it.
    """

    name: str
    description: str
    lifetime: timedelta | None = None
    common_name: bool = False
    client_auth: bool = False
    must_staple: bool = False


DEFAULT = Profile("default", "For TLS servers, with no subject")
# The first is what an order gets that names none. The names are Let's Encrypt's.
PROFILES: tuple[Profile, ...] = (
    DEFAULT,
    Profile("classic", "For TLS servers, with a name as common name", common_name=True, must_staple=True),
    Profile("tlsclient", "For TLS servers and clients, with a name as common name", common_name=True, client_auth=True),
    Profile("shortlived", "For TLS servers, valid for 6 days", timedelta(days=6)),
)


def with_lifetime(profiles: Sequence[Profile], name: str, lifetime: timedelta) -> tuple[Profile, ...]:
    """Give a profile of that name this lifetime, or add one that is otherwise the first's."""
    known = {profile.name: profile for profile in profiles}
    new = attrs.evolve(profiles[0], name=name, description=f"Valid for {lifetime}")
    return tuple({**known, name: attrs.evolve(known.get(name, new), lifetime=lifetime)}.values())


def chosen(profiles: Sequence[Profile], document: Mapping[str, Any]) -> Profile:
    """Return the profile that a newOrder asks for; without one, the first."""
    name = document.get("profile")
    if name is None:
        return profiles[0]
    if not isinstance(name, str):
        raise malformed("'profile' is not a string")
    for profile in profiles:
        if profile.name == name:
            return profile
    offered = ", ".join(profile.name for profile in profiles)
    raise Problem("invalidProfile", f"there is no profile {name[:64]!r}; there are {offered}")


def of_order(profiles: Sequence[Profile], name: str | None) -> Profile:
    """Return the profile of an order; one that is no longer offered is the first."""
    return next((profile for profile in profiles if profile.name == name), profiles[0])
