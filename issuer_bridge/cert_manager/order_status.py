"""How an Order's status changes: pure functions from what the ACME server said to the next status."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from acme_server.protocol.identifier import Identifier
from acme_server.protocol.times import rfc3339
from issuer_bridge.acme_client.resources import AcmeAuthorization, AcmeOrder
from issuer_bridge.cert_manager.conduct import OURS, Conduct
from issuer_bridge.cert_manager.order_steps import state_of
from issuer_bridge.resources import Resource
from scheduler.challenge import FAILURE_STATES

Status: TypeAlias = dict[str, Any]

_LABEL = "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_FQDN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
OWN_VERDICTS = ("errored", "expired")


def identifiers_of(spec: Mapping[str, Any]) -> list[Identifier]:
    """Return what to order: DNS names, then IP addresses, sorted, each once; the common name is one of them."""
    common_name = spec.get("commonName") or ""
    names, addresses = list(spec.get("dnsNames") or ()), list(spec.get("ipAddresses") or ())
    if _FQDN.fullmatch(common_name) and not _is_address(common_name):
        names.append(common_name)
    elif _is_address(common_name):
        addresses.append(common_name)
    return [Identifier("dns", name) for name in sorted(dict.fromkeys(names))] + [
        Identifier("ip", address) for address in sorted(dict.fromkeys(addresses))
    ]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def placed(status: Mapping[str, Any], order: AcmeOrder, now: datetime) -> Status:
    """The server has taken the order."""
    return _with_state(
        {
            **status,
            "url": order.url,
            "finalizeURL": order.finalize,
            "authorizations": [{"url": url} for url in order.authorizations],
        },
        order.status,
        now,
    )


def described(status: Mapping[str, Any], authorization: AcmeAuthorization) -> Status:
    """An authorization was read, once and for all: its first state stays."""
    found = {
        "url": authorization.url,
        "identifier": authorization.identifier,
        "wildcard": authorization.wildcard,
        "initialState": authorization.status,
        "challenges": [
            {"url": challenge.url, "token": challenge.token, "type": challenge.type}
            for challenge in authorization.challenges
        ],
    }
    authorizations = [found if item["url"] == authorization.url else item for item in status["authorizations"]]
    return {**status, "authorizations": authorizations}


def settled(
    status: Mapping[str, Any],
    order: AcmeOrder,
    challenges: Sequence[Resource],
    now: datetime,
    conduct: Conduct = OURS,
) -> Status:
    """The server's order was read.

    A challenge that ended by our own verdict ends the order too: the server,
    which never heard of it, would leave the order pending until it expires.
    """
    new = {**status, "finalizeURL": order.finalize}
    if not new.get("authorizations"):
        new["authorizations"] = [{"url": url} for url in order.authorizations]
    ended = next((challenge for challenge in challenges if state_of(challenge) in OWN_VERDICTS), None)
    if conduct.ends_orders and order.status == "pending" and ended is not None:
        return failed(new, "errored", _told_by(ended), now)
    if conduct.explains and order.status == "invalid":
        return failed(new, "invalid", _why_invalid(order, challenges), now)
    return _with_state(new, order.status, now)


def failed(status: Mapping[str, Any], state: str, reason: str, now: datetime) -> Status:
    """The order has come to an end without a certificate."""
    return _with_state({**status, **({"reason": reason} if reason else {})}, state, now)


def _with_state(status: Mapping[str, Any], state: str, now: datetime) -> Status:
    """Failures keep a reason and get a time; what kept an order that goes on waiting is forgotten."""
    if state in FAILURE_STATES:
        return {**status, "state": state, "failureTime": rfc3339(now)}
    return {key: value for key, value in {**status, "state": state}.items() if key != "reason"}


def _why_invalid(order: AcmeOrder, challenges: Sequence[Resource]) -> str:
    """Say what the server says, or else what became of the challenge that failed."""
    if order.error is not None:
        return str(order.error)
    culprit = next((challenge for challenge in challenges if state_of(challenge) in FAILURE_STATES), None)
    return _told_by(culprit) if culprit is not None else ""


def _told_by(challenge: Resource) -> str:
    reason = challenge["status"].get("reason") or f"it is {state_of(challenge)}"
    return f"challenge {challenge['metadata']['name']} for {challenge['spec']['dnsName']} failed: {reason}"
