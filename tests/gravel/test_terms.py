"""A bridge in this event loop on an API that the test holds: whoever loses the Lease stops at once."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from random import Random

from gravel.running import Running
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.resources import CERTIFICATE_REQUEST, CLUSTER_ISSUER, LEASE
from tests.gravel.test_cluster_bridge import ISSUER, request_for
from tests.issuer_bridge.cluster.cluster_rig import Faults, kubeconfig, served, until

PLACE = ("kube-system", "gravel-controller")


def written(faults):
    """Return all writes but those of the Lease."""
    return [(method, path) for method, path, _ in faults.asked if method != "GET" and "/leases" not in path]


async def test_who_loses_the_lease_writes_nothing_more_and_begins_anew_when_it_is_free(tmp_path, free_settings, caplog):
    caplog.set_level(logging.INFO)
    store, faults = EmbeddedStore(lambda: datetime.now(UTC), Random(1).randbytes, ("cert-manager",)), Faults()
    store.insert(CLUSTER_ISSUER, ISSUER)

    def issued(name):
        return bool((store.get(CERTIFICATE_REQUEST, "default", name) or {}).get("status", {}).get("certificate"))

    def hold(holder, seconds):
        lease = store.get(LEASE, *PLACE)
        spec = {**lease["spec"], "holderIdentity": holder, "leaseDurationSeconds": seconds}
        store.replace(LEASE, {**lease, "spec": spec})

    async with served(store, faults) as url:
        settings = free_settings(kubeconfig=kubeconfig(tmp_path, url), http01_port=0, leader_election_retry_period=0.1)
        async with Running(settings, bridge=True) as running:
            store.insert(CERTIFICATE_REQUEST, request_for("first"))
            await until(lambda: issued("first"), 60)
            hold("somebody", 3600)
            await until(lambda: "leads no more" in caplog.text)
            await asyncio.sleep(0)  # the turn in which the term's driver is closed
            before = written(faults)
            store.insert(CERTIFICATE_REQUEST, request_for("second"))
            await until(lambda: running.resources.get(CERTIFICATE_REQUEST, "default", "second"))
            renewals = len(faults.asked)
            await until(lambda: len(faults.asked) > renewals + 2)
            assert written(faults) == before
            hold("", 1)
            await until(lambda: issued("second"), 60)
    assert store.get(LEASE, *PLACE)["spec"]["holderIdentity"] == ""
