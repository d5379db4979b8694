"""Rules of policies in CEL: `self` is the value, `cr` the request; each must hold (approver-policy `approver/validation`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

import attrs

from issuer_bridge.kube_api.users import account_of
from issuer_bridge.resources import Resource

# The library has a budget of iterations, and none of memory: no rule makes texts longer than these allow.
MAX_RULE, MAX_VALUE = 1024, 2048
_MAKES_LONG = re.compile(r"\breplace\s*\(")


class RuleError(ValueError):
    """A rule that does not compile, or that came to no answer; loops have a budget."""


@attrs.frozen
class Rule:
    """An expression that compiles to a bool."""

    expression: Any

    def holds(self, value: str, request: Resource) -> bool:
        """Return what the rule says of a value; RuleError when it says nothing."""
        if len(value) > MAX_VALUE:
            raise RuleError(f"the value has more than {MAX_VALUE} characters")
        spec = request["spec"]
        about: Mapping[str, Any] = {
            "self": value,
            "cr.namespace": request["metadata"].get("namespace") or "",
            "cr.name": request["metadata"].get("name") or "",
            "cr.username": spec.get("username") or "",
            "cr.groups": spec.get("groups") or [],
        }
        try:
            answer = self.expression.eval(data=about).value()
        except RuntimeError as error:
            raise RuleError(str(error)) from None
        if not isinstance(answer, bool):
            raise RuleError(str(answer))
        return answer


@lru_cache(maxsize=1024)
def compiled(text: str) -> Rule:
    """Return the rule; RuleError says why it is none."""
    if len(text) > MAX_RULE:
        raise RuleError(f"the rule has more than {MAX_RULE} characters")
    if _MAKES_LONG.search(text):
        raise RuleError("replace() is not offered, as it can make texts of any length")
    try:
        expression = _environment().compile(text)
    except RuntimeError as error:
        raise RuleError(str(error).splitlines()[0].removeprefix("INVALID_ARGUMENT: ")) from None
    if expression.return_type().name() != "BOOL":
        raise RuleError(f"the rule must evaluate to a bool, and is {expression.return_type().name()}")
    return Rule(expression)


@cache
def _environment() -> Any:
    """Return what rules know: cel-go's strings, the request, and what a service account is."""
    try:
        from cel_expr_python import cel
        from cel_expr_python.ext import ext_strings
    except ModuleNotFoundError:
        raise RuleError("rules need the CEL library: pip install 'gravel[policy]'") from None
    text, account = cel.Type.STRING, cel.Type.Map(cel.Type.STRING, cel.Type.STRING)
    names = ("self", "cr.namespace", "cr.name", "cr.username")

    def function(name: str, given: Any, result: Any, impl: Any, *, member: bool = False) -> Any:
        overload = cel.Overload(f"{name}_of", result, [given], member, impl)
        return cel.FunctionDecl(name, [overload])

    return cel.NewEnv(
        variables={**dict.fromkeys(names, text), "cr.groups": cel.Type.List(text)},
        extensions=[ext_strings.ExtStrings()],
        functions=[
            function("serviceAccount", text, account, _account),
            function("isServiceAccount", text, cel.Type.BOOL, lambda username: account_of(username) is not None),
            function("getNamespace", account, text, lambda found: found["namespace"], member=True),
            function("getName", account, text, lambda found: found["name"], member=True),
        ],
    )


def _account(username: str) -> dict[str, str]:
    found = account_of(username)
    if found is None:
        raise ValueError(f"{username!r} is not the name of a service account")
    return dict(zip(("namespace", "name"), found, strict=True))
