"""The experiments: what each does, as rules of faults, how it shows, and how soon all is well after it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs

from acme_server.faults.reading import choose
from acme_server.faults.rule import Rule, read_rule

# Before the ID of a rule: `chaos-NAME-NUMBER`.
_PREFIX = "chaos-"
# A request that has failed holds its Certificate back for an hour (cert-manager's shortest backoff).
_AFTER_FAILURE = timedelta(hours=1, minutes=5)


@attrs.frozen
class Experiment:
    """what: a sentence; rules: their JSON; shows: kind of resource -> what its events or its status say.

    recovery: until all is well, promised from its end on; aim: the member of a match that a target fills, if one can.
    """

    what: str
    rules: tuple[Mapping[str, Any], ...]
    shows: Mapping[str, str]
    recovery: timedelta
    aim: str = ""


EXPERIMENTS: Mapping[str, Experiment] = {
    "revoked-ca": Experiment(
        "The CA's certificate is revoked: nothing is issued.",
        ({"action": "revoked-ca"},),
        {"ClusterIssuer": "CARevoked", "Order": "the CA's certificate is revoked"},
        _AFTER_FAILURE,
        "server",
    ),
    "corrupt-signing-key": Experiment(
        "The CA's key is another one than its certificate's: nothing is signed with it.",
        ({"action": "corrupt-key"},),
        {"ClusterIssuer": "CAKeyCorrupt", "Order": "the CA's key is not the key of its certificate"},
        _AFTER_FAILURE,
        "server",
    ),
    "signer-unavailable": Experiment(
        "The CA's key cannot be reached, as when an HSM is away.",
        ({"action": "signer-unavailable"},),
        {"ClusterIssuer": "SignerUnavailable", "Order": "processing"},
        timedelta(minutes=1),
        "server",
    ),
    "deleted-secrets": Experiment(
        "Secrets of Certificates are deleted: each fifth one, every ten seconds.",
        ({"action": "delete-secret", "when": {"probability": 0.2}},),
        {"Certificate": "Issuing certificate as Secret does not exist"},
        timedelta(minutes=1),
        "identifier",
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
    """Return the rules of an experiment, for so many seconds, at the CA or the Secrets that a glob names.

    ValueError: there is none of that name, it cannot be aimed, or not go on for so long.
    """
    one = EXPERIMENTS[choose(name, EXPERIMENTS, "the experiment")]
    if target is not None and not one.aim:
        raise ValueError(
            f"{name!r} has no target; {', '.join(key for key, each in EXPERIMENTS.items() if each.aim)} have"
        )
    aimed = {} if target is None else {one.aim: target}
    ended = {} if seconds is None else {"until": seconds}
    return tuple(
        read_rule(
            {
                **rule,
                "id": f"{_PREFIX}{name}-{number}",
                "match": {**rule.get("match", {}), **aimed},
                "when": {**rule.get("when", {}), **ended},
            }
        )
        for number, rule in enumerate(one.rules, 1)
    )


def experiment_of(rule_id: str) -> str | None:
    """Return the name of the experiment that a rule belongs to."""
    name = rule_id.removeprefix(_PREFIX).rpartition("-")[0]
    return name if rule_id.startswith(_PREFIX) and name in EXPERIMENTS else None
