"""What a test may change in a world while it runs: its faults and its DNS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any, TypeAlias

# Takes a method, a path below the world's own and a body; returns the answer's JSON.
Ask: TypeAlias = Callable[..., Any]


class Faults:
    """The faults of one world; a rule is described in the README, and by what is wrong with it."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def arm(self, action: str | Mapping[str, Any], *, match: Any = None, when: Any = None) -> str:
        """Arm a rule, `arm("badNonce", match={"endpoint": "newOrder"}, when={"count": 1})`; return its ID."""
        rule = {"action": action, "match": match or {}, "when": when or {}}
        return self.add(rule)[0]

    def add(self, rules: Any) -> tuple[str, ...]:
        """Arm a rule, `{"persona": NAME}`, or a list of both, all or none; return the IDs."""
        return tuple(each["id"] for each in self._ask("POST", "/faults", rules)["faults"])

    def persona(self, name: str) -> tuple[str, ...]:
        """Arm all that a persona stands for: `flaky`, `slow-ca`, `rate-limited`, `vault`, `dogtag`, `step-ca`, ..."""
        return self.add({"persona": name})

    def hits(self, rule_id: str) -> int:
        """Return how often an armed rule has fired."""
        return next((int(rule["hits"]) for rule in self.armed() if rule["id"] == rule_id), 0)

    def disarm(self, rule_id: str) -> None:
        """Take a rule away."""
        self._ask("DELETE", f"/faults/{rule_id}")

    def clear(self) -> None:
        """Take all away."""
        self._ask("DELETE", "/faults")

    def armed(self) -> tuple[Mapping[str, Any], ...]:
        """Return the armed rules with their counters, `seen` and `hits`."""
        return tuple(self._ask("GET", "/faults")["faults"])


class Dns:
    """The names of one world: all have a default address, until they are told otherwise. `address` is `HOST:PORT`."""

    def __init__(self, ask: Ask, address: str) -> None:
        self._ask, self.address = ask, address

    def set_txt(self, host: str, value: str) -> None:
        """Add a TXT value."""
        self._edit("/set-txt", host=host, value=value)

    def clear_txt(self, host: str) -> None:
        """Remove all TXT values."""
        self._edit("/clear-txt", host=host)

    def set_addresses(self, host: str, *addresses: str) -> None:
        """Give a name its own addresses, IPv4 and IPv6; with none, the default ones again."""
        for version, family in ((4, "a"), (6, "aaaa")):
            self._edit(f"/clear-{family}", host=host)
            if own := [address for address in addresses if ip_address(address).version == version]:
                self._edit(f"/add-{family}", host=host, addresses=own)

    def set_default_ipv4(self, address: str) -> None:
        """Say what names have that were given nothing; with an empty string, no address."""
        self._edit("/set-default-ipv4", ip=address)

    def set_cname(self, host: str, target: str) -> None:
        """Make a name an alias."""
        self._edit("/set-cname", host=host, target=target)

    def clear_cname(self, host: str) -> None:
        """Make a name no alias."""
        self._edit("/clear-cname", host=host)

    def _edit(self, path: str, **body: Any) -> None:
        self._ask("POST", path, body)
