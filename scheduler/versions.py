"""What versions of cert-manager do differently with challenges.

Read in `pkg/controller/acmechallenges/sync.go` of each release. Selection (one
per name and type, 60 at once, 20 a pass) is the same since 1.5.
"""

from __future__ import annotations

import re
from datetime import timedelta

import attrs


@attrs.frozen
class Version:
    """The rules of some releases.

    authorization_wait: for a verdict, then the sync fails; None: for ever.
    unexpected_errors_final: an error that is no ACME problem makes a challenge
    `errored`, else it is tried again; network_errors_final: so does one of the
    network, or a verdict that does not come in time.
    release_apart: the slot is given back by a sync after the clean-up, not by
    the same. wait_instead: `waitInsteadOfSelfCheck` exists. caa: the feature
    gate `ValidateCAA` does something.
    """

    authorization_wait: timedelta | None = None
    unexpected_errors_final: bool = False
    network_errors_final: bool = False
    release_apart: bool = False
    wait_instead: bool = False
    caa: bool = False


_SHORT, _LONG = timedelta(seconds=20), timedelta(minutes=2)

# From which release on; the newest last.
VERSIONS: tuple[tuple[tuple[int, int, int], Version], ...] = (
    ((1, 5, 0), Version(caa=True)),
    ((1, 16, 0), Version(_SHORT, True, True, caa=True)),
    ((1, 17, 3), Version(_LONG, True, True, caa=True)),
    ((1, 18, 0), Version(_SHORT, True, True)),
    ((1, 18, 1), Version(_LONG, True, True)),
    ((1, 20, 0), Version(_LONG, True, True, release_apart=True)),
    ((1, 21, 0), Version(_LONG, True, release_apart=True, wait_instead=True)),
)
NEWEST = VERSIONS[-1][1]


def version(text: str) -> Version:
    """Return the rules of a release (`1.18.0`), or of the last one of its line (`1.18`); ValueError before 1.5."""
    match = re.fullmatch(r"v?(\d+)\.(\d+)(?:\.(\d+))?", text)
    if match is None:
        raise ValueError(f"{text!r} is no version of cert-manager; write 1.21 or 1.18.0")
    release = tuple(int(part) if part else 10**6 for part in match.groups())
    rules = [found for since, found in VERSIONS if since <= release]
    if not rules:
        raise ValueError(f"cert-manager {text} is not known; the oldest is 1.5")
    return rules[-1]
