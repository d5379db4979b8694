"""What a user may set: flags over GRAVEL_* variables over gravel.toml, all made from one table.

The table is the class `Settings`: a field `acme_port` is the flag
`--acme-port`, the variable `GRAVEL_ACME_PORT` and the key `acme-port`.
"""

from __future__ import annotations

import functools
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attrs
import click

from gravel import option_types
from gravel.option_types import ADDRESS, COUNT, HOST_PORT, KEY, METAVARS, NAME, NUMBER, ORIGIN, PORT, SECONDS, TOKEN
from solvers.dns.keys import Key

FILE = Path("gravel.toml")
PREFIX = "GRAVEL_"
# Variables that are no option: the file to read, and tracebacks.
OTHER_VARIABLES = ("GRAVEL_CONFIG", "GRAVEL_DEBUG")
# What Kubernetes and Docker put into every container next to a service called gravel, or gravel-something.
_SERVICE_LINK = re.compile(r"GRAVEL_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")

SERVERS = ("up", "serve", "run")
# `gravel run` takes free ports, and its command is told which.
FREE = {"run": 0}
CLIENTS = ("apply", "get", "describe", "approve", "deny")


def option(
    default: Any,
    kind: click.ParamType[Any],
    text: str,
    verbs: Sequence[str] = ("up",),
    defaults: Mapping[str, Any] = MappingProxyType({}),
) -> Any:
    """Declare one row of the table; a tuple as default makes it repeatable; defaults: those of single verbs."""
    metadata = {"kind": kind, "help": text, "verbs": tuple(verbs), "defaults": defaults}
    return attrs.field(default=default, metadata=metadata)


@attrs.frozen(kw_only=True)
class Settings:
    """Every option of every verb; a verb takes those that name it."""

    host: str = option("127.0.0.1", NAME, "Where the ACME server, its management and DNS listen.", SERVERS)
    acme_port: int = option(14000, PORT, "Port of the ACME server; 0 is any free one, here and below.", SERVERS, FREE)
    management_port: int = option(15000, PORT, "Port of the management API.", SERVERS, FREE)
    dns_port: int = option(8053, PORT, "Port of the DNS server, UDP and TCP.", SERVERS, FREE)
    kubernetes_port: int = option(16443, PORT, "Port of the embedded Kubernetes-style API, always on 127.0.0.1.")
    kubernetes: str | None = option(
        None,
        click.STRING,
        "Where the Kubernetes-style API of a running `gravel up` is (default: http://127.0.0.1:KUBERNETES-PORT).",
        CLIENTS,
    )
    management: str | None = option(
        None,
        ORIGIN,
        "Where the management API of a running gravel is (default: https://127.0.0.1:MANAGEMENT-PORT).",
        ("trust",),
    )
    http01_port: int = option(
        5002,
        PORT,
        "Port that http-01 validation and self-checks dial; 0 is where the responder listens (run: else a free one).",
        SERVERS,
        FREE,
    )
    http01_listen: str | None = option(
        None,
        HOST_PORT,
        "Where the built-in http-01 responder answers (up: 127.0.0.1:HTTP01-PORT; serve and run: none).",
        SERVERS,
    )
    tls_alpn_port: int = option(
        5001, PORT, "Port that tls-alpn-01 validation dials (run: a free one, which 0 stands for).", SERVERS, FREE
    )
    dns: str | None = option(
        None, HOST_PORT, "DNS server that validation and self-checks ask (default: the built-in one).", SERVERS
    )
    dns_update_key: tuple[Key, ...] = option(
        (),
        KEY,
        "TSIG key, [ALGORITHM:]NAME:SECRET as for `nsupdate -y`, whose holders may update the DNS (RFC 2136); "
        "with no key, nobody may.",
        SERVERS,
    )
    dns_update_key_file: tuple[str, ...] = option(
        (),
        click.Path(exists=True, dir_okay=False),
        "Keys from a file as for `nsupdate -k`, so that no secret is on a command line.",
        SERVERS,
    )
    dns_update_open: bool = option(
        False, click.BOOL, "Let everyone on this machine update the DNS, unsigned; on loopback only.", SERVERS
    )
    acme_dns_domain: str = option(
        "auth.acme-dns.test", option_types.ZONE, "What the names of acme-dns accounts are below.", SERVERS
    )
    webhook_open: bool = option(
        False, click.BOOL, "Let kube-apiserver, which has no token, use the webhook for cert-manager.", SERVERS
    )
    default_address: tuple[str, ...] = option(
        (), ADDRESS, "What names have that were given no address of their own [127.0.0.1].", SERVERS
    )
    base_url: str | None = option(
        None, ORIGIN, "What the ACME server calls itself (default: https://HOST:ACME-PORT).", SERVERS
    )
    tls_name: tuple[str, ...] = option(
        (), NAME, "Further name or address in the server's own certificate; may be repeated.", SERVERS
    )
    management_token: str | None = option(
        None,
        TOKEN,
        "Bearer token that the management API wants; beyond loopback one is made up if none is given.",
        SERVERS,
    )
    faults: tuple[str, ...] = option(
        (),
        click.Path(exists=True, dir_okay=False),
        "Arm the faults in this file, JSON or YAML, as for POST /faults; may be repeated.",
        SERVERS,
    )
    timing: str = option(
        "fast",
        click.Choice(("cert-manager", "fast")),
        "What solvers wait before they call an answer visible: 5 passes and 60 s, or 1 pass and none.",
    )
    retry_period: float = option(10.0, SECONDS, "Seconds between two self-checks.")
    dns01_recursive_nameservers: tuple[str, ...] = option(
        (), HOST_PORT, "Nameserver that dns-01 self-checks ask; may be repeated (default: that of --dns)."
    )
    dns01_recursive_nameservers_only: bool = option(
        False, click.BOOL, "Look for TXT records at those alone, and not at the zone's own nameservers."
    )
    dns01_authoritative_port: int | None = option(
        None, COUNT, "Port of the zone's own nameservers (default: that of --dns, else the built-in one's)."
    )
    acme_http01_solver_nameservers: tuple[str, ...] = option(
        (), HOST_PORT, "Resolver that http-01 self-checks ask; may be repeated (default: that of --dns)."
    )
    max_concurrent_challenges: int = option(60, COUNT, "Challenges that may be under way at once.")
    cluster_resource_namespace: str = option(
        "cert-manager", NAME, "Where ClusterIssuers have their Secrets; as cert-manager's chart has it."
    )
    no_approver: bool = option(False, click.BOOL, "Leave approval of requests to `gravel approve`.")
    seed: int | None = option(
        None, NUMBER, "Draw keys, serials and tokens from this number, so that a run repeats.", SERVERS
    )
    apply: tuple[str, ...] = option(
        (),
        click.Path(exists=True, allow_dash=True),
        "Apply the manifests in this file or folder (- is standard input) and follow them; may be repeated.",
    )
    once: bool = option(False, click.BOOL, "With --apply: stop when all is Ready (exit 0) or anything Failed (exit 1).")
    timeout: float = option(300.0, SECONDS, "With --apply: seconds after which following ends, as if Failed.")
    json: bool = option(False, click.BOOL, "Print JSON, one object per line (run: on stderr).", SERVERS)


FIELDS: Mapping[str, attrs.Attribute[Any]] = {field.name.replace("_", "-"): field for field in attrs.fields(Settings)}


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
