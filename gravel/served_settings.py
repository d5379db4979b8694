"""What the options make of the ACME server's own settings, once its sockets are open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acme_server.personality import PERSONALITIES
from acme_server.settings import Settings as ServerSettings
from gravel.authority_options import profiles_of
from gravel.responders import Responders
from gravel.settings import Settings
from gravel.sockets import Sockets, ports_to_dial
from gravel.validation_options import with_validation


def served_settings(settings: Settings, sockets: Sockets, responders: Responders, **known: Any) -> ServerSettings:
    """Return the settings; known: those that the options alone do not say."""
    http01_port, tls_alpn_port = ports_to_dial(settings, responders)
    chosen: Mapping[str, Any] = {
        "http01_port": http01_port,
        "tls_alpn_port": tls_alpn_port,
        "terms_of_service": settings.terms_of_service,
        "external_account_required": settings.eab_required,
        "external_accounts": dict(settings.eab),
        "public_suffixes": settings.public_suffix,
        # A port that differs from run to run would keep certificates from repeating byte for byte.
        "certificate_urls": bool(settings.acme_port or settings.base_url),
        "profiles": profiles_of(settings),
        "personality": PERSONALITIES[settings.personality],
        "blocked_names": settings.blocked_name,
        "journal_limit": settings.journal_limit,
    }
    return with_validation(ServerSettings(**chosen, **known), settings, sockets.nameservers)
