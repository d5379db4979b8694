"""Whether a TLS handshake showed the answer to a tls-alpn-01 challenge (RFC 8737 section 3)."""

from __future__ import annotations

from acme_server.protocol.challenge_certificate import ACME_TLS, Contents, expected, read
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.key_authorization import KeyAuthorization
from acme_server.protocol.problem import unauthorized
from acme_server.protocol.vantage import TlsAnswer

_NAMES_SHOWN = 5
_SHOWN = 80


def judge(answer: TlsAnswer, identifier: Identifier, key: KeyAuthorization) -> None:
    """Raise unauthorized, with what was seen, unless the certificate is the challenge's."""
    if answer.protocol != ACME_TLS:
        raise unauthorized(f'{answer.address}: The server did not agree on the protocol "{ACME_TLS}" (RFC 8737)')
    why = _complaint(answer.certificate, expected(identifier, key.digest))
    if why is not None:
        raise unauthorized(f"{answer.address}: The certificate for {identifier.value} is not this challenge's. {why}")


def _complaint(certificate: bytes, wanted: Contents) -> str | None:
    try:
        seen = read(certificate)
    except ValueError as error:
        return f"It {error}"
    return None if seen == wanted else _difference(seen, wanted)


def _difference(seen: Contents, wanted: Contents) -> str:
    if not seen.self_signed:
        return "It is not self-signed"
    if seen.names != wanted.names:
        return f"Its subjectAltName is {_names(seen)}, not that one name"
    if seen.authorization is None:
        return "It has no acmeIdentifier extension"
    if not seen.critical:
        return "Its acmeIdentifier extension is not critical"
    value, digest = seen.authorization.hex(), (wanted.authorization or b"").hex()
    cut = "..." if len(value) > _SHOWN else ""
    return f"Its acmeIdentifier is {value[:_SHOWN]}{cut}, but for this key authorization it is {digest}"


def _names(seen: Contents) -> str:
    """Quote what a stranger sent: escaped, in one line, cut short."""
    shown = [ascii(name.value[:_SHOWN]) for name in seen.names[:_NAMES_SHOWN]]
    more = f" and {len(seen.names) - _NAMES_SHOWN} more" if len(seen.names) > _NAMES_SHOWN else ""
    return f"{', '.join(shown)}{more}" if shown else "missing or empty"
