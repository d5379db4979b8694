"""Named bundles of rules: bad days of a good CA, and the documented quirks of real servers; and how rules are read.

vault: github.com/hashicorp/vault issues 31536 and 31796. dogtag:
github.com/dogtagpki/pki issue 5418 and pull request 403. step-ca: its orders
list is a bare array, its `unauthorized` is always 401. hostile: what a CA did
in github.com/acmesh-official/acme.sh issue 4659.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acme_server.faults.reading import choose
from acme_server.faults.rule import Rule, read_rule

# Clients get through: what fails here succeeds when it is tried again, sooner or later.
_FLAKY = (
    {"action": "badNonce", "when": {"probability": 0.05}},
    {"action": {"kind": "page", "status": 503, "retry_after": 1}, "when": {"probability": 0.03}},
    {"action": {"kind": "lognormal-latency", "median": 0.05}, "when": {"probability": 0.5}},
    {"action": "lose", "when": {"probability": 0.02}},
)
_SLOW_CA = (
    {"action": {"kind": "processing", "seconds": 10}},
    {"action": {"kind": "pending", "seconds": 5}},
    {"action": {"kind": "lognormal-latency", "median": 0.5, "sigma": 0.7}},
)
# Let's Encrypt: its limits answer 429, its load balancer 503.
_RATE_LIMITED = (
    {
        "match": {"endpoint": "newOrder", "every": 2},
        "action": {"kind": "rateLimited", "detail": "too many new orders recently", "retry_after": 2},
    },
    {
        "match": {"endpoint": "newNonce", "every": 10},
        "action": {"kind": "page", "status": 503, "retry_after": 1},
    },
)
_VAULT = (
    {"match": {"problem": "badNonce"}, "action": {"kind": "omit", "headers": "Replay-Nonce"}},
    {"match": {"endpoint": "newNonce"}, "action": {"kind": "omit", "headers": "Replay-Nonce"}},
)
_DOGTAG = (
    {
        "match": {"problem": "badNonce"},
        "action": {"kind": "page", "status": 500},
        "when": {"stage": "after"},
    },
    {"match": {"problem": "badNonce"}, "action": {"kind": "omit", "headers": "Replay-Nonce"}},
    {"match": {"endpoint": "finalize"}, "action": {"kind": "omit", "headers": "Location"}},
)
_STEP_CA = (
    {"match": {"endpoint": "orders"}, "action": {"kind": "unwrap", "name": "orders"}},
    {"match": {"problem": "unauthorized"}, "action": {"kind": "rewrite", "status": 401}},
)
# A client must give none of this to a shell, a file system or a terminal as it is.
_HOSTILE = (
    {
        "match": {"endpoint": ["authorization", "challenge"]},
        "action": {"kind": "substitute", "old": '"token":"', "new": '"token":"../../$(touch hostile);'},
    },
    {"action": {"kind": "substitute", "old": '"detail":"', "new": '"detail":"\\u001b[2J$(touch hostile)\\r\\n'}},
)
PERSONAS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "flaky": _FLAKY,
    "slow-ca": _SLOW_CA,
    "rate-limited": _RATE_LIMITED,
    "vault": _VAULT,
    "dogtag": _DOGTAG,
    "step-ca": _STEP_CA,
    "hostile": _HOSTILE,
}


def read_rules(document: Any) -> tuple[Rule, ...]:
    """Read a rule, `{"persona": NAME}`, or a list of both; all are read before any is armed."""
    if not isinstance(document, list):
        return _read_one(document)
    rules: list[Rule] = []
    for number, item in enumerate(document, 1):
        try:
            rules += _read_one(item)
        except ValueError as error:
            raise ValueError(f"rule {number}: {error}") from None
    return tuple(rules)


def _read_one(document: Any) -> tuple[Rule, ...]:
    if not isinstance(document, Mapping) or "persona" not in document:
        return (read_rule(document),)
    if len(document) > 1:
        raise ValueError("'persona' stands alone")
    name = choose(document["persona"], PERSONAS, "the persona")
    return tuple(read_rule({"id": f"{name}-{number}", **rule}) for number, rule in enumerate(PERSONAS[name], 1))
