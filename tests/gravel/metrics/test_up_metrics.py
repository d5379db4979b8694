"""What Prometheus scrapes of a house that has issued the examples' certificates, over http-01 and dns-01."""

from __future__ import annotations

import re
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from gravel.metrics.documented import FAMILIES
from tests.gravel.metrics.samples import read

EXAMPLES = Path(__file__).parents[3] / "examples"


def get(url, tls_ca=None, **headers):
    tls = ssl.create_default_context(cafile=tls_ca) if tls_ca else None
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), context=tls) as answer:
        return answer.read().decode()


@pytest.mark.seed("B48", "B49")
@pytest.mark.client("promtool")
def test_what_a_house_tells_after_issuing_is_what_prometheus_wants(launch):
    up = launch("up", "--metrics-port", "0", "--apply", str(EXAMPLES))
    up.lines_until(lambda line: line["event"] == "timeline")
    whole = get(f"{up.ready['management']}/metrics", up.ready["tls_ca"])
    bridge = get(up.ready["metrics"])
    samples = read(whole)
    for type_ in ("HTTP-01", "DNS-01"):
        assert samples[f'gravel_challenges_decided_total{{state="valid",type="{type_}"}}'] > 0
    assert samples['gravel_certificates_issued_total{world="default"}'] == 3
    told = re.findall(r"^# TYPE (\w+) (\w+)$", whole, re.MULTILINE)
    assert sorted(told) == sorted((family.name, family.type) for family in FAMILIES)
    assert not [name for name in read(bridge) if "world=" in name]
    for text in (whole, bridge):
        checked = subprocess.run(
            ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        # cert-manager's names are older than what the linter wants; nothing else is found.
        assert {line.split()[0] for line in checked.stderr.splitlines()} == {
            "certmanager_clock_time_seconds",
            "certmanager_clock_time_seconds_gauge",
            "certmanager_controller_sync_call_count",
            "certmanager_controller_sync_error_count",
            "certmanager_http_acme_client_request_count",
        }


def test_the_port_of_the_bridge_wants_the_token_of_the_management_api(launch):
    up = launch("up", "--metrics-port", "0", "--management-token", "s3cret")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        get(up.ready["metrics"])
    assert "gravel_scheduler_slots 60.0" in get(up.ready["metrics"], Authorization="Bearer s3cret")
    assert up.ready["metrics"].startswith("http://127.0.0.1:")


def test_the_port_of_the_bridge_is_closed_unless_asked_for(launch):
    assert launch("up").ready["metrics"] is None
