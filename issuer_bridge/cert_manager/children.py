"""What requests and orders own: the Order of a request, the Challenges of an order; named and tied as upstream's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from acme_server.protocol.key_authorization import KeyAuthorization
from issuer_bridge.cert_manager.accounts import acme_of
from issuer_bridge.cert_manager.names import challenge_name, order_name
from issuer_bridge.cert_manager.overrides import overridden
from issuer_bridge.cert_manager.solver_selection import pick
from issuer_bridge.durations import format_duration, parse_duration
from issuer_bridge.pem import SigningRequest
from issuer_bridge.references import controller_reference
from issuer_bridge.resources import CERTIFICATE_REQUEST, CHALLENGE, ORDER, Resource
from solvers.solver import DNS01, HTTP01

TYPE_OF: Mapping[str, str] = {"http-01": HTTP01, "dns-01": DNS01}


def named_in(csr: SigningRequest) -> dict[str, Any]:
    """Return the fields of an Order's spec that follow from the CSR."""
    return {
        "commonName": csr.common_name,
        "dnsNames": list(csr.dns_names),
        "ipAddresses": list(csr.ip_addresses),
    }


def build_order(request: Resource, csr: SigningRequest, issuer: Resource, replaces: str = "") -> Resource:
    """Return the Order of a request, named and owned as upstream has it; ValueError when there can be none.

    replaces: the RFC 9773 id of the certificate that this one renews.
    """
    if not csr.dns_names and not csr.ip_addresses:
        raise ValueError("the CSR names no DNS name and no IP address; put them into its subjectAltName extension")
    acme: Any = acme_of(issuer)
    metadata = request["metadata"]
    spec: dict[str, Any] = {
        "request": request["spec"]["request"],
        "issuerRef": dict(request["spec"]["issuerRef"]),
        **named_in(csr),
        "duration": _duration(request) if acme.get("enableDurationFeature") else None,
        "profile": acme.get("profile"),
        "replaces": replaces,
    }
    spec = {key: value for key, value in spec.items() if value}
    copied = {key: dict(metadata[key]) for key in ("labels", "annotations") if metadata.get(key)}
    return {
        "apiVersion": ORDER.api_version,
        "kind": ORDER.kind,
        "metadata": {
            "name": order_name(metadata["name"], spec),
            "namespace": metadata["namespace"],
            **copied,
            "ownerReferences": [controller_reference(request, CERTIFICATE_REQUEST)],
        },
        "spec": spec,
    }


def _duration(request: Resource) -> str | None:
    duration = request["spec"].get("duration")
    return format_duration(parse_duration(duration)) if duration else None


def build_challenges(
    order: Resource, solvers: Sequence[Mapping[str, Any]], key_authorization: Callable[[str], KeyAuthorization]
) -> list[Resource]:
    """Return the Challenges that an order needs; ValueError names what no solver fits."""
    needed = [item for item in order["status"].get("authorizations") or () if item.get("initialState") != "valid"]
    return [build_challenge(order, authorization, solvers, key_authorization) for authorization in needed]


def build_challenge(
    order: Resource,
    authorization: Mapping[str, Any],
    solvers: Sequence[Mapping[str, Any]],
    key_authorization: Callable[[str], KeyAuthorization],
) -> Resource:
    """Return the Challenge of one authorization; ValueError as above."""
    wildcard, identifier = bool(authorization.get("wildcard")), authorization["identifier"]
    name = f"*.{identifier}" if wildcard else identifier
    offers = authorization.get("challenges") or ()
    chosen = pick(name, offers, solvers, order["metadata"].get("labels") or {})
    if chosen is None:
        types = ", ".join(offer["type"] for offer in offers) or "nothing"
        raise ValueError(
            "no configured challenge solvers can be used for this challenge: "
            f"no solver of the issuer fits {name}, for which the server offers {types}"
        )
    authorized = key_authorization(chosen.offer["token"])
    spec: dict[str, Any] = {
        "url": chosen.offer["url"],
        "authorizationURL": authorization["url"],
        "dnsName": identifier,
        "wildcard": wildcard,
        "type": TYPE_OF[chosen.offer["type"]],
        "token": chosen.offer["token"],
        "key": authorized.http_body if chosen.offer["type"] == "http-01" else authorized.dns_value,
        "solver": overridden(chosen.solver, order),
        "issuerRef": dict(order["spec"]["issuerRef"]),
    }
    return {
        "apiVersion": CHALLENGE.api_version,
        "kind": CHALLENGE.kind,
        "metadata": {
            "name": challenge_name(order["metadata"]["name"], spec),
            "namespace": order["metadata"]["namespace"],
            "ownerReferences": [controller_reference(order, ORDER)],
        },
        "spec": spec,
    }
