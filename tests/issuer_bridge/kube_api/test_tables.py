import json
from datetime import UTC, datetime

import pytest

from issuer_bridge.kube_api.tables import columns, table
from issuer_bridge.resources import (
    CERTIFICATE,
    CONFIG_MAP,
    DEPLOYMENT,
    EVENT,
    INGRESS,
    KINDS,
    LEASE,
    NAMESPACE,
    POD,
    SERVICE,
)

NOW = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
METADATA = {"name": "x", "creationTimestamp": "2026-11-22T01:00:00Z", "resourceVersion": "1"}


# What kubectl shows of them on a cluster: pkg/printers/internalversion/printers.go.
@pytest.mark.parametrize(
    ("kind", "resource", "cells"),
    [
        (NAMESPACE, {"status": {"phase": "Active"}}, ["x", "Active", "2m3s"]),
        (CONFIG_MAP, {"data": {"a": "b"}, "binaryData": {"c": "ZA=="}}, ["x", 2, "2m3s"]),
        (LEASE, {"spec": {"holderIdentity": "me"}}, ["x", "me", "2m3s"]),
        (
            CERTIFICATE,
            {
                "spec": {"secretName": "x-tls", "issuerRef": {"name": "gravel"}},
                "status": {"conditions": [{"type": "Ready", "status": "True", "message": "it is"}]},
            },
            ["x", "True", "x-tls", "gravel", "it is", "2m3s"],
        ),
        (
            POD,
            {
                "spec": {"containers": [{"name": "a"}, {"name": "b"}], "nodeName": "n1"},
                "status": {
                    "phase": "Running",
                    "podIP": "10.0.0.1",
                    "containerStatuses": [
                        {"ready": True, "restartCount": 1},
                        {"ready": False, "restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
                    ],
                },
            },
            ["x", "1/2", "CrashLoopBackOff", "3", "2m3s", "10.0.0.1", "n1", "<none>", "<none>"],
        ),
        (DEPLOYMENT, {"spec": {}}, ["x", "0/1", 0, 0, "2m3s"]),
        (
            DEPLOYMENT,
            {"spec": {"replicas": 3}, "status": {"readyReplicas": 1, "updatedReplicas": 2, "availableReplicas": 1}},
            ["x", "1/3", 2, 1, "2m3s"],
        ),
        (
            SERVICE,
            {
                "spec": {
                    "ports": [{"port": 80}, {"port": 53, "protocol": "UDP", "nodePort": 30053}],
                    "selector": {"a": "b"},
                }
            },
            ["x", "ClusterIP", "<none>", "<none>", "80/TCP,53:30053/UDP", "2m3s", "a=b"],
        ),
        (
            INGRESS,
            {"spec": {"rules": [{"host": "a.test"}, {"host": "b.test"}], "tls": [{}]}},
            ["x", "<none>", "a.test,b.test", "", "80, 443", "2m3s"],
        ),
        (
            EVENT,
            {
                "involvedObject": {"kind": "Order", "name": "o"},
                "source": {"component": "gravel"},
                "type": "Normal",
                "reason": "Created",
                "message": "it is\n",
                "firstTimestamp": "2026-11-22T01:00:00Z",
                "lastTimestamp": "2026-11-22T01:02:00Z",
            },
            ["3s", "Normal", "Created", "order/o", "", "gravel", "it is", "2m3s", 1, "x"],
        ),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_cells_are_kubectls(kind, resource, cells):
    document = table(kind, [{"metadata": METADATA, **resource}], {}, NOW)
    assert document["rows"][0]["cells"] == cells


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_an_object_that_says_nothing_has_a_row_all_the_same(kind):
    document = table(kind, [{"metadata": METADATA}], {"resourceVersion": "1"}, NOW)
    assert len(document["rows"][0]["cells"]) == len(document["columnDefinitions"]) == len(columns(kind))
    json.dumps(document)


@pytest.mark.parametrize(
    "resource",
    [
        {"spec": []},
        {"status": "x"},
        {"spec": {"ports": {}, "rules": [1], "containers": "x"}},
        {"status": {"conditions": [1]}},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_an_object_of_another_shape_than_ours_breaks_no_table(kind, resource):
    table(kind, [{"metadata": METADATA, **resource}], {}, NOW)
