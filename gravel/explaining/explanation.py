"""The explanation: what happened, what is awaited, since when, who must act and what to try; or that all is well."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import attrs

from acme_server.protocol.journal import Entry
from acme_server.protocol.times import rfc3339_micro
from gravel.explaining.failed_validations import failed_validations
from gravel.explaining.refused_requests import refused_requests
from gravel.explaining.rules import CLIENT, Rule
from gravel.explaining.standing import DONE, Standing, standing_of
from gravel.explaining.story import Known, Story
from gravel.explaining.subjects import own_of, with_entries
from gravel.explaining.surroundings import answers, closed, faults, frozen_clock, paused, polling
from gravel.explaining.telling import timeline
from issuer_bridge.diagnosis.finding import Finding

VERDICTS = HEALTHY, WAITING, STUCK, FAILED = "healthy", "waiting", "stuck", "failed"
# What is only around a story that is not well.
NOTES: tuple[Rule, ...] = (answers, faults, polling)


@attrs.frozen
class Explanation:
    """Of one subject: the verdict, what happened as `{at, text}`, and the findings, those in the way first."""

    subject: str
    now: datetime
    verdict: str
    timeline: tuple[dict[str, Any], ...]
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it with JSON's names."""
        findings = [finding.to_json() for finding in self.findings]
        told = {"subject": self.subject, "now": rfc3339_micro(self.now), "verdict": self.verdict}
        return {**told, "timeline": [*self.timeline], "findings": findings}


def explain(known: Known, text: str, stories: Iterable[Story], entries: Iterable[Entry]) -> Explanation:
    """Judge the stories of what a text names, with the entries of the journal that concern them; Unknown for nothing."""
    whole = own_of(known, text, with_entries(stories, entries))
    judged = [_judge(story) for story in whole]
    findings = dict.fromkeys(finding for _, found in judged for finding in found)
    verdict = max((verdict for verdict, _ in judged), key=VERDICTS.index)
    told = {entry.seq: entry for story in whole for entry in story.entries}
    first = tuple(sorted(findings, key=lambda finding: not finding.blocks))
    return Explanation(whole[0].subject, known.now, verdict, tuple(timeline(told.values())), first)


def _judge(story: Story) -> tuple[str, list[Finding]]:
    """Return the verdict and the findings of one story.

    A rule that says what is in the way stands for the general word of where the story stands. What is well in the
    end has no findings, whatever was on its way.
    """
    ours, theirs = standing_of(story), _of_bridge(story)
    standing = _joined(story, ours, theirs)
    found = [finding for rule in _rules(story, standing) for finding in rule(story)]
    if not ours.finished and all(finding.who != CLIENT for finding in ours.findings):
        # It is the server's turn: what the client was refused is in nobody's way.
        found = [attrs.evolve(finding, blocks=finding.blocks and finding.who != CLIENT) for finding in found]
    if not any(finding.blocks for finding in found):
        found += standing.findings
    elif theirs.failed:
        found += theirs.findings
    found = [*frozen_clock(story, standing), *found]
    if found or story.names:
        # What a client is to do is the bridge's, where it is that client.
        notes = [finding for rule in NOTES for finding in rule(story)]
        found += [finding for finding in notes if finding.who != CLIENT or theirs.finished]
    return _verdict(standing, found), found


def _of_bridge(story: Story) -> Standing:
    """Return where the bridge's resources stand: the general word, unless a rule of `issuer_bridge.diagnosis` knows more."""
    bridge, now = story.known.bridge, story.known.now
    if bridge is None or not story.objects:
        return DONE
    from gravel.explaining.bridge import standing_of_resources
    from issuer_bridge.cert_manager.conduct import conduct_of
    from issuer_bridge.diagnosis.cluster import cluster_of, subject_of
    from issuer_bridge.diagnosis.diagnosing import about

    standing = standing_of_resources(story.objects, now)
    cluster = cluster_of(bridge.resources, bridge.slots, conduct_of(bridge.errors))
    found = about(cluster, subject_of(story.objects[0]), now)
    if standing == DONE and not any(finding.blocks for finding in found):
        return DONE
    return attrs.evolve(standing, finished=standing.failed, findings=found or standing.findings)


def _joined(story: Story, ours: Standing, theirs: Standing) -> Standing:
    """Let the bridge say what the server's client waits for, where it is that client."""
    if not story.objects or ours.failed:
        return ours
    if story.order is None or theirs.failed:
        return theirs
    if ours.finished or theirs.finished:
        return ours
    kept = tuple(finding for finding in ours.findings if finding.who != CLIENT)
    return attrs.evolve(ours, findings=(*kept, *theirs.findings))


def _rules(story: Story, standing: Standing) -> tuple[Rule, ...]:
    """Return what can be in the way: of an order that is at its end, no request that was refused."""
    if not standing.finished:
        return (closed, failed_validations, refused_requests, paused)
    if story.order is None and not story.authorizations:
        return (refused_requests, paused)
    return (failed_validations,) if standing.failed else ()


def _verdict(standing: Standing, found: list[Finding]) -> str:
    if standing.failed:
        return FAILED
    if any(finding.blocks for finding in found):
        return STUCK
    return HEALTHY if standing.finished and not found else WAITING
