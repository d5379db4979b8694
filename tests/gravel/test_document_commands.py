"""Every command in the documents is run by a test, or stands in the table below with the reason why none runs it.

A block of commands is what is fenced as `sh` or `console`, or indented. Pages with a test of their own are run there; what
is left is run here as it stands: what starts a server starts it on free ports, the rest follows in a shell.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
from markdown_it import MarkdownIt

from tests.gravel.conftest import GRAVEL

ROOT = Path(__file__).parents[2]
PAGES = sorted(str(path.relative_to(ROOT)) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")))

HERE = "run here"
CLUSTER = "needs a cluster; tests/gravel/test_cluster_files.py holds what of it is gravel's"
NETWORK = "needs the network"
BUILDS = "what whoever works on gravel does all day, and CI (.ci/run)"
RECORDED = "a command of conformance.clients; tests/conformance/clients runs it"

# Page -> who runs its blocks, one by one: a test, HERE, or why nobody does.
WHO: dict[str, list[str]] = {
    "CONTRIBUTING.md": [BUILDS],
    "README.md": [BUILDS],
    "docs/acme-client.md": ["tests/issuer_bridge/acme_client/test_document.py"],
    "docs/approval.md": ["tests/gravel/test_approval_document.py"] * 7,
    "docs/bridge.md": [HERE],
    "docs/cert-manager.md": ["needs cert-manager's own program, which no registry of Python, npm or Debian has"],
    "docs/challtestsrv.md": ["tests/gravel/test_challtestsrv_document.py"] * 2,
    "docs/chaos.md": [HERE],
    "docs/check.md": ["asks for names that others own"] + ["tests/gravel/test_check_document.py"] * 4,
    "docs/cluster.md": [CLUSTER] * 5 + ["tests/gravel/test_cluster_files.py"] * 3,
    "docs/conformance.md": ["takes minutes, and its second needs Pebble; tests/conformance runs the suite"],
    "docs/dns.md": ["tests/gravel/test_dns_document.py"] * 6,
    "docs/ingress-and-mesh.md": ["tests/gravel/test_ingress_document.py"] * 3,
    "docs/interoperability.md": [RECORDED] * 61,
    "docs/issuer-conformance.md": ["needs an issuer to hold to it; tests/conformance/issuer runs the suite"],
    "docs/issuer-library.md": [NETWORK] + ["tests/gravel/test_issuer_library_page.py"] * 6,
    "docs/kubectl.md": ["tests/clients/test_kubectl.py"] * 6,
    "docs/personalities.md": ["tests/gravel/test_pebble.py"],
    "docs/rate-limits.md": [HERE],
    "docs/simulate.md": [HERE] * 4,
    "docs/simulated.md": ["what `make simulated` ran; tests/scheduler/simulator/test_observations.py has the rows"] * 3,
    "docs/state.md": [HERE] * 2,
    "docs/tour.md": [HERE] * 4 + ["listens beyond loopback"],
    "docs/tutorial.md": [NETWORK] + [HERE] * 7,
    "docs/validation.md": ["tests/gravel/test_validation_document.py"] * 3,
}


@attrs.frozen
class Scene:
    """What a page needs that it does not say: how the server was started, files, and what is left out to save time."""

    start: str = "gravel run -- sh"
    files: tuple[str, ...] = ()
    shorter: tuple[tuple[str, str], ...] = ()


SCENES = {
    "docs/bridge.md": Scene("gravel up --apply examples/10-clusterissuer.yaml", ("certificate.yaml",)),
    "docs/chaos.md": Scene("gravel up"),
    "docs/simulate.md": Scene(
        "gravel up --apply examples/10-clusterissuer.yaml --apply examples/20-http01.yaml",
        ("fleet.yaml",),
        (("--seeds 100", "--seeds 2"), ("  stuck: 1%\n", "")),
    ),
    "docs/tutorial.md": Scene(files=("test_certificates.py",)),
}
STARTS = re.compile(r"gravel (up|serve|run)\b[^\n]*")
# Where things are by default, and under which name `--json` has them.
DEFAULTS = {14000: "directory", 15000: "management", 8053: "dns", 16443: "kubernetes"}


@attrs.frozen
class Block:
    """Commands of a page, and what they print if the page says so."""

    commands: str
    printed: str | None


def blocks(page: str) -> list[Block]:
    tokens = MarkdownIt().enable("table").parse((ROOT / page).read_text())
    shown = [one for one in tokens if one.type == "code_block" or one.info.split(" ")[0] in ("sh", "bash", "console")]
    return [block_of(one.content, says=one.info == "console") for one in shown]


def block_of(text: str, *, says: bool) -> Block:
    lines = text.splitlines(keepends=True)
    if not any(line.startswith("$ ") for line in lines):
        return Block(text, None)
    commands = "".join(line.removeprefix("$ ") for line in lines if line.startswith("$ "))
    return Block(commands, "".join(line for line in lines if not line.startswith("$ ")) if says else None)


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_commands_is_run_by_a_test_or_says_why_not(page):
    if page not in WHO:
        assert not blocks(page) or runners_of(page), f"{page}: nobody runs its commands; add it to WHO"
        return
    assert len(blocks(page)) == len(WHO[page]), f"{page} has other blocks than WHO says"
    for who in WHO[page]:
        if who.startswith("tests/"):
            assert Path(page).name in (ROOT / who).read_text()


def runners_of(page: str) -> list[Path]:
    """The tests of one page, by its name in them."""
    return [path for path in ROOT.glob("tests/**/test_*.py") if f'"{page}"' in path.read_text()]


@pytest.mark.client("lego", "curl", "openssl", "certbot")
@pytest.mark.parametrize("page", [page for page, who in WHO.items() if HERE in who])
def test_the_commands_of_a_page_do_what_they_should(page, launch, tmp_path):
    scene = SCENES.get(page, Scene())
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("examples", "tests"):
        (folder / name).symlink_to(ROOT / name)
    for name in scene.files:
        (folder / name).write_text(shortened(file_of(page, name), scene))
    start, script = scene.start, []
    for block in [block for block, who in zip(blocks(page), WHO[page], strict=True) if who == HERE]:
        if STARTS.fullmatch(block.commands.strip()):
            play(start, script, folder, launch, scene)
            start, script = block.commands.strip(), []
        else:
            script.append(block)
    play(start, script, folder, launch, scene)


def shortened(text: str, scene: Scene) -> str:
    for long, short in scene.shorter:
        text = text.replace(long, short)
    return text


def file_of(page: str, name: str) -> str:
    """The file that a page shows: named in its first line, or the only one of its kind."""
    kind = {"yaml": "yaml", "py": "python"}[name.rpartition(".")[2]]
    found = re.findall(rf"^```{kind}\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
    named = [text for text in found if text.startswith(f"# {name}\n")]
    [text] = named or [each for each in found if "issuerRef: {name: gravel" in each or "certificates: 500" in each]
    return text


def play(start: str, script: list[Block], folder: Path, launch, scene: Scene) -> None:
    """Start a server as the page does, and run what follows; what prints something is compared."""
    _, verb, *options = shlex.split(start)
    lines = "".join(f"printf '\\n# block\\n'\n{block.commands}" for block in script)
    lines = shortened(lines, scene)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GRAVEL_")}
    environment = {**inherited, "PATH": path, "PYTHONPATH": str(ROOT)}
    if verb == "run":
        command = [*GRAVEL, "run", *options[: options.index("--")], "--", "sh", "-euc", lines]
    else:
        (folder / "state").mkdir(exist_ok=True)
        options = [str(folder / word) if word.startswith(("./", "examples/")) else word for word in options]
        ready = launch(verb, *options).ready
        for port, name in DEFAULTS.items():
            address = (ready.get(name) or "").removeprefix("https://").removeprefix("http://").partition("/")[0]
            lines = lines.replace(f"127.0.0.1:{port}", address)
        (folder / "tls_ca.pem").write_text(Path(ready["tls_ca"]).read_text())
        environment |= {"ACME_TLS_CA": ready["tls_ca"], "ACME_MANAGEMENT": ready["management"]}
        environment["GRAVEL_MANAGEMENT"] = ready["management"]
        environment |= {"GRAVEL_KUBERNETES": ready["kubernetes"]} if verb == "up" else {}
        command = ["sh", "-euc", lines]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout.split("\n# block\n")[1:]
    assert [text for text, block in zip(said, script, strict=True) if block.printed not in (None, text)] == []
