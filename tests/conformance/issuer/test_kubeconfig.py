"""What a kubeconfig leads to: over TLS with a client's certificate, or with a token that no report shows."""

import base64
import json
import ssl
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from conformance.issuer.kube import Kube
from conformance.issuer.kubeconfig import read_kubeconfig
from tests.conformance.issuer.signer import Authority


def signed_by(authority, name):
    """Return a certificate and its key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = authority.sign(subject, key.public_key(), x509.SubjectAlternativeName([x509.DNSName("localhost")]))
    return made.public_bytes(Encoding.PEM), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class Who(BaseHTTPRequestHandler):
    """Says who asks."""

    def do_GET(self):
        subject = dict(pair for (pair,) in self.connection.getpeercert()["subject"])
        told = {"certificate": subject["commonName"], "token": self.headers.get("Authorization")}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        """Print nothing."""


@pytest.fixture(scope="module")
def authority():
    return Authority("ca of the API")


@pytest.fixture(scope="module")
def port(authority, tmp_path_factory):
    """A server that wants a client's certificate."""
    folder = tmp_path_factory.mktemp("tls")
    (folder / "pem").write_bytes(b"".join(signed_by(authority, "server")))
    (folder / "ca").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "pem")
    tls.load_verify_locations(folder / "ca")
    tls.verify_mode = ssl.CERT_REQUIRED
    with HTTPServer(("127.0.0.1", 0), Who) as server:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def written(tmp_path):
    """Write a kubeconfig with one context, `c`; return its path."""

    def write(cluster, user, **more):
        entries = {"context": {"cluster": "c", "user": "u"}, "cluster": cluster, "user": user}
        lists = {f"{kind}s": [{"name": kind[0], kind: entry}] for kind, entry in entries.items()}
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump({"current-context": "c", **lists, **more}))
        return path

    return write


@pytest.mark.parametrize("as_data", [True, False])
def test_it_brings_certificates_and_a_token_that_the_log_leaves_out(authority, port, written, tmp_path, as_data):
    certificate, key = signed_by(authority, "somebody")
    entries = {
        "certificate-authority": authority.certificate.public_bytes(Encoding.PEM),
        "client-certificate": certificate,
        "client-key": key,
    }
    named = {}
    for name, octets in entries.items():
        (tmp_path / name).write_bytes(octets)
        named[name] = {f"{name}-data": base64.b64encode(octets).decode()} if as_data else {name: name}
    (tmp_path / "token").write_text("secret\n")
    cluster = {"server": f"https://localhost:{port}/", **named.pop("certificate-authority")}
    user = {"token": "secret"} if as_data else {"tokenFile": "token"}
    target = read_kubeconfig(written(cluster, {**user, **named["client-certificate"], **named["client-key"]}))
    kube = Kube(target)
    with closing(kube.wire):
        assert kube.get("/") == {"certificate": "somebody", "token": "Bearer secret"}
        assert "secret" not in str([one.headers for one in kube.wire.log])
    assert "secret" not in repr(target)


@pytest.mark.parametrize(
    ("cluster", "user", "more", "why"),
    [
        ({"server": "https://a"}, {}, {"current-context": ""}, "has no current-context"),
        ({"server": "https://a"}, {}, {"current-context": "d"}, "has no context called 'd'"),
        ({"server": "https://a"}, {}, {"clusters": []}, "has no cluster called 'c'"),
        ({"server": "https://a"}, {"exec": {"command": "x"}}, {}, "logs in with 'exec', which is not spoken here"),
        ({}, {}, {}, "names no server"),
        ({"server": "https://a", "certificate-authority": "no-file"}, {}, {}, "No such file"),
        ({"server": "https://a", "certificate-authority-data": "%"}, {}, {}, "credentials"),
        ({"server": "https://a"}, {"tokenFile": "no-file"}, {}, "No such file"),
    ],
)
def test_what_it_lacks_is_said_in_one_sentence(written, cluster, user, more, why):
    with pytest.raises(ValueError, match=why):
        read_kubeconfig(written(cluster, user, **more))
