"""A Certificate's life in a running `gravel up`: issued, followed, described, renewed when the clock moves."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from cryptography import x509

EXAMPLES = Path(__file__).parents[2] / "examples"
CERTIFICATE = """\
apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: www
  namespace: default
spec:
  secretName: www-tls
  dnsNames: [www.example.test]
  issuerRef:
    name: gravel
    kind: ClusterIssuer
"""


@pytest.fixture
def up(launch, tmp_path):
    path = tmp_path / "certificate.yaml"
    path.write_text(CERTIFICATE)
    up = launch("up", "--apply", str(EXAMPLES / "10-clusterissuer.yaml"), "--apply", str(path))
    up.lines_until(lambda line: line["event"] == "issued")
    return up


def resource(up, path):
    with urllib.request.urlopen(f"{up.ready['kubernetes']}{path}") as answer:
        return json.load(answer)


def certificate(up):
    return resource(up, "/apis/cert-manager.io/v1/namespaces/default/certificates/www")


def chain(up):
    return base64.b64decode(resource(up, "/api/v1/namespaces/default/secrets/www-tls")["data"]["tls.crt"])


def gravel(up, *arguments):
    command = [sys.executable, "-c", "from gravel.cli import main; main()", *arguments]
    return subprocess.run(
        [*command, "--kubernetes", up.ready["kubernetes"]],
        env=up.environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def advance(up, duration):
    body = json.dumps({"advance": duration}).encode()
    trust = ssl.create_default_context(cafile=up.ready["tls_ca"])
    request = urllib.request.Request(f"{up.ready['management']}/clock", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, context=trust) as answer:
        return json.load(answer)


def test_a_certificate_is_renewed_when_sixty_days_have_gone_by(up, tmp_path):
    status = certificate(up)["status"]
    assert (status["revision"], status["conditions"][0]["reason"]) == (1, "Ready")
    before = chain(up)
    advance(up, "61d")
    status = certificate(up)["status"]
    assert (status["revision"], status["conditions"][0]["reason"]) == (2, "Ready")
    old, new = (x509.load_pem_x509_certificate(pem) for pem in (before, chain(up)))
    assert old.serial_number != new.serial_number
    assert (new.not_valid_after_utc - old.not_valid_after_utc).days in (59, 60)
    (tmp_path / "chain.pem").write_bytes(chain(up))
    command = ["openssl", "verify", "-no_check_time", "-CAfile", up.ready["issuing_roots"], "-untrusted", "chain.pem"]
    done = subprocess.run([*command, "chain.pem"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "chain.pem: OK\n", done.stderr
    assert up.stop() == (0, "")


@pytest.mark.seed("B56")
def test_a_certificate_is_listed_and_described_with_its_requests_and_challenges(up):
    heading, row = gravel(up, "get", "certificates").splitlines()
    assert heading.split() == ["NAME", "READY", "SECRET", "AGE"]
    assert row.split()[:3] == ["www", "True", "www-tls"]
    text = gravel(up, "describe", "certificate", "www")
    for section in ("Requests", "Orders", "Challenges", "Events"):
        assert f"\n{section}:\n" in text
    assert "Revision: 1" in text
    assert "www-1" in text
    assert "The certificate has been successfully issued" in text


def test_apply_waits_until_a_changed_certificate_is_issued_anew(up, tmp_path):
    path = tmp_path / "certificate.yaml"
    path.write_text(CERTIFICATE.replace("[www.example.test]", "[www.example.test, more.example.test]"))
    gravel(up, "apply", str(path))
    names = x509.load_pem_x509_certificate(chain(up)).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert sorted(names.value.get_values_for_type(x509.DNSName)) == ["more.example.test", "www.example.test"]
