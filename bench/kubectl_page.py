"""Writes docs/kubectl.md: kubectl against a fresh `gravel up`, as it was run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.clients.kubectl_commands import COMMANDS, KUBECTL, ROOT, running_house

PAGE = ROOT / "docs" / "kubectl.md"
HEAD = """\
# kubectl

`gravel up` serves a Kubernetes API at `http://127.0.0.1:16443` that kubectl takes for a cluster's: discovery, OpenAPI,
tables, watches, protobuf, reviews and RBAC. Nobody has to log in there, and whoever asks is the admin, unless `gravel up`
has a [`--kubernetes-token`](kubernetes-api.md#who-asks). `--as` makes a request somebody else's, whom the roles and bindings
in the store then allow what they say.

Below, kubectl {version} speaks to a fresh `gravel up`. `make kubectl` installs it, `make kubectl-page` writes this page.

"""


def main() -> int:
    """Run the commands, and write what they print."""
    with tempfile.TemporaryDirectory() as folder, running_house(Path(folder)) as url:
        home = {"PATH": os.environ["PATH"], "HOME": folder, "KUBECONFIG": f"{folder}/none"}

        def run(command: str) -> str:
            shell = f'alias kubectl="{KUBECTL} --server {url}"\n{command}'
            done = subprocess.run(
                ["sh", "-c", shell], env=home, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
            )
            # What differs from run to run is cut to what does not.
            return re.sub(r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:16443", done.stdout.decode().rstrip())

        version = run("kubectl version --client").split()[2]
        blocks = [f"{about}\n\n```console\n{_shown(commands, run)}\n```\n" for about, commands in COMMANDS]
    PAGE.write_text(HEAD.format(version=version) + "\n".join(blocks))
    return 0


def _shown(commands: Sequence[str], run: Callable[[str], str]) -> str:
    return "\n".join(f"$ {command}\n{run(command)}" for command in commands)


if __name__ == "__main__":
    sys.exit(main())
