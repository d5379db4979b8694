"""The bridge at work: watches resources, and sends each change to the controllers that it concerns.

It holds no loop and no socket: time and the network come through the driver,
so the operator runs on asyncio and in virtual time alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from acme_server.protocol.driver import Driver, Entropy
from acme_server.protocol.journal import Fact
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.acme_client.traffic import Traffic
from issuer_bridge.acme_issuer.controllers import AcmeIssuers
from issuer_bridge.acme_issuer.parameters import Parameters
from issuer_bridge.cert_manager.accepting import Acceptance
from issuer_bridge.cert_manager.accounts import Accounts, WorldAddress
from issuer_bridge.cert_manager.certificate_requests import CertificateRequests
from issuer_bridge.cert_manager.certificates.certificates import Certificates
from issuer_bridge.cert_manager.certificates.index import CertificateIndex
from issuer_bridge.cert_manager.certificates.renewal_information import RenewalInformation
from issuer_bridge.cert_manager.challenges import Challenges
from issuer_bridge.cert_manager.conduct import conduct_of
from issuer_bridge.cert_manager.issuers import Issuers
from issuer_bridge.cert_manager.local_issuers import LocalSigner
from issuer_bridge.cert_manager.orders import Orders
from issuer_bridge.cert_manager.ownership import Ownership
from issuer_bridge.cert_manager.remote_types import remote_types
from issuer_bridge.cert_manager.shown import show_again
from issuer_bridge.context import Context
from issuer_bridge.kube_api.users import User
from issuer_bridge.options import Options
from issuer_bridge.outcomes import Outcome
from issuer_bridge.policy.approval import NONE, Approval
from issuer_bridge.policy.approving import Approving, watched_by
from issuer_bridge.reconciler import Key, Reconciler
from issuer_bridge.recorder import Recorder
from issuer_bridge.references import controller_of, refers_to
from issuer_bridge.request_facts import RequestFacts
from issuer_bridge.resources import (
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CHALLENGE,
    CLUSTER_ISSUER,
    INGRESS,
    ISSUER,
    ORDER,
    SECRET,
    Kind,
    Resource,
    Resources,
)
from issuer_bridge.rotation.rotations import Rotations
from issuer_bridge.shims.ingress_certificates import asks
from issuer_bridge.shims.ingresses import Ingresses
from issuer_bridge.shims.istio import Istio, Mesh
from scheduler.versions import NEWEST
from solvers.solver import Solver

__all__ = ["Operator", "Options", "WorldAddress"]

# In this order at the start: who looks for what it owns comes after that.
WATCHED = (SECRET, ISSUER, CLUSTER_ISSUER, CERTIFICATE_REQUEST, ORDER, CHALLENGE, CERTIFICATE, INGRESS)
# Upstream pkg/controller/util.go: how far apart errors in a row may push two looks at one resource.
CERTIFICATE_BACKOFF = timedelta(seconds=30)
SHORT_BACKOFF, LONG_BACKOFF = timedelta(minutes=5), timedelta(minutes=30)
ISSUER_KINDS: Mapping[str, Kind] = {kind.kind: kind for kind in (ISSUER, CLUSTER_ISSUER)}


class Operator:
    """All controllers, wired to one port of resources."""

    def __init__(
        self,
        driver: Driver,
        resources: Resources,
        solvers: Mapping[str, Solver],
        worlds: Mapping[str, WorldAddress],
        entropy: Entropy,
        record: Callable[[str, Sequence[Fact]], None],
        options: Options | None = None,
    ) -> None:
        self._driver = driver
        self._resources = resources
        self._solvers = solvers
        self._options = options = options or Options()
        recorder = Recorder(resources, driver.now, entropy)
        self._context = Context(resources, driver.now, entropy, recorder, record, options.disturbances)
        self._accounts = Accounts()
        self._ownership = Ownership()
        self._index = CertificateIndex()
        self._acme_issuers = self._frame_of(options.acme_issuers, worlds) if options.acme_issuers else None
        self._facts = RequestFacts(self._context)
        self._stop: Callable[[], None] | None = None
        self.traffic = Traffic()
        """What was asked of ACME servers."""
        self._remotes = remote_types(self._context, options.cluster_resource_namespace)
        self._controllers(solvers, worlds, options)
        self.scheduler = self._challenges.scheduler
        self._rotations = Rotations(self._context, options, lambda sync: self._queue(sync, SHORT_BACKOFF))
        self._renewal_information = RenewalInformation(
            self._context, self._accounts, lambda sync: self._queue(sync, LONG_BACKOFF), wanted=options.acme_use_ari
        )

    def _frame_of(self, parameters: Parameters, worlds: Mapping[str, WorldAddress]) -> AcmeIssuers:
        options, names = self._options, self._ownership.names
        return AcmeIssuers(
            self._driver, self._context, self._accounts, worlds, parameters, options.cluster_resource_namespace,
            options.user_agent, names, self._wake_dependants,
        )  # fmt: skip

    def _controllers(self, solvers: Mapping[str, Solver], worlds: Mapping[str, WorldAddress], options: Options) -> None:
        context, conduct = self._context, conduct_of(options.errors)
        self._issuers = Issuers(
            context,
            self._accounts,
            worlds,
            options.cluster_resource_namespace,
            options.user_agent,
            self._wake_dependants,
            self.traffic,
            upstream=options.upstream_accounts,
            remotes=self._remotes,
        )
        self._local = LocalSigner(context, options.cluster_resource_namespace, self._look_at_issuer)
        requests = CertificateRequests(context, conduct, self._local.sign, self._remotes)
        orders = Orders(
            context,
            self._accounts,
            self._ownership.names,
            self._account_lost,
            keep_challenges=options.keep_challenges,
            conduct=conduct,
        )
        self._challenges = Challenges(
            self._driver,
            context,
            self._accounts,
            Acceptance(
                context.clock,
                self._accounts,
                self._account_lost,
                conduct,
                (options.scheduler.version or NEWEST).authorization_wait,
                self._acme_issuers.standing if self._acme_issuers else None,
            ),
            solvers,
            options.scheduler,
            options.cluster_resource_namespace,
            lambda namespace, name: self._challenge_queue.add((CHALLENGE.kind, namespace, name)),
            conduct,
        )
        certificates = Certificates(
            context,
            self._index,
            options.certificate_backoff,
            options.rsa_keys,
            owner_reference=options.certificate_owner_reference,
        )
        self._certificate_queue = self._queue(lambda key: certificates.sync(*key[1:]), CERTIFICATE_BACKOFF)
        ingresses = Ingresses(context, options.shim)
        self._ingress_queue = self._queue(lambda key: ingresses.sync(*key[1:]), SHORT_BACKOFF)
        self.istio = istio = Istio(context, options.istio) if options.istio else None
        self._mesh = Mesh(context, istio, self._queue(lambda key: istio.sync(key[2]), SHORT_BACKOFF)) if istio else None
        self._issuer_queue = self._queue(lambda key: self._issuers.sync(ISSUER_KINDS[key[0]], *key[1:]), SHORT_BACKOFF)
        approval = options.approval if options.approver else Approval(NONE)
        self._approving = Approving(context, approval, lambda sync: self._queue(sync, SHORT_BACKOFF))
        self._request_queue = self._queue(lambda key: requests.sync(*key[1:]), SHORT_BACKOFF)
        self._order_queue = self._queue(lambda key: orders.sync(*key[1:]), LONG_BACKOFF)
        self._challenge_queue = self._queue(lambda key: self._challenges.sync(*key[1:]), LONG_BACKOFF)

    @property
    def controllers(self) -> Mapping[str, tuple[Reconciler, str]]:
        """The queues of the controllers and which kind of resource it is, by cert-manager's names for them.

        Upstream has six of Certificates, where we have one.
        """
        approver = self._approving.requests
        return {
            "certificates": (self._certificate_queue, CERTIFICATE.kind),
            **({"certificaterequests-approver": (approver, CERTIFICATE_REQUEST.kind)} if approver else {}),
            "certificaterequests-issuer-acme": (self._request_queue, CERTIFICATE_REQUEST.kind),
            "challenges": (self._challenge_queue, CHALLENGE.kind),
            "clusterissuers": (self._issuer_queue, CLUSTER_ISSUER.kind),
            "ingress-shim": (self._ingress_queue, INGRESS.kind),
            "issuers": (self._issuer_queue, ISSUER.kind),
            "orders": (self._order_queue, ORDER.kind),
        }

    def _queue(self, sync: Callable[[Key], Inquiry[Outcome]], longest_backoff: timedelta) -> Reconciler:
        return Reconciler(self._driver, sync, longest_backoff, self._options.workers)

    def start(self) -> None:
        """Look at everything that is there, and from now on at every change."""
        show_again(self._driver, self._resources, self._solvers["http01"])
        self._stop = self._resources.watch(self._heard)
        for kind in (*watched_by(self._options.approval), *(self._mesh.watched if self._mesh else ()), *WATCHED):
            for resource in self._resources.list(kind):
                self._heard("ADDED", kind, resource)
        if self._acme_issuers is not None:
            self._acme_issuers.start()

    def stop(self) -> None:
        """Hear of no further changes; what is under way comes to its end."""
        if self._stop is not None:
            self._stop()
            self._stop = None
        if self._acme_issuers is not None:
            self._acme_issuers.stop()

    def _heard(self, event: str, kind: Kind, resource: Resource) -> None:
        """Send a change to whom it concerns: itself, its owner, or who refers to it."""
        namespace, name = resource["metadata"].get("namespace", ""), resource["metadata"]["name"]
        if kind in (CERTIFICATE, CERTIFICATE_REQUEST, SECRET):
            for concerned in self._index.note(event, kind, resource):
                self._certificate_queue.add((CERTIFICATE.kind, namespace, concerned))
        if self._mesh is not None:
            self._mesh.heard(kind, namespace, name)
        if kind not in WATCHED:  # other groups have kinds of the same names
            self._approving.heard(event, kind, resource)
            return
        match kind.kind:
            case "Certificate":
                self._wake_owner(resource, INGRESS, self._ingress_queue)
                self._renewal_information.heard(resource)
            case "Ingress":
                if asks(resource, self._options.shim):
                    self._ingress_queue.add((kind.kind, namespace, name))
            case "Issuer" | "ClusterIssuer":
                if event == "DELETED":
                    self._accounts.forget(resource)
                self._issuer_queue.add((kind.kind, namespace, name))
                self._rotations.heard(kind, resource)
                self._wake_dependants(resource)
            case "CertificateRequest":
                self._facts.note(event, resource)
                self._request_queue.add((kind.kind, namespace, name))
                self._approving.heard(event, kind, resource)
            case "Order":
                self._order_queue.add((kind.kind, namespace, name))
                self._wake_owner(resource, CERTIFICATE_REQUEST, self._request_queue)
            case "Challenge":
                self._ownership.note(event, resource)
                self._challenge_queue.add((kind.kind, namespace, name))
                self._wake_owner(resource, ORDER, self._order_queue)
                if self._acme_issuers is not None:
                    self._acme_issuers.heard(resource)
            case "Secret":
                if event == "DELETED":
                    self._facts.lost(resource, self._index.keeping(namespace, name))
                self._wake_issuers(namespace, name)
                for waiting in self._local.waiting_for(namespace, name):
                    self._request_queue.add((CERTIFICATE_REQUEST.kind, *waiting))

    @property
    def denials(self) -> Mapping[str, int]:
        """How many requests were denied since it began, by namespace."""
        return self._approving.denials.total

    def record_decision(self, user: User, request: Resource) -> None:
        """Tell the journal and an event of a decision that somebody took by hand."""
        self._driver.spawn(self._facts.decided(user, request), lambda _: None)

    def _wake_owner(self, resource: Resource, kind: Kind, queue: Reconciler) -> None:
        owner = controller_of(resource)
        if owner.get("kind") == kind.kind:
            queue.add((kind.kind, resource["metadata"]["namespace"], owner["name"]))

    def _wake_dependants(self, issuer: Resource) -> None:
        """Look again at the requests, orders and challenges that name an issuer."""
        dependants = (
            (CERTIFICATE_REQUEST, self._request_queue),
            (ORDER, self._order_queue),
            (CHALLENGE, self._challenge_queue),
        )
        for kind, queue in dependants:
            for resource in self._resources.list(kind, issuer["metadata"].get("namespace") or None):
                if refers_to(resource, issuer):
                    queue.add((kind.kind, resource["metadata"]["namespace"], resource["metadata"]["name"]))

    def _wake_issuers(self, namespace: str, secret: str) -> None:
        """Look again at the issuers that refer to a Secret."""
        for kind in (ISSUER, CLUSTER_ISSUER):
            for issuer in self._resources.list(kind):
                if (namespace, secret) in self._issuers.secrets_of(issuer):
                    self._look_at_issuer(issuer)

    def _look_at_issuer(self, issuer: Resource) -> None:
        metadata = issuer["metadata"]
        self._issuer_queue.add((issuer["kind"], metadata.get("namespace", ""), metadata["name"]))

    def _account_lost(self, issuer: Resource) -> None:
        """Register again: the server has forgotten the account."""
        self._accounts.lose(issuer)
        if issuer["kind"] in ISSUER_KINDS:  # others are looked at when they sign
            self._look_at_issuer(issuer)
