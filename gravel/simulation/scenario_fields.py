"""Every field of a scenario, as one table: its place in a file, its flag, its kind.

A row `cluster.retry_period` is the key `retry_period` below `cluster`, and the
flag `--retry-period` unless the row names another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import attrs

from gravel.simulation.value_kinds import (
    DELAY,
    DURATION,
    FLAG,
    POSITIVE,
    SHARE,
    TEXT,
    Kind,
    count,
    did_you_mean,
    optional,
    several,
    word,
)
from scheduler.simulator.scenario import (
    Arrival,
    Arrivals,
    Authority,
    Cluster,
    Names,
    Renewals,
    Scenario,
    Solver,
)
from scheduler.versions import version

SECTIONS: Mapping[str, Any] = {
    "arrivals": Arrivals,
    "names": Names,
    "solver": Solver,
    "authority": Authority,
    "cluster": Cluster,
    "renewals": Renewals,
}
Values = Mapping[str, Any]
"""Values by path; a path that is missing has its default."""


@attrs.frozen
class Field:
    """One row."""

    path: str
    kind: Kind
    help: str
    flag: str = attrs.Factory(lambda self: self.path.split(".")[-1].replace("_", "-"), takes_self=True)

    @property
    def default(self) -> Any:
        """What holds when nothing is said; NOTHING where something must be."""
        section, _, name = self.path.rpartition(".")
        return getattr(attrs.fields(SECTIONS[section] if section else Scenario), name).default


def _release(value: Any) -> str:
    version(str(value))
    return str(value)


def _solver(text: str) -> str:
    return text.upper().replace("HTTP01", "HTTP-01").replace("DNS01", "DNS-01")


FIELDS: tuple[Field, ...] = (
    Field("certificates", count(1), "Certificates; each has one name and so one challenge, unless said otherwise."),
    Field("seed", count(0, 2**63), "Draw everything from this number, so that the run repeats."),
    Field("name", TEXT, "What the run is called.", "title"),
    Field("until", optional(POSITIVE), "When the run ends, whatever is left (renewals: 365d)."),
    Field(
        "arrivals.law", word(*Arrival), "When requests come: at once, at random, evenly, or at --moments.", "arrivals"
    ),
    Field("arrivals.over", POSITIVE, "How long a trickle or a wave takes."),
    Field("arrivals.moments", several(DURATION), "With --arrivals given: the moment of each certificate."),
    Field("names.per_certificate", count(1, 100), "Names of each certificate, every one with a challenge of its own."),
    Field("names.wildcards", SHARE, "Share of the certificates that are for an apex and its wildcard, which conflict."),
    Field("names.shared", SHARE, "Share of the names that another certificate asks for as well.", "shared-names"),
    Field("names.given", several(TEXT), "The DNS name of each certificate.", "names"),
    Field("solver.type", word("HTTP-01", "DNS-01", spelled=_solver), "http01 or dns01.", "solver"),
    Field("solver.present", DELAY, "How long it takes to show an answer."),
    Field("solver.propagation", DELAY, "From shown to seen, drawn for each nameserver."),
    Field("solver.nameservers", count(1, 100), "Nameservers, all of which must see it."),
    Field("solver.check", DELAY, "How long a self-check takes that fails."),
    Field(
        "solver.settle", optional(DURATION), "How long a worker holds on after a check that passes (8s, dns01: 60s)."
    ),
    Field("solver.wait_instead", optional(DURATION), "waitInsteadOfSelfCheck: wait so long, and check nothing."),
    Field("solver.present_fails", SHARE, "Share of the attempts to show an answer that fail."),
    Field("solver.check_fails", SHARE, "Share of the self-checks that fail all the same."),
    Field("solver.stuck", SHARE, "Share of the challenges that nobody will ever see."),
    Field("solver.stuck_names", several(TEXT), "Those of --names that nobody will ever see."),
    Field("authority.latency", DELAY, "How long the ACME server takes for each request."),
    Field("authority.validation", DELAY, "From the accepted challenge to the verdict."),
    Field("authority.finalize", DELAY, "From finalize to the certificate."),
    Field("authority.invalid", SHARE, "Share of the challenges that the ACME server refuses."),
    Field("authority.errors", SHARE, "Share of its answers that are 5xx."),
    Field("authority.limits", word("none", "letsencrypt"), "Rate limits of the ACME server."),
    Field("cluster.cap", count(1), "--max-concurrent-challenges."),
    Field("cluster.workers", count(1), "--concurrent-workers, of each controller."),
    Field("cluster.starts_per_tick", count(1), "Challenges that start in one pass of the scheduler."),
    Field("cluster.tick", POSITIVE, "From the end of one pass to the next."),
    Field("cluster.retry_period", POSITIVE, "--dns01-check-retry-period: from one self-check to the next."),
    Field(
        "cluster.authorization_wait", optional(POSITIVE), "How long a worker waits for a verdict (the version's own)."
    ),
    Field(
        "cluster.version", Kind("VERSION", _release), "The version of cert-manager whose rules hold.", "cert-manager"
    ),
    Field("cluster.write", DURATION, "How long a write to the Kubernetes API takes.", "api-write"),
    Field("cluster.patience", optional(count(1)), "Failed self-checks after which a challenge gives its slot back."),
    Field("cluster.first_retry", POSITIVE, "When a failed certificate is tried again; doubled each time."),
    Field("cluster.longest_retry", POSITIVE, "The longest such wait."),
    Field("cluster.restarts", several(DURATION), "Moments at which the controller begins anew."),
    Field("renewals.lifetime", POSITIVE, "Renew certificates, which live so long."),
    Field("renewals.before", DURATION, "Renew them so long before their end."),
    Field("renewals.ari", FLAG, "Renew them when the server says so, spread over a window (RFC 9773)."),
)
BY_PATH: Mapping[str, Field] = {field.path: field for field in FIELDS}
BY_FLAG: Mapping[str, Field] = {field.flag: field for field in FIELDS}


def read(field: Field, value: Any, where: str) -> Any:
    """Read one value; ValueError says where it stands and what is wrong with it."""
    try:
        return field.kind.read(value)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def flag_of(word: str) -> Field:
    """Return the row that a flag's name (without dashes) or a path means; ValueError names the nearest."""
    field = BY_FLAG.get(word.replace("_", "-")) or BY_PATH.get(word)
    if field is None:
        raise ValueError(f"{word}: unknown{did_you_mean(word, BY_FLAG)}")
    return field


def scenario_of(values: Values) -> Scenario:
    """Return the scenario of read values; ValueError when they contradict each other."""
    _check(values)
    parts: dict[str, dict[str, Any]] = {}
    for path, value in values.items():
        section, _, name = path.rpartition(".")
        parts.setdefault(section, {})[name] = value
    whole = parts.pop("", {})
    return Scenario(**whole, **{section: SECTIONS[section](**members) for section, members in parts.items()})


def document_of(scenario: Scenario, without: Collection[str] = ()) -> dict[str, Any]:
    """Return what a file would say of a scenario; defaults are left out, and some paths."""
    document: dict[str, Any] = {}
    for field, value in values_of(scenario):
        if field.path in without:
            continue
        section, _, name = field.path.rpartition(".")
        (document.setdefault(section, {}) if section else document)[name] = field.kind.write(value)
    if scenario.renewals:
        document.setdefault("renewals", {})
    return document


def values_of(scenario: Scenario) -> Iterable[tuple[Field, Any]]:
    """Return the fields that are not as they are by default, with their values."""
    for field in FIELDS:
        section, _, name = field.path.rpartition(".")
        part = getattr(scenario, section) if section else scenario
        if part is not None and (value := getattr(part, name)) != field.default:
            yield field, value


def _check(values: Values) -> None:
    def of(path: str) -> Any:
        return values.get(path, BY_PATH[path].default)

    renewed = any(path.startswith("renewals") for path in values)
    given = of("arrivals.law") == Arrival.GIVEN
    number, moments, names = of("certificates"), of("arrivals.moments"), of("names.given")
    strangers = [name for name in of("solver.stuck_names") if name not in names]
    complaints = (
        (number is attrs.NOTHING, "certificates: how many are wanted"),
        (renewed and of("until") is None, "until: renewals never end; say when the run does, such as 365d"),
        (renewed and of("renewals.before") >= of("renewals.lifetime"), "renewals.before: is not shorter than lifetime"),
        (of("cluster.first_retry") > of("cluster.longest_retry"), "cluster.first_retry: is longer than longest_retry"),
        (given and len(moments) != number, f"arrivals.moments: {len(moments)} are given for {number} certificates"),
        (bool(moments) and not given, "arrivals.moments: are for the law given"),
        (bool(names) and len(names) != number, f"names.given: {len(names)} are given for {number} certificates"),
        (bool(names) and _draws(values), "names.given: goes without the other members of names"),
        (bool(strangers), f"solver.stuck_names: {', '.join(strangers[:1])} is none of the names given"),
    )
    for wrong, complaint in complaints:
        if wrong:
            raise ValueError(complaint)


def _draws(values: Values) -> bool:
    return any(path.startswith("names.") and path != "names.given" for path in values)
