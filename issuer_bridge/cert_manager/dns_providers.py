"""The solver that an issuer's `dns01` asks for: its provider, its nameservers, and how it treats aliases.

Two providers exist here: the built-in DNS, which stands behind the webhook
`acme.gravel.test/builtin`, and rfc2136, whose TSIG secret is in a Secret beside
the issuer (of a ClusterIssuer: in the cluster resource namespace).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

import attrs

from issuer_bridge.context import Context
from issuer_bridge.resources import ACME_CLUSTER_ISSUER, CLUSTER_ISSUER, SECRET, Resource
from solvers.dns.keys import Key
from solvers.dns.name import canonical
from solvers.dns01.rfc2136 import DEFAULT_TSIG_ALGORITHM, TSIG_ALGORITHMS, Rfc2136Provider
from solvers.dns01.solver import Dns01Solver
from solvers.solver import SolverError

BUILTIN_WEBHOOK = ("acme.gravel.test", "builtin")
RFC2136_PORT = 53
_NAMESERVER = re.compile(r"(?:(\[[0-9a-fA-F:.]+\])|([\w.-]*))(?::(\d{0,5}))?", re.ASCII)
_OPTIONS = ("cnameStrategy", "nameservers")


@attrs.frozen
class DnsProviders:
    """Makes solvers from `builtin`, the one of the built-in DNS."""

    context: Context
    builtin: Dns01Solver
    cluster_namespace: str

    def solver(self, challenge: Resource) -> Dns01Solver:
        """Return a Challenge's solver; SolverError says what its `dns01` lacks, or what there is instead."""
        config = _dns01_of(challenge).get("rfc2136")
        solver = self.checker(challenge)
        return solver if config is None else attrs.evolve(solver, provider=self._rfc2136(config, challenge))

    def checker(self, challenge: Resource) -> Dns01Solver:
        """Return a solver that checks as the Challenge's own, for which nobody needs a secret; SolverError as above."""
        dns01 = _dns01_of(challenge)
        check_provider(dns01)
        solver = attrs.evolve(self.builtin, follow=dns01.get("cnameStrategy") == "Follow")
        if dns01.get("nameservers"):
            own = _recursive(dns01["nameservers"])
            solver = attrs.evolve(
                solver, propagation=attrs.evolve(solver.propagation, nameservers=own, authoritative=False)
            )
        return solver

    def _rfc2136(self, config: Mapping[str, Any], challenge: Resource) -> Rfc2136Provider:
        reference = challenge["spec"]["issuerRef"]
        cluster_wide = reference.get("kind") in (CLUSTER_ISSUER.kind, ACME_CLUSTER_ISSUER.kind)
        namespace = self.cluster_namespace if cluster_wide else challenge["metadata"]["namespace"]
        try:
            return Rfc2136Provider(
                nameserver_of(str(config["nameserver"])),
                self.context.clock,
                self.context.entropy,
                self._key(config, namespace),
                tcp=config.get("protocol") == "TCP",
            )
        except ValueError as error:
            raise SolverError(str(error)) from None

    def _key(self, config: Mapping[str, Any], namespace: str) -> Key | None:
        """Return the key to sign with; as upstream, none is used unless it has both a name and a secret."""
        algorithm = str(config.get("tsigAlgorithm") or DEFAULT_TSIG_ALGORITHM)
        if algorithm.upper() not in TSIG_ALGORITHMS:
            raise ValueError(f"algorithm '{algorithm}' is not supported; there are {', '.join(TSIG_ALGORITHMS)}")
        reference, name = config.get("tsigSecretSecretRef") or {}, config.get("tsigKeyName")
        secret = self._secret(reference, namespace) if reference.get("name") else ""
        if not (name and secret):
            return None
        try:
            octets = base64.b64decode(secret.strip(), validate=True)
        except (binascii.Error, ValueError):
            octets = b""
        if not octets:
            raise ValueError(
                f'data entry with key "{reference["key"]}" in secret "{reference["name"]}" is not a TSIG secret in base64'
            )
        return Key(canonical(str(name)), TSIG_ALGORITHMS[algorithm.upper()], octets)

    def _secret(self, reference: Mapping[str, Any], namespace: str) -> str:
        """Return what a Secret holds under a key; upstream's words (dns/rfc2136/provider.go) where it has some."""
        name, key = reference["name"], reference.get("key")
        if not key:
            raise ValueError("key of data in Secret resource must be specified")
        secret = self.context.resources.get(SECRET, namespace, name)
        if secret is None:
            raise ValueError(f'secret "{name}" not found in namespace "{namespace}"')
        data = (secret.get("data") or {}).get(key)
        if not isinstance(data, str):
            raise ValueError(f'data entry with key "{key}" not found in secret "{name}" of namespace "{namespace}"')
        return base64.b64decode(data).decode("utf-8", "replace")


def _dns01_of(challenge: Resource) -> Mapping[str, Any]:
    return challenge["spec"]["solver"].get("dns01") or {}


def check_provider(dns01: Mapping[str, Any]) -> None:
    """Raise SolverError, saying what there is instead, for a DNS provider that is not built in."""
    webhook = dns01.get("webhook") or {}
    if "rfc2136" in dns01 or (webhook.get("groupName"), webhook.get("solverName")) == BUILTIN_WEBHOOK:
        return
    found = ", ".join(name for name in sorted(dns01) if name not in _OPTIONS) or "nothing"
    raise SolverError(
        f"dns01 provider {found} is not supported; use webhook {{groupName: acme.gravel.test, "
        "solverName: builtin}, which is the built-in DNS, or rfc2136"
    )


def nameserver_of(text: str) -> str:
    """Read `HOST[:PORT]`, an IPv6 host in brackets; ValueError in upstream's words (validation/util/nameserver.go)."""
    bare = text.strip()
    if not bare:
        raise ValueError("RFC2136 nameserver missing")
    found = _NAMESERVER.fullmatch(bare)
    if not found or (found[3] and not 0 < int(found[3]) < 65536):
        raise ValueError(f"RFC2136 nameserver is invalid: {bare!r} is not HOST:PORT")
    if not (found[1] or found[2]):
        raise ValueError(f"RFC2136 nameserver has no host defined, {bare}")
    return f"{found[1] or found[2]}:{found[3] or RFC2136_PORT}"


def _recursive(nameservers: list[str]) -> tuple[str, ...]:
    for server in nameservers:
        if server.startswith("https://"):
            raise SolverError(f"nameserver {server} is DNS over HTTPS, which is not supported; use <ip address>:<port>")
    return tuple(nameservers)
