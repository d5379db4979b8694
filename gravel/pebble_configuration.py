"""What a configuration of Pebble and its variables mean here: options of gravel, and settings of its server.

Keys are found whatever their case, and unknown ones are ignored, as Go's encoding/json does
(Pebble's `cmd/pebble/main.go`; the variables are in `wfe/wfe.go` and `va/va.go`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import click
from cryptography import x509

from acme_server.faults.rule import ENDPOINTS
from acme_server.profiles import Profile
from acme_server.protocol.encoding import b64url_decode
from acme_server.protocol.host_port import split_host_port
from acme_server.settings import CHALLENGE_TYPES
from acme_server.tls import TlsMaterial

TERMS = "data:text/plain,Do%20what%20thou%20wilt"
_UNSIGNED = ("directory", "newNonce", "terms", "renewalInfo")
# What Pebble has in its code, and no configuration changes.
_FIXED: Mapping[str, Any] = {
    "order_lifetime": timedelta(days=1),
    "pending_authorization_lifetime": timedelta(hours=1),
    "valid_authorization_lifetime": timedelta(hours=1),
    "terms_of_service": TERMS,
    "pre_authorization": False,
    "issuance_delay": timedelta(milliseconds=50),
}


@attrs.frozen
class Configuration:
    """options: of gravel.settings; server: of acme_server.settings; reject: the part of good nonces to refuse."""

    options: Mapping[str, Any]
    server: Mapping[str, Any]
    material: TlsMaterial | None
    reject: float

    @property
    def faults(self) -> list[Mapping[str, Any]]:
        """The rules that refuse nonces."""
        signed = [name for name in ENDPOINTS if name not in _UNSIGNED]
        rule = {"match": {"endpoint": signed}, "action": "badNonce", "when": {"probability": self.reject}}
        return [{"id": "nonce-reject", **rule}] if self.reject else []


def read(path: Path | None, variables: Mapping[str, str]) -> Configuration:
    """Read a file, None for one that says nothing; ClickException: what is wrong with it, and where."""
    where = str(path)
    try:
        document = json.loads(path.read_text(encoding="utf-8")) if path else {}
        section = _get(document, "pebble", Mapping, {})
        address, management = _addresses(section)
        options = {
            "host": address[0],
            "acme_port": address[1],
            "management_port": management,
            "http01_port": _get(section, "httpPort", int, 5002),
            "tls_alpn_port": _get(section, "tlsPort", int, 5001),
            "eab_required": _get(section, "externalAccountBindingRequired", bool, False),
            "eab": tuple(
                (kid, b64url_decode(key)) for kid, key in _get(section, "externalAccountMACKeys", Mapping, {}).items()
            ),
            "blocked_name": tuple(_get(section, "domainBlocklist", list, [])),
            **_from_certificate_authority(section, variables),
        }
        material = _material(section)
        if material is not None:
            options["tls_name"] = _names(material.certificate_pem)
        return Configuration(options, _server(section, variables), material, _percent(variables, REJECT, 5, 99))
    except OSError as error:
        raise click.ClickException(f"{error.filename or where} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise click.ClickException(f"{where}: {error}") from None


REJECT, REUSE, PER_PAGE = "PEBBLE_WFE_NONCEREJECT", "PEBBLE_AUTHZREUSE", "PEBBLE_WFE_ORDERS_PER_PAGE"
SLEEP, NO_SLEEP, ALWAYS = "PEBBLE_VA_SLEEPTIME", "PEBBLE_VA_NOSLEEP", "PEBBLE_VA_ALWAYS_VALID"
ROOTS, LENGTH = "PEBBLE_ALTERNATE_ROOTS", "PEBBLE_CHAIN_LENGTH"


def _server(section: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    waits = _get(section, "retryAfter", Mapping, {})
    seconds = min(_get(waits, "authz", int, 3), _get(waits, "order", int, 5))
    return {
        **_FIXED,
        "challenge_types": _challenge_types(section),
        "caa_identities": tuple(_get(section, "caaIdentities", list, [])) or ("pebble.letsencrypt.org",),
        "retry_after": timedelta(seconds=seconds),
        "ocsp_url": _get(section, "ocspResponderURL", str, "") or None,
        "certificate_lifetime": timedelta(seconds=_validity(section)),
        "profiles": _profiles(section),
        "authorization_reuse": _percent(variables, REUSE, 50, 100),
        "orders_per_page": _number(variables, PER_PAGE, 3, 1),
        "always_valid": _is_set(variables, ALWAYS),
    }


def _from_certificate_authority(section: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    """Return options of the authority and of validation, as `gravel.settings` names them."""
    sleep = 0.0 if _is_set(variables, NO_SLEEP) else max(_number(variables, SLEEP, 5, 0) - 1, 0) / 2
    return {
        "ca_key_type": {"rsa": "RSA-2048", "ecdsa": "P-256"}[_algorithm(section)],
        "chain_length": _number(variables, LENGTH, 1, 0),
        "alternate_roots": _number(variables, ROOTS, 0, 0),
        "validation_delay": sleep,
    }


def _challenge_types(section: Mapping[str, Any]) -> tuple[str, ...]:
    """Return those of Pebble 2.10.1, or what our own key says: older clients know fewer."""
    chosen = tuple(_get(section, "challengeTypes", list, [])) or CHALLENGE_TYPES
    if unknown := [each for each in chosen if each not in CHALLENGE_TYPES]:
        raise ValueError(f"'challengeTypes' are of {', '.join(CHALLENGE_TYPES)}, not {str(unknown[0])[:32]!r}")
    return chosen


def _algorithm(section: Mapping[str, Any]) -> str:
    algorithm = _get(section, "keyAlgorithm", str, "") or "rsa"
    if algorithm not in ("rsa", "ecdsa"):
        raise ValueError(f"'keyAlgorithm' is rsa or ecdsa, not {algorithm[:32]!r}")
    return algorithm


def _profiles(section: Mapping[str, Any]) -> tuple[Profile, ...]:
    """Return the profiles that are configured and no others; `default` first, since Pebble's choice is random."""
    named = _get(section, "profiles", Mapping, {}) or {"default": {"description": "The default profile"}}
    profiles = [
        Profile(
            name,
            _get(profile, "description", str, ""),
            timedelta(seconds=_get(profile, "validityPeriod", int, 0) or _validity(section)),
            common_name=_get(profile, "promoteCommonName", bool, False),
            must_staple=True,
        )
        for name, profile in named.items()
    ]
    return tuple(sorted(profiles, key=lambda profile: profile.name != "default"))


def _validity(section: Mapping[str, Any]) -> int:
    profiles = _get(section, "profiles", Mapping, {})
    default = _get(profiles, "default", Mapping, {})
    named = _get(default, "validityPeriod", int, 0) or _get(section, "certificateValidityPeriod", int, 0)
    return named or 7776000


def _addresses(section: Mapping[str, Any]) -> tuple[tuple[str, int], int]:
    """Return where the ACME server listens, and the port of the management API, which listens at the same host."""
    address = _address(_get(section, "listenAddress", str, "127.0.0.1:14000"))
    management = _get(section, "managementListenAddress", str, "")
    return address, _address(management)[1] if management else 0


def _address(text: str) -> tuple[str, int]:
    try:
        host, port = split_host_port(text)
    except ValueError:
        raise ValueError(f"{text[:64]!r} is no address to listen on: write HOST:PORT") from None
    return host or "0.0.0.0", port  # noqa: S104 - what the configuration says


def _material(section: Mapping[str, Any]) -> TlsMaterial | None:
    certificate, key = _get(section, "certificate", str, ""), _get(section, "privateKey", str, "")
    if not (certificate and key):
        return None
    pem = Path(certificate).read_text("ascii")
    return TlsMaterial(pem, pem, Path(key).read_text("ascii"))


def _names(certificate_pem: str) -> tuple[str, ...]:
    certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(names.get_values_for_type(x509.DNSName))


def _get(document: Any, key: str, kind: type[Any], default: Any) -> Any:
    """Return a member by its name in any case; the last one counts, and null is none."""
    if not isinstance(document, Mapping):
        raise ValueError("the configuration is not an object")
    found = [value for name, value in document.items() if name.lower() == key.lower() and value is not None]
    if not found:
        return default
    if not isinstance(found[-1], kind) or (kind is int and isinstance(found[-1], bool)):
        raise ValueError(f"{key!r} is of the wrong type: {str(found[-1])[:64]!r}")
    return found[-1]


def _number(variables: Mapping[str, str], name: str, default: int, least: int) -> int:
    """Return a variable's number; Pebble goes on with the default when it is none, or too small."""
    try:
        number = int(variables.get(name, ""))
    except ValueError:
        return default
    return number if number >= least else default


def _percent(variables: Mapping[str, str], name: str, default: int, most: int) -> float:
    try:
        number = int(variables.get(name, ""))
    except ValueError:
        number = default
    return min(max(number, 0), most) / 100


def _is_set(variables: Mapping[str, str], name: str) -> bool:
    return variables.get(name) in ("1", "true", "True", "TRUE")
