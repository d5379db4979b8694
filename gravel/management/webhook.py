"""cert-manager's DNS-01 webhook: a ChallengePayload in, the same with its response out.

An issuer's `webhook: {groupName: acme.gravel.test, solverName: builtin}` leads
here (pkg/acme/webhook in cert-manager), with `config: {world: ID}` into the DNS
of that world.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from acme_server.worlds import DEFAULT, NoSuchWorld
from gravel.management.request_body import Body
from solvers.dns.zone import Zone

GROUP, VERSION, SOLVER = "acme.gravel.test", "v1alpha1", "builtin"
KIND, PAYLOAD_GROUP = "ChallengePayload", "webhook.acme.cert-manager.io"
_MEANT = {"apiVersion": f"{PAYLOAD_GROUP}/{VERSION}", "kind": KIND}

# Each may be asked again: Present keeps a value once, CleanUp takes away this value and no other.
ACTIONS: Mapping[str, Callable[[Zone, str, str], None]] = {"Present": Zone.add_txt, "CleanUp": Zone.remove_txt}


def respond(payload: Body, zone_of: Callable[[str], Zone]) -> dict[str, Any]:
    """Do what a payload asks for and return it with the response; ValueError when it is no payload.

    zone_of: the zone of a world, or NoSuchWorld. What cannot be done is a
    response without success, whose sentence becomes the Challenge's reason.
    """
    for name, meant in _MEANT.items():
        if payload.members.get(name) not in (None, "", meant):
            raise ValueError(f"{name!r} is {meant} here")
    if payload.members.get("request") is None:
        raise ValueError("'request' is wanted: an object")
    request = payload.object("request")
    action = _text(request, "action")
    if action not in ACTIONS:
        raise ValueError(f"'action' is one of {', '.join(ACTIONS)}, not {action[:64]!r}")
    uid, kind, name, key = (_text(request, member) for member in ("uid", "type", "resolvedFQDN", "key"))
    try:
        _check(kind, name, key)
        ACTIONS[action](zone_of(_world_of(request)), name, key)
    except (ValueError, NoSuchWorld) as error:
        status = {"metadata": {}, "status": "Failed", "message": str(error)}
        return {**_MEANT, "request": request.members, "response": {"uid": uid, "success": False, "status": status}}
    return {**_MEANT, "request": request.members, "response": {"uid": uid, "success": True}}


def _text(request: Body, name: str) -> str:
    """Return a string; as in Go, one that is absent or null is empty."""
    return "" if request.members.get(name) is None else request.text(name, empty=True)


def _check(kind: str, name: str, key: str) -> None:
    # The conformance tests of cert-manager leave the type out.
    if kind not in ("", "dns-01"):
        raise ValueError(f"challenges of type {kind[:64]!r} are not solved here; dns-01 is")
    for member, value in (("resolvedFQDN", name), ("key", key)):
        if not value.removesuffix("."):
            raise ValueError(f"{member!r} is wanted: a non-empty string")


def _world_of(request: Body) -> str:
    if request.members.get("config") is None:
        return DEFAULT
    config = request.object("config")
    config.only(("world",))
    return config.text("world") if "world" in config else DEFAULT
