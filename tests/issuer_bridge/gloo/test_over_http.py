"""Two embedded APIs over HTTP: the agent speaks to one of them, the issuer to both, and neither sees more than it may."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random

import attrs

from acme_server.protocol.vantage import Pause
from issuer_bridge.cluster.calls import ApiRequest
from issuer_bridge.context import Context
from issuer_bridge.gloo.agent import WATCHED, Agent
from issuer_bridge.gloo.issuing import WATCHED_OWN, WATCHED_REMOTE, Issuing
from issuer_bridge.gloo.meshes import Mesh
from issuer_bridge.kube_api.paths import parse_target
from issuer_bridge.recorder import Recorder
from issuer_bridge.resources import (
    GLOO_REQUEST,
    ISSUED_CERTIFICATE,
    KINDS,
    POD,
    POD_BOUNCE_DIRECTIVE,
    SECRET,
    Resources,
)
from tests.embedded_api import new_store
from tests.issuer_bridge.cluster.cluster_rig import Faults, HurriedDriver, adapter, kubeconfig, served, until
from tests.issuer_bridge.gloo.gloo_resources import CACERTS, pod, root_secret, shows
from tests.issuer_bridge.gloo.two_clusters import NAMESPACES, data_of

MESH = Mesh("istio", ("gloo-mesh", "root-ca"), control_plane={"app": "istiod"})


@attrs.frozen
class OwnRequest(ApiRequest):
    """A request to the issuer's own cluster, on the driver that it has for the other one."""


def marked(inquiry):
    answer = None
    try:
        while True:
            question = inquiry.send(answer)
            fields = attrs.asdict(question, recurse=False) if isinstance(question, ApiRequest) else None
            answer = yield OwnRequest(**fields) if fields else question
    except StopIteration as stop:
        return stop.value


class Own(Resources):
    """What the issuer needs of its own cluster's adapter."""

    def __init__(self, resources):
        self.get, self.list, self.watch = resources.get, resources.list, resources.watch
        self.create = lambda kind, resource: marked(resources.create(kind, resource))


def context(driver, resources, facts):
    entropy = Random(5).randbytes
    return Context(
        resources, driver.now, entropy, Recorder(resources, driver.now, entropy), lambda house, new: facts.extend(new)
    )


@asynccontextmanager
async def reached(folder, store, name, kinds, faults=None):
    """Yield an adapter on an API of its own for a store."""
    (folder / name).mkdir()
    async with (
        served(store, faults or Faults()) as url,
        adapter(kubeconfig(folder / name, url), watched=dict.fromkeys(kinds, "")) as opened,
    ):
        yield opened


async def test_an_issuer_and_an_agent_that_share_nothing_but_http_finish(tmp_path):
    facts, by_issuer = [], Faults()
    remote, management = (new_store(seed, NAMESPACES) for seed in (1, 2))
    management.insert(SECRET, root_secret())
    remote.insert(POD, pod("istiod-0", app="istiod"))
    async with (
        reached(tmp_path, remote, "agent", WATCHED) as near,
        reached(tmp_path, remote, "far", WATCHED_REMOTE, by_issuer) as far,
        reached(tmp_path, management, "own", WATCHED_OWN) as own,
    ):

        async def vantage(question):
            if isinstance(question, Pause):
                return await asyncio.sleep(question.duration.total_seconds())
            return await (own if isinstance(question, OwnRequest) else far).connection(question)

        driver = HurriedDriver(lambda: datetime.now(UTC), vantage)
        agent = Agent(near.driver, context(near.driver, near.resources, facts))
        issuing = Issuing(driver, context(driver, far.resources, facts), Own(own.resources))
        agent.start()
        issuing.start()
        driver.spawn(issuing.issue(MESH), lambda _: None)
        await until(lambda: remote.get(POD, "istio-system", "istiod-0") is None)
        again = remote.insert(POD, pod("istiod-1", app="istiod"))
        remote.replace_status(POD, {**again, "status": {"conditions": [{"type": "Ready", "status": "True"}]}})
        await until(lambda: state(remote) == "FINISHED")
        agent.stop()
        issuing.stop()
        await driver.close()
    asked = {parse_target(path).kind for _, path, _ in by_issuer.asked}
    assert asked == {ISSUED_CERTIFICATE, GLOO_REQUEST, POD_BOUNCE_DIRECTIVE}
    key = data_of(remote.get(SECRET, *CACERTS))["ca-key.pem"]
    assert [item for kind in KINDS for item in management.list(kind) if shows(json.dumps(item), key)] == []
    assert [fact.data["state"] for fact in facts if "state" in fact.data] == ["REQUESTED", "ISSUED", "FINISHED"]


def state(store):
    found = store.get(ISSUED_CERTIFICATE, "gloo-mesh", "istio") or {}
    return found.get("status", {}).get("state")
