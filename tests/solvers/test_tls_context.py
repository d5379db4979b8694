"""TLS without a key on disk."""

from __future__ import annotations

import contextlib
import random
import ssl
from datetime import UTC, datetime
from pathlib import Path

from acme_server import tls
from solvers.tls_context import server_context


def descriptors() -> list[str]:
    return sorted(path.name for path in Path("/dev/fd").iterdir())


def test_tls_works_and_leaves_no_descriptor_open():
    material = tls.create(random.Random(7).randbytes, datetime.now(UTC), ("localhost",))
    before = descriptors()
    server, client = (
        server_context(material.certificate_pem, material.key_pem),
        ssl.create_default_context(cadata=material.ca_pem),
    )
    assert before == descriptors()
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="localhost"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for end in (*ends, *ends):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    assert ends[0].version() in ("TLSv1.2", "TLSv1.3")
    assert ends[0].getpeercert()["subjectAltName"] == (("DNS", "localhost"),)
