"""What can be asked of the API server itself: health, version, what it serves, and the shapes of it."""

from __future__ import annotations

from issuer_bridge.kube_api.discovery import aggregated, describe_path, version
from issuer_bridge.kube_api.forms import DISCOVERY, parse_form
from issuer_bridge.kube_api.openapi import openapi_v3
from issuer_bridge.kube_api.paths import segments
from issuer_bridge.kube_api.rest import NO_PAGE, Answer, Call
from issuer_bridge.kube_api.served import Served
from issuer_bridge.resources import Resource

_ALIVE = ("healthz", "livez", "readyz")
_CHECKS = ("ping", "store")
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def about(call: Call, served: Served) -> Answer:
    """Answer a GET of a path that is no resource's."""
    parts = segments(call.path)
    if call.method not in ("GET", "HEAD"):
        return Answer(404, NO_PAGE)
    document: Resource | str | None
    match parts:
        case [probe, *check] if probe in _ALIVE:
            document = _health(probe, check, verbose="verbose" in call.query)
        case ["version"]:
            document = version()
        case ["openapi", "v3", *rest]:
            document = openapi_v3(rest, served)
        case _:
            form = parse_form(call.headers.get("Accept", ""), kinds=(DISCOVERY,))
            if form.kind and (found := aggregated(parts, served.kinds)):
                return Answer(200, found, media=_AGGREGATED)
            document = describe_path(parts, served.kinds, call.headers.get("Host", ""))
    return Answer(404, NO_PAGE) if document is None else Answer(200, document)


def _health(probe: str, check: list[str], *, verbose: bool) -> str | None:
    """Return what a probe says; whoever can answer is well."""
    if check:
        return "ok" if len(check) == 1 and check[0] in _CHECKS else None
    passed = "".join(f"[+]{name} ok\n" for name in _CHECKS)
    return f"{passed}{probe} check passed\n" if verbose else "ok"
