"""Where settings come from: flags over GRAVEL_* variables over gravel.toml.

What there is to set is the table `gravel.settings`.
"""

from __future__ import annotations

import functools
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import attrs
import click

from gravel.option_types import METAVARS
from gravel.settings import FIELDS, Settings

FILE = Path("gravel.toml")
PREFIX = "GRAVEL_"
# Variables that are no option: the file to read, and tracebacks.
OTHER_VARIABLES = ("GRAVEL_CONFIG", "GRAVEL_DEBUG")
# What Kubernetes and Docker put into every container next to a service called gravel, or gravel-something.
_SERVICE_LINK = re.compile(r"GRAVEL_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")


def configured(verb: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command the options of its verb, and call it with the settings they add up to.

    Parameters that the command declares beside them are passed on by name.
    """
    mine = {key: field for key, field in FIELDS.items() if verb in field.metadata["verbs"]}

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        @functools.wraps(function)
        def call(config: str | None, **given: Any) -> int:
            flags = {field.name: given.pop(field.name) for field in mine.values()}
            return function(load(verb, flags, os.environ, Path(config) if config else None), **given)

        declared = [_click_option(key, field, verb) for key, field in mine.items()]
        text = "TOML file to read instead of ./gravel.toml."
        declared.append(click.option("--config", metavar="FILE", help=text))
        return functools.reduce(lambda decorated, declare: declare(decorated), reversed(declared), call)

    return decorate


def _click_option(
    key: str, field: attrs.Attribute[Any], verb: str
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Declare the flag; what is absent stays None, so that the other sources may speak."""
    kind, default = field.metadata["kind"], field.metadata["defaults"].get(verb, field.default)
    if kind is click.BOOL:
        return click.option(f"--{key}", field.name, is_flag=True, default=None, help=field.metadata["help"])
    several = isinstance(default, tuple)
    value = f"{default:g}" if isinstance(default, float) else default
    text = field.metadata["help"] + ("" if several or default is None else f" [default: {value}]")
    return click.option(
        f"--{key}", field.name, type=kind, metavar=METAVARS.get(kind), multiple=several, default=None, help=text
    )


def load(verb: str, flags: Mapping[str, Any], environment: Mapping[str, str], file: Path | None = None) -> Settings:
    """Return a verb's settings; raise UsageError that names what is wrong."""
    merged = _merged(flags, environment, file)
    mine = [field for field in FIELDS.values() if verb in field.metadata["verbs"]]
    own = {field.name: field.metadata["defaults"][verb] for field in mine if verb in field.metadata["defaults"]}
    return Settings(**own | {field.name: merged[field.name] for field in mine if field.name in merged})


def kubernetes_url(flag: str | None, environment: Mapping[str, str]) -> str:
    """Return where a client verb finds a running `up`: what is said about it, else the port that `up` takes here."""
    return _url_of("kubernetes", "http", flag, environment)


def kubernetes_token(flag: str | None, environment: Mapping[str, str]) -> str | None:
    """Return the token that a client verb shows there, None for none."""
    token: str | None = _merged({"kubernetes_token": flag}, environment, None).get("kubernetes_token")
    return token


def management_url(flag: str | None, environment: Mapping[str, str]) -> str:
    """Return where the management API of a running gravel is: what is said about it, else the port it takes here."""
    return _url_of("management", "https", flag, environment)


def _url_of(name: str, scheme: str, flag: str | None, environment: Mapping[str, str]) -> str:
    merged = _merged({name: flag}, environment, None)
    port = merged.get(f"{name}_port", FIELDS[f"{name}-port"].default)
    return str(merged.get(name, f"{scheme}://127.0.0.1:{port}"))


def _merged(flags: Mapping[str, Any], environment: Mapping[str, str], file: Path | None) -> dict[str, Any]:
    """Merge flags over environment over file."""
    named = file or (Path(environment["GRAVEL_CONFIG"]) if environment.get("GRAVEL_CONFIG") else None)
    given = {name: value for name, value in flags.items() if value not in (None, ())}
    return {**_from_file(named or FILE, required=named is not None), **_from_environment(environment), **given}


def _from_file(path: Path, *, required: bool) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if required:
            raise click.UsageError(f"There is no file {path}.") from None
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise click.UsageError(f"{path} cannot be read: {error}.") from None
    for key in document:
        if key not in FIELDS:
            raise click.UsageError(f"{path}: {key!r} is no option; the nearest is {_nearest(key, FIELDS)!r}.")
    return {FIELDS[key].name: _converted(FIELDS[key], value, f"{key} in {path}") for key, value in document.items()}


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    variables = {PREFIX + field.name.upper(): field for field in FIELDS.values()}
    values: dict[str, Any] = {}
    for name in sorted(environment):
        value = environment[name]
        if not name.startswith(PREFIX) or not value or _is_service_link(name, value):
            continue
        if name in variables:
            field = variables[name]
            parts = [part for part in value.split(",") if part] if isinstance(field.default, tuple) else value
            values[field.name] = _converted(field, parts, name)
        elif name not in OTHER_VARIABLES:
            nearest = _nearest(name, (*variables, *OTHER_VARIABLES))
            raise click.UsageError(f"The variable {name} is no option; the nearest is {nearest}.")
    return values


def _is_service_link(name: str, value: str) -> bool:
    """`GRAVEL_DNS_PORT` is ours, unless a Service called gravel-dns made it."""
    url = name.endswith("_PORT") and value.startswith(("tcp://", "udp://", "sctp://"))
    return url or _SERVICE_LINK.fullmatch(name) is not None


def _converted(field: attrs.Attribute[Any], value: Any, where: str) -> Any:
    """Check a value that did not come through click's parser, with the same type."""
    kind: click.ParamType[Any] = field.metadata["kind"]
    if isinstance(field.default, tuple):
        items = value if isinstance(value, list) else [value]
        return tuple(_converted_one(kind, item, where) for item in items)
    return _converted_one(kind, value, where)


def _converted_one(kind: click.ParamType[Any], value: Any, where: str) -> Any:
    wrong = isinstance(value, bool) and kind is not click.BOOL
    if wrong or not isinstance(value, str | int | float):
        raise click.UsageError(f"{where}: {value!r} is not a {kind.name}.")
    try:
        # Our own kinds read text, as a flag is; TOML has numbers too.
        return kind.convert(str(value) if isinstance(kind, click.types.FuncParamType) else value, None, None)
    except click.BadParameter as error:
        raise click.UsageError(f"{where}: {error.message}") from None


def _nearest(word: str, known: Iterable[str]) -> str:
    spelled = {name.lower().replace("_", "-"): name for name in known}
    return spelled[get_close_matches(word.lower().replace("_", "-"), spelled, n=1, cutoff=0.0)[0]]
