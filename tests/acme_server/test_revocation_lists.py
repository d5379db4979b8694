"""Revocation lists as a relying party reads them."""

from __future__ import annotations

import subprocess
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from acme_server.certificate_authority import Design, pem, rotate
from acme_server.protocol.encoding import b64url
from acme_server.settings import Settings
from tests.acme_server.rig import BASE, START, leaf_of, registered


def issue(client, name="www.example.org"):
    return leaf_of(client.post(client.issue(name).json["certificate"]).reply.body)


def revoke(client, leaf, **reason):
    certificate = b64url(leaf.public_bytes(Encoding.DER))
    assert client.post(f"{BASE}/revoke-cert", {"certificate": certificate, **reason}).status == 200


def url_in(leaf, kind):
    value = leaf.extensions.get_extension_for_class(kind).value
    if kind is x509.CRLDistributionPoints:
        return value[0].full_name[0].value
    return value[0].access_location.value


def fetch(client, url):
    response = client.get(url.removeprefix(BASE))
    assert response.status == 200
    return response


def list_of(client, leaf):
    return x509.load_der_x509_crl(fetch(client, url_in(leaf, x509.CRLDistributionPoints)).reply.body)


def number_of(revocations):
    return revocations.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


@pytest.fixture
def client():
    return registered(Settings(always_valid=True, certificate_urls=True))


def test_a_leaf_leads_to_its_issuer(client):
    leaf = issue(client)
    response = fetch(client, url_in(leaf, x509.AuthorityInformationAccess))
    assert response.header("Content-Type") == "application/pkix-cert"
    leaf.verify_directly_issued_by(x509.load_der_x509_certificate(response.reply.body))


@pytest.mark.parametrize("url", [None, "http://ocsp.example.org:4002"])
def test_a_leaf_names_the_ocsp_responder_that_somebody_runs(url):
    leaf = issue(registered(Settings(always_valid=True, certificate_urls=True, ocsp_url=url)))
    access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    ocsp = [each.access_location.value for each in access if each.access_method == AuthorityInformationAccessOID.OCSP]
    assert ([url] if url else []) == ocsp


@pytest.mark.parametrize(("reason", "flag"), [(None, None), (0, None), (1, "keyCompromise"), (4, "superseded")])
def test_a_revoked_certificate_is_on_the_list_of_its_issuer(client, reason, flag):
    leaf = issue(client)
    assert len(list_of(client, leaf)) == 0
    revoke(client, leaf, **({} if reason is None else {"reason": reason}))
    revocations = list_of(client, leaf)
    assert revocations.is_signature_valid(client.server.world.authority.intermediate.public_key())
    (entry,) = revocations
    assert (leaf.serial_number, START.replace(microsecond=0)) == (entry.serial_number, entry.revocation_date_utc)
    assert ([flag] if flag else []) == [each.value.reason.value for each in entry.extensions]


def test_a_list_is_kept_until_there_is_more_to_say_or_it_runs_out(client):
    first, second = issue(client), issue(client, "other.example.org")
    numbers = [number_of(list_of(client, first)), number_of(list_of(client, first))]
    revoke(client, first)
    numbers.append(number_of(list_of(client, first)))
    revoke(client, second)
    numbers.append(number_of(list_of(client, first)))
    client.driver.pass_time(hours=23)
    numbers.append(number_of(list_of(client, first)))
    client.driver.pass_time(hours=1)
    revocations = list_of(client, first)
    numbers.append(number_of(revocations))
    assert [numbers[i] < numbers[i + 1] for i in range(5)] == [False, True, True, False, True]
    assert numbers == sorted(numbers)
    assert revocations.next_update_utc - revocations.last_update_utc == timedelta(days=1)


def test_openssl_refuses_a_revoked_certificate_and_no_other(tmp_path):
    client = registered(Settings(always_valid=True, certificate_urls=True, authority=Design(chain_length=2)))
    authority = client.server.world.authority
    good, bad = issue(client), issue(client, "bad.example.org")
    revoke(client, bad, reason=1)
    links = client.server.world.links
    lists = [
        x509.load_der_x509_crl(fetch(client, links.revocation_list(signer.id)).reply.body)
        for signer in authority.signers
    ]
    (tmp_path / "root.pem").write_text(authority.root_pem)
    (tmp_path / "chain.pem").write_text("".join(map(pem, authority.chain())))
    (tmp_path / "crl.pem").write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in lists))
    results = []
    for leaf in (good, bad):
        (tmp_path / "leaf.pem").write_text(pem(leaf))
        command = ["openssl", "verify", "-x509_strict", "-crl_check_all", "-attime", str(int(START.timestamp()) + 1)]
        files = ["-CAfile", "root.pem", "-CRLfile", "crl.pem", "-untrusted", "chain.pem", "leaf.pem"]
        done = subprocess.run([*command, *files], cwd=tmp_path, capture_output=True, text=True, check=False)
        results.append((done.returncode, "certificate revoked" in done.stderr))
    assert results == [(0, False), (2, True)]


def test_what_a_rotated_issuer_signed_is_still_revoked_on_its_list(client):
    world, leaf = client.server.world, issue(client)
    world.authority = rotate(world.authority, world.entropy, START, world.named_links)
    revoke(client, leaf)
    assert [entry.serial_number for entry in list_of(client, leaf)] == [leaf.serial_number]
    assert len(list_of(client, issue(client, "new.example.org"))) == 0


def test_no_other_signer_has_a_list(client):
    assert client.get("/crl/" + "0" * 40).outcome == (404, "malformed")
    assert client.get("/issuer/" + "0" * 40).outcome == (404, "malformed")
