"""What a diagnosis finds in the store of a rig."""

from issuer_bridge.cert_manager.conduct import OURS
from issuer_bridge.diagnosis.cluster import THEIRS, cluster_of
from issuer_bridge.diagnosis.diagnosing import about, diagnose


def conduct_of(rig):
    """cert-manager's where the rig behaves like one of its releases."""
    return OURS if rig.options.errors is None else THEIRS


def cluster_in(rig):
    return cluster_of(rig.store, rig.options.scheduler.max_concurrent, conduct_of(rig))


def findings(rig):
    return diagnose(cluster_in(rig), rig.driver.now())


def findings_about(rig, subject):
    return about(cluster_in(rig), subject, rig.driver.now())


def told(found, *, blocks=True):
    """(code, kind of the subject) of what blocks, or of what only waits."""
    return [(one.code, one.subject.partition("/")[0]) for one in found if one.blocks == blocks]
