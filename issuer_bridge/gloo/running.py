"""Both sides at work in one process, on the resources of two clusters."""

from __future__ import annotations

from acme_server.protocol.driver import Driver, Entropy
from issuer_bridge.cert_manager.certificates.private_keys import RsaKeys
from issuer_bridge.context import Context, Record
from issuer_bridge.gloo.agent import Agent
from issuer_bridge.gloo.issuing import Issuing
from issuer_bridge.gloo.signing import Options
from issuer_bridge.recorder import Recorder
from issuer_bridge.resources import Resources


def start(
    driver: Driver,
    remote: Resources,
    own: Resources,
    entropy: Entropy,
    record: Record,
    options: Options | None = None,
    rsa_keys: RsaKeys | None = None,
) -> tuple[Agent, Issuing]:
    """Start an agent in `remote`, and an issuer in `own` that signs for it; return them, to be stopped.

    record: takes the facts, a journal's; rsa_keys: as for Agent.
    """
    context = Context(remote, driver.now, entropy, Recorder(remote, driver.now, entropy), record)
    agent, issuing = Agent(driver, context, rsa_keys), Issuing(driver, context, own, options)
    agent.start()
    issuing.start()
    return agent, issuing
