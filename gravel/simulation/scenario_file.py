"""Scenarios from files: YAML (or JSON) as the table of fields has it, and the presets of the wheel.

certificates: 500
solver: {type: dns01, propagation: uniform 10s..90s}
cluster: {workers: 20}
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from gravel.simulation.scenario_fields import BY_PATH, SECTIONS, read
from gravel.simulation.value_kinds import did_you_mean
from issuer_bridge.yaml_documents import documents

_FOLDER = files("gravel.simulation") / "scenarios"


def read_file(path: Path) -> dict[str, Any]:
    """Return the values of a file, by path; ValueError says where it is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8") from None
    return read_text(text, str(path))


def presets() -> dict[str, str]:
    """Return the presets: their names, and what the first line of each says."""
    found = sorted((item for item in _FOLDER.iterdir() if item.name.endswith(".yaml")), key=lambda item: item.name)
    return {item.name.removesuffix(".yaml"): item.read_text().splitlines()[0].removeprefix("# ") for item in found}


def read_preset(name: str) -> dict[str, Any]:
    """Return the values of a preset; ValueError names the nearest."""
    known = presets()
    if name not in known:
        raise ValueError(f"{name}: unknown{did_you_mean(name, known)}")
    return {"name": name, **read_text((_FOLDER / f"{name}.yaml").read_text(), name)}


def read_text(text: str, where: str) -> dict[str, Any]:
    """Return the values of one document; `where` begins every complaint."""
    found = list(documents(text))
    if len(found) != 1:
        raise ValueError(f"{where} has {len(found)} documents; a scenario is one")
    if found[0].error:
        raise ValueError(f"{where}, line {found[0].line}: {found[0].error}")
    try:
        return dict(_members(found[0].value, ""))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _members(document: Any, section: str) -> list[tuple[str, Any]]:
    if not isinstance(document, Mapping):
        raise ValueError(f"{section}: is no mapping" if section else "is no mapping of a scenario's fields")
    prefix = f"{section}." if section else ""
    here = {path.removeprefix(prefix) for path in BY_PATH if path.startswith(prefix)}
    known = [name for name in (*sorted(here), *(() if section else SECTIONS)) if "." not in name]
    values: list[tuple[str, Any]] = []
    for key, value in document.items():
        path = prefix + key
        if key not in known:
            raise ValueError(f"{path}: unknown{did_you_mean(key, known)}")
        if path in SECTIONS:
            values += _members(value, path) or _present(path)
        else:
            values.append((path, read(BY_PATH[path], value, path)))
    return values


def _present(section: str) -> list[tuple[str, Any]]:
    """Take an empty section for one with its defaults: `renewals: {}` asks for renewals."""
    first = next(path for path in BY_PATH if path.startswith(f"{section}."))
    return [(first, BY_PATH[first].default)]
