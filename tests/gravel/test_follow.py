import asyncio
import io
import json

import pytest
from rich.console import Console

from gravel.follow import WATCHED, follow
from gravel.kube_client import KubeClient, Unreachable
from gravel.progress_display import table
from gravel.request_progress import ChallengeProgress, Progress, Verdict
from issuer_bridge.resources import CERTIFICATE_REQUEST, CHALLENGE, ORDER, ApiError
from tests.embedded_api import new_store, serving

PATIENCE = 60


def add(store, kind, name, owner=None, **spec):
    metadata = {"name": name, "namespace": "default"}
    if owner:
        about = {"apiVersion": "v1", "kind": "X", "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
        metadata["ownerReferences"] = [about]
    base = {"issuerRef": {"name": "gravel"}} | ({} if kind == CHALLENGE else {"request": "Zm9v"})
    return store.insert(kind, {"metadata": metadata, "spec": base | spec})


def tell(store, kind, name, **status):
    resource = store.get(kind, "default", name)
    return store.replace_status(kind, {**resource, "status": (resource.get("status") or {}) | status})


def condition(name, status, reason, message=""):
    return {"type": name, "status": status, "reason": reason, "message": message}


APPROVED = condition("Approved", "True", "cert-manager.io")
ISSUED = [APPROVED, condition("Ready", "True", "Issued", "fetched")]
FAILED = [APPROVED, condition("Ready", "False", "Failed", "bad CSR")]


class Screen(io.StringIO):
    """What was printed, and an event for each line of it."""

    def __init__(self):
        super().__init__()
        self.printed = asyncio.Event()

    def write(self, text):
        self.printed.set()
        return super().write(text)

    async def until(self, text):
        async with asyncio.timeout(PATIENCE):
            while text not in self.getvalue():
                await self.printed.wait()
                self.printed.clear()


@pytest.fixture
async def store():
    return new_store()


@pytest.fixture
async def client(store):
    async with serving(store) as url, KubeClient(url) as client:
        yield client


def following(client, screen, *names, timeout=PATIENCE, json=False, terminal=False):
    console = Console(file=screen, force_terminal=terminal, width=100, height=20, highlight=False)
    keys = [("default", name) for name in names]
    return asyncio.create_task(follow(client, keys, timeout=timeout, console=console, json=json))


async def test_a_request_is_followed_from_approval_to_the_certificate(client, store):
    screen = Screen()
    request = add(store, CERTIFICATE_REQUEST, "www")
    task = following(client, screen, "www")
    await screen.until("default/www Pending: not approved yet\n")
    tell(store, CERTIFICATE_REQUEST, "www", conditions=[APPROVED])
    order = add(store, ORDER, "www-1", request)
    tell(store, ORDER, "www-1", state="pending")
    spec = {"authorizationURL": "a", "key": "k", "token": "t", "url": "u", "solver": {"http01": {}}}
    add(store, CHALLENGE, "www-1-2", order, dnsName="x.test", type="HTTP-01", **spec)
    await screen.until("default/www Pending: order pending; HTTP-01 x.test queued\n")
    tell(store, CHALLENGE, "www-1-2", processing=True, presented=True, reason="not seen")
    await screen.until("default/www Pending: order pending; HTTP-01 x.test checking: not seen\n")
    store.remove(CHALLENGE, "default", "www-1-2")
    tell(store, CERTIFICATE_REQUEST, "www", conditions=ISSUED)
    [progress] = await task
    assert (progress.verdict, progress.order_state) == (Verdict.READY, "pending")
    assert screen.getvalue().endswith("default/www Ready (Issued): fetched\n")


async def test_following_ends_when_all_are_over_however_they_ended(client, store):
    for name in ("good", "bad", "gone"):
        add(store, CERTIFICATE_REQUEST, name)
    screen = Screen()
    task = following(client, screen, "good", "bad", "gone", "absent")
    await screen.until("default/gone Pending")
    tell(store, CERTIFICATE_REQUEST, "good", conditions=ISSUED)
    tell(store, CERTIFICATE_REQUEST, "bad", conditions=FAILED)
    store.remove(CERTIFICATE_REQUEST, "default", "gone")
    assert [item.verdict for item in await task] == [
        Verdict.READY,
        Verdict.FAILED,
        Verdict.DELETED,
        Verdict.DELETED,
    ]


async def test_when_the_time_is_up_the_rest_is_pending(client, store):
    add(store, CERTIFICATE_REQUEST, "good")
    add(store, CERTIFICATE_REQUEST, "slow")
    tell(store, CERTIFICATE_REQUEST, "good", conditions=ISSUED)
    screen = Screen()
    task = following(client, screen, "good", "slow", timeout=0.5)
    verdicts = {item.name: item.verdict for item in await task}
    assert verdicts["slow"] == Verdict.PENDING


async def test_a_line_is_printed_only_when_it_changes(client, store):
    screen = Screen()
    add(store, CERTIFICATE_REQUEST, "www")
    task = following(client, screen, "www")
    await screen.until("not approved yet")
    add(store, ORDER, "unrelated")
    tell(store, CERTIFICATE_REQUEST, "www", conditions=ISSUED)
    await task
    assert screen.getvalue().splitlines() == [
        "default/www Pending: not approved yet",
        "default/www Ready (Issued): fetched",
    ]


async def test_json_is_one_object_a_line(client, store):
    add(store, CERTIFICATE_REQUEST, "www")
    tell(store, CERTIFICATE_REQUEST, "www", conditions=ISSUED)
    screen = Screen()
    await following(client, screen, "www", json=True)
    [line] = map(json.loads, screen.getvalue().splitlines())
    assert (line["event"], line["name"], line["verdict"]) == ("progress", "www", "Ready")


async def test_a_terminal_shows_a_table_that_is_redrawn(client, store):
    add(store, CERTIFICATE_REQUEST, "www")
    screen = Screen()
    task = following(client, screen, "www", terminal=True)
    await screen.until("not approved yet")
    tell(store, CERTIFICATE_REQUEST, "www", conditions=ISSUED)
    await task
    assert "REQUEST" in screen.getvalue()
    assert "1 of 1 Ready" in screen.getvalue()


async def test_a_server_that_goes_away_ends_the_following():
    store = new_store()
    add(store, CERTIFICATE_REQUEST, "www")
    screen = Screen()
    async with KubeClient("http://127.0.0.1:1") as client:
        async with serving(store) as client.url:
            task = following(client, screen, "www")
            await screen.until("not approved yet")
        with pytest.raises(Unreachable, match="nothing answers"):
            await task


class Forgetful(KubeClient):
    """A client whose first watch of each kind finds its history gone."""

    def __init__(self, url):
        super().__init__(url)
        self.refused = []

    async def watch(self, kind, namespace=None, resource_version="", **selectors):
        if kind not in self.refused:
            self.refused.append(kind)
            raise ApiError(410, "Expired", "too old resource version")
        async for event in super().watch(kind, namespace, resource_version, **selectors):
            yield event


async def test_history_that_is_gone_is_read_anew(store, monkeypatch):
    monkeypatch.setattr("gravel.follow._AGAIN", 0)
    screen = Screen()
    add(store, CERTIFICATE_REQUEST, "www")
    async with serving(store) as url, Forgetful(url) as client:
        task = following(client, screen, "www")
        await screen.until("not approved yet")
        tell(store, CERTIFICATE_REQUEST, "www", conditions=ISSUED)
        [progress] = await task
    assert progress.verdict == Verdict.READY
    assert len(client.refused) == len(WATCHED)


def progress(name, verdict=Verdict.PENDING, challenges=0):
    found = tuple(ChallengeProgress("HTTP-01", f"{number}.test", "queued") for number in range(challenges))
    return Progress("default", name, verdict, "Reason", "message [not markup]", "pending", found)


def drawn(rows, height=20):
    screen = io.StringIO()
    Console(file=screen, width=100).print(table(rows, height))
    return [line.rstrip() for line in screen.getvalue().splitlines()]


def test_the_table_has_a_row_for_each_request_and_a_line_for_each_challenge():
    assert drawn(
        [progress("one", challenges=2), progress("two", Verdict.FAILED), progress("three", Verdict.READY)]
    ) == [
        "REQUEST        READY    ORDER    CHALLENGES",
        "default/one    Pending  pending  HTTP-01 0.test queued",
        "                                 HTTP-01 1.test queued",
        "default/two    Failed   pending  message [not markup]",
        "default/three  Ready    pending",
        "1 of 3 Ready",
    ]


def test_a_table_that_does_not_fit_shows_what_is_not_over_first():
    rows = [progress("ready", Verdict.READY), *(progress(f"r{number}", challenges=2) for number in range(4))]
    lines = drawn(rows, height=8)
    assert len(lines) <= 8
    assert [line.split()[0] for line in lines if line.startswith("default/")] == ["default/r0", "default/r1"]
    assert lines[-1] == "1 of 5 Ready"
