"""Writes the generated parts of the documents from the tables: `make docs`."""

import json
import re
from functools import partial
from pathlib import Path

import attrs
import yaml

from acme_server.faults.action import PLACES
from acme_server.faults.actions import ACTIONS
from acme_server.faults.personas import PERSONAS
from acme_server.faults.rule import NAME_OF, Match, When
from acme_server.protocol import status
from gravel.check.findings import RULES
from gravel.check.rules import Blocks
from gravel.explaining import catalogue
from gravel.metrics.documented import FAMILIES
from issuer_bridge.cluster import permissions
from issuer_bridge.cluster.election import LEASE_NAME
from issuer_bridge.gloo import states
from scheduler import events, stages
from tests import features, reference, seeds
from tests.gravel.management import management_routes
from tests.issuer_bridge import recorded_walk
from tests.issuer_bridge.acme_issuer import acme_page
from tests.issuer_bridge.issuer_lib import issuer_page
from tests.simulation import chaos

ROOT = Path(__file__).parent.parent
MACHINES = {
    "Account (RFC 8555 section 7.1.2)": status.ACCOUNT,
    "Order (section 7.1.6; `authorized` is derived when read)": status.ORDER,
    "Authorization (section 7.1.6; `expire` is derived when read)": status.AUTHORIZATION,
    "Challenge (section 7.1.6)": status.CHALLENGE,
    "Challenge stage (scheduler)": stages.MOVES,
}


def word(event):
    return event if isinstance(event, str) else event.__name__


def diagram(title, table):
    """One Mermaid state diagram; states without a row's move are final."""
    lines = [
        f"**{title}**",
        "",
        "```mermaid",
        "stateDiagram-v2",
        "    direction LR",
        f"    [*] --> {next(iter(table)).value}",
    ]
    for source, moves in table.items():
        targets = {}
        for event, target in moves.items():
            targets.setdefault(target, []).append(word(event))
        lines += [f"    {source.value} --> {target.value}: {', '.join(names)}" for target, names in targets.items()]
        lines += [f"    {source.value} --> [*]"] if not moves else []
    return "\n".join([*lines, "```"])


def state_machines():
    return "\n\n".join(diagram(title, table) for title, table in MACHINES.items())


def gloo_states():
    return diagram("IssuedCertificate", states.MOVES)


def answers():
    rows = [
        f"| `{word(effect)}` | {', '.join(f'`{word(event)}`' for event in replies)} |"
        for effect, replies in events.ANSWERS.items()
    ]
    return "\n".join(["| effect | answered by exactly one of |", "|---|---|", *rows])


def members(cls):
    """The members of a value as JSON has them: name and default, none for one that must be there."""
    for field in attrs.fields(cls):
        if "read" in field.metadata:
            needed = field.default is attrs.NOTHING
            default = {} if isinstance(field.default, attrs.Factory) else field.default
            yield field.metadata["name"] or field.name, None if needed else json.dumps(default)


def with_defaults(cls):
    found = [f"`{name}`" + ("" if value in (None, "null") else f" ({value})") for name, value in members(cls)]
    return ", ".join(found) or "-"


def first_paragraph(cls):
    return " ".join(cls.__doc__.split("\n\n")[0].split())


def rest(cls):
    """What a docstring says of the members, as one line."""
    return " ".join("\n".join(cls.__doc__.split("\n\n")[1:]).split())


def match():
    lines = [f"* `{name}`: {with_defaults(cls)}. {rest(cls)}" for name, cls in (("match", Match), ("when", When))]
    requests, places = (", ".join(f"`{name}`" for name in dict.fromkeys(names)) for names in (NAME_OF.values(), PLACES))
    return "\n".join([*lines, f"* endpoints: {requests}; elsewhere {places}."])


def actions():
    rows = []
    for kind, cls in ACTIONS.items():
        stages = " or ".join(stage.value for stage in cls.stages)
        where = ", ".join(cls.endpoints) or "everywhere"
        text = f"{first_paragraph(cls)} {rest(cls)}".strip()
        rows.append(f"| `{kind}` | {text} | {with_defaults(cls)} | {cls.plane.value} | {stages} | {where} |")
    head = ["| kind | what happens | members (defaults) | acts on | stage | endpoints |", "|---|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


def personas():
    return "\n".join(
        f"* `{name}`:\n" + "\n".join(f"  `{json.dumps(rule)}`" + "  " for rule in rules)
        for name, rules in PERSONAS.items()
    )


def findings():
    rows = {}
    for rule in RULES:
        note = " (a note)" if rule.blocks is Blocks.NEVER else ""
        row = f"`{rule.code}`{note} | {{}} | {rule.who} | {rule.attempt} |"
        rows.setdefault(row, []).extend(rule.types)
    head = ["| code | type | who must act | what to try |", "|---|---|---|---|"]
    return "\n".join([*head, *(f"| {row.format(', '.join(types))}" for row, types in rows.items())])


def causes():
    rows = [
        f"| `{each.code}`{'' if each.blocks else ' (a note)'} | {each.who} | {each.attempt or 'what it says'} | {each.pain or '-'} |"
        for each in catalogue.CAUSES
    ]
    return "\n".join(["| code | who must act | what to try | pain |", "|---|---|---|---|", *rows])


def metrics():
    rows = [
        f"| `{one.name}` | {one.type} | {', '.join(f'`{label}`' for label in one.labels) or '-'} | {one.help} |"
        for one in FAMILIES
    ]
    return "\n".join(["| metric | type | labels | what it tells |", "|---|---|---|---|", *rows])


def lines_of_yaml(make):
    """A list as YAML, one line an item."""
    return "".join(f"- {yaml.safe_dump(each, default_flow_style=True, width=1000, sort_keys=False)}" for each in make())


PARTS = {
    "ARCHITECTURE.md": {"state machines": state_machines, "answers": answers},
    "docs/acme-issuer.md": acme_page.PARTS,
    "docs/beside-pebble.md": {"features": features.table},
    "docs/bridge.md": {"recorded cert-manager": recorded_walk.table},
    "docs/chaos.md": {"experiments": chaos.table},
    "docs/check.md": {"findings": findings},
    "docs/issuer-library.md": issuer_page.PARTS,
    "docs/management-api.md": {"requests": management_routes.page},
    "docs/metrics.md": {"metrics": metrics},
    "docs/explain.md": {"causes": causes},
    "docs/faults.md": {"match": match, "actions": actions, "personas": personas},
    "docs/seeds.md": seeds.PARTS,
    "docs/gloo.md": {"gloo states": gloo_states},
}

# Files that are made as a whole.
FILES = {
    f"charts/gravel/files/{name}.yaml": partial(lines_of_yaml, make)
    for name, make in (
        ("rules", permissions.rules),
        ("policy-rules", permissions.policy_rules),
        ("lease-rules", partial(permissions.lease_rules, LEASE_NAME)),
    )
} | {"docs/cli.md": reference.command_line, "docs/configuration.md": reference.configuration}


# Written whole.
FILES = {"docs/openapi.json": management_routes.openapi_text}


def rendered(name):
    """Return a document with its generated parts as the tables say now."""
    if name in FILES:
        return FILES[name]()
    text = (ROOT / name).read_text()
    for part, make in PARTS[name].items():
        pattern = rf"(<!-- generated: {part} -->\n).*?(<!-- end -->)"
        text, count = re.subn(
            pattern, lambda match, make=make: f"{match[1]}{make()}\n{match[2]}", text, flags=re.DOTALL
        )
        assert count == 1, f"{name} has {count} places for {part}"
    return text


if __name__ == "__main__":
    for name in (*PARTS, *FILES):
        (ROOT / name).write_text(rendered(name))
