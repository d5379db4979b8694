"""What the server says on the wire where RFC 8555 leaves room, or where another server goes its own way.

One frozen value per personality; code asks the value, never for the name. What Pebble and Boulder
do is read from their sources (`wfe/wfe.go`, `acme/problems.go`; `wfe2`, `probs/probs.go`, `policy/pa.go`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

import attrs

from acme_server.protocol.problem import Problem

# A type of problem and its HTTP status.
Kind = tuple[str, int]

_PEBBLE_PATHS: Mapping[str, str] = {
    "/nonce": "/nonce-plz",
    "/new-account": "/sign-me-up",
    "/new-order": "/order-plz",
    "/key-change": "/rollover-account-key",
    "/account/{account}": "/my-account/{account}",
    "/account/{account}/orders": "/list-orderz/{account}",
    "/account/{account}/orders/{after}": "/list-orderz/{account}/page/{after}",
    "/order/{order}": "/my-order/{order}",
    "/order/{order}/finalize": "/finalize-order/{order}",
    "/authz/{authorization}": "/authZ/{authorization}",
    "/chall/{authorization}/{index}": "/chalZ/{authorization}/{index}",
    "/cert/{certificate}": "/certZ/{certificate}",
    "/cert/{certificate}/alternate/{number}": "/certZ/{certificate}/alternate/{number}",
    "/renewal-info/{certid}": "/draft-ietf-acme-ari-03/renewalInfo/{certid}",
}
_BOULDER_PATHS: Mapping[str, str] = {
    "/dir": "/directory",
    "/nonce": "/acme/new-nonce",
    "/new-account": "/acme/new-acct",
    "/new-authz": "/acme/new-authz",
    "/new-order": "/acme/new-order",
    "/key-change": "/acme/key-change",
    "/revoke-cert": "/acme/revoke-cert",
    "/account/{account}": "/acme/acct/{account}",
    "/order/{order}": "/acme/order/{order}",
    "/order/{order}/finalize": "/acme/finalize/{order}",
    "/authz/{authorization}": "/acme/authz/{authorization}",
    "/chall/{authorization}/{index}": "/acme/chall/{authorization}/{index}",
    "/cert/{certificate}": "/acme/cert/{certificate}",
    "/renewal-info/{certid}": "/acme/renewal-info/{certid}",
}


@attrs.frozen
class Personality:
    """The differences on the wire.

    paths: of routes, where they are not our own; kinds: problems that are answered as others;
    cases: the same for what was wrong in particular (Problem.case), before kinds;
    texts: of a type of problem, the details that clients match on, ours as a pattern and then
    theirs; omitted: members that no problem has; bare_not_found: whether what is not there is
    answered without a document; user_agent: whether one is wanted (RFC 8555 section 6.1);
    nonce_in_body_alone: whether a Replay-Nonce header in a request is refused; readable: routes that a GET
    reads without a signature; pebble_accounts: whether accounts show their key, but neither an
    agreement nor that there are no contacts; revoked_hidden: whether a revoked certificate is not
    found; shuffled: whether arrays of orders and authorizations come in another order each time;
    retry_dates: whether Retry-After is now and then a date;
    port_in_host: whether http-01's URL, and so its Host, has the port that is dialled; dates:
    whether orders may say notBefore and notAfter; max_labels, private_suffixes, redundant: the
    names that are refused (registration_authority.name_policy); other_names: whether a CSR's
    names that are neither DNS names nor addresses are passed over.
    """

    name: str
    paths: Mapping[str, str] = attrs.field(factory=dict)
    kinds: Mapping[Kind, Kind] = attrs.field(factory=dict)
    cases: Mapping[str, Kind] = attrs.field(factory=dict)
    texts: Mapping[str, tuple[str, str]] = attrs.field(factory=dict)
    omitted: tuple[str, ...] = ()
    bare_not_found: bool = False
    user_agent: bool = False
    nonce_in_body_alone: bool = False
    readable: tuple[str, ...] = ()
    pebble_accounts: bool = False
    revoked_hidden: bool = False
    shuffled: bool = False
    retry_dates: bool = False
    port_in_host: bool = False
    dates: bool = True
    other_names: bool = False
    max_labels: int | None = None
    private_suffixes: tuple[str, ...] = ()
    redundant: bool = True

    @cached_property
    def _own(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        return tuple((_regex(own), pattern) for pattern, own in self.paths.items())

    @cached_property
    def _foreign(self) -> tuple[re.Pattern[str], ...]:
        return tuple(map(_regex, self.paths))

    def route_of(self, target: str) -> str:
        """Return a path, with its query, as the routes have it; empty where it is ours and this server has another."""
        path, mark, query = target.partition("?")
        for own, pattern in self._own:
            if found := own.fullmatch(path):
                return pattern.format_map(found.groupdict()) + mark + query
        return "" if any(each.fullmatch(path) for each in self._foreign) else target

    def said(self, problem: Problem) -> Problem:
        """Return a problem as this server would tell it."""
        usual = (problem.kind, problem.status)
        kind, status = self.cases.get(problem.case) or self.kinds.get(usual, usual)
        return attrs.evolve(
            problem,
            kind=kind,
            status=status,
            detail=re.sub(*self.texts[kind], problem.detail) if kind in self.texts else problem.detail,
            extra={name: value for name, value in problem.extra.items() if name not in self.omitted},
        )


def _regex(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]*)", pattern))


RFC8555 = Personality("rfc8555")
PEBBLE = Personality(
    "pebble",
    paths=_PEBBLE_PATHS,
    kinds={
        ("unauthorized", 401): ("unauthorized", 403),
        ("rejectedIdentifier", 403): ("rejectedIdentifier", 400),
        ("unsupportedIdentifier", 400): ("malformed", 400),
    },
    texts={
        "orderNotReady": ("^the order is (.*);.*$", r"""Order's status ("\1") was not ready"""),
        "unauthorized": ("^Incorrect TXT record.*$", "Correct value not found for DNS challenge"),
    },
    cases={
        "algorithm": ("badSignatureAlgorithm", 400),
        "kid": ("malformed", 400),
        "nonce": ("badNonce", 400),
        "url": ("malformed", 400),
        "CSR form": ("malformed", 400),
        "CSR names": ("unauthorized", 403),
        "foreign orders": ("malformed", 404),
    },
    omitted=("algorithms",),
    bare_not_found=True,
    other_names=True,
    user_agent=True,
    nonce_in_body_alone=True,
    pebble_accounts=True,
    revoked_hidden=True,
    shuffled=True,
    retry_dates=True,
    port_in_host=True,
)
BOULDER = Personality(
    "boulder",
    paths=_BOULDER_PATHS,
    kinds={
        ("unauthorized", 401): ("unauthorized", 403),
        ("userActionRequired", 403): ("malformed", 400),
        ("rejectedIdentifier", 403): ("rejectedIdentifier", 400),
        ("malformed", 413): ("unauthorized", 403),
        ("malformed", 415): ("malformed", 400),
    },
    cases={
        "algorithm": ("malformed", 400),
        "kid": ("malformed", 400),
        "nonce": ("badNonce", 400),
        "url": ("malformed", 400),
        "CSR form": ("malformed", 400),
        "CSR names": ("unauthorized", 403),
        "foreign order": ("malformed", 404),
    },
    texts={"badNonce": ("^.*$", "JWS has an invalid anti-replay nonce")},
    nonce_in_body_alone=True,
    readable=(
        "/order/{order}",
        "/authz/{authorization}",
        "/chall/{authorization}/{index}",
        "/cert/{certificate}",
    ),
    dates=False,
    max_labels=10,
    private_suffixes=("internal", "invalid", "local", "localhost", "onion"),
    redundant=False,
)
PERSONALITIES: Mapping[str, Personality] = {each.name: each for each in (RFC8555, PEBBLE, BOULDER)}
