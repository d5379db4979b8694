"""A port for somebody else to listen on: free now, and not what another process of ours is told next."""

from __future__ import annotations

import itertools
import os
import socket
from contextlib import suppress

# From 32768 up ports are given to outgoing connections (net.ipv4.ip_local_port_range).
_PORTS = range(20000, 32768)
# Sends each of 64 processes with neighbouring numbers to a place of its own, nearly 200 ports from the next.
_STRIDE = 4321


def first_turn(process: int) -> int:
    """Return where among the ports a process begins; it goes upwards from there."""
    return process * _STRIDE % len(_PORTS)


_turns = itertools.count(first_turn(os.getpid()))


def free_port() -> int:
    """Return a port of loopback that nothing listens on."""
    while True:
        port = _PORTS[next(_turns) % len(_PORTS)]
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
