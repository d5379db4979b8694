"""A kubeconfig: server, CA, client certificate, token. What runs other programs for that is said, not run."""

from __future__ import annotations

import base64
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from conformance.issuer.options import Target

ELSEWHERE = "run `kubectl proxy` and give its URL as --server"


def read_kubeconfig(path: Path, context: str | None = None) -> Target:
    """Return the API that a context leads to: the current one unless told. Raise ValueError, a sentence for people."""
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path} cannot be read as a kubeconfig: {error}") from None
    if not isinstance(config, dict):
        raise ValueError(f"{path} is no kubeconfig: it holds no mapping")
    name = context or config.get("current-context")
    if not name:
        raise ValueError(f"{path} has no current-context; name one with --context")
    chosen = _named(path, config, "context", name)
    cluster = _named(path, config, "cluster", chosen.get("cluster"))
    user = _named(path, config, "user", chosen["user"]) if chosen.get("user") else {}
    for member in ("exec", "auth-provider", "username"):
        if user.get(member):
            raise ValueError(f"{path} logs in with {member!r}, which is not spoken here; {ELSEWHERE}")
    if not isinstance(server := cluster.get("server"), str):
        raise ValueError(f"{path} names no server for the context {name!r}")
    try:
        tls, token = _tls(path.parent, cluster, user), _token(path.parent, user)
    except (OSError, ValueError, ssl.SSLError) as error:
        raise ValueError(f"the credentials that {path} names cannot be read: {error}") from None
    return Target(server.rstrip("/"), tls, {"Authorization": f"Bearer {token}"} if token else {})


def _named(path: Path, config: Mapping[str, Any], kind: str, name: Any) -> Mapping[str, Any]:
    for entry in config.get(f"{kind}s") or ():
        if isinstance(entry, dict) and entry.get("name") == name and isinstance(entry.get(kind), dict | None):
            return entry.get(kind) or {}
    raise ValueError(f"{path} has no {kind} called {name!r}")


def _tls(folder: Path, cluster: Mapping[str, Any], user: Mapping[str, Any]) -> ssl.SSLContext:
    authority = _octets(folder, cluster, "certificate-authority")
    tls = ssl.create_default_context(cadata=authority.decode("ascii") if authority else None)
    if cluster.get("insecure-skip-tls-verify"):
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    certificate, key = (_octets(folder, user, f"client-{name}") for name in ("certificate", "key"))
    if certificate and key:
        # OpenSSL reads a client's certificate from a file alone.
        with tempfile.NamedTemporaryFile() as file:
            file.write(certificate + b"\n" + key)
            file.flush()
            tls.load_cert_chain(file.name)
    return tls


def _octets(folder: Path, entry: Mapping[str, Any], member: str) -> bytes:
    """Return what an entry holds in base64, or names as a file; files are beside the kubeconfig."""
    if data := entry.get(f"{member}-data"):
        return base64.b64decode(data, validate=True)
    return (folder / entry[member]).read_bytes() if entry.get(member) else b""


def _token(folder: Path, user: Mapping[str, Any]) -> str:
    if name := user.get("tokenFile"):
        return (folder / str(name)).read_text(encoding="ascii").strip()
    return str(user.get("token") or "")
