"""A port for somebody else to listen on: free now, and not what another process of ours is told next."""

from __future__ import annotations

import itertools
import os
import socket
from contextlib import suppress

# From 32768 up ports are given to outgoing connections (net.ipv4.ip_local_port_range).
_PORTS = range(20000, 32768)
# Processes that run side by side have neighbouring numbers; a prime sends them far apart, and each goes upwards.
_STRIDE = 7919
_turns = itertools.count(os.getpid() * _STRIDE)


def free_port() -> int:
    """Return a port of loopback that nothing listens on."""
    while True:
        port = _PORTS[next(_turns) % len(_PORTS)]
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
