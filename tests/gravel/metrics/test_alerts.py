"""The alert rules of examples/alerts, tested by promtool; their metrics are those that there are."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from gravel.metrics.documented import FAMILIES

ALERTS = Path(__file__).parents[3] / "examples" / "alerts"
# What the literal rules ask for, and nobody has.
CUSTOM = 'controller="certificaterequests-issuer-custom-issuer"'


def rules(name):
    groups = yaml.safe_load((ALERTS / name).read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def promtool(*arguments):
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.client("promtool")
@pytest.mark.parametrize("name", ["literal.yaml", "corrected.yaml"])
def test_the_rules_are_well_formed(name):
    code, said = promtool("check", "rules", ALERTS / name)
    assert (code, f"{len(rules(name))} rules found" in said) == (0, True), said


@pytest.mark.seed("B37", "B51", "B52", "B53", "B54", "B55", "X12", "X13")
@pytest.mark.client("promtool")
@pytest.mark.parametrize("name", ["literal", "corrected"])
def test_the_rules_fire_and_are_silent_as_their_tests_say(name):
    code, said = promtool("test", "rules", ALERTS / f"{name}.test.yaml")
    assert code == 0, said


@pytest.mark.client("promtool")
@pytest.mark.parametrize("alert", rules("corrected.yaml"))
def test_each_corrected_rule_has_a_test_that_fails_without_it(alert, tmp_path):
    text = (ALERTS / "corrected.yaml").read_text()
    document = yaml.safe_load(text)
    for group in document["groups"]:
        group["rules"] = [
            {**rule, "expr": "vector(0) > 1"} if rule["alert"] == alert else rule for rule in group["rules"]
        ]
    (tmp_path / "corrected.yaml").write_text(yaml.safe_dump(document))
    (tmp_path / "test.yaml").write_text((ALERTS / "corrected.test.yaml").read_text())
    code, said = promtool("test", "rules", tmp_path / "test.yaml")
    assert code == 1
    assert set(re.findall(r"alertname: (\w+)", said)) == {alert}


@pytest.mark.seed("X11")
def test_the_corrected_rules_ask_for_metrics_that_there_are():
    names = {family.name for family in FAMILIES}
    for alert, rule in rules("corrected.yaml").items():
        asked = set(re.findall(r"\b(?:certmanager|gravel)_\w+", rule["expr"]))
        assert asked, alert
        assert asked <= names, alert


SEED = {
    "CertificateExpiringSoon": (
        (
            "(certmanager_certificate_expiration_timestamp_seconds - time()) < 604800 "
            'and certmanager_certificate_ready_status{condition="True"} == 1'
        ),
        "1h",
        "warning",
    ),
    "CertificateRenewalFailed": ('certmanager_certificate_ready_status{condition="False"} == 1', "15m", "critical"),
    "CertificateRequestStuck": (
        (
            f"certmanager_controller_sync_call_count{{{CUSTOM}}} "
            f"- certmanager_controller_sync_call_count{{{CUSTOM}}} offset 10m == 0"
        ),
        "30m",
        "warning",
    ),
    "CertificateRequestDenied": ("increase(certmanager_certificaterequest_denied_total[5m]) > 0", "0m", "warning"),
}


@pytest.mark.seed("X12", "X13")
def test_the_literal_rules_are_word_for_word():
    found = {
        alert: (" ".join(rule["expr"].split()), rule["for"], rule["labels"]["severity"])
        for alert, rule in rules("literal.yaml").items()
    }
    assert found == SEED
