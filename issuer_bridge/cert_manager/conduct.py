"""Where the bridge differs from cert-manager on purpose: one table, a row each, with a column for cert-manager and one for us.

What an error means is in `error_classes`; the issues are cert-manager's.
"""

from __future__ import annotations

import attrs

from scheduler.versions import Version


@attrs.frozen
class Conduct:
    """What the bridge does where cert-manager does not.

    errors: the cert-manager whose error classes hold, None for ours.
    looks_first: a step reads what the server has before it acts there, and acts
    on what it read, so that a crash costs nothing twice (#2765).
    heeds_retry_after: the server is not asked sooner than it said (#5867).
    polls: an order is asked about until the server has decided (#5062, #2868);
    cert-manager asks again about one that is pending with all its challenges valid.
    ends_orders: a challenge that ends by our own verdict ends its order, of which
    the server will never hear.
    registers_again: an account that the server forgot is made anew (pebble#454).
    explains: reasons and events that cert-manager leaves out are written.
    replaces: the certificate that is renewed is named (RFC 9773 section 5); in
    cert-manager a feature gate, off by default.
    """

    errors: Version | None = None
    looks_first: bool = True
    heeds_retry_after: bool = True
    polls: bool = True
    ends_orders: bool = True
    registers_again: bool = True
    explains: bool = True
    replaces: bool = True


OURS = Conduct()


def conduct_of(errors: Version | None) -> Conduct:
    """Return our column, or that of a version of cert-manager."""
    return OURS if errors is None else Conduct(errors, *[False] * 7)
