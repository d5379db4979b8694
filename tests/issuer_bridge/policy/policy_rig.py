"""A bridge that approves by policy or by ticket, in virtual time; roles, policies and requests of somebody else."""

import json

from acme_server.protocol.vantage import HttpAnswer
from issuer_bridge.policy.approval import Approval
from issuer_bridge.resources import (
    CERTIFICATE_REQUEST,
    CERTIFICATE_REQUEST_POLICY,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    EVENT,
    NAMESPACE,
    ROLE,
    ROLE_BINDING,
)
from tests.issuer_bridge.bridge_rig import Rig
from tests.issuer_bridge.policy.policy_resources import csr, dns, policy, request

USE = {"apiGroups": ["policy.cert-manager.io"], "resources": ["certificaterequestpolicies"], "verbs": ["use"]}
ADA = {"kind": "User", "name": "example", "apiGroup": "rbac.authorization.k8s.io"}
RBAC = "rbac.authorization.k8s.io"
PASS, DENY = {"allowed": {"dnsNames": {"values": ["*"]}}}, {"allowed": {"dnsNames": {"values": ["b"]}}}
TICKETS = "tickets.test:8080"


class PolicyRig(Rig):
    """by, reading, plugins: of the Approval; tickets: name -> state, or the answer to a look."""

    def __init__(self, by="policy", **approval):
        self.tickets = {}
        super().__init__(approval=self.approval_of(by, **approval))
        self.network.routes[TICKETS] = self._ticket

    @staticmethod
    def approval_of(by, **approval):
        return Approval(by, ticket_url=f"http://{TICKETS}/t/", **approval)

    def _ticket(self, question):
        found = self.tickets.get(question.url.rpartition("/t/")[2])
        if isinstance(found, HttpAnswer):
            return found
        return HttpAnswer(404) if found is None else HttpAnswer(200, (), json.dumps({"state": found}).encode())

    def ask(self, name="one", namespace="default", annotations=None, **spec):
        """Create a request for a.test, and see what becomes of it."""
        asked = request(csr(names=dns("a.test")), namespace=namespace, **spec)
        metadata = {"name": name, "namespace": namespace, "annotations": annotations or {}}
        self.create(CERTIFICATE_REQUEST, {**asked, "metadata": metadata})
        self.run(seconds=1)

    def say(self, name="a", **spec):
        """Write a policy, or change it."""
        old = self.store.get(CERTIFICATE_REQUEST_POLICY, "", name)
        new = policy(name, **spec)
        if old is None:
            self.store.insert(CERTIFICATE_REQUEST_POLICY, {**new, "metadata": {"name": name}})
        else:
            self.store.replace(CERTIFICATE_REQUEST_POLICY, {**old, "spec": new["spec"]})
        self.run(seconds=1)

    def role(self, namespace="", *policies):
        kind, about = (ROLE, {"namespace": namespace}) if namespace else (CLUSTER_ROLE, {})
        named = {"resourceNames": list(policies)} if policies else {}
        self.store.insert(kind, {"metadata": {"name": "r", **about}, "rules": [USE | named]})
        self.run(seconds=1)

    def bind(self, namespace="", role=None):
        kind, about = (ROLE_BINDING, {"namespace": namespace}) if namespace else (CLUSTER_ROLE_BINDING, {})
        reference = {"apiGroup": RBAC, "kind": role or ("Role" if namespace else "ClusterRole"), "name": "r"}
        self.store.insert(kind, {"metadata": {"name": "b", **about}, "subjects": [ADA], "roleRef": reference})
        self.run(seconds=1)

    def open(self):
        """Let everybody use every policy."""
        self.role()
        self.bind()
        return self

    def namespace(self, name, **labels):
        self.store.insert(NAMESPACE, {"metadata": {"name": name, "labels": labels}})
        self.run(seconds=1)

    def decision(self, name="one", namespace="default"):
        """(type, reason, message) of Approved or Denied, or None."""
        conditions = (self.store.get(CERTIFICATE_REQUEST, namespace, name).get("status") or {}).get("conditions") or ()
        found = [item for item in conditions if item["type"] in ("Approved", "Denied")]
        assert len(found) < 2
        return tuple(found[0][part] for part in ("type", "reason", "message")) if found else None

    def readiness(self, name="a"):
        """The condition Ready of a policy, without its time."""
        [found] = self.store.get(CERTIFICATE_REQUEST_POLICY, "", name)["status"]["conditions"]
        return tuple(found[part] for part in ("status", "reason", "message", "observedGeneration"))

    def told(self, kind="CertificateRequest"):
        """(type, reason, message) of the events of a kind."""
        events = [event for event in self.store.list(EVENT) if event["involvedObject"]["kind"] == kind]
        return sorted((event["type"], event["reason"], event["message"]) for event in events)
