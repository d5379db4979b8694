"""The server's own certificate, as strict TLS clients see it."""

import asyncio
import random
import ssl
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from acme_server.tls import create

NOW = datetime.now(UTC)
NAMES = ("localhost", "gravel.example", "127.0.0.1", "::1")


def material(seed=1, names=NAMES):
    return create(random.Random(seed).randbytes, NOW, names)


@pytest.fixture
def files(tmp_path):
    made = material()
    (tmp_path / "ca.pem").write_text(made.ca_pem)
    (tmp_path / "certificate.pem").write_text(made.certificate_pem)
    (tmp_path / "key.pem").write_text(made.key_pem)
    return tmp_path


def strict_client(ca_file):
    context = ssl.create_default_context(cafile=ca_file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


async def shake_hands(files, context, name):
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(files / "certificate.pem", files / "key.pem")
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=server_context)
    async with server:
        host, port = server.sockets[0].getsockname()
        _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=name)
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("name", NAMES)
async def test_a_strict_client_accepts_every_name_and_address(files, name):
    await shake_hands(files, strict_client(files / "ca.pem"), name)


@pytest.mark.parametrize("name", ["other.example", "127.0.0.2"])
async def test_a_client_refuses_another_name(files, name):
    with pytest.raises(ssl.SSLCertVerificationError):
        await shake_hands(files, strict_client(files / "ca.pem"), name)


@pytest.mark.parametrize("option", ["-verify_hostname=localhost", "-verify_ip=127.0.0.1", "-verify_ip=::1"])
def test_openssl_verifies_it_in_strict_mode(files, option):
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", *option.split("=")]
    done = subprocess.run(
        [*command, "-CAfile", files / "ca.pem", files / "certificate.pem"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_it_is_valid_since_yesterday_and_no_longer_than_apple_allows():
    certificate = x509.load_pem_x509_certificate(material().certificate_pem.encode())
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    assert start == NOW.replace(microsecond=0) - timedelta(days=1)
    assert timedelta(days=700) < end - start <= timedelta(days=825)


def test_its_ca_can_be_told_from_what_issues():
    ca = x509.load_pem_x509_certificate(material().ca_pem.encode())
    assert ca.subject.rfc4514_string().startswith("CN=gravel TLS CA ")


def test_the_same_entropy_gives_the_same_material():
    assert material() == material()
    assert material().key_pem != material(seed=2).key_pem


def test_the_key_is_not_printed():
    assert "PRIVATE" not in repr(material())
