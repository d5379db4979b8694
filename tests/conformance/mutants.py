"""Our server with one thing wrong: small patches of it, one for each check, which that check must catch.

A mutant is a function of pytest's monkeypatch. How the kinds are made stands here, which there are in
`mutant_requests` (what is accepted) and `mutant_replies` (what is answered).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import attrs

from acme_server import front_end
from acme_server.exchange import Reply, Request
from acme_server.protocol.encoding import b64url_decode
from acme_server.protocol.problem import PREFIX

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


def reply(edit: Callable[[Request, Reply], Reply]) -> Mutant:
    """Edit every reply."""

    def handle(original, world, request, now):
        made, effects = original(world, request, now)
        return edit(request, made), effects

    return around(front_end, "handle", handle)


def document(path: str, change: Callable[[dict[str, Any]], Any]) -> Mutant:
    """Edit the JSON object of each success at paths of a pattern; `change` edits it in place, or returns another."""

    def edit(request, made):
        if not re.fullmatch(path, request.path) or made.status >= 400 or not made.body:
            return made
        shown = json.loads(made.body)
        other = change(shown)
        return attrs.evolve(made, body=json.dumps(shown if other is None else other).encode())

    return reply(edit)


def problem(kind: str, change: Callable[[dict[str, Any]], Any]) -> Mutant:
    """Edit the problem documents of a type, in place."""

    def edit(request, made):
        if made.status < 400 or not made.body:
            return made
        shown = json.loads(made.body)
        if shown["type"] == PREFIX + kind:
            change(shown)
        return attrs.evolve(made, body=json.dumps(shown).encode())

    return reply(edit)


def typed(kind: str, other: str) -> Mutant:
    """Report one type of problem as another."""
    return problem(kind, lambda shown: shown.update(type=PREFIX + other))


def status(before: int, after: int, path: str = ".*", method: str = ".*") -> Mutant:
    """Answer with another status."""

    def edit(request, made):
        here = re.fullmatch(path, request.path) and re.fullmatch(method, request.method) and made.status == before
        return attrs.evolve(made, status=after) if here else made

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

    def change(shown):
        shown.pop(name, None)

    return change


def all_of(*mutants: Mutant) -> Mutant:
    """Do several things wrong."""

    def mutate(patch):
        for mutant in mutants:
            mutant(patch)

    return mutate


def payload_of(request: Request) -> dict[str, Any]:
    """Return the JSON payload of a request, empty where there is none."""
    try:
        return dict(json.loads(b64url_decode(json.loads(request.body)["payload"])))
    except (ValueError, KeyError, TypeError):
        return {}
