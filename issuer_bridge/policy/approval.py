"""How requests are approved: what an operator of the bridge may choose."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from issuer_bridge.policy.access import Access
from issuer_bridge.policy.plugins import Plugin
from issuer_bridge.policy.review import Reading

POLICY, NONE = "policy", "none"


@attrs.frozen
class Approval:
    """by: all of them, those that a policy passes, those with an approved change ticket, or none.

    ticket_url: where tickets are looked up, at `URL/TICKET`; "" for nowhere. plugins: of policies, beside `ticket`.
    summaries: keep a ConfigMap in every namespace that says what policies allow there. access: who says who may use
    a policy; None for who keeps the resources.
    """

    by: str = "all"
    reading: Reading = attrs.field(factory=Reading)
    ticket_url: str = ""
    plugins: Mapping[str, Plugin] = attrs.field(factory=dict)
    summaries: bool = False
    access: Access | None = None
