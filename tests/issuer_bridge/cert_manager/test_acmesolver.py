"""A real cert-manager's http-01 pods answer although no kubelet and no ingress controller run."""

from datetime import UTC, datetime
from random import Random

import pytest

from issuer_bridge.cert_manager.acmesolver import AcmeSolvers
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.resources import HTTP_ROUTE, INGRESS, POD, SERVICE
from solvers.http01.site import Reply, Visit

PATH = "/.well-known/acme-challenge/token"
LABELS = {"acme.cert-manager.io/http-token": "1"}
ARGS = ["--listen-port=8089", "--domain=www.example.test", "--token=token", "--key=token.thumbprint"]
SHOWN = Reply(200, b"token.thumbprint")
BACKEND = {"service": {"name": "solver", "port": {"number": 8089}}}


def pod(args=ARGS):
    return {"metadata": {"name": "solver", "labels": LABELS}, "spec": {"containers": [{"name": "a", "args": args}]}}


def service():
    return {"metadata": {"name": "solver"}, "spec": {"selector": LABELS, "ports": [{"port": 8089}]}}


def ingress(host="www.example.test", path=PATH):
    rule = {"host": host, "http": {"paths": [{"path": path, "pathType": "Exact", "backend": BACKEND}]}}
    return {"metadata": {"name": "solver"}, "spec": {"rules": [rule]}}


def http_route(*hostnames):
    match = {"path": {"type": "Exact", "value": PATH}}
    rules = [{"matches": [match], "backendRefs": [{"name": "solver", "port": 8089, "weight": 1}]}]
    return {"metadata": {"name": "solver"}, "spec": {"hostnames": list(hostnames), "rules": rules}}


def store_of(*objects):
    store = EmbeddedStore(lambda: datetime(2026, 11, 22, tzinfo=UTC), Random(1).randbytes)
    for kind, resource in objects:
        store.insert(kind, resource)
    return store


WHOLE = ((POD, pod()), (SERVICE, service()), (INGRESS, ingress()))


@pytest.mark.parametrize(
    ("objects", "host", "path", "reply"),
    [
        (WHOLE, "www.example.test", PATH, SHOWN),
        (WHOLE, "WWW.example.test:80", PATH, SHOWN),
        (WHOLE, "other.test", PATH, None),
        (WHOLE, "www.example.test", PATH + "x", None),
        ((*WHOLE[:2], (INGRESS, ingress(host=""))), "www.example.test", PATH, SHOWN),
        ((*WHOLE[:2], (INGRESS, ingress(host=""))), "other.test", PATH, Reply(404)),
        ((*WHOLE[:2], (INGRESS, ingress(path=PATH + "x"))), "www.example.test", PATH + "x", Reply(404)),
        ((*WHOLE[:2], (HTTP_ROUTE, http_route("www.example.test"))), "www.example.test", PATH, SHOWN),
        ((*WHOLE[:2], (HTTP_ROUTE, http_route())), "www.example.test", PATH, SHOWN),
        ((*WHOLE[:2], (HTTP_ROUTE, http_route("other.test"))), "www.example.test", PATH, None),
        (WHOLE[1:], "www.example.test", PATH, None),
        ((WHOLE[0], WHOLE[2]), "www.example.test", PATH, None),
        (WHOLE[:2], "www.example.test", PATH, None),
    ],
    ids=(
        *("whole", "host as clients write it", "other host", "other path", "any host", "any host, not the pod's"),
        *("not the pod's token", "route", "route for any host", "route for another"),
        *("without pod", "without service", "without route"),
    ),
)
def test_a_request_is_answered_as_the_objects_lead_it(objects, host, path, reply):
    assert AcmeSolvers(store_of(*objects)).reply(Visit("GET", host, path)) == reply


def test_what_comes_and_goes_is_followed():
    store = store_of()
    solvers = AcmeSolvers(store)
    visit = Visit("GET", "www.example.test", PATH)
    seen = [solvers.reply(visit)]
    for kind, resource in WHOLE:
        store.insert(kind, resource)
        seen.append(solvers.reply(visit))
    store.remove(INGRESS, "default", "solver")
    seen.append(solvers.reply(visit))
    assert seen == [None, None, None, SHOWN, None]
