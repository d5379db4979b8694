"""What an operator of the bridge may choose."""

from __future__ import annotations

import attrs

from issuer_bridge.acme_issuer.parameters import Parameters
from issuer_bridge.cert_manager.certificates.private_keys import RsaKeys
from issuer_bridge.cert_manager.certificates.renewal import Backoff
from issuer_bridge.disturbances import Disturbances
from issuer_bridge.policy.approval import Approval
from issuer_bridge.shims.ingress_certificates import ShimOptions
from issuer_bridge.shims.istio_csr import IstioOptions
from scheduler.engine import Settings as SchedulerSettings
from scheduler.versions import Version


@attrs.frozen
class Options:
    """The options.

    approver: decide about requests, as `approval` says; cluster_resource_namespace: where
    ClusterIssuers keep their Secrets; keep_challenges: leave the Challenges of a
    complete Order for people to look at (upstream deletes them); workers: how
    many resources of a kind are worked on at once; errors: the cert-manager whose
    error classes and `conduct` hold, None for ours; upstream_accounts: set
    issuers up as cert-manager does, with RSA keys; acme_issuers: the patience of
    AcmeIssuers, None where their kinds are not served.
    """

    approver: bool = True
    approval: Approval = attrs.field(factory=Approval)
    scheduler: SchedulerSettings = attrs.field(factory=SchedulerSettings)
    cluster_resource_namespace: str = "kube-system"
    keep_challenges: bool = True
    workers: int = 20
    errors: Version | None = None
    upstream_accounts: bool = False
    acme_issuers: Parameters | None = attrs.field(factory=Parameters)
    user_agent: str = "gravel"
    rsa_keys: RsaKeys | None = None
    """Makes the RSA keys of Certificates; None refuses them."""
    certificate_backoff: Backoff = attrs.field(factory=Backoff)
    certificate_owner_reference: bool = False
    """Whether the Secret of a Certificate goes with it."""
    shim: ShimOptions = attrs.field(factory=ShimOptions)
    istio: IstioOptions | None = None
    """A mesh to sign for; None where there is none."""
    disturbances: Disturbances = attrs.field(factory=Disturbances)
