"""The larger things that the management API takes and tells, as schemas: worlds, faults, orders and certificates."""

from __future__ import annotations

import attrs

from acme_server.faults.action import DNS
from acme_server.faults.actions import ACTIONS
from acme_server.faults.dns_actions import KINDS
from acme_server.faults.personas import PERSONAS
from acme_server.faults.rule import ENDPOINTS, Match, When
from acme_server.personality import PERSONALITIES
from acme_server.profiles import PROFILES
from acme_server.protocol import status
from acme_server.protocol.problem import STATUS_OF
from acme_server.settings import CHALLENGE_TYPES
from gravel.authority_options import KEY_TYPES
from gravel.management.operation import (
    ANY,
    COUNT,
    DURATION,
    FLAG,
    HOST,
    MOMENT,
    OBJECT,
    STRING,
    TEXT,
    URL,
    Schema,
    array,
    closed,
    mapping,
    members,
    nullable,
    number,
    words,
)
from gravel.management.rate_limit_endpoints import RATES
from gravel.management.world_endpoints import CLOCK

_MOST = 2**31 - 1
_HOST_PORT: Schema = {"type": "string", "pattern": r"^.+:[0-9]{1,5}$"}
_PORT, _NUMBER, _MANY = number(1, 65535), number(0, _MOST), number(1, _MOST)
_PROBABILITY: Schema = {"type": "number", "minimum": 0, "maximum": 1}


def _some(*known: str) -> Schema:
    return array(words(*known), 1)


# By name, as `gravel.management.world_options` reads them.
SETTINGS: dict[str, Schema] = {
    **dict.fromkeys(("http01_port", "tls_alpn_port"), _PORT),
    **dict.fromkeys(("dns", "forward"), _HOST_PORT),
    **dict.fromkeys(
        (
            "always_valid",
            "order_reuse",
            "ssrf_guard",
            "external_account_required",
            "pre_authorization",
            "certificate_urls",
        ),
        FLAG,
    ),
    **dict.fromkeys(
        (
            "order_lifetime",
            "pending_authorization_lifetime",
            "valid_authorization_lifetime",
            "certificate_lifetime",
            "nonce_lifetime",
            "validation_timeout",
            "validation_retry_after",
            "revocation_list_lifetime",
            "backdate",
            "retry_after",
            "renewal_info_retry_after",
            "caa_recheck",
            "validation_delay",
            "issuance_delay",
        ),
        DURATION,
    ),
    **dict.fromkeys(("max_validations", "max_validation_body", "journal_limit"), _MANY),
    **dict.fromkeys(("max_redirects", "quorum"), _NUMBER),
    **dict.fromkeys(("caa_identities", "zones", "blocked_names", "public_suffixes"), array(HOST, 1)),
    "authorization_reuse": _PROBABILITY,
    "challenge_types": _some(*CHALLENGE_TYPES),
    "vantages": mapping(nullable(_HOST_PORT)),
    "redirect_ports": array(_PORT),
    "address_families": _some("AAAA", "A"),
    "terms_of_service": URL,
    "external_accounts": mapping(TEXT),
    "orders_per_page": number(1, 10_000),
    "validation_attempts": number(1, 1000),
    "rate_limits": {"anyOf": [STRING, RATES]},
    "personality": words(*PERSONALITIES),
    "authority": closed(members(key_type=words(*KEY_TYPES), chain_length=number(0, 10), alternate_roots=number(0, 10))),
    "profiles": closed(members(**{profile.name: DURATION for profile in PROFILES})),
    "nameservers": array(TEXT, 1),
}
NEW_WORLD = closed(
    members(id=STRING, seed=number(0, 2**63 - 1), start=MOMENT, frozen=FLAG, settings=closed(members(**SETTINGS)))
)
WORLD = members(
    {
        "id": TEXT,
        "directory": URL,
        "dns": TEXT,
        "nameservers": array(TEXT),
        "root": TEXT,
        "clock": CLOCK,
        "snapshots": array(TEXT),
    }
)

_ENDPOINT = words(*ENDPOINTS, DNS)
_KIND = words(*ACTIONS, *STATUS_OF, *KINDS)
_TIME: Schema = {"anyOf": [MOMENT, {"type": "number"}]}
_TOLD: dict[str, Schema] = {
    "endpoint": {"anyOf": [_ENDPOINT, array(_ENDPOINT)]},
    "header": mapping(STRING),
    "type": {"anyOf": [TEXT, array(TEXT)]},
    "nth": number(1, _MOST),
    "every": number(1, _MOST),
    "probability": _PROBABILITY,
    "count": number(1, _MOST),
    "from": _TIME,
    "until": _TIME,
    "stage": words("before", "after"),
}


def _value(cls: type[attrs.AttrsInstance]) -> Schema:
    names = (field.metadata["name"] or field.name for field in attrs.fields(cls))
    return closed(members(**{name: _TOLD.get(name, STRING) for name in names}))


_RULE: dict[str, Schema] = {"id": TEXT, "match": _value(Match), "when": _value(When)}
RULE = closed(members({"action": {"anyOf": [_KIND, members({"kind": _KIND})]}}, **_RULE))
_PERSONA = closed(members({"persona": words(*PERSONAS)}))
RULES: Schema = {"anyOf": [RULE, _PERSONA, array({"anyOf": [RULE, _PERSONA]})]}
ARMED = closed(members({"action": members({"kind": _KIND}), "id": TEXT, "seen": COUNT, "hits": COUNT}, **_RULE))

_NOTHING_OR_PROBLEM = nullable(OBJECT)
_CHALLENGE = members(
    {
        "type": TEXT,
        "status": words(*status.ChallengeStatus),
        "token": TEXT,
        "error": _NOTHING_OR_PROBLEM,
        "validationRecord": ANY,
    }
)
_AUTHORIZATION = members(
    {
        "id": TEXT,
        "identifier": TEXT,
        "status": words(*status.AuthorizationStatus),
        "expires": MOMENT,
        "challenges": array(_CHALLENGE),
    }
)
ORDER = members(
    {
        "id": TEXT,
        "url": URL,
        "account": TEXT,
        "identifiers": array(TEXT),
        "status": words(*status.OrderStatus),
        "error": _NOTHING_OR_PROBLEM,
        "created": MOMENT,
        "expires": MOMENT,
        "authorizations": array(_AUTHORIZATION),
        "certificate": nullable(TEXT),
    }
)
CERTIFICATE = members(
    {
        **dict.fromkeys(("id", "account", "order", "serial", "chain"), TEXT),
        "url": URL,
        "identifiers": array(TEXT),
        "not_before": MOMENT,
        "not_after": MOMENT,
        "revoked": nullable(MOMENT),
        "reason": nullable(COUNT),
    }
)
