import io
import json

import pytest

from issuer_bridge.kind_names import known_kinds
from issuer_bridge.manifests import ManifestError, parse, read
from issuer_bridge.resources import CERTIFICATE_REQUEST, ISSUER

HEAD = "apiVersion: cert-manager.io/v1\n"
ISSUER_TEXT = f"{HEAD}kind: Issuer\nmetadata:\n  name: gravel\n"
KNOWN = f"known are {known_kinds()}"
LOOP = "has more than 100000 values or 64 levels, or an alias that contains itself"


def mistakes(text, name="f.yaml"):
    with pytest.raises(ManifestError) as caught:
        parse(name, text)
    return list(caught.value.sentences)


def test_each_document_is_a_manifest_with_its_source():
    text = f"# nothing yet\n---\n{ISSUER_TEXT}---\n# empty\n---\n{ISSUER_TEXT.replace('gravel', 'other')}"
    found = parse("f.yaml", text)
    assert [(item.source, item.kind, item.resource["metadata"]["name"]) for item in found] == [
        ("f.yaml#1", ISSUER, "gravel"),
        ("f.yaml#3", ISSUER, "other"),
    ]


def test_values_are_jsons_and_moments_stay_text():
    [item] = parse(
        "f.yaml", ISSUER_TEXT + "spec: {a: 2026-11-22, b: 2026-11-22T01:02:03Z, c: 1, d: 1.5, e: yes, f: null}"
    )
    assert item.resource["spec"] == {
        "a": "2026-11-22",
        "b": "2026-11-22T01:02:03Z",
        "c": 1,
        "d": 1.5,
        "e": True,
        "f": None,
    }


def test_aliases_and_merges_are_followed():
    [item] = parse("f.yaml", ISSUER_TEXT + "spec:\n  one: &a {x: 1}\n  two: *a\n  three: {<<: *a, y: 2}\n")
    assert item.resource["spec"] == {"one": {"x": 1}, "two": {"x": 1}, "three": {"x": 1, "y": 2}}


def test_a_list_is_taken_apart():
    item = {"apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest", "metadata": {"name": "x"}}
    found = parse("f.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": [item, item]}))
    assert [(one.source, one.kind, one.resource) for one in found] == [
        ("f.json#1[0]", CERTIFICATE_REQUEST, item),
        ("f.json#1[1]", CERTIFICATE_REQUEST, item),
    ]


def test_json_may_hold_tabs():
    text = '{\n\t"apiVersion": "cert-manager.io/v1", "kind": "Issuer", "metadata": {"name": "x"}}'
    assert [item.kind for item in parse("f.json", text)] == [ISSUER]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "f.yaml: holds no document"),
        ("# only words\n---\n", "f.yaml: holds no document"),
        ("- 1\n", "line 1: is a list, not a mapping; a resource has apiVersion, kind, metadata and spec"),
        ("words", "line 1: is a string, not a mapping; a resource has apiVersion, kind, metadata and spec"),
        ("5", "line 1: is a number, not a mapping; a resource has apiVersion, kind, metadata and spec"),
        ("true", "line 1: is a boolean, not a mapping; a resource has apiVersion, kind, metadata and spec"),
        ("\n\na: b\n", f"line 3: has no kind; {KNOWN}"),
        (
            f"{HEAD}kind: CertificatRequest\n",
            "line 2: the kind CertificatRequest is not known here; did you mean CertificateRequest?",
        ),
        (f"{HEAD}kind: DaemonSet\n", f"line 2: the kind DaemonSet is not known here; {KNOWN}"),
        (f"{HEAD}kind: [Issuer]\n", f"line 2: has no kind; {KNOWN}"),
        ("kind: Issuer\n", "line 1: this Issuer has no apiVersion; write apiVersion: cert-manager.io/v1"),
        (
            "kind: Issuer\napiVersion: cert-manager.io/v1alpha2\n",
            "line 2: the apiVersion cert-manager.io/v1alpha2 is not known for Issuer; write cert-manager.io/v1",
        ),
        (f"{HEAD}kind: Issuer\n", "line 1: this Issuer has no metadata; give it metadata.name"),
        (f"{HEAD}kind: Issuer\nmetadata: x\n", "line 3: this Issuer has no metadata; give it metadata.name"),
        (f"{HEAD}kind: Issuer\nmetadata:\n  labels: {{}}\n", "line 3: this Issuer has no metadata.name; give it one"),
        (f"{HEAD}kind: Issuer\nmetadata:\n  name: ''\n", "line 3: this Issuer has no metadata.name; give it one"),
        (
            f"{HEAD}kind: Issuer\nmetadata:\n  generateName: x-\n",
            "line 4: this Issuer has generateName and no name; apply needs metadata.name, to find it again",
        ),
        (f"{HEAD}kind: Issuer\nmetadata:\n  name: 5\n", "line 4: metadata.name is a number, not a string; quote it"),
        (
            f"{HEAD}kind: Issuer\nmetadata:\n  name: x\n  namespace: no\n",
            "line 5: metadata.namespace is a boolean, not a string; quote it",
        ),
        (
            "kind: List\nitems:\n- kind: Issuer\n  apiVersion: v1\n",
            "line 4: the apiVersion v1 is not known for Issuer; write cert-manager.io/v1",
        ),
        (
            "kind: List\nitems:\n- 3\n",
            "line 3: is a number, not a mapping; a resource has apiVersion, kind, metadata and spec",
        ),
        ('{"kind": "Issuer"}', "line 1: this Issuer has no apiVersion; write apiVersion: cert-manager.io/v1"),
        ("a: [\n", "line 2: is not YAML: expected the node content, but found '<stream end>'"),
        ("a: b\n c: d\n", "line 2: is not YAML: mapping values are not allowed here"),
        ('{"kind":', "line 1: is not YAML: expected the node content, but found '<stream end>'"),
        ("kind: *nope\n", "line 1: is not YAML: found undefined alias 'nope'"),
        ("a: \x01\n", "line 1: is not YAML: special characters are not allowed"),
        ("a: 1\nb: 2\na: 3\n", "line 3: the key 'a' is there twice"),
        ("a: 1\n1: 2\n", "line 2: the key 1 is not a string; quote it"),
        ("a: !secret b\n", "line 1: could not determine a constructor for the tag '!secret'"),
        ("a: !!int x\n", "line 1: has a value that cannot be read (invalid literal for int() with base 10: 'x')"),
        ("a: !!binary aGk=\n", "line 1: has a value of the YAML type bytes, which JSON does not know"),
        ("a: [.inf]\n", "line 1: has the number inf, which JSON does not know"),
        ("a: &x [*x]\n", f"line 1: {LOOP}"),
        ("[" * 3000, f"line 1: {LOOP}"),
        ('{"a":' * 3000, f"line 1: {LOOP}"),
        (
            "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
            + "".join(f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)),
            f"line 1: {LOOP}",
        ),
    ],
    ids=lambda value: repr(value)[:50],
)  # fmt: skip
def test_a_mistake_is_one_sentence_that_says_where(text, sentence):
    where = "" if sentence.startswith("f.yaml") else "f.yaml, document 1, "
    assert mistakes(text) == [where + sentence]


def test_every_document_with_a_mistake_is_told():
    text = f"a: b\n---\n{ISSUER_TEXT}---\nkind: Issuer\n---\nc: [\n"
    assert [sentence.split(":")[0] for sentence in mistakes(text)] == [
        "f.yaml, document 1, line 1",
        "f.yaml, document 3, line 8",
        "f.yaml, document 4, line 11",
    ]


def test_files_directories_and_standard_input_are_read_in_order(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("b.yaml", "a.yml", "c.json"):
        (folder / name).write_text(ISSUER_TEXT if name != "c.json" else json.dumps(parse("x", ISSUER_TEXT)[0].resource))
    for name in ("notes.txt", ".#b.yaml"):
        (folder / name).write_text("not a manifest: [")
    single = tmp_path / "single.txt"
    single.write_bytes(b"\xef\xbb\xbf" + ISSUER_TEXT.encode())
    found = read([str(single), str(folder), "-"], io.BytesIO(ISSUER_TEXT.encode()))
    assert [item.source for item in found] == [
        f"{single}#1",
        f"{folder}/a.yml#1",
        f"{folder}/b.yaml#1",
        f"{folder}/c.json#1",
        "standard input#1",
    ]


def test_what_cannot_be_read_is_told_for_every_path(tmp_path):
    (tmp_path / "empty").mkdir()
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"a: b\nc: \xe4\n")
    paths = [str(tmp_path / name) for name in ("absent.yaml", "empty", "latin.yaml")]
    with pytest.raises(ManifestError) as caught:
        read(paths, io.BytesIO())
    assert caught.value.sentences == (
        f"{paths[0]}: no such file or directory",
        f"{paths[1]}: the directory holds no *.yaml, *.yml or *.json file",
        f"{paths[2]}, line 2: is not UTF-8; save it in that encoding",
    )


DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: corpissuers.corp.test}
spec:
  group: corp.test
  scope: Namespaced
  names: {kind: CorpIssuer, plural: corpissuers}
  versions: [{name: v1alpha1}, {name: v1}]
"""
DEFINED = "apiVersion: corp.test/v1\nkind: CorpIssuer\nmetadata: {name: mine}\n"


def test_what_is_defined_among_the_files_is_known_and_its_definition_comes_first(tmp_path):
    (tmp_path / "a.yaml").write_text(DEFINED)
    (tmp_path / "b.yaml").write_text(DEFINITION)
    found = [item.kind for item in read([str(tmp_path)], None)]
    assert [(kind.kind, kind.plural, kind.api_version) for kind in found] == [
        ("CustomResourceDefinition", "customresourcedefinitions", "apiextensions.k8s.io/v1"),
        ("CorpIssuer", "corpissuers", "corp.test/v1"),
    ]


@pytest.mark.parametrize(
    ("definition", "sentence"),
    [
        ("", "the kind CorpIssuer is not known here"),
        (DEFINITION.replace("{name: v1alpha1}, {name: v1}", "{name: v2}"), "write corp.test/v2"),
        (DEFINITION.replace("group:", "grupp:"), "the kind CorpIssuer is not known here"),
    ],
    ids=["none", "another version", "a broken one"],
)
def test_what_no_definition_defines_is_not_known(tmp_path, definition, sentence):
    (tmp_path / "a.yaml").write_text(f"{DEFINED}---{definition}")
    with pytest.raises(ManifestError, match=sentence):
        read([str(tmp_path / "a.yaml")], None)
