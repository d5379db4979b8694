"""Writes the generated parts of ARCHITECTURE.md from the tables: `make docs`."""

import re
from pathlib import Path

from acme_server.protocol import status
from scheduler import events, stages

DOCUMENT = Path(__file__).parent.parent / "ARCHITECTURE.md"
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


def answers():
    rows = [
        f"| `{word(effect)}` | {', '.join(f'`{word(event)}`' for event in replies)} |"
        for effect, replies in events.ANSWERS.items()
    ]
    return "\n".join(["| effect | answered by exactly one of |", "|---|---|", *rows])


PARTS = {"state machines": state_machines, "answers": answers}


def rendered(text):
    """Return the document with its generated parts as the tables say now."""
    for name, make in PARTS.items():
        pattern = rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)"
        text, count = re.subn(
            pattern, lambda match, make=make: f"{match[1]}{make()}\n{match[2]}", text, flags=re.DOTALL
        )
        assert count == 1, f"ARCHITECTURE.md has {count} places for {name}"
    return text


if __name__ == "__main__":
    DOCUMENT.write_text(rendered(DOCUMENT.read_text()))
