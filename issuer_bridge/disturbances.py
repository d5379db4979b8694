"""Ports by which a test gets in the bridge's way; each is asked before the deed, and nobody is by default."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import attrs

from acme_server.protocol.vantage import Inquiry
from issuer_bridge.outcomes import Outcome, Wait
from issuer_bridge.reconciler import Key
from issuer_bridge.resources import Resource

# When an approver that is down is asked again.
_RECHECK = timedelta(seconds=5)


@attrs.frozen
class Obstacle:
    """Why a CA issuer does not sign: the reason of its condition and of its event, and a sentence."""

    reason: str
    message: str


@attrs.frozen
class Disturbances:
    """Who is asked.

    signing: about an issuer and the request that it is to sign; standing: about an issuer, whatever it is to sign;
    approver_down: about a request, by namespace and name.
    """

    signing: Callable[[Resource, Resource], Obstacle | None] = lambda *_: None
    standing: Callable[[Resource], Obstacle | None] = lambda _: None
    approver_down: Callable[[str, str], bool] = lambda *_: False

    def approving(self, sync: Callable[[Key], Inquiry[Outcome]]) -> Callable[[Key], Inquiry[Outcome]]:
        """Return an approver that looks at nothing while it is down."""

        def look(key: Key) -> Inquiry[Outcome]:
            if self.approver_down(*key[1:]):
                return Wait(_RECHECK)
            return (yield from sync(key))

        return look
