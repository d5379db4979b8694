"""AcmeIssuers and AcmeClusterIssuers at work: the frame of `issuer_lib` around `check` and `sign`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from acme_server.protocol.driver import Driver
from issuer_bridge.acme_issuer.checking import Checks
from issuer_bridge.acme_issuer.parameters import Parameters
from issuer_bridge.acme_issuer.signing import Signer
from issuer_bridge.acme_issuer.standing import Standing
from issuer_bridge.acme_issuer.translation import KINDS, kind_of
from issuer_bridge.cert_manager.accounts import Accounts, WorldAddress
from issuer_bridge.context import Context
from issuer_bridge.issuer_lib.consulting import Author
from issuer_bridge.issuer_lib.frame import Frame
from issuer_bridge.references import controller_of
from issuer_bridge.resources import CERTIFICATE_REQUEST, ORDER, Resource
from scheduler.challenge import FINAL_STATES


class AcmeIssuers:
    """All of them; owned: the names of the Challenges of an order; ready: called with an issuer that got its account."""

    def __init__(
        self,
        driver: Driver,
        context: Context,
        accounts: Accounts,
        worlds: Mapping[str, WorldAddress],
        parameters: Parameters,
        cluster_namespace: str,
        user_agent: str,
        owned: Callable[[Resource], Sequence[str]],
        ready: Callable[[Resource], None],
    ) -> None:
        self._resources = context.resources
        self.standing = Standing(context, parameters)
        checks = Checks(context, accounts, worlds, parameters, self.standing, cluster_namespace, user_agent, ready)
        signer = Signer(context, accounts, checks, self.standing, owned)
        author = Author(tuple(KINDS.values()), checks.check, signer.sign)
        self._frame = Frame(driver, context, author, parameters.options(cluster_namespace))

    def start(self) -> None:
        """Begin."""
        self._frame.start()

    def stop(self) -> None:
        """Hear of no further changes."""
        self._frame.stop()

    def heard(self, challenge: Resource) -> None:
        """Look at the request whose Challenge has come to its end, so that it need not wait for its next poll."""
        final = (challenge.get("status") or {}).get("state") in FINAL_STATES
        if not final or kind_of(challenge["spec"]["issuerRef"]) is None:
            return
        namespace = challenge["metadata"]["namespace"]
        order = self._resources.get(ORDER, namespace, controller_of(challenge).get("name", ""))
        if order is not None:
            self._frame.look(CERTIFICATE_REQUEST, namespace, controller_of(order).get("name", ""))
