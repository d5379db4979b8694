"""What the options say of the certificate authority: its keys, its chains, its root, its profiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

import click
from cryptography.hazmat.primitives.asymmetric import rsa

from acme_server.ca_keys import SEEDED
from acme_server.ca_pem import load_signer
from acme_server.certificate_authority import Design
from acme_server.profiles import PROFILES, Profile, with_lifetime
from acme_server.protocol.driver import Entropy
from acme_server.protocol.jwk import PrivateKey
from acme_server.signers import Signer
from gravel.settings import Settings

NOT_SEEDED = "an RSA key cannot be seeded: leave out the seed, or choose another type of key"


def _rsa(bits: int, _: Entropy) -> PrivateKey:
    return rsa.generate_private_key(65537, bits)


KEY_TYPES: Mapping[str, Callable[[Entropy], PrivateKey]] = {
    **SEEDED,
    **{f"RSA-{bits}": partial(_rsa, bits) for bits in (2048, 3072, 4096)},
}


def repeats(design: Design) -> bool:
    """Whether a seed gives the same authority again."""
    return design.new_key in SEEDED.values()


def design_of(settings: Settings, now: datetime) -> Design:
    """Return the hierarchy that the options want, to be made now."""
    try:
        design = Design(
            new_key=KEY_TYPES[settings.ca_key_type],
            chain_length=settings.chain_length,
            alternate_roots=settings.alternate_roots,
            root=_signer("--ca", settings.ca_cert, settings.ca_key),
        )
        design.check(now)
    except (ValueError, OSError) as error:
        raise click.UsageError(f"{error}.") from None
    if settings.seed is not None and not repeats(design):
        raise click.UsageError(f"--ca-key-type {settings.ca_key_type} and --seed: {NOT_SEEDED}.")
    return design


def tls_ca_of(settings: Settings) -> Signer | None:
    """Return the CA that the server's own certificate is made below, None for one of its own."""
    try:
        return _signer("--tls-ca", settings.tls_ca_cert, settings.tls_ca_key, lists=False)
    except (ValueError, OSError) as error:
        raise click.UsageError(f"{error}.") from None


def profiles_of(settings: Settings) -> tuple[Profile, ...]:
    """Return the profiles, with those of the options."""
    profiles = PROFILES
    for name, lifetime in settings.profile:
        profiles = with_lifetime(profiles, name, lifetime)
    return profiles


def _signer(flag: str, certificate: str | None, key: str | None, *, lists: bool = True) -> Signer | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise ValueError(f"{flag}-cert and {flag}-key are wanted together, or neither")
    try:
        return load_signer(Path(certificate).read_text("ascii"), Path(key).read_text("ascii"), lists=lists)
    except UnicodeDecodeError:
        raise ValueError(f"{certificate} and {key} are wanted in PEM") from None
    except ValueError as error:
        raise ValueError(f"{certificate}, {key}: {error}") from None
