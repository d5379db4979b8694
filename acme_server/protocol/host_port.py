"""`HOST:PORT`, as addresses are written everywhere here: an IPv6 host in brackets (RFC 3986 section 3.2)."""

from __future__ import annotations


def join_host_port(host: str, port: int) -> str:
    """Return `HOST:PORT`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split_host_port(text: str) -> tuple[str, int]:
    """Read `HOST:PORT` back; ValueError when there is no port."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
