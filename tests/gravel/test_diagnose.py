"""`gravel diagnose`: of a kubeconfig's cluster, of a running house, of a dump; its tables, its JSON and its exit status."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from gravel.cli import run
from issuer_bridge.diagnosis.cluster import READ
from issuer_bridge.kube_api.paths import parse_target
from issuer_bridge.resources import SECRET
from scheduler.settings import Settings
from scheduler.versions import NEWEST
from tests.gravel.printed_manifests import one, printed
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import CertificateRig
from tests.issuer_bridge.cluster.cluster_rig import Faults, kubeconfig, served, status


@pytest.fixture(scope="module")
def stuck():
    """Two slots that never end, a Challenge that waits for one, and one that waits for a name."""
    rig = CertificateRig(errors=NEWEST, scheduler=Settings(max_concurrent=2, version=NEWEST))
    rig.hide = lambda question: True
    for name, host in (("a", "a.http.test"), ("b", "b.http.test"), ("c", "c.http.test"), ("d", "a.http.test")):
        rig.add(name, dnsNames=[host])
        rig.run(seconds=5)
    rig.run(minutes=10)
    return rig


@pytest.fixture(scope="module")
def healthy():
    rig = CertificateRig(errors=NEWEST)
    rig.issue()
    return rig


@pytest.fixture
def diagnosed(tmp_path, capsys):
    """Run it against a rig's store, at the rig's time; return exit code, output, complaints."""

    async def run_it(rig, *arguments, faults=None, by="--kubeconfig"):
        async with served(rig.store, faults or Faults()) as url:
            place = kubeconfig(tmp_path, url) if by == "--kubeconfig" else url
            at = f"{rig.driver.now():%Y-%m-%dT%H:%M:%SZ}"
            code = await asyncio.to_thread(run, ["diagnose", by, place, "--at", at, *arguments])
        return code, *capsys.readouterr()

    return run_it


def dump(rig, folder):
    items = [{"apiVersion": k.api_version, "kind": k.kind, **item} for k in READ for item in rig.store.list(k)]
    path = folder / "dump.yaml"
    path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items}))
    os.utime(path, (rig.driver.now().timestamp(),) * 2)
    return str(path)


def key(rig, name):
    """The Challenge of a Certificate."""
    return next(
        f"default/{item['metadata']['name']}"
        for item in rig.challenges
        if item["metadata"]["name"].startswith(f"{name}-")
    )


@pytest.mark.parametrize("by", ["--kubeconfig", "--kubernetes"])
async def test_slots_queue_and_conflicts_are_tables_and_what_is_stuck_is_exit_1(stuck, diagnosed, by):
    options = ("--max-concurrent-challenges", "2", "--compat", "cert-manager")
    code, output, _ = await diagnosed(stuck, *options, by=by)
    lines = [line.split() for line in output.splitlines()]
    assert code == 1
    assert "Slots: 2 of 2 used" in output
    assert ["1", key(stuck, "c"), "c.http.test", "HTTP-01", "10m"] in lines
    assert ["a.http.test", "HTTP-01", key(stuck, "a"), key(stuck, "d")] in lines
    assert (
        f"challenge/{key(stuck, 'a')} http01-not-routed (stuck for 10m): HTTP-01 of a.http.test is presented" in output
    )
    assert "scheduler slots-full (stuck for 10m): all 2 slots are used and 1 Challenges wait for one" in output
    assert output.splitlines()[-1] == "3 stuck, 2 waiting"


async def test_json_is_one_object_with_the_same(stuck, diagnosed):
    code, output, _ = await diagnosed(stuck, "--max-concurrent-challenges", "2", "--json")
    found = json.loads(output)
    assert code == 1
    assert found["slots"] == {"maximum": 2, "used": [key(stuck, "a"), key(stuck, "b")]}
    assert found["queue"] == [key(stuck, "c")]
    assert found["conflicts"] == [{"challenge": key(stuck, "d"), "behind": key(stuck, "a")}]
    assert [one["code"] for one in found["findings"]] == [
        "http01-not-routed", "http01-not-routed", "slots-full", "slot-awaited", "key-taken",
    ]  # fmt: skip


async def test_one_subject_is_told_with_what_it_waits_for(stuck, diagnosed):
    options = ("--max-concurrent-challenges", "2", "--json")
    for subject in ("certificate/d", "cert/default/d"):
        _, output, _ = await diagnosed(stuck, *options, subject)
        assert [(one["code"], one["subject"]) for one in json.loads(output)["findings"]] == [
            ("http01-not-routed", f"challenge/{key(stuck, 'a')}"),
            ("key-taken", f"challenge/{key(stuck, 'd')}"),
        ]


async def test_a_healthy_cluster_is_exit_0_and_one_line(healthy, diagnosed):
    assert await diagnosed(healthy) == (0, "nothing is stuck\n", "")


async def test_what_may_not_be_read_is_told(healthy, diagnosed):
    faults = Faults()
    faults.before = lambda request: status(403, "Forbidden")(request) if request.path.endswith("/secrets") else None
    code, output, _ = await diagnosed(healthy, faults=faults)
    assert (code, output) == (0, "not read: secrets: a fault: 403\nnothing is stuck\n")


async def test_only_lists_are_asked_for_and_the_printed_role_allows_all_of_them(stuck, diagnosed):
    faults = Faults()
    await diagnosed(stuck, faults=faults)
    assert {method for method, _, _ in faults.asked} == {"GET"}
    targets = [parse_target(path) for _, path, _ in faults.asked if path != "/version"]
    asked = {(target.kind.group, target.kind.plural) for target in targets}
    assert not any(target.name for target in targets)
    for options, left in ((["--secrets"], set()), ([], {("", SECRET.plural)})):
        role = one("ClusterRole", printed("diagnose", *options))
        assert all(rule["verbs"] == ["list"] for rule in role["rules"])
        allowed = {
            (group, plural) for rule in role["rules"] for group in rule["apiGroups"] for plural in rule["resources"]
        }
        assert asked - allowed == left
        assert allowed <= asked


def test_kubernetes_takes_the_printed_role():
    documents = printed("diagnose", "--namespace=shop")
    assert [document["kind"] for document in documents] == ["ServiceAccount", "ClusterRole", "ClusterRoleBinding"]
    for document in documents:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def test_a_dump_is_diagnosed_at_the_time_of_its_file(stuck, tmp_path, capsys):
    path = dump(stuck, tmp_path)
    assert run(["diagnose", "--from-file", path, "--max-concurrent-challenges", "2"]) == 1
    assert "3 stuck, 2 waiting" in capsys.readouterr().out
    early = "2026-01-01T00:00:30Z"
    assert run(["diagnose", "--from-file", path, "--max-concurrent-challenges", "2", "--at", early]) == 0


def test_what_a_stranger_wrote_into_a_dump_does_not_reach_the_terminal(stuck, tmp_path, capsys):
    text = Path(dump(stuck, tmp_path)).read_text().replace("wrong status code", "wrong status code \\e[31m")
    (tmp_path / "hostile").write_text(json.dumps(yaml.safe_load(text)).replace("\\\\e", "\\u001b"))
    assert run(["diagnose", "--from-file", str(tmp_path / "hostile")]) == 1
    output = capsys.readouterr().out
    assert "wrong status code  [31m" in output
    assert "\x1b" not in output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--kubeconfig", "k", "--from-file", "k"], "--kubeconfig and --from-file are two places; name one"),
        (["--context", "c"], "--context needs --kubeconfig"),
        (["--from-file", "k"], "k holds no object of cert-manager's"),
        (["--from-file", "k", "--at", "noon"], "'noon' is not an RFC 3339 moment"),
        (["--from-file", "k", "certificat/www"], "there is no kind of resource called 'certificat'"),
        (["--from-file", "k", "certificate"], "'certificate' is not KIND/NAMESPACE/NAME"),
        (["--from-file", "k", "clusterissuer/a/b"], "'clusterissuer/a/b' is not KIND/NAME"),
        (["--from-file", "missing"], "'missing' does not exist"),
        (["--from-file", "binary"], "binary is not UTF-8 text"),
    ],
)
def test_mistakes_are_one_sentence_and_exit_2(tmp_path, monkeypatch, capsys, arguments, complaint):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "k").write_text("")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert run(["diagnose", *arguments]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1


async def test_a_subject_that_is_not_there_is_exit_2(healthy, diagnosed):
    code, _, error = await diagnosed(healthy, "certificate/none")
    assert (code, "there is no certificate/default/none" in error) == (2, True)


def test_nobody_there_is_one_sentence_and_exit_2(tmp_path, capsys):
    path = kubeconfig(tmp_path, "http://127.0.0.1:1")
    assert run(["diagnose", "--kubeconfig", path]) == 2
    assert "does not let us in: connection refused" in capsys.readouterr().err
    assert run(["diagnose", "--kubernetes", "http://127.0.0.1:1"]) == 2
    assert "nothing answers at http://127.0.0.1:1; is 'gravel up' running?" in capsys.readouterr().err
