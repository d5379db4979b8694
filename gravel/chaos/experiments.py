"""The experiments: what each does, as rules of faults, how it shows, and how soon all is well after it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs

from acme_server.faults.action import SECRETS, SIGNING
from acme_server.faults.reading import choose
from acme_server.faults.rule import Rule, read_rule

# Before the ID of a rule: `chaos-NAME-NUMBER`.
_PREFIX = "chaos-"
# A request that has failed holds its Certificate back for an hour (cert-manager's shortest backoff).
_AFTER_FAILURE = timedelta(hours=1, minutes=5)
# Endpoint -> the member of a match that says which CA, or which Secret.
_TARGETS: Mapping[str, str] = {SIGNING: "server", SECRETS: "identifier"}


@attrs.frozen
class Experiment:
    """what: a sentence; rules: their JSON; shows: kind of resource -> what its events or its status say.

    recovery: until all is well, promised from its end on.
    """

    what: str
    rules: tuple[Mapping[str, Any], ...]
    shows: Mapping[str, str]
    recovery: timedelta

    @property
    def has_target(self) -> bool:
        """Whether it can be aimed."""
        return all(_target_of(read_rule(rule)) for rule in self.rules)


EXPERIMENTS: Mapping[str, Experiment] = {
    "revoked-ca": Experiment(
        "The CA's certificate is revoked: nothing is issued.",
        ({"action": "revoked-ca"},),
        {"ClusterIssuer": "CARevoked", "Order": "the CA's certificate is revoked"},
        _AFTER_FAILURE,
    ),
    "corrupt-signing-key": Experiment(
        "The CA's key is another one than its certificate's: nothing is signed with it.",
        ({"action": "corrupt-key"},),
        {"ClusterIssuer": "CAKeyCorrupt", "Order": "the CA's key is not the key of its certificate"},
        _AFTER_FAILURE,
    ),
    "signer-unavailable": Experiment(
        "The CA's key cannot be reached, as when an HSM is away.",
        ({"action": "signer-unavailable"},),
        {"ClusterIssuer": "SignerUnavailable", "Order": "processing"},
        timedelta(minutes=1),
    ),
    "deleted-secrets": Experiment(
        "Secrets of Certificates are deleted: each fifth one, every ten seconds.",
        ({"action": "delete-secret", "when": {"probability": 0.2}},),
        {"Certificate": "Issuing certificate as Secret does not exist"},
        timedelta(minutes=1),
    ),
    "partitioned-api": Experiment(
        "The bridge does not reach the Kubernetes API.",
        ({"action": "partition"},),
        {},
        timedelta(minutes=10),
    ),
    "approver-down": Experiment(
        "Nobody approves CertificateRequests.",
        ({"action": "approver-down"},),
        {"CertificateRequest": "WaitingForApproval"},
        timedelta(minutes=1),
    ),
    "acme-down": Experiment(
        "A proxy answers 503 in the place of the ACME server.",
        ({"action": {"kind": "page", "status": 503}},),
        {},
        timedelta(minutes=10),
    ),
    "rate-limit-storm": Experiment(
        "Every new order is refused with 429 and a Retry-After of 30 s.",
        ({"match": {"endpoint": "newOrder"}, "action": {"kind": "rateLimited", "retry_after": 30}},),
        {},
        timedelta(minutes=1),
    ),
    "lost-responses": Experiment(
        "Every third answer to a POST that changes something is lost, after all was done.",
        (
            {
                "match": {"endpoint": ["newAccount", "newOrder", "challenge", "finalize"]},
                "action": "lose",
                "when": {"stage": "after", "probability": 0.33},
            },
        ),
        {},
        timedelta(minutes=10),
    ),
    "lying-dns": Experiment(
        "The DNS knows no name.",
        ({"action": "nxdomain"},),
        {"Challenge": "no such host"},
        _AFTER_FAILURE,
    ),
}


def rules_of(name: Any, seconds: float | None = None, target: str | None = None) -> tuple[Rule, ...]:
    """Return the rules of an experiment, for so many seconds, at a CA or at Secrets that a glob names.

    ValueError: there is none of that name, or it cannot be aimed.
    """
    rules = [read_rule(rule) for rule in EXPERIMENTS[choose(name, EXPERIMENTS, "the experiment")].rules]
    return tuple(_made(rule, f"{_PREFIX}{name}-{number}", seconds, target) for number, rule in enumerate(rules, 1))


def experiment_of(rule_id: str) -> str | None:
    """Return the name of the experiment that a rule belongs to."""
    name = rule_id.removeprefix(_PREFIX).rpartition("-")[0]
    return name if rule_id.startswith(_PREFIX) and name in EXPERIMENTS else None


def _made(rule: Rule, rule_id: str, seconds: float | None, target: str | None) -> Rule:
    match, member = rule.match, _target_of(rule)
    if target is not None:
        if member is None:
            raise ValueError(f"{rule.action.kind!r} has no target; only what a CA signs and Secrets have one")
        aimed: Any = {member: target}
        match = attrs.evolve(match, **aimed)
    return attrs.evolve(
        rule, id=rule_id, match=match, when=attrs.evolve(rule.when, until=None if seconds is None else float(seconds))
    )


def _target_of(rule: Rule) -> str | None:
    return next((_TARGETS[place] for place in rule.endpoints if place in _TARGETS), None)
