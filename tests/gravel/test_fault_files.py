"""Faults that a house starts with, from files."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from contextlib import closing
from urllib.parse import urlsplit

import click
import pytest

from gravel.fault_files import rules_of

JSON_LIST = '[\n\t{"persona": "vault"},\n\t{"id": "lost", "action": "lose"}\n]'
YAML_LIST = """\
- persona: vault
- id: lost
  action: lose
"""
YAML_DOCUMENTS = """\
persona: vault
---
# A rule by itself, with a moment that YAML would make a date.
id: lost
action: {kind: lose}
when: {until: 2040-01-01T00:00:00Z}
"""


@pytest.mark.parametrize("text", [JSON_LIST, YAML_LIST, YAML_DOCUMENTS])
def test_a_file_is_a_rule_a_persona_or_a_list_of_both_in_json_or_yaml(text, tmp_path):
    (file := tmp_path / "faults").write_text(text)
    assert [rule.id for rule in rules_of([str(file)])] == ["vault-1", "vault-2", "lost"]


def test_files_are_read_in_order(tmp_path):
    for name in ("b", "a"):
        (tmp_path / name).write_text(f"{{id: {name}, action: lose}}")
    assert [rule.id for rule in rules_of([str(tmp_path / "b"), str(tmp_path / "a")])] == ["b", "a"]
    assert rules_of(()) == ()


# A file -> what is said of it, after its path.
BAD = [
    (b"", " holds no rule."),
    (b"\xff", " is not UTF-8."),
    (b"- action: lose\n  when: {count: 0}\n", ": rule 1: when: 'count' is less than 1."),
    (b"[lose]", ": rule 1: a rule is an object."),
    (b"persona: valt", ": the persona 'valt' is not known; the nearest is 'vault'."),
    (b"action: lose\n---\naction: loose\n", ", line 3: the action 'loose' is not known; the nearest is 'lose'."),
    (b"action: [lose\n", ", line 2: is not YAML: "),
    (b"action: lose\naction: page\n", ", line 2: the key 'action' is there twice."),
]


@pytest.mark.parametrize(("data", "sentence"), BAD)
def test_a_bad_file_is_told_in_a_sentence_that_names_it_and_the_rule(data, sentence, tmp_path):
    (file := tmp_path / "faults.yaml").write_bytes(data)
    with pytest.raises(click.UsageError) as refused:
        rules_of([str(file)])
    assert str(refused.value).startswith(f"{file}{sentence}")


@pytest.mark.parametrize("verb", ["serve", "up"])
def test_faults_of_files_are_armed_when_the_house_is_ready(verb, launch, tmp_path):
    """Over TLS, as any client meets them: the server ends its side after nine bytes."""
    (one := tmp_path / "one.json").write_text('{"id": "first", "action": {"kind": "half-close", "keep": 9}}')
    (other := tmp_path / "other.yaml").write_text("action: {kind: header, name: Server, value: other}")
    ready = launch(verb, "--faults", str(one), "--faults", str(other)).ready
    url, trust = urlsplit(ready["directory"]), ssl.create_default_context(cafile=ready["tls_ca"])
    with (
        socket.create_connection((url.hostname, url.port), timeout=20) as plain,
        trust.wrap_socket(plain, server_hostname=url.hostname) as connection,
    ):
        connection.sendall(b"GET /dir HTTP/1.1\r\nHost: x\r\n\r\n")
        head, _, body = read(connection).partition(b"\r\n\r\n")
    assert body == b'{"newNonc'
    assert b"\r\nServer: other" in head
    with closing(http.client.HTTPSConnection(*management(ready), context=trust)) as api:
        api.request("GET", "/faults")
        listed = json.loads(api.getresponse().read())["faults"]
    assert [(rule["id"], rule["hits"]) for rule in listed] == [("first", 1), ("rule-1", 1)]


def read(connection):
    """Read until the other side has ended, which without TLS's own farewell is an error to some."""
    data = b""
    try:
        while more := connection.recv(65536):
            data += more
    except ssl.SSLEOFError:
        pass
    return data


def management(ready):
    url = urlsplit(ready["management"])
    return url.hostname, url.port


def test_a_bad_file_ends_it_before_it_starts(launch, tmp_path):
    (file := tmp_path / "faults.yaml").write_text("- action: lose\n- action: loose\n")
    code, said, _ = launch("serve", "--faults", str(file), ready=False).finish()
    sentence = f"{file}: rule 2: the action 'loose' is not known; the nearest is 'lose'."
    assert (code, said) == (2, f"gravel serve: {sentence}\n")


def test_a_command_under_run_meets_the_faults(launch, tmp_path):
    (file := tmp_path / "faults.yaml").write_text("{match: {endpoint: directory}, action: {kind: page, status: 503}}")
    look = (
        "import os, ssl, urllib.request as r, urllib.error as e\n"
        "trust = ssl.create_default_context(cafile=os.environ['ACME_TLS_CA'])\n"
        "try: r.urlopen(os.environ['ACME_DIRECTORY'], context=trust)\n"
        "except e.HTTPError as error: print(error.code, flush=True)"
    )
    started = launch("run", "--faults", str(file), "--", "python3", "-c", look, ready=False)
    code, _, said = started.finish()
    assert (code, said) == (0, "503\n")
