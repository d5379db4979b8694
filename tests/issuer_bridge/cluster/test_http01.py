"""How a bridge presents http-01 in a cluster: the objects are cert-manager's, the Service behind them ours."""

import pytest

from issuer_bridge.cluster.http01 import ClusterHttp01
from issuer_bridge.cluster.solver_objects import Backend
from issuer_bridge.resources import CHALLENGE, HTTP_ROUTE, INGRESS, SERVICE
from solvers.solver import HTTP01, NotReady, Presentation, Ready, SolverError
from tests.embedded_api import new_store

TOKEN, KEY = "a-token", "a-token.thumbprint"
PATH = "/.well-known/acme-challenge/a-token"
BACKEND = Backend("gravel", "gravel-http01", 80)
LABELS = {
    "acme.cert-manager.io/http-domain": "920979054",
    "acme.cert-manager.io/http-token": "171246256",
    "acme.cert-manager.io/http01-solver": "true",
}
ANYONE = {"nginx.ingress.kubernetes.io/whitelist-source-range": "0.0.0.0/0,::/0"}


class Checker:
    """A solver that is content, and counts."""

    checks = 0

    def check(self, presentation):
        self.checks += 1
        yield from ()
        return Ready()


class Shown:
    """A Challenge, and the solver that shows it."""

    def __init__(self, http01, name="www.example.test", namespace="shop", store=None):
        self.store = store or new_store(namespaces=("shop", "gravel"))
        spec = {
            "authorizationURL": "a",
            "url": "u",
            "dnsName": name,
            "token": TOKEN,
            "key": KEY,
            "type": "HTTP-01",
            "issuerRef": {"name": "gravel"},
            "solver": {"http01": http01},
        }
        self.namespace = namespace
        self.challenge = self.store.insert(
            CHALLENGE, {"metadata": {"name": "one", "namespace": namespace}, "spec": spec}
        )
        self.checker = Checker()
        self.presentation = Presentation(HTTP01, name, TOKEN, KEY)
        self.solver = ClusterHttp01(self.store, BACKEND, self.checker).of(self.challenge)

    def run(self, verb):
        inquiry = getattr(self.solver, verb)(self.presentation)
        with pytest.raises(StopIteration) as stop:
            next(inquiry)
        return stop.value.value

    def only(self, kind):
        (found,) = self.store.list(kind, self.namespace)
        return found


def path_to(service):
    return {"path": PATH, "pathType": "Exact", "backend": {"service": {"name": service, "port": {"number": 80}}}}


def insert_ingress(store, *rules, name="shop"):
    store.insert(INGRESS, {"metadata": {"name": name, "namespace": "shop"}, "spec": {"rules": list(rules)}})


def shop(*paths, host="www.example.test"):
    return {"host": host, "http": {"paths": list(paths)}}


OWN = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "shop", "port": {"number": 80}}}}


def test_an_ingress_leads_to_a_service_that_stands_for_the_responder():
    shown = Shown({"ingress": {"ingressClassName": "nginx"}})
    shown.run("present")
    service, ingress = shown.only(SERVICE), shown.only(INGRESS)
    assert service["spec"] == {
        "type": "ExternalName",
        "externalName": "gravel-http01.gravel.svc.cluster.local",
        "ports": [{"name": "http", "port": 80, "targetPort": 80}],
    }
    rule = {"host": "www.example.test", "http": {"paths": [path_to(service["metadata"]["name"])]}}
    assert ingress["spec"] == {"rules": [rule], "ingressClassName": "nginx"}
    for each in (service, ingress):
        metadata = each["metadata"]
        assert metadata["name"].startswith("cm-acme-http-solver-")
        assert metadata["labels"] == LABELS
        (owner,) = metadata["ownerReferences"]
        assert (owner["kind"], owner["uid"], owner["controller"]) == (
            "Challenge",
            shown.challenge["metadata"]["uid"],
            True,
        )
    assert ingress["metadata"]["annotations"] == ANYONE


def test_in_the_bridges_own_namespace_the_ingress_leads_to_the_responder_itself():
    shown = Shown({"ingress": {}}, namespace="gravel")
    shown.run("present")
    assert shown.store.list(SERVICE) == []
    assert shown.only(INGRESS)["spec"]["rules"][0]["http"]["paths"] == [path_to("gravel-http01")]


def test_class_and_template_say_more_about_the_ingress():
    template = {"metadata": {"labels": {"team": "a"}, "annotations": {"b": "c"}}}
    shown = Shown({"ingress": {"class": "old", "ingressTemplate": template}})
    shown.run("present")
    metadata = shown.only(INGRESS)["metadata"]
    assert metadata["annotations"] == {**ANYONE, "kubernetes.io/ingress.class": "old", "b": "c"}
    assert metadata["labels"] == {**LABELS, "team": "a"}
    assert "ingressClassName" not in shown.only(INGRESS)["spec"]


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_for_an_address_no_rule_names_a_host(address):
    ingress, route = Shown({"ingress": {}}, address), Shown({"gatewayHTTPRoute": {}}, address)
    ingress.run("present")
    route.run("present")
    assert "host" not in ingress.only(INGRESS)["spec"]["rules"][0]
    assert "hostnames" not in route.only(HTTP_ROUTE)["spec"]


def test_an_http_route_has_the_issuers_parents_and_labels():
    parents = [{"name": "gateway", "namespace": "edge"}]
    shown = Shown({"gatewayHTTPRoute": {"parentRefs": parents, "labels": {"team": "a"}}})
    shown.run("present")
    route, service = shown.only(HTTP_ROUTE), shown.only(SERVICE)
    backend = {"group": "", "kind": "Service", "namespace": "shop", "port": 80, "weight": 1}
    match = {"path": {"type": "Exact", "value": PATH}}
    assert route["spec"] == {
        "parentRefs": parents,
        "hostnames": ["www.example.test"],
        "rules": [{"matches": [match], "backendRefs": [{**backend, "name": service["metadata"]["name"]}]}],
    }
    assert route["metadata"]["labels"] == {**LABELS, "team": "a"}


def test_a_route_that_somebody_changed_is_brought_back():
    shown = Shown({"gatewayHTTPRoute": {}})
    shown.run("present")
    route = shown.only(HTTP_ROUTE)
    shown.store.replace(HTTP_ROUTE, {**route, "spec": {**route["spec"], "hostnames": ["other.test"]}})
    shown.run("check")
    assert shown.only(HTTP_ROUTE)["spec"] == route["spec"]


def test_an_issuer_that_names_neither_presents_nothing_in_the_cluster():
    shown = Shown({})
    shown.run("present")
    assert [shown.store.list(kind) for kind in (SERVICE, INGRESS, HTTP_ROUTE)] == [[], [], []]


@pytest.mark.parametrize("config", [{"ingress": {}}, {"gatewayHTTPRoute": {}}, {"ingress": {"name": "shop"}}])
def test_presenting_again_and_checking_change_nothing(config):
    shown = Shown(config)
    insert_ingress(shown.store, shop(OWN))
    shown.run("present")
    version = shown.store.resource_version
    shown.run("present")
    assert isinstance(shown.run("check"), Ready)
    assert (shown.store.resource_version, shown.checker.checks) == (version, 1)


def test_what_was_taken_away_meanwhile_is_there_again_at_the_check():
    shown = Shown({"ingress": {}})
    shown.run("present")
    shown.store.remove(INGRESS, "shop", shown.only(INGRESS)["metadata"]["name"])
    shown.run("check")
    assert shown.only(INGRESS)["metadata"]["labels"] == LABELS


@pytest.mark.parametrize("kind", [SERVICE, INGRESS, HTTP_ROUTE], ids=lambda kind: kind.kind)
def test_more_than_one_are_all_deleted_and_the_next_look_makes_one(kind):
    shown = Shown({"gatewayHTTPRoute": {}} if kind == HTTP_ROUTE else {"ingress": {}})
    shown.run("present")
    twin = shown.only(kind)
    metadata = {**twin["metadata"], "name": "twin"}
    for field in ("uid", "resourceVersion", "creationTimestamp"):
        metadata.pop(field)
    shown.store.insert(kind, {**twin, "metadata": metadata})
    with pytest.raises(SolverError, match=rf"multiple existing {kind.plural} found and cleaned up"):
        next(shown.solver.present(shown.presentation))
    assert shown.store.list(kind) == []
    assert isinstance(shown.run("check"), Ready)
    assert shown.only(kind)["metadata"]["name"] != "twin"


def test_objects_of_another_challenge_for_the_same_name_are_left_alone():
    first = Shown({"ingress": {}})
    first.run("present")
    kept = first.only(INGRESS)["metadata"]["name"]
    first.store.remove(SERVICE, "shop", first.only(SERVICE)["metadata"]["name"])
    spec = first.challenge["spec"]
    other = first.store.insert(CHALLENGE, {"metadata": {"name": "other", "namespace": "shop"}, "spec": spec})
    first.solver = ClusterHttp01(first.store, BACKEND, first.checker).of(other)
    first.run("present")
    first.run("clean_up")
    assert first.only(INGRESS)["metadata"]["name"] == kept


def test_cleaning_up_takes_service_and_ingress_away_and_may_be_repeated():
    shown = Shown({"ingress": {}})
    shown.run("present")
    shown.run("clean_up")
    shown.run("clean_up")
    assert [shown.store.list(kind) for kind in (SERVICE, INGRESS)] == [[], []]


def test_a_route_goes_with_its_challenge_and_not_before():
    shown = Shown({"gatewayHTTPRoute": {}})
    shown.run("present")
    shown.run("clean_up")
    assert shown.only(HTTP_ROUTE)
    shown.store.remove(CHALLENGE, "shop", shown.challenge["metadata"]["name"])
    assert shown.store.list(HTTP_ROUTE) == []


OTHER_HOST = shop(OWN, host="other.test")


@pytest.mark.parametrize(
    ("rules", "edited"),
    [
        ([shop(OWN)], lambda ours: [shop(ours, OWN)]),
        ([OTHER_HOST], lambda ours: [OTHER_HOST, shop(ours)]),
        ([], lambda ours: [shop(ours)]),
        ([{"host": "www.example.test"}], lambda ours: [shop(ours)]),
        ([shop(OWN, {**path_to("old"), "pathType": "Prefix"})], lambda ours: [shop(ours, OWN)]),
    ],
    ids=("the host's rule", "another host's rule", "no rule", "a rule without paths", "the path is there"),
)
def test_an_ingress_that_is_named_is_edited_in_place(rules, edited):
    shown = Shown({"ingress": {"name": "shop"}})
    insert_ingress(shown.store, *rules)
    shown.run("present")
    service = shown.only(SERVICE)["metadata"]["name"]
    assert shown.only(INGRESS)["spec"]["rules"] == edited(path_to(service))
    assert "labels" not in shown.only(INGRESS)["metadata"]


@pytest.mark.parametrize("rules", [[shop(OWN)], [OTHER_HOST], [OTHER_HOST, shop(OWN)], []])
def test_and_is_afterwards_what_it_was(rules):
    shown = Shown({"ingress": {"name": "shop"}})
    insert_ingress(shown.store, *rules)
    shown.run("present")
    shown.run("clean_up")
    assert shown.only(INGRESS)["spec"].get("rules", []) == rules
    assert shown.store.list(SERVICE) == []


def test_a_named_ingress_that_is_not_there_is_told_and_no_reason_not_to_clean_up():
    shown = Shown({"ingress": {"name": "shop"}})
    with pytest.raises(SolverError, match='"shop" not found'):
        next(shown.solver.present(shown.presentation))
    assert shown.run("check") == NotReady('ingress.networking.k8s.io "shop" not found')
    shown.run("clean_up")
