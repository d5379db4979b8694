"""The generated parts of docs/issuer-library.md: the program that `gravel new-issuer` makes, and two tables."""

from datetime import timedelta

import attrs
import click

from gravel.commands.new_issuer import scaffold
from gravel.issuer import IssuerKind
from gravel.issuer_program import program
from issuer_bridge.issuer_lib.conduct import Conduct

NAME, GROUP = "rest-ca", "rest-ca.example.com"


def the_program():
    return f"```python\n{scaffold(NAME, GROUP)['issuer.py']}```"


def differences():
    rows = [
        f"| {field.metadata['delta']} | `{field.name}` | {said(field.default)} | {said(field.metadata['upstream'])} "
        f"| {field.metadata['why']} |"
        for field in attrs.fields(Conduct)
    ]
    return "\n".join(["| | | ours | issuer-lib | why |", "|---|---|---|---|---|", *rows])


def said(value):
    if isinstance(value, timedelta):
        return f"{value.days} days" if value.days else f"{value.seconds // 60} minutes"
    return "yes" if value else "no"


def options():
    command = program("x", (IssuerKind("x.test", "v1", "X", "xs"),), None, None, {})
    context = click.Context(command)
    records = [parameter.get_help_record(context) for parameter in command.params]
    rows = [f"| `{flags}` | {text} |".replace("none|issuer-lib", r"none\|issuer-lib") for flags, text in records]
    return "\n".join(["| option | |", "|---|---|", *rows])


PARTS = {"program": the_program, "differences": differences, "options": options}
