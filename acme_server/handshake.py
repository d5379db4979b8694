"""One TLS handshake with a stranger: what he shows is brought back unjudged, and nothing is said after it."""

from __future__ import annotations

import asyncio
import ssl
from typing import cast

from acme_server.direct_fetch import InvalidRequest, host_and_port
from acme_server.network_failures import http_failure
from acme_server.protocol.vantage import Handshake, TlsAnswer


async def shake_hands(question: Handshake) -> TlsAnswer:
    """Return what the server showed and agreed to; what goes wrong on the network is an answer too."""
    loop = asyncio.get_running_loop()
    transport: asyncio.Transport | None = None
    try:
        host, port = host_and_port(question.address)
        context = _context(question.protocols)
        # Asyncio would find out only when it is connected that SNI cannot say a name.
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=question.server_name)
        async with asyncio.timeout(question.timeout.total_seconds()):
            transport, _ = await loop.create_connection(
                asyncio.Protocol, host, port, ssl=context, server_hostname=question.server_name
            )
        connection = cast(ssl.SSLObject, transport.get_extra_info("ssl_object"))
        certificate = connection.getpeercert(binary_form=True) or b""
        return TlsAnswer(certificate, connection.selected_alpn_protocol(), address=question.address)
    except (OSError, InvalidRequest) as error:
        return TlsAnswer(error=http_failure(error), address=question.address)
    except ValueError:
        return TlsAnswer(error="invalid name", address=question.address)
    finally:
        if transport is not None:
            transport.close()
            transport.abort()


def _context(protocols: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(list(protocols))
    return context
