"""Who may update the DNS: what the options say, and what a running `gravel serve` then does."""

from __future__ import annotations

import subprocess
import sys

import click
import dns.message
import dns.query
import dns.rcode
import dns.tsig
import dns.update
import pytest

from gravel.dns_writers import writers_of
from gravel.settings import Settings
from solvers.dns.keys import read_key
from solvers.dns.writers import NOBODY, Writers

SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQ="
KEY_FILE = f'key "acme-key" {{ algorithm hmac-sha512; secret "{SECRET}"; }};\n'


def test_by_default_nobody_may():
    assert writers_of(Settings()) == NOBODY


def test_everyone_on_this_machine_may_when_it_is_open():
    assert writers_of(Settings(dns_update_open=True, host="::1")) == Writers(anyone=True)


def test_keys_come_from_the_option_and_from_files(tmp_path):
    (tmp_path / "key").write_text(KEY_FILE)
    key = read_key(f"other:{SECRET}")
    writers = writers_of(Settings(dns_update_key=(key,), dns_update_key_file=(str(tmp_path / "key"),)))
    assert writers.keyring is not None
    assert not writers.anyone


@pytest.mark.parametrize(
    ("text", "changes", "complaint"),
    [
        ("", {"host": "0.0.0.0", "dns_update_open": True}, "--dns-update-open is for loopback; with --host 0.0.0.0, "),
        ("no key", {}, "a key file holds"),
        (KEY_FILE * 2, {}, "There are two keys called acme-key."),
        (KEY_FILE, {"dns_update_key": (read_key(f"ACME-key.:{SECRET}"),)}, "There are two keys called acme-key."),
    ],
)
def test_options_that_cannot_be_are_one_sentence(tmp_path, text, changes, complaint):
    (tmp_path / "key").write_text(text)
    files = {"dns_update_key_file": (str(tmp_path / "key"),)} if text else {}
    with pytest.raises(click.UsageError) as refused:
        writers_of(Settings(**files, **changes))
    assert complaint in refused.value.message
    assert SECRET not in refused.value.message


def test_a_key_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(click.UsageError, match="cannot be read: Is a directory"):
        writers_of(Settings(dns_update_key_file=(str(tmp_path),)))


def test_without_dnspython_a_key_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "dns", None)
    monkeypatch.delitem(sys.modules, "solvers.dns.tsig", raising=False)
    with pytest.raises(click.UsageError, match=r"needs dnspython: pip install 'gravel\[rfc2136\]'"):
        writers_of(Settings(dns_update_key=(read_key(f"acme-key:{SECRET}"),)))
    assert writers_of(Settings()) == NOBODY


def update(ready, key=None, *, ask=dns.query.udp):
    """Add a TXT record through dnspython; return the RCODE and, if it was done, what a question then finds."""
    host, port = ready["dns"].split(":")
    message = dns.update.UpdateMessage("example.test", keyring={key.name: key} if key else None)
    message.add("_acme-challenge.www", 60, "TXT", "v")
    reply = ask(message, host, port=int(port), timeout=10)
    found = dns.query.udp(dns.message.make_query("_acme-challenge.www.example.test", "TXT"), host, port=int(port))
    return dns.rcode.to_text(reply.rcode()), [str(record) for rrset in found.answer for record in rrset]


def test_serve_takes_updates_signed_by_the_key_of_a_file_and_no_others(launch, tmp_path):
    (tmp_path / "key").write_text(KEY_FILE)
    serve = launch("serve", "--dns-update-key-file", str(tmp_path / "key"))
    key = dns.tsig.Key("acme-key", SECRET, "hmac-sha512")
    assert update(serve.ready) == ("REFUSED", [])
    with pytest.raises(dns.tsig.PeerBadSignature):
        update(serve.ready, dns.tsig.Key("acme-key", "b3RoZXI=", "hmac-sha512"))
    assert update(serve.ready, key) == ("NOERROR", ['"v"'])
    assert update(serve.ready, key, ask=dns.query.tcp) == ("NOERROR", ['"v"'])
    code, said = serve.stop()
    assert (code, said) == (0, "")


@pytest.mark.client("nsupdate")
@pytest.mark.parametrize("flag", ["-k", "-y"])
def test_nsupdate_takes_the_same_file_and_the_same_key(launch, tmp_path, flag):
    file, key = tmp_path / "key", f"hmac-sha256:other:{SECRET}"
    file.write_text(KEY_FILE)
    ready = launch("serve", "--dns-update-key-file", str(file), "--dns-update-key", key).ready
    lines = f"server {ready['dns'].replace(':', ' ')}\nupdate add a.example.test 60 TXT v\nsend\n"
    command = ["nsupdate", flag, str(file) if flag == "-k" else key]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_serve_takes_no_updates_unless_told_to(launch):
    assert update(launch("serve").ready) == ("REFUSED", [])
    assert update(launch("serve", "--dns-update-open").ready) == ("NOERROR", ['"v"'])


def test_a_key_that_cannot_be_is_one_line_without_its_secret(launch):
    serve = launch("serve", "--dns-update-key", f"hmac-none:acme-key:{SECRET}", ready=False)
    code, said, _ = serve.finish()
    assert code == 2
    assert "'hmac-none' is no algorithm of a key" in said
    assert SECRET not in said
