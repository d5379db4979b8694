"""What happened to each challenge and when, read from the journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs

from acme_server.protocol.journal import Entry
from acme_server.protocol.times import parse_rfc3339

# kind of fact -> the step it is, in the order in which a challenge goes through them.
STEPS: Mapping[str, str] = {
    "ChallengeQueued": "queued",
    "ChallengeScheduled": "scheduled",
    "ChallengePresented": "presented",
    "SelfCheckPassed": "checked",
    "ChallengeResponded": "accepted",
    "ChallengeValidated": "validated",
    "ChallengeCleanedUp": "cleaned up",
}


@attrs.frozen
class Timeline:
    """One challenge; key: `NAMESPACE/NAME` of its resource; entries: the facts about it, the server's too."""

    key: str
    entries: tuple[Entry, ...]

    @property
    def title(self) -> str:
        """Its type and name."""
        about = self.entries[0].data
        return f"{about['type']} {'*.' if about.get('wildcard') else ''}{about['dns_name']}"

    @property
    def started(self) -> datetime:
        """When it was queued."""
        return parse_rfc3339(self.entries[0].at)

    def at(self, step: str) -> datetime | None:
        """When a step was first done, or None."""
        found = (entry.at for entry in self.entries if _step(entry) == step)
        first = next(found, None)
        return None if first is None else parse_rfc3339(first)

    @property
    def failures(self) -> tuple[str, ...]:
        """What went wrong, each reason once; nothing did when it came out well in the end."""
        if self.at("validated"):
            return ()
        reasons = (entry.data.get("detail") or entry.data.get("reason") for entry in self.entries if _is_failure(entry))
        return tuple(dict.fromkeys(str(reason) for reason in reasons))

    def to_json(self) -> dict[str, Any]:
        """Return it as one JSON object."""
        steps = [
            {"at": entry.at, "house": entry.house, "kind": entry.kind, "data": entry.data} for entry in self.entries
        ]
        return {"event": "timeline", "challenge": self.key, "steps": steps}


def timelines(entries: Iterable[Entry]) -> list[Timeline]:
    """Return the challenges of the scheduler in the order in which they were queued.

    The server knows a challenge by another name than its resource has; the two
    meet in the challenge's URL.
    """
    by_challenge: dict[str, list[Entry]] = {}
    keys: dict[str, str] = {}
    for entry in entries:
        subject = entry.subject.get("challenge", "")
        key = keys.get(subject, subject)
        if "url" in entry.data and subject:
            keys["/".join(str(entry.data["url"]).rsplit("/", 2)[1:])] = subject
        if entry.kind == "ChallengeQueued":
            by_challenge.setdefault(key, []).append(entry)
        elif key in by_challenge:
            by_challenge[key].append(entry)
    return [Timeline(key, tuple(found)) for key, found in by_challenge.items()]


def _step(entry: Entry) -> str | None:
    """Return the step of an entry; of a foreign server's verdict only our own side speaks."""
    if entry.kind == "ChallengeDecided" and entry.data.get("state") == "valid":
        return STEPS["ChallengeValidated"]
    return STEPS.get(entry.kind)


def _is_failure(entry: Entry) -> bool:
    return entry.kind.endswith("Failed") or (entry.kind == "ChallengeDecided" and entry.data.get("state") != "valid")
