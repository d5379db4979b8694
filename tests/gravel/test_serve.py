"""`gravel serve`: what a client of one's own finds."""

from __future__ import annotations

import json
import re
import ssl
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from dnslib import QTYPE, DNSRecord


def fetch(url: str, tls_ca: str, data: bytes | None = None) -> str:
    trust = ssl.create_default_context(cafile=tls_ca)
    with urllib.request.urlopen(url, data=data, context=trust) as answer:
        return answer.read().decode()


def test_it_answers_with_the_certificate_that_it_names_and_no_other(launch):
    one, other = launch("serve").ready, launch("serve").ready
    directory = json.loads(fetch(one["directory"], one["tls_ca"]))
    assert directory["newOrder"].startswith(one["directory"].removesuffix("/dir") + "/")
    assert Path(one["issuing_roots"]).read_text() == fetch(one["management"] + "/roots/0", one["tls_ca"])
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        fetch(one["directory"], other["tls_ca"])


def test_its_dns_answers_what_was_set_over_udp_and_tcp(launch):
    ready = launch("serve").ready
    body = json.dumps({"host": "_acme-challenge.a.test", "value": "v"}).encode()
    assert fetch(ready["management"] + "/set-txt", ready["tls_ca"], body) == ""
    host, port = ready["dns"].rsplit(":", 1)
    for tcp in (False, True):
        query = DNSRecord.question("_acme-challenge.a.test", "TXT")
        reply = DNSRecord.parse(query.send(host, int(port), tcp=tcp, timeout=10))
        assert [(record.rtype, str(record.rdata)) for record in reply.rr] == [(QTYPE.TXT, '"v"')]


def test_names_have_the_addresses_that_it_is_told(launch):
    addresses = ("--default-address", "192.0.2.1", "--default-address", "2001:db8::1")
    host, port = launch("serve", *addresses).ready["dns"].rsplit(":", 1)
    for rtype, expected in (("A", "192.0.2.1"), ("AAAA", "2001:db8::1")):
        reply = DNSRecord.parse(DNSRecord.question("a.test", rtype).send(host, int(port), timeout=10))
        assert expected == str(reply.rr[0].rdata)


def test_the_places_that_only_up_has_and_those_where_nothing_listens_are_null(launch):
    ready = launch("serve", "--seed", "7").ready
    assert [ready[name] for name in ("http01", "https01", "tls_alpn", "kubernetes", "state")] == [None] * 5
    assert ready["seed"] == 7


def test_the_responder_listens_where_it_is_told_to(launch):
    ready = launch("serve", "--http01-listen", "127.0.0.1:0").ready
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://{ready['http01']}/.well-known/acme-challenge/x")


def test_for_people_it_says_where_everything_is_and_how_to_trust_it(launch):
    serve = launch("serve", "--seed", "7", ready=False, json_lines=False)
    shown = serve.text_until("Stop it with Ctrl-C\n")
    assert serve.stop() == (0, "")
    assert shown[0].startswith("gravel 0")
    assert "with seed 7: for testing, never for production" in shown[0]
    for label in ("ACME directory", "management API", "DNS", "CA of this server", "CA of what it issues"):
        assert any(line.strip().startswith(label) for line in shown)
    assert not any("Kubernetes" in line or "responder" in line or "over HTTPS" in line for line in shown)


def test_for_people_it_says_where_responders_listen(launch):
    flags = ("--http01-listen", "--https01-listen", "--tls-alpn-listen")
    listen = [word for flag in flags for word in (flag, "127.0.0.1:0")]
    shown = launch("serve", *listen, ready=False, json_lines=False).text_until("Stop it with Ctrl-C\n")
    for line in (
        r"  http-01 responder     http://127\.0\.0\.1:\d+",
        r"  the same over HTTPS   https://127\.0\.0\.1:\d+",
        r"  tls-alpn-01 responder 127\.0\.0\.1:\d+",
    ):
        assert any(re.fullmatch(line, text.rstrip("\n")) for text in shown), shown
