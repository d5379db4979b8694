"""An author's coroutines as inquiries: the core asks for a call, a shell (`gravel/issuer_service.py`) makes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeAlias

import attrs

from acme_server.protocol.vantage import Fetch, HttpAnswer, Inquiry
from issuer_bridge.issuer_lib.outcomes import Bundle
from issuer_bridge.issuer_lib.values import Check, Issuer, Request, Sign
from issuer_bridge.resources import Kind

CheckInquiry: TypeAlias = Callable[[Issuer], Inquiry[None]]
SignInquiry: TypeAlias = Callable[[Request, Issuer], Inquiry[Bundle]]


@attrs.frozen
class Author:
    """Who issues: kinds of issuers, and what checks them and signs for them; both end as `outcomes` says."""

    kinds: tuple[Kind, ...]
    check: CheckInquiry
    sign: SignInquiry


@attrs.frozen(eq=False)
class Consult(Fetch):
    """One call of an author's function, to end before `timeout`; `url` names what it is about."""

    call: Callable[[], Awaitable[Any]] = attrs.field(kw_only=True)


@attrs.frozen(eq=False)
class Said(HttpAnswer):
    """What a call returned, or what it raised."""

    result: Any = None
    raised: Exception | None = None


def author(kinds: tuple[Kind, ...], check: Check, sign: Sign, timeout: timedelta) -> Author:
    """Return an author whose functions are coroutines."""

    def checks(issuer: Issuer) -> Inquiry[None]:
        yield from _consult(f"check:{issuer.name}", timeout, lambda: check(issuer))

    def signs(request: Request, issuer: Issuer) -> Inquiry[Bundle]:
        bundle = yield from _consult(f"sign:{request.name}", timeout, lambda: sign(request, issuer))
        if not isinstance(bundle, Bundle):
            raise TypeError(f"sign returned {type(bundle).__name__}, not a Bundle")
        return bundle

    return Author(kinds, checks, signs)


def _consult(about: str, timeout: timedelta, call: Callable[[], Awaitable[Any]]) -> Inquiry[Any]:
    said = yield Consult(about, timeout=timeout, call=call)
    assert isinstance(said, Said)
    if said.raised is not None:
        raise said.raised
    return said.result
