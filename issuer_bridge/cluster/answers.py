"""What a cluster's Challenges say that http-01 is answered with, on whichever replica a request arrives.

The responder's Service leads to all replicas, and one of them leads: so each
answers from the Challenges themselves, also after a restart.
"""

from __future__ import annotations

from acme_server.protocol.key_authorization import HTTP01_PATH
from issuer_bridge.resources import CHALLENGE, Kind, Resource, Resources
from scheduler.challenge import FINAL_STATES
from solvers.http01.responder import bare_host
from solvers.http01.site import Reply, Visit
from solvers.solver import HTTP01


class ChallengeAnswers:
    """A table of an http-01 listener: all Challenges that are not decided."""

    def __init__(self, resources: Resources) -> None:
        self._keys: dict[str, dict[tuple[str, str], str]] = {}  # token -> (name, uid) -> key
        resources.watch(self._heard)

    def reply(self, visit: Visit) -> Reply | None:
        """Return the key authorization of a token and a host; None when nobody waits for it."""
        if not visit.path.startswith(HTTP01_PATH):
            return None
        host = bare_host(visit.host)
        for (name, _), key in self._keys.get(visit.path.removeprefix(HTTP01_PATH), {}).items():
            if name == host:
                return Reply(200, key.encode())
        return None

    def _heard(self, event: str, kind: Kind, resource: Resource) -> None:
        if kind != CHALLENGE or resource["spec"]["type"] != HTTP01:
            return
        spec = resource["spec"]
        token, entry = spec["token"], (spec["dnsName"], resource["metadata"]["uid"])
        final = (resource.get("status") or {}).get("state") in FINAL_STATES
        if event == "DELETED" or final:
            keys = self._keys.get(token, {})
            keys.pop(entry, None)
            if not keys:
                self._keys.pop(token, None)
        else:
            self._keys.setdefault(token, {})[entry] = spec["key"]
