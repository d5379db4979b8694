"""Terms of service: who agrees to them when they are new to it, or it to them (RFC 8555 sections 7.3 and 7.3.3)."""

from __future__ import annotations

import attrs

from acme_server import accounts
from acme_server.accounts import Account
from acme_server.protocol.journal import Fact
from acme_server.protocol.problem import Problem
from acme_server.registration_authority.outcome import Outcome
from acme_server.settings import Settings
from acme_server.world import World


def check_new(settings: Settings, *, agreed: bool) -> None:
    """Raise userActionRequired for a new account that does not agree."""
    if settings.terms_of_service and not agreed:
        terms = settings.terms_of_service
        raise _required(terms, f"termsOfServiceAgreed must be true; the terms are at {terms}")


def check_current(world: World, account: Account) -> None:
    """Raise userActionRequired for an account whose terms are not today's; `instance` is where a human agrees."""
    terms = world.settings.terms_of_service
    if terms and account.terms != terms:
        page = world.links.terms(account.id)
        raise _required(terms, f"the terms of service have changed to {terms}; agree to them at {page}", instance=page)


def agree(world: World, account: Account) -> Outcome[Account]:
    """Take down that an account's holder agrees to today's terms; without a need for it, nothing changes."""
    terms = world.settings.terms_of_service
    if not terms or account.terms == terms:
        return Outcome(account)
    agreed = accounts.agree(account, terms)
    return Outcome(agreed, (agreed,), (Fact("TermsAgreed", {"account": account.id}, {"terms": terms}),))


def with_terms(settings: Settings, terms: str | None) -> tuple[Settings, Fact]:
    """Return settings with other terms, or none."""
    return attrs.evolve(settings, terms_of_service=terms), Fact("TermsChanged", {}, {"terms": terms})


def _required(terms: str, detail: str, **extra: str) -> Problem:
    links = (("Link", f'<{terms}>;rel="terms-of-service"'),)
    return Problem("userActionRequired", detail, extra=extra, headers=links)
