"""`gravel new-issuer`: a folder with an issuer of one's own in it, its CRDs, its RBAC, and tests that pass."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import click

EPILOG = """\
\b
Examples:
  gravel new-issuer rest-ca
  gravel new-issuer vault --group vault.example.com"""
_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,40}[a-z0-9])?")
_GROUP = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+")
# File -> its template, and what the two CRDs differ in: prefix of the kind, prefix of the plural, scope.
_FILES: Mapping[str, tuple[str, tuple[str, str, str]]] = {
    "README.md": ("README.md", ("", "", "")),
    "issuer.py": ("issuer.py", ("", "", "")),
    "rest_ca.py": ("rest_ca.py", ("", "", "")),
    "test_issuer.py": ("test_issuer.py", ("", "", "")),
    "manifests/issuers.yaml": ("crd.yaml", ("Issuer", "issuer", "Namespaced")),
    "manifests/clusterissuers.yaml": ("crd.yaml", ("ClusterIssuer", "clusterissuer", "Cluster")),
    "manifests/rbac.yaml": ("rbac.yaml", ("", "", "")),
    "manifests/example.yaml": ("example.yaml", ("", "", "")),
}


@click.command(epilog=EPILOG)
@click.argument("name")
@click.option("--group", metavar="GROUP", help="The API group of the issuer's kinds (default: NAME.example.com).")
def command(name: str, group: str | None) -> int:
    """Make the folder NAME with an issuer for cert-manager: two functions to change, all else in place."""
    if not _LABEL.fullmatch(name):
        raise click.UsageError(f"{name!r} is no name for an issuer: letters, digits and hyphens, such as rest-ca.")
    group = group or f"{name}.example.com"
    if not _GROUP.fullmatch(group):
        raise click.UsageError(f"{group!r} is no API group: a domain of yours, such as issuers.example.com.")
    folder = Path(name)
    if folder.exists():
        raise click.ClickException(f"{folder} is there already; choose another name, or move it away.")
    for file, text in scaffold(name, group).items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    click.echo(
        f"{folder}/issuer.py signs what names a {_words(name)['Kind']}Issuer; {folder}/README.md says how to run it."
    )
    return 0


def scaffold(name: str, group: str) -> dict[str, str]:
    """Return the files of an issuer, by their path."""
    templates = files("gravel") / "scaffold"
    found = {}
    for file, (template, (kind, lower, scope)) in _FILES.items():
        text = (templates / f"{template}.txt").read_text()
        words = {"group": group, **_words(name), "scope": scope}
        words |= {"IssuerKind": words["Kind"] + kind, "singular": words["kind"] + lower}
        words["plural"] = f"{words['singular']}s"
        for word, value in words.items():
            text = text.replace(f"@{word}@", value)
        found[file] = text
    return found


def _words(name: str) -> dict[str, str]:
    kind = "".join(part.capitalize() for part in name.split("-"))
    return {"name": name, "Kind": kind, "kind": kind.lower()}
