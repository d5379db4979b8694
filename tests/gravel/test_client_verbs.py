"""The verbs that speak to a running house, against a real API whose statuses the test writes."""

import asyncio
import json

import pytest
import yaml
from click.testing import CliRunner

from gravel.cli import gravel
from gravel.client_command import resource_name
from issuer_bridge.resources import CERTIFICATE_REQUEST, CHALLENGE, CLUSTER_ISSUER, EVENT, NAMESPACE, ORDER, SECRET
from tests.embedded_api import new_store, serving

ISSUER = """\
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata:
  name: gravel
spec:
  acme:
    server: gravel://default
    privateKeySecretRef: {name: key}
    solvers:
    - http01: {}
"""
REQUEST = """\
apiVersion: cert-manager.io/v1
kind: CertificateRequest
metadata:
  name: www
spec:
  request: Zm9v
  issuerRef: {name: gravel, kind: ClusterIssuer}
"""
APPROVED = {"type": "Approved", "status": "True", "reason": "cert-manager.io", "message": "approved"}
ISSUED = [APPROVED, {"type": "Ready", "status": "True", "reason": "Issued", "message": "fetched"}]
FAILED = [APPROVED, {"type": "Ready", "status": "False", "reason": "Failed", "message": "bad CSR"}]
PENDING = [APPROVED, {"type": "Ready", "status": "False", "reason": "Pending", "message": "waiting"}]


class House:
    """A store behind an API, and a command line that is pointed at it."""

    def __init__(self, store, url):
        self.store, self.url = store, url

    async def run(self, *arguments, stdin=None):
        """Run `gravel ARGUMENTS` beside the API; return the exit code, what it printed, and what it complained of."""
        result = await asyncio.to_thread(
            CliRunner().invoke, gravel, arguments, input=stdin, env={"GRAVEL_KUBERNETES": self.url}
        )
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.stdout, result.stderr

    def request(self, name="www", conditions=None, namespace="default"):
        """Create a CertificateRequest, perhaps with conditions."""
        metadata = {"name": name, "namespace": namespace}
        spec = {"request": "Zm9v", "issuerRef": {"name": "gravel"}}
        made = self.store.insert(CERTIFICATE_REQUEST, {"metadata": metadata, "spec": spec})
        return self.tell(name, conditions, namespace) if conditions else made

    def tell(self, name, conditions, namespace="default"):
        """Write a request's conditions, as the bridge does."""
        resource = self.store.get(CERTIFICATE_REQUEST, namespace, name)
        return self.store.replace_status(CERTIFICATE_REQUEST, resource | {"status": {"conditions": conditions}})

    def when_added(self, kind, answer):
        """Call back when an object of a kind has been created."""
        self.store.watch(lambda event, of, _: answer() if (event, of) == ("ADDED", kind) else None)


@pytest.fixture
async def house():
    store = new_store()
    for name in ("one", "two", "other", "shop"):
        store.insert(NAMESPACE, {"metadata": {"name": name}})
    async with serving(store) as url:
        yield House(store, url)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "1.yaml").write_text(ISSUER)
    (tmp_path / "2.yaml").write_text(REQUEST)
    return str(tmp_path)


@pytest.mark.parametrize(("conditions", "code"), [(ISSUED, 0), (FAILED, 1)], ids=["issued", "failed"])
async def test_apply_follows_requests_to_their_end(house, files, conditions, code):
    house.when_added(CERTIFICATE_REQUEST, lambda: house.tell("www", conditions))
    exit_code, out, complaint = await house.run("apply", files, "--timeout", "60")
    assert (exit_code, complaint) == (code, "")
    lines = out.splitlines()
    assert lines[:2] == [
        "clusterissuer.cert-manager.io/gravel created",
        "certificaterequest.cert-manager.io/www created",
    ]
    assert lines[-1] == f"default/www {'Ready (Issued): fetched' if code == 0 else 'Failed: bad CSR'}"


async def test_apply_says_what_it_still_waited_for(house, files):
    exit_code, _, complaint = await house.run("apply", files, "--timeout", "0.5")
    assert exit_code == 1
    assert complaint.startswith("gave up after 0.5 s: default/www ")


async def test_apply_need_not_wait_and_is_idempotent(house, files):
    assert (await house.run("apply", files, "--no-wait"))[0] == 0
    assert await house.run("apply", files, "--no-wait") == (
        0,
        "clusterissuer.cert-manager.io/gravel unchanged\ncertificaterequest.cert-manager.io/www unchanged\n",
        "",
    )


async def test_apply_reads_standard_input_and_prints_json(house):
    exit_code, out, _ = await house.run("apply", "-", "-n", "shop", "--no-wait", "--json", stdin=REQUEST)
    assert (exit_code, json.loads(out)) == (
        0,
        {
            "event": "applied",
            "resource": "certificaterequest.cert-manager.io/www",
            "namespace": "shop",
            "action": "created",
        },
    )
    assert house.store.get(CERTIFICATE_REQUEST, "shop", "www")


async def test_apply_tells_every_mistake_and_applies_nothing(house, tmp_path):
    (tmp_path / "1.yaml").write_text(REQUEST)
    (tmp_path / "2.yaml").write_text("kind: CertificatRequest\n")
    exit_code, _, complaint = await house.run("apply", str(tmp_path))
    assert exit_code == 1
    assert f"{tmp_path}/2.yaml, document 1, line 1: the kind CertificatRequest is not known here" in complaint
    assert house.store.list(CERTIFICATE_REQUEST) == []


async def test_apply_tells_what_the_api_refuses(house):
    sent = REQUEST.replace("request: Zm9v", "request: Zm9v\n  isca: true")
    exit_code, out, complaint = await house.run("apply", "-", stdin=sent)
    assert (exit_code, out) == (1, "")
    assert 'standard input#1: CertificateRequest in version "v1"' in complaint
    assert 'unknown field "spec.isca"; did you mean "isCA"?' in complaint


async def test_apply_refuses_two_namespaces(house):
    sent = REQUEST.replace("name: www", "name: www\n  namespace: own")
    exit_code, _, complaint = await house.run("apply", "-", "-n", "shop", stdin=sent)
    assert exit_code == 1
    assert "is for the namespace 'own', not 'shop'" in complaint


async def test_get_lists_a_kind_in_a_table(house):
    house.request("b", ISSUED)
    house.request("a")
    house.request("c", namespace="other")
    for word in ("cr", "CertificateRequests", "certificaterequests.cert-manager.io"):
        exit_code, out, _ = await house.run("get", word)
        assert exit_code == 0
        assert [line.split()[:-1] for line in out.splitlines()] == [
            ["NAME", "APPROVED", "DENIED", "READY", "ISSUER", "REQUESTER"],
            ["a", "gravel"],
            ["b", "True", "True", "gravel"],
        ]


async def test_get_lists_several_kinds_of_all_namespaces(house):
    house.request("a", namespace="one")
    house.request("b", namespace="two")
    house.store.insert(SECRET, {"metadata": {"name": "s", "namespace": "one"}})
    _, out, _ = await house.run("get", "cr,orders,secrets", "-A")
    assert [line.split()[:2] for line in out.splitlines()] == [
        ["NAMESPACE", "NAME"],
        ["one", "a"],
        ["two", "b"],
        [],
        ["NAMESPACE", "NAME"],
        ["one", "s"],
    ]


async def test_get_prints_one_resource_as_yaml_and_json(house):
    made = house.request("www", ISSUED)
    _, text, _ = await house.run("get", "cr", "www", "-o", "yaml")
    assert yaml.safe_load(text) == made
    for option in (["-o", "json"], ["--json"]):
        _, text, _ = await house.run("get", "cr", "www", *option)
        assert json.loads(text) == made


async def test_get_prints_several_resources_as_a_list(house):
    made = [house.request("a"), house.request("b")]
    _, text, _ = await house.run("get", "cr", "-o", "yaml")
    assert (yaml.safe_load(text)["kind"], yaml.safe_load(text)["items"]) == ("List", made)
    _, text, _ = await house.run("get", "cr", "b", "a", "-o", "json")
    assert json.loads(text)["items"] == made[::-1]
    assert await house.run("get", "cr", "-o", "name") == (
        0,
        "certificaterequest.cert-manager.io/a\ncertificaterequest.cert-manager.io/b\n",
        "",
    )


async def test_get_selects_by_labels(house):
    for name, labels in (("a", {"x": "y"}), ("b", {})):
        metadata = {"name": name, "labels": labels}
        house.store.insert(SECRET, {"metadata": metadata})
    assert (await house.run("get", "secrets", "-l", "x=y", "-o", "name"))[1] == "secret/a\n"


async def test_get_says_what_is_not_there(house):
    house.request("a")
    assert await house.run("get", "cr", "nope", "-o", "yaml") == (
        1,
        "",
        'certificaterequests.cert-manager.io "nope" not found\n',
    )
    exit_code, out, complaint = await house.run("get", "cr", "a", "nope", "-o", "name")
    assert (exit_code, out) == (1, "certificaterequest.cert-manager.io/a\n")
    assert complaint == 'certificaterequests.cert-manager.io "nope" not found\n'
    assert await house.run("get", "orders") == (0, "", "No resources found in default namespace.\n")
    assert await house.run("get", "clusterissuers") == (0, "", "No resources found.\n")


async def test_get_lists_events_in_the_order_in_which_they_happened(house):
    for name, moment in (("a", "2026-11-22T01:00:01Z"), ("b", "2026-11-22T01:00:00Z")):
        event = {"metadata": {"name": name}, "reason": name, "lastTimestamp": moment}
        house.store.insert(EVENT, event | {"involvedObject": {"kind": "Order", "name": "o", "namespace": "default"}})
    _, out, _ = await house.run("get", "events", "-o", "name")
    assert out == "event/b\nevent/a\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("get", "ordrs"), "there is no kind of resource called 'ordrs'; did you mean orders?"),
        (("get", "zzz"), "there is no kind of resource called 'zzz'; known are Issuer,"),
        (("get", "cr", "a", "-A"), "a resource is got by name, or by -A and -l, not both"),
        (("get", "cr,orders", "-w"), "-w watches one kind, or one resource"),
        (("get", "cr", ""), "an empty name names nothing"),
        (("describe", "ordr", "x"), "did you mean order"),
        (("describe", "cr", "nope"), 'certificaterequests "nope" not found in the namespace default'),
        (("describe", "clusterissuer", "nope"), 'clusterissuers "nope" not found'),
        (("apply",), "Missing argument 'PATH...'"),
    ],
    ids=str,
)
async def test_what_cannot_be_done_is_told(house, arguments, complaint):
    exit_code, out, told = await house.run(*arguments)
    assert (exit_code > 0, out) == (True, "")
    assert complaint in " ".join(told.split())


@pytest.mark.parametrize("output", ["table", "yaml", "json", "name"])
async def test_get_goes_on_with_changes_until_the_server_ends(output):
    store, watched = new_store(), asyncio.Event()
    async with serving(store, watched) as url:
        house = House(store, url)
        house.request("a")
        task = asyncio.create_task(house.run("get", "cr", "-w", "-o", output))
        await watched.wait()
        house.request("b")
        house.tell("b", ISSUED)
    exit_code, out, _ = await task
    assert exit_code == 0
    shown = {
        "table": lambda: [line.split()[0] for line in out.splitlines()[1:]],
        "name": lambda: [line.rpartition("/")[2] for line in out.splitlines()],
        "yaml": lambda: names(yaml.safe_load_all(out)),
        "json": lambda: names(objects(out)),
    }
    assert shown[output]() == ["a", "b", "b"]


async def test_a_table_that_begins_empty_gets_its_header_with_the_first_row():
    store, watched = new_store(), asyncio.Event()
    async with serving(store, watched) as url:
        house = House(store, url)
        task = asyncio.create_task(house.run("get", "cr", "-w"))
        await watched.wait()
        house.request("a")
        house.request("longer-than-the-column")
    _, out, _ = await task
    assert [line.split()[0] for line in out.splitlines()] == ["NAME", "a", "longer-than-the-column"]


def names(documents):
    """List the names of objects and lists of them."""
    items = [item for document in documents for item in document.get("items", [document])]
    return [item["metadata"]["name"] for item in items]


def objects(text):
    """Read JSON documents one after the other."""
    decoder, position = json.JSONDecoder(), 0
    while position < len(text):
        value, position = decoder.raw_decode(text, position)
        yield value
        position += 1


@pytest.mark.seed("B56")
async def test_describe_shows_a_request_with_all_that_belongs_to_it(house):
    request = house.request("www", PENDING)
    owner = {"apiVersion": "v1", "kind": "X", "name": "www", "uid": request["metadata"]["uid"]}
    metadata = {"name": "www-1", "namespace": "default", "ownerReferences": [owner]}
    order = house.store.insert(ORDER, {"metadata": metadata, "spec": request["spec"]})
    spec = {"authorizationURL": "a", "key": "k", "token": "t", "url": "u", "solver": {"http01": {}}}
    spec |= {"dnsName": "www.test", "type": "HTTP-01", "issuerRef": {"name": "gravel"}}
    metadata = {"name": "www-1-2", "ownerReferences": [owner | {"uid": order["metadata"]["uid"]}]}
    house.store.insert(CHALLENGE, {"metadata": metadata, "spec": spec})
    about = {"kind": "Challenge", "name": "www-1-9", "namespace": "default"}
    event = {"metadata": {"generateName": "www."}, "involvedObject": about, "reason": "Presented", "type": "Normal"}
    house.store.insert(EVENT, event)
    exit_code, out, _ = await house.run("describe", "cr", "www")
    assert exit_code == 0
    words = [line.split()[:3] for line in out.splitlines()]
    for wanted in (
        ["Name:", "www"],
        ["Ready", "False", "<unknown>"],
        ["www-1", "new"],
        ["www.test", "HTTP-01", "queued"],
    ):
        assert wanted in [line[: len(wanted)] for line in words]
    assert "challenge/www-1-9" in out
    _, text, _ = await house.run("describe", "cr", "www", "--json")
    document = json.loads(text)
    assert {key: len(document[key]) for key in ("events", "orders", "challenges")} == {
        "events": 1,
        "orders": 1,
        "challenges": 1,
    }
    assert document["object"] == request


async def test_describe_shows_that_there_were_no_events(house):
    house.store.insert(CLUSTER_ISSUER, yaml.safe_load(ISSUER))
    exit_code, out, _ = await house.run("describe", "clusterissuer", "gravel")
    assert (exit_code, out.splitlines()[-1]) == (0, "Events: <none>")


@pytest.mark.seed("B34", "X5")
@pytest.mark.parametrize(
    ("verb", "condition", "word"), [("approve", "Approved", "approved"), ("deny", "Denied", "denied")]
)
async def test_a_decision_is_written_once(house, verb, condition, word):
    house.request("a")
    house.request("b", ISSUED[1:])
    exit_code, out, complaint = await house.run(verb, "a", "b", "nope", "--reason", "ByHand", "--message", "seen")
    assert (exit_code, out) == (1, f"certificaterequest.cert-manager.io/a {word}\n")
    assert complaint == "default/b has been issued already\ndefault/nope does not exist\n"
    [written] = house.store.get(CERTIFICATE_REQUEST, "default", "a")["status"]["conditions"]
    said = {"type": condition, "status": "True", "reason": "ByHand", "message": "seen"}
    assert written == {**said, "lastTransitionTime": written["lastTransitionTime"]}
    assert written["lastTransitionTime"].endswith("Z")
    exit_code, out, complaint = await house.run(verb, "a", "--json")
    assert json.loads(out) == {
        "event": "refused",
        "resource": "certificaterequest.cert-manager.io/a",
        "namespace": "default",
        "error": f"has already been {word} (ByHand: seen), and that is final",
    }
    assert exit_code == 1


async def test_a_decision_is_made_again_on_what_a_controller_wrote_meanwhile(house, monkeypatch):
    from gravel import deciding

    house.request("a")
    real, interfered = deciding.patch, []

    def interfering(request, decision, now):
        if not interfered:
            interfered.append(loop.call_soon_threadsafe(house.tell, "a", PENDING[1:]))
        return real(request, decision, now)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(deciding, "patch", interfering)
    assert (await house.run("approve", "a"))[0] == 0
    written = house.store.get(CERTIFICATE_REQUEST, "default", "a")["status"]["conditions"]
    assert [item["type"] for item in written] == ["Ready", "Approved"]


async def test_a_decision_is_given_up_when_a_controller_always_writes_first(house, monkeypatch):
    from gravel import deciding

    house.request("a")
    stale = {"metadata": {"resourceVersion": "0"}}
    monkeypatch.setattr(deciding, "patch", lambda *_: stale)
    exit_code, _, complaint = await house.run("approve", "a")
    assert exit_code == 1
    assert "the object has been modified" in complaint


async def test_silence_is_one_sentence(files):
    async with serving(new_store()) as url:
        pass
    house = House(None, url)
    for arguments in (("get", "cr"), ("apply", files), ("describe", "cr", "x"), ("approve", "x"), ("deny", "x")):
        exit_code, out, complaint = await house.run(*arguments)
        assert (exit_code, out) == (1, "")
        assert complaint == f"Error: nothing answers at {url}; is 'gravel up' running?\n"


@pytest.mark.parametrize("verb", ["apply", "get", "describe", "approve", "deny"])
def test_help_has_an_example(verb):
    result = CliRunner().invoke(gravel, [verb, "--help"])
    assert result.exit_code == 0
    assert f"gravel {verb} " in result.stdout.partition("Examples:")[2]


def test_an_object_is_named_as_kubectl_names_it():
    assert resource_name(ORDER, "x") == "order.acme.cert-manager.io/x"
    assert resource_name(SECRET, "x") == "secret/x"
