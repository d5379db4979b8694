"""Reads manifests: texts to resources, and every mistake to one sentence that says where it is and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import attrs

from issuer_bridge.kind_names import known_kinds, nearest_kind
from issuer_bridge.resources import KINDS, Kind, Resource
from issuer_bridge.yaml_documents import Document, documents

STANDARD_INPUT = "-"
DEFINITION = "CustomResourceDefinition"
SUFFIXES = (".yaml", ".yml", ".json")


@attrs.frozen
class Manifest:
    """One resource as somebody wrote it; `source` is `FILE#NUMBER` of its document."""

    source: str
    kind: Kind
    resource: Resource


class ManifestError(Exception):
    """What is wrong, one sentence for each mistake."""

    def __init__(self, sentences: Sequence[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = tuple(sentences)


class _Mistake(Exception):  # noqa: N818 - carries one sentence inside this module
    """Where in the document, and what."""

    def __init__(self, text: str, *path: str | int) -> None:
        super().__init__(text)
        self.path = path


def read(paths: Sequence[str], standard_input: BinaryIO) -> list[Manifest]:
    """Read files, directories (their *.yaml, *.yml and *.json, sorted) and `-`; raise ManifestError for all mistakes.

    CustomResourceDefinitions come first, wherever they were, and their kinds are known.
    """
    texts: list[tuple[str, str]] = []
    found: list[Manifest] = []
    mistakes: list[str] = []
    for path in paths:
        try:
            texts += ((name, _decoded(name, data)) for name, data in _texts(path, standard_input))
        except ManifestError as error:
            mistakes += error.sentences
    kinds = (*KINDS, *(kind for _, text in texts if DEFINITION in text for kind in _defined(text)))
    for name, text in texts:
        try:
            found += parse(name, text, kinds)
        except ManifestError as error:
            mistakes += error.sentences
    if mistakes:
        raise ManifestError(mistakes)
    return sorted(found, key=lambda manifest: manifest.kind.kind != DEFINITION)


def _defined(text: str) -> Iterator[Kind]:
    """Yield the kinds that a text's definitions define; what is wrong with them, the API says."""
    for document in documents(text):
        value = document.value
        with suppress(KeyError, TypeError):
            if value["kind"] == DEFINITION:
                spec = value["spec"]
                names, namespaced = spec["names"], spec["scope"] == "Namespaced"
                for version in spec["versions"]:
                    yield Kind(spec["group"], version["name"], names["kind"], names["plural"], namespaced, custom=True)


def _texts(path: str, standard_input: BinaryIO) -> Iterator[tuple[str, bytes]]:
    if path == STANDARD_INPUT:
        yield "standard input", standard_input.read()
        return
    place = Path(path)
    try:
        if not place.is_dir():
            yield path, place.read_bytes()
            return
        files = [item for item in sorted(place.iterdir()) if item.suffix in SUFFIXES and item.name[0] != "."]
        if not files:
            raise ManifestError([f"{path}: the directory holds no *.yaml, *.yml or *.json file"])
        for file in files:
            yield str(file), file.read_bytes()
    except OSError as error:
        raise ManifestError([f"{error.filename or path}: {(error.strerror or str(error)).lower()}"]) from None


def _decoded(name: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ManifestError([f"{name}, line {line}: is not UTF-8; save it in that encoding"]) from None


def parse(name: str, text: str, kinds: Sequence[Kind] = KINDS) -> list[Manifest]:
    """Read all documents of a text; raise ManifestError with a sentence for each that is wrong."""
    found: list[Manifest] = []
    mistakes: list[str] = []
    for document in documents(text):
        where = f"{name}, document {document.number}"
        if document.error:
            mistakes.append(f"{where}, line {document.line}: {document.error}")
            continue
        try:
            found += _manifests(f"{name}#{document.number}", document, kinds)
        except _Mistake as mistake:
            mistakes.append(f"{where}, line {document.line_of(*mistake.path)}: {mistake}")
    if not found and not mistakes:
        mistakes.append(f"{name}: holds no document")
    if mistakes:
        raise ManifestError(mistakes)
    return found


def _manifests(source: str, document: Document, kinds: Sequence[Kind]) -> Iterator[Manifest]:
    value = document.value
    if isinstance(value, dict) and isinstance(value.get("items"), list) and str(value.get("kind")).endswith("List"):
        for index, item in enumerate(value["items"]):
            yield _manifest(f"{source}[{index}]", item, ("items", index), kinds)
    else:
        yield _manifest(source, value, (), kinds)


def _manifest(source: str, value: Any, path: tuple[str | int, ...], kinds: Sequence[Kind]) -> Manifest:
    if not isinstance(value, dict):
        text = f"is a {_called(value)}, not a mapping; a resource has apiVersion, kind, metadata and spec"
        raise _Mistake(text, *path)
    kind = _kind(value, path, kinds)
    metadata = value.get("metadata")
    if not isinstance(metadata, dict):
        raise _Mistake(f"this {kind.kind} has no metadata; give it metadata.name", *path, "metadata")
    if "generateName" in metadata and "name" not in metadata:
        raise _Mistake(
            f"this {kind.kind} has generateName and no name; apply needs metadata.name, to find it again",
            *path, "metadata", "generateName",
        )  # fmt: skip
    name = metadata.get("name")
    if name is None or name == "":
        raise _Mistake(f"this {kind.kind} has no metadata.name; give it one", *path, "metadata")
    for field in ("name", "namespace"):
        if not isinstance(metadata.get(field, ""), str):
            text = f"metadata.{field} is a {_called(metadata[field])}, not a string; quote it"
            raise _Mistake(text, *path, "metadata", field)
    return Manifest(source, kind, value)


def _kind(value: Resource, path: tuple[str | int, ...], kinds: Sequence[Kind]) -> Kind:
    name, version = value.get("kind"), value.get("apiVersion")
    if not isinstance(name, str) or not name:
        raise _Mistake(f"has no kind; known are {known_kinds()}", *path, "kind")
    named = [kind for kind in kinds if kind.kind == name]
    if not named:
        near = nearest_kind(name)
        hint = f"did you mean {near.kind}?" if near else f"known are {known_kinds()}"
        raise _Mistake(f"the kind {name} is not known here; {hint}", *path, "kind")
    versions = " or ".join(kind.api_version for kind in named)
    if version is None:
        raise _Mistake(f"this {name} has no apiVersion; write apiVersion: {versions}", *path)
    for kind in named:
        if kind.api_version == version:
            return kind
    raise _Mistake(f"the apiVersion {version} is not known for {name}; write {versions}", *path, "apiVersion")


def _called(value: Any) -> str:
    names = ((bool, "boolean"), (str, "string"), (list, "list"), (dict, "mapping"), (int | float, "number"))
    return next((name for kind, name in names if isinstance(value, kind)), "null")
