"""The Helm chart as the real helm renders it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[2] / "charts/gravel"
HELM = str(Path(sys.executable).with_name("helm"))
PEBBLE = ("--values", str(CHART / "values-pebble.yaml"))
# What only helm says of an object.
_HELM = ("app.kubernetes.io/managed-by", "app.kubernetes.io/version", "helm.sh/chart")


def helm(
    *words: str, stdin: str | None = None, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **(environment or {})}
    return subprocess.run([HELM, *words], input=stdin, env=environment, capture_output=True, text=True, check=False)


def rendered(
    *options: str, name: str = "gravel", namespace: str = "gravel", stdin: str | None = None
) -> list[dict[str, Any]]:
    """Return the chart's objects, without what only helm says of them."""
    done = helm("template", name, str(CHART), "--namespace", namespace, *options, stdin=stdin)
    assert done.returncode == 0, done.stderr
    documents = [each for each in yaml.safe_load_all(done.stdout) if each]
    for document in documents:
        for label in _HELM:
            document["metadata"].get("labels", {}).pop(label, None)
    return documents
