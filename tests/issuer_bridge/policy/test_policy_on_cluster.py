"""Approval by policies on a cluster: who may use them is asked with SubjectAccessReviews, and no more than the table says."""

from types import MappingProxyType
from urllib.parse import parse_qsl, urlsplit

from issuer_bridge.cluster.permissions import PERMISSIONS, POLICY_PERMISSIONS
from issuer_bridge.cluster.resources import WATCHED
from issuer_bridge.kube_api.paths import parse_target
from issuer_bridge.kube_api.reviews import SUBJECT_ACCESS
from issuer_bridge.policy.approving import watched_by
from issuer_bridge.policy.summaries import NAME
from issuer_bridge.resources import CONFIG_MAP
from tests.issuer_bridge.cluster.test_bridge_on_cluster import BROKEN, ClusterRig
from tests.issuer_bridge.policy.policy_rig import DENY, PASS, PolicyRig

VERBS = {"POST": "create", "PUT": "update", "GET": "get", "DELETE": "delete"}


class PolicyClusterRig(PolicyRig, ClusterRig):
    """`asked_of`: (kind, subresource, verb) of all that the API was asked; `broken`: reviews are answered with 500."""

    watched = MappingProxyType({**WATCHED, **dict.fromkeys(watched_by(PolicyRig.approval_of("policy")), "")})

    def __init__(self, **approval):
        self.asked_of, self.broken = {}, False
        super().__init__(**approval)

    def _asked(self, question):
        parts = urlsplit(question.url)
        target = parse_target(parts.path)
        review = parts.path.endswith(SUBJECT_ACCESS.plural)
        verb = VERBS[question.method]
        if target is not None and verb == "get" and not target.name:
            verb = "watch" if "watch" in dict(parse_qsl(parts.query)) else "list"
        asked = (SUBJECT_ACCESS, "", verb) if review else (target.kind, target.subresource, verb)
        self.asked_of[asked] = None
        return BROKEN if review and self.broken else super()._asked(question)

    def run(self, **duration):
        """What comes through a watch comes later."""
        super().run(seconds=2)
        super().run(**duration)


def test_reviews_decide_who_may_use_a_policy():
    rig = PolicyClusterRig()
    rig.say(**PASS)
    rig.ask()
    assert rig.decision() is None
    rig.role("default", "a")
    rig.bind("default")
    assert rig.decision()[0] == "Approved"


def test_a_review_that_is_not_answered_is_no_decision_and_is_asked_again():
    rig = PolicyClusterRig().open()
    rig.say(**DENY)
    rig.broken = True
    rig.ask()
    rig.run(minutes=1)
    assert rig.decision() is None
    assert ("Warning", "EvaluationError", "approver-policy failed to review the request and will retry") in rig.told()
    rig.broken = False
    rig.run(minutes=6)
    assert rig.decision()[0] == "Denied"


def test_no_more_is_asked_than_the_table_allows():
    rig = PolicyClusterRig(summaries=True).open()
    rig.say(**PASS)
    rig.ask()
    rig.say(**DENY)
    rig.ask("two")
    assert (rig.decision()[0], rig.decision("two")[0]) == ("Approved", "Denied")
    assert list(rig.store.get(CONFIG_MAP, "default", NAME)["data"]) == ["a"]
    table = {**PERMISSIONS, **POLICY_PERMISSIONS}
    assert [asked for asked in rig.asked_of if asked[2] not in table.get(asked[:2], "").split()] == []
    unused = [place for place in POLICY_PERMISSIONS if not any(asked[:2] == place for asked in rig.asked_of)]
    assert unused == []
