"""Our server with one thing wrong: small patches of it, one for each check, which that check must catch.

A mutant is a function of pytest's monkeypatch. How the kinds are made stands here, which there are in
`mutant_requests` (what is accepted), `mutant_replies` (what is answered) and `mutant_hardening` (what is hostile).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import attrs

from acme_server import front_end, resources
from acme_server.endpoints import Answer
from acme_server.exchange import Reply, Request
from acme_server.protocol.problem import Problem

Mutant = Callable[[Any], None]


def instead(target: str, replacement: Any) -> Mutant:
    """Put something else in a place of the server."""
    return lambda patch: patch.setattr(target, replacement)


def around(module: Any, name: str, wrapper: Callable[..., Any]) -> Mutant:
    """Call `wrapper(original, *arguments)` instead of a function."""

    def mutate(patch: Any) -> None:
        original = getattr(module, name)
        patch.setattr(module, name, lambda *arguments: wrapper(original, *arguments))

    return mutate


def complaining(module: Any, name: str, kind: str, status: int | None = None) -> Mutant:
    """Call what a function complains of by another type of problem, with the same status unless told."""

    def call(original, *arguments):
        try:
            return original(*arguments)
        except Problem as problem:
            raise attrs.evolve(problem, kind=kind, status=status or problem.status) from None

    return around(module, name, call)


def shown(kind: str, change: Callable[[dict[str, Any]], Any]) -> Mutant:
    """Change what is shown of a kind of resource, in place, or return another document."""

    def show(original, *arguments):
        found = original(*arguments)
        other = change(found)
        return found if other is None else other

    return around(resources, kind, show)


def endpoint(pattern: str, wrapper: Callable[..., Answer]) -> Mutant:
    """Call `wrapper(original, call)` instead of the endpoint of a route."""

    def mutate(patch):
        route = next(one for one in front_end.ROUTES if one.pattern == pattern)
        other = attrs.evolve(route, endpoint=lambda call: wrapper(route.endpoint, call))
        patch.setitem(front_end._BY_SHAPE, front_end._shape(route), other)
        for name in ("DIRECTORY", "NEW_NONCE"):
            if getattr(front_end, name) is route:
                patch.setattr(front_end, name, other)

    return mutate


def reply(edit: Callable[[Request, Reply], Reply]) -> Mutant:
    """Edit every reply."""

    def handle(original, world, request, now):
        made, effects = original(world, request, now)
        return edit(request, made), effects

    return around(front_end, "handle", handle)


def document(path: str, change: Callable[[dict[str, Any]], Any]) -> Mutant:
    """Edit the JSON object of each success at paths of a pattern, in place."""

    def edit(request, made):
        if not re.fullmatch(path, request.path) or made.status >= 400 or not made.body:
            return made
        found = json.loads(made.body)
        change(found)
        return attrs.evolve(made, body=json.dumps(found).encode())

    return reply(edit)


def header(
    name: str,
    change: Callable[[str], str | None],
    when: Callable[[Request, Reply], bool] = lambda request, made: True,
) -> Mutant:
    """Edit a header; one that becomes None is left out."""

    def edit(request, made):
        if not when(request, made):
            return made
        kept = [(key, change(value) if key == name else value) for key, value in made.headers]
        return attrs.evolve(made, headers=tuple((key, value) for key, value in kept if value is not None))

    return reply(edit)


def drop(name: str) -> Callable[[dict[str, Any]], None]:
    """Leave a member out."""

    def change(found):
        found.pop(name, None)

    return change


def all_of(*mutants: Mutant) -> Mutant:
    """Do several things wrong."""

    def mutate(patch):
        for mutant in mutants:
            mutant(patch)

    return mutate
