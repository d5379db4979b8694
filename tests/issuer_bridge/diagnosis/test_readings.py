"""What texts of cert-manager, Go and CAs are read as: the wording as it is seen in clusters, names changed."""

import re

import pytest

from issuer_bridge.diagnosis import readings
from issuer_bridge.diagnosis.readings import ACME, CHECKING_DNS, CHECKING_HTTP, ISSUERS, PRESENTING, REQUESTS, read

GET = "failed to perform self check GET request 'http://a.example/.well-known/acme-challenge/t': Get \"http://a.example/.well-known/acme-challenge/t\": "
SOA = (
    "When querying the SOA record for the domain '_acme-challenge.a.example.' using nameservers [192.0.2.53:53],"
    " rcode was expected to be 'NOERROR' or 'NXDOMAIN', but got 'SERVFAIL'"
)
URN = "urn:ietf:params:acme:error:"
TEXTS = {
    CHECKING_HTTP: [
        (f"{GET}dial tcp: lookup a.example on 10.96.0.10:53: no such host", "http01-no-address", None),
        (f"{GET}dial tcp 203.0.113.9:80: connect: connection refused", "http01-unreachable", 15),
        (f"{GET}context deadline exceeded (Client.Timeout exceeded while awaiting headers)", "http01-unreachable", 15),
        (f"{GET}dial tcp 203.0.113.9:80: i/o timeout", "http01-unreachable", 15),
        (f"{GET}EOF", "http01-proxy-protocol", 15),
        (f"{GET}read tcp 10.0.0.1:4->203.0.113.9:80: read: connection reset by peer", "http01-proxy-protocol", 15),
        (f"{GET}stopped after 10 redirects", "http01-redirects", 15),
        ("wrong status code '404', expected '200'", "http01-not-routed", 15),
        ("wrong status code '401', expected '200'", "http01-behind-a-login", 15),
        ("wrong status code '503', expected '200'", "http01-no-backend", 15),
        ("wrong status code '308', expected '200'", "http01-wrong-status", 15),
        ('did not get expected response "k" when querying endpoint', "http01-somebody-else-answers", 15),
    ],
    CHECKING_DNS: [
        ('DNS record for "a.example" not yet propagated', "dns01-not-seen", 16),
        ("NS ns1.example.:53 returned REFUSED for _acme-challenge.a.example.", "dns01-nameserver-fails", 16),
        ("NS ns1.example.:53 returned SERVFAIL for _acme-challenge.a.example.", "dns01-nameserver-fails", 16),
        (SOA, "dns01-nameserver-fails", 16),
        ("dial udp [2001:db8::53]:53: connect: network is unreachable", "dns01-no-ipv6", 17),
        ("read udp 10.0.0.1:5->192.0.2.53:53: i/o timeout", "dns01-nameserver-silent", 16),
        ("CNAME records form a loop", "dns01-alias-loop", None),
        ("could not determine authoritative nameservers for \"_acme-challenge.a.example.\"", "dns01-zone-not-found", 16),
    ],
    PRESENTING: [
        ('secrets "token" not found', "secret-missing", None),
        ("DNS update failed. Server replied: REFUSED", "provider-refuses", 6),
        ("failed to change Route 53 record set: AccessDenied: User is not authorized", "provider-refuses", 6),
        ("Could not find the start of authority for _acme-challenge.a.example.: NXDOMAIN", "zone-not-found", None),
        (SOA, "zone-fails", None),
        ("the server could not find the requested resource (post hook.acme.example)", "solver-webhook-missing", None),
        ("the server is currently unable to handle the request", "solver-webhook-missing", None),
        ('pods "cm-acme-http-solver-x" is forbidden: exceeded quota: q', "solver-not-allowed", None),
        ('pods "x" is forbidden: violates PodSecurity "restricted:latest"', "solver-not-allowed", None),
        ("Post \"https://api.example/\": dial tcp 192.0.2.1:443: i/o timeout", "provider-silent", None),
    ],
    ACME: [
        (f"429 {URN}rateLimited: too many certificates already issued", "rate-limited", 14),
        (f'400 {URN}accountDoesNotExist: unable to find account "https://ca.example/acct/1"', "account-unknown", 24),
        (f"400 {URN}dns: DNS problem: NXDOMAIN looking up A for a.example", "ca-sees-no-dns", None),
        (f"403 {URN}unauthorized: During secondary validation: Incorrect TXT record", "secondary-validation", 23),
        (f"403 {URN}unauthorized: Invalid response from http://a.example/: 404", "ca-sees-another-answer", None),
        (f"400 {URN}connection: 203.0.113.9: Fetching http://a.example/: Timeout", "ca-cannot-reach", None),
        (f"403 {URN}caa: CAA record for a.example prevents issuance", "caa-forbids", None),
        (f"Failed to create Order: 400 {URN}rejectedIdentifier: not here", "name-rejected", None),
        (f"Failed to create Order: 400 {URN}malformed: 'a_b.example' is not a DNS name", "order-refused", None),
        (f"400 {URN}badNonce: JWS has an invalid anti-replay nonce", "nonces-refused", None),
        (f"Failed to finalize Order: 403 {URN}orderNotReady: already finalized", "order-finalized-before", 20),
        ("acme: certificate authority does not advertise a profile with name x", "profile-unknown", None),
        ("unexpected non-ACME API error: context deadline exceeded", "verdict-late", 8),
        ("unexpected non-ACME API error: Get \"https://ca/\": dial tcp: lookup ca: no such host", "network-error-was-final", 7),
        (f"500 {URN}serverInternal: oops", "ca-fails", None),
        ("Get \"https://ca.example/dir\": x509: certificate signed by unknown authority", "ca-unreachable", None),
    ],
    ISSUERS: [
        ("ErrRegisterACMEAccount Failed to register ACME account: secrets \"eab\" not found", "secret-missing", None),
        (f"ErrRegisterACMEAccount 400 {URN}externalAccountRequired: bind it", "binding-missing", None),
        (f"ErrRegisterACMEAccount 400 {URN}invalidContact: no MX", "contact-refused", None),
        ("ErrGetKeyPair Error getting keypair for CA issuer: secrets \"ca\" not found", "secret-missing", None),
        ("ErrInvalidKeyPair Error getting keypair for CA issuer: certificate is not a CA", "ca-key-pair-bad", None),
        ("ErrVerifyACMEAccount ACME private key in \"a\" is not of type RSA", "account-key-bad", None),
    ],
    REQUESTS: [
        ('Internal error occurred: failed calling webhook "webhook.cert-manager.io": no endpoints', "webhook-fails", None),
        ("The CSR PEM requests a commonName that is not present in the list of dnsNames", "names-disagree", None),
    ],
}  # fmt: skip
ROWS = [(table, *row) for table, rows in TEXTS.items() for row in rows]


@pytest.mark.parametrize(("table", "text", "code", "pain"), ROWS, ids=[row[1][-60:] for row in ROWS])
def test_a_text_is_read_as_what_it_means(table, text, code, pain):
    found = read(table, text)
    assert (found.code, found.pain) == (code, pain)


@pytest.mark.parametrize("table", TEXTS)
def test_what_nobody_has_seen_is_left_to_its_own_words(table):
    assert read(table, "the moon is in the wrong house") is None


def test_every_command_can_be_filled_in_and_every_pattern_is_one():
    tables = [value for value in vars(readings).values() if isinstance(value, tuple)]
    rows = [row for table in tables for row in table]
    assert len(rows) > 50
    for row in rows:
        re.compile(row.pattern)
        row.attempt.format(name="n", namespace="ns", kind="k", order="o", again="a", check="c")
