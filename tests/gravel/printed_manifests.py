"""What `gravel manifest` prints, read back."""

from __future__ import annotations

import sys
from typing import Any

import yaml
from click.testing import CliRunner

from gravel.commands.manifest import command

GRAVEL = (sys.executable, "-c", "from gravel.cli import main; main()")
OTHERS = ["--name=acme", "--namespace=ca", "--image=r.test/gravel:1", "--zone=a.test", "--dns-address=10.43.0.53"]
OTHERS += ["--ingress-address=10.43.1.2", "--ingress-class=traefik"]


def printed(*arguments: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert result.exception is None, result.exception
    return list(yaml.safe_load_all(result.output))


def one(kind: str, documents: list[dict[str, Any]]) -> dict[str, Any]:
    return next(each for each in documents if each["kind"] == kind)


def arguments(documents: list[dict[str, Any]]) -> list[str]:
    return one("Deployment", documents)["spec"]["template"]["spec"]["containers"][0]["args"]
