"""AuthorizationPolicies of Istio, as far as they are about identities: who a peer's certificate says it is, and may it.

Order of actions, scopes and patterns are Istio's (reference of AuthorizationPolicy): a policy that denies comes first, one
without rules matches nothing, and where no policy allows anything everybody may. A rule that wants more than identities,
such as a path, is refused and not guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs
from cryptography import x509

from issuer_bridge.cert_manager.local_signing import extension_of
from issuer_bridge.resources import Resource

SPIFFE = "spiffe://"
ALLOW, DENY = "ALLOW", "DENY"


@attrs.frozen
class Workload:
    """Who is asked."""

    namespace: str
    labels: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Decision:
    """Whether a peer may; why: the policy that says so, `NAMESPACE/NAME`, or that none does."""

    allowed: bool
    why: str


def principal_of(certificate: x509.Certificate) -> str:
    """Return `cluster.local/ns/payments/sa/api`, the SPIFFE ID without its scheme; ValueError when there is not just one.

    A certificate with several URIs is none of a workload's (SPIFFE X.509-SVID section 2).
    """
    names = list(extension_of(certificate, x509.SubjectAlternativeName) or ())
    uris = [str(name.value) for name in names if isinstance(name, x509.UniformResourceIdentifier)]
    if len(uris) != 1 or not uris[0].startswith(SPIFFE):
        raise ValueError(f"the certificate has {', '.join(uris) or 'no URI'} where one SPIFFE ID is wanted")
    return uris[0].removeprefix(SPIFFE)


def decide(
    policies: Iterable[Resource], workload: Workload, principal: str | None, root_namespace: str = "istio-system"
) -> Decision:
    """Say whether a peer may speak to a workload; principal: None of one without a certificate.

    root_namespace: where policies are for all namespaces. ValueError names the policy that wants more than identities.
    """
    concerned = [policy for policy in policies if _selects(policy, workload, root_namespace)]
    by_action = {
        action: [policy for policy in concerned if ((policy.get("spec") or {}).get("action") or ALLOW) == action]
        for action in (DENY, ALLOW)
    }
    if sum(map(len, by_action.values())) != len(concerned):
        raise ValueError("only the actions ALLOW and DENY are known here")
    for policy in by_action[DENY]:
        if _matches(policy, principal):
            return Decision(allowed=False, why=f"{_name(policy)} denies it")
    for policy in by_action[ALLOW]:
        if _matches(policy, principal):
            return Decision(allowed=True, why=f"{_name(policy)} allows it")
    if by_action[ALLOW]:
        return Decision(allowed=False, why=f"none of {', '.join(map(_name, by_action[ALLOW]))} allows it")
    return Decision(allowed=True, why="no policy is about it")


def _name(policy: Resource) -> str:
    return f"{policy['metadata']['namespace']}/{policy['metadata']['name']}"


def _selects(policy: Resource, workload: Workload, root_namespace: str) -> bool:
    wanted = ((policy.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    here = policy["metadata"]["namespace"] in (workload.namespace, root_namespace)
    return here and all(workload.labels.get(name) == value for name, value in wanted.items())


def _matches(policy: Resource, principal: str | None) -> bool:
    return any(_rule_matches(policy, rule or {}, principal) for rule in (policy.get("spec") or {}).get("rules") or ())


def _rule_matches(policy: Resource, rule: Mapping[str, Any], principal: str | None) -> bool:
    sources = [each.get("source") or {} for each in rule.get("from") or ()]
    beyond = [field for field in rule if field != "from" and rule[field]]
    beyond += [field for source in sources for field in source if field not in _FIELDS]
    if beyond:
        raise ValueError(f"{_name(policy)}: {', '.join(beyond)} cannot be judged by a certificate")
    return not sources or any(_is_from(source, principal) for source in sources)


def _is_from(source: Mapping[str, Sequence[str]], principal: str | None) -> bool:
    for field, patterns in source.items():
        read, wanted = _FIELDS[field]
        value = read(principal or "")
        if any(fits(pattern, value) for pattern in patterns) != wanted:
            return False
    return bool(source)


def fits(pattern: str, value: str) -> bool:
    """Whether a value is the pattern, which may have `*` as its first or its last character; `*` is any but none."""
    if pattern == "*":
        return bool(value)
    if pattern.endswith("*"):
        return value.startswith(pattern[:-1])
    return value.endswith(pattern[1:]) if pattern.startswith("*") else value == pattern


def _namespace_of(principal: str) -> str:
    domain, *parts = principal.split("/")
    return parts[1] if domain and len(parts) == 4 and parts[0::2] == ["ns", "sa"] else ""


# What a source may say of an identity: how it is read, and whether it has to fit.
_FIELDS: Mapping[str, tuple[Callable[[str], str], bool]] = {
    "principals": (str, True),
    "notPrincipals": (str, False),
    "namespaces": (_namespace_of, True),
    "notNamespaces": (_namespace_of, False),
}
