"""What a ValidatingWebhookConfiguration must be (pkg/apis/admissionregistration/validation), and where it may be."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from issuer_bridge.kube_api.core_rules import Rule
from issuer_bridge.kube_api.schema_check import shortened
from issuer_bridge.kube_api.statuses import Cause, forbidden, invalid_value, quoted, required
from issuer_bridge.resources import VALIDATING_WEBHOOKS, Kind, Resource


def _configuration(configuration: Resource) -> Iterator[Cause]:
    for index, webhook in enumerate(configuration.get("webhooks") or ()):
        path = f"webhooks[{index}]"
        if webhook["name"].count(".") < 2:
            text = "should be a domain with at least three segments separated by dots"
            yield invalid_value(f"{path}.name", quoted(shortened(webhook["name"])), text)
        if "v1" not in webhook["admissionReviewVersions"]:
            text = "must include at least one of v1"
            yield invalid_value(
                f"{path}.admissionReviewVersions", quoted(str(webhook["admissionReviewVersions"])), text
            )
        if not 1 <= webhook["timeoutSeconds"] <= 30:
            text = "the timeout value must be between 1 and 30 seconds"
            yield invalid_value(f"{path}.timeoutSeconds", str(webhook["timeoutSeconds"]), text)
        if webhook.get("matchConditions"):
            yield forbidden(f"{path}.matchConditions", "CEL is not evaluated here; use rules and selectors")
        yield from _client(webhook["clientConfig"], f"{path}.clientConfig")


def _client(config: Mapping[str, str], path: str) -> Iterator[Cause]:
    if config.get("service") is not None:
        yield forbidden(f"{path}.service", "nothing runs behind a Service here; give a url")
        return
    if not config.get("url"):
        yield required(f"{path}.url", "exactly one of url or service is required")
        return
    try:
        parts = urlsplit(config["url"])
        fine = parts.scheme == "https" and _is_near(parts.hostname or "") and parts.port != 0 and not parts.fragment
    except ValueError:
        fine = False
    if not fine or "@" in config["url"]:
        text = "must be https://HOST[:PORT]/PATH, where HOST is localhost or a loopback address"
        yield invalid_value(f"{path}.url", quoted(shortened(config["url"])), text)


def _is_near(host: str) -> bool:
    return host == "localhost" or ipaddress.ip_address(host).is_loopback


WEBHOOK_RULES: Mapping[Kind, tuple[Rule, ...]] = {VALIDATING_WEBHOOKS: (_configuration,)}
