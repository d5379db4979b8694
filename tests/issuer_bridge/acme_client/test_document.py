"""docs/acme-client.md: its example runs as it stands there, and its table has every call."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

from issuer_bridge.acme_client.async_client import AcmeClient
from tests.gravel.conftest import GRAVEL

DOCUMENT = (Path(__file__).parents[3] / "docs/acme-client.md").read_text()
[EXAMPLE] = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
ROWS = re.findall(r"^\| (`.+?`) \|", DOCUMENT.partition("## Errors")[0], re.MULTILINE)


def test_the_example_prints_a_chain(tmp_path):
    (tmp_path / "example.py").write_text(EXAMPLE)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GRAVEL_")}
    environment = {**inherited, "PYTHONPATH": str(Path(__file__).parents[3])}
    run = [*GRAVEL, "run", "--", sys.executable, "example.py"]
    done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.count("BEGIN CERTIFICATE")) == (0, 2), done.stderr


def test_every_call_is_in_the_table():
    told = re.findall(r"`(\w+)\(", " ".join(ROWS))
    calls = [name for name, _ in inspect.getmembers(AcmeClient, inspect.isfunction) if not name.startswith("_")]
    assert sorted(calls) == sorted(told)
