"""The failures that are met most: RBAC on Secrets, a network policy, a rate limit; where each stalls, who says so, and that it mends.

The bridge is on an API that judges it by its ClusterRole, as the printed manifests have it; the limits are the server's own.
"""

from urllib.parse import parse_qsl, urlsplit

import attrs
import pytest

from acme_server.limit_presets import read_rates
from acme_server.protocol.vantage import TIMEOUT, HttpAnswer
from acme_server.server import Server
from acme_server.settings import Settings
from acme_server.world import create_world
from issuer_bridge.cluster.permissions import rules
from issuer_bridge.kube_api.rest import Call
from issuer_bridge.kube_api.serving import respond
from issuer_bridge.kube_api.users import service_account
from issuer_bridge.resources import CERTIFICATE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING, SECRET
from tests.issuer_bridge.bridge_rig import ACME, DNS
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import certificate
from tests.issuer_bridge.cluster.test_bridge_on_cluster import ClusterRig

ACCOUNT = service_account("gravel", "bridge")


class GuardedRig(ClusterRig):
    """A bridge that asks as its service account; `rates`: the server's limits."""

    def __init__(self, **rates):
        self.rates = rates
        super().__init__()
        self.run(seconds=1)
        self.apply_issuer()
        self.run(seconds=5)

    def new_store(self):
        store = super().new_store()
        store.insert(CLUSTER_ROLE, {"metadata": {"name": "bridge"}, "rules": rules()})
        subject = {"kind": "ServiceAccount", "name": "bridge", "namespace": "gravel"}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "bridge"}
        store.insert(CLUSTER_ROLE_BINDING, {"metadata": {"name": "bridge"}, "roleRef": role, "subjects": [subject]})
        return store

    def new_server(self):
        settings = attrs.evolve(Settings(http01_port=5002, dns=DNS), rate_limits=read_rates(self.rates))
        self.world = create_world(f"https://{ACME}", settings, self.entropy, self.driver.now())
        self.server = Server(self.world, self.driver)

    def _asked(self, question):
        parts, content_type = urlsplit(question.url), dict(question.headers).get("Content-Type", "")
        headers = {"Impersonate-User": ACCOUNT.name}
        query = dict(parse_qsl(parts.query))
        answer = respond(self.store, Call(question.method, parts.path, query, content_type, question.body, headers))
        return HttpAnswer(answer.code, answer.headers, answer.body)

    def allow_secrets(self, *verbs):
        """Change what the role may do with Secrets."""
        role = self.store.get(CLUSTER_ROLE, "", "bridge")
        kept = [{**rule, "verbs": list(verbs)} if rule["resources"] == ["secrets"] else rule for rule in rules()]
        self.store.replace(CLUSTER_ROLE, {**role, "rules": kept})

    def add(self, name):
        resource = certificate(name)
        self.create(CERTIFICATE, {**resource, "metadata": {"name": name, "namespace": "default"}})

    def state(self, name, type_="Ready"):
        conditions = (self.store.get(CERTIFICATE, "default", name).get("status") or {}).get("conditions") or ()
        return next(((each["status"], each["reason"]) for each in conditions if each["type"] == type_), None)

    def errors(self, controller):
        return sum(self.operator.controllers[controller][0].errors.values())


def cut(rig):
    """Let nothing reach the server any more."""
    rig.tamper = lambda question: HttpAnswer(error=TIMEOUT)


def connect(rig):
    rig.tamper = lambda question: None


# What goes wrong, what mends it, which controller has the errors, and whether there is a request by then.
FAILURES = {
    "RBAC on Secrets": (
        lambda rig: rig.allow_secrets("get", "list", "watch", "update", "delete"),
        lambda rig: rig.allow_secrets("create", "get", "list", "watch", "update", "delete"),
        "certificates",
        None,
    ),
    "a network policy": (cut, connect, "orders", ("False", "Pending")),
}


@pytest.mark.seed("B57")
@pytest.mark.parametrize(("fault", "mend", "controller", "request_state"), FAILURES.values(), ids=FAILURES)
def test_a_failure_stalls_where_it_is_met_and_mends_by_itself(fault, mend, controller, request_state):
    rig = GuardedRig()
    fault(rig)
    rig.add("www")
    rig.run(minutes=5)
    assert (rig.state("www"), rig.state("www", "Issuing")) == (("False", "DoesNotExist"), ("True", "DoesNotExist"))
    request = rig.request("www-1")
    assert (request and rig.ready("www-1")[:2]) == request_state
    assert rig.errors(controller) >= 5
    mend(rig)
    rig.run(minutes=10)
    assert rig.state("www") == ("True", "Ready")
    assert rig.store.get(SECRET, "default", "www-tls")["data"]["tls.crt"]


@pytest.mark.seed("B57")
def test_a_secret_that_may_not_be_written_is_told_in_an_event_with_who_may_not():
    rig = GuardedRig()
    rig.allow_secrets("get", "list", "watch")
    rig.add("www")
    rig.run(minutes=1)
    told = [message for reason, message in rig.events("Certificate") if reason == "WriteForbidden"]
    assert told
    assert f'User "{ACCOUNT.name}" cannot create resource "secrets"' in told[0]


@pytest.mark.seed("B57")
def test_a_rate_limit_holds_orders_back_until_the_server_has_said_it_may_and_fails_none():
    rig = GuardedRig(NewOrdersPerAccount="2/1h")
    for name in ("a", "b", "c"):
        rig.add(name)
    rig.run(minutes=10)
    assert sorted(rig.state(name)[0] for name in ("a", "b", "c")) == ["False", "True", "True"]
    (held,) = [name for name in ("a", "b", "c") if rig.state(name)[0] == "False"]
    assert rig.ready(f"{held}-1")[:2] == ("False", "Pending")
    asked = rig.count("new-order")
    rig.run(minutes=15)
    assert rig.count("new-order") == asked  # half an hour for each order, and not asked sooner
    rig.run(minutes=10)
    assert (rig.state(held), rig.count("new-order")) == (("True", "Ready"), asked + 1)
