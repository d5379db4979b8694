"""What the verbs that speak to a running house share: their options, and how they run and fail."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from gravel.configuration import kubernetes_credential, kubernetes_url
from gravel.option_types import METAVARS, TOKEN
from gravel.settings import FIELDS
from issuer_bridge.kind_names import find_kind, known_kinds, nearest_kind
from issuer_bridge.resources import ApiError, Kind

if TYPE_CHECKING:
    from gravel.kube_client import KubeClient

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_NAMESPACE = "default"


def url_option(function: F) -> F:
    """Add `--kubernetes URL`, and `--kubernetes-token` and `--kubernetes-ca`, which are for `run_client`."""
    url = click.option(
        "--kubernetes",
        "url",
        metavar="URL",
        callback=lambda _context, _parameter, flag: kubernetes_url(flag, os.environ),
        help=FIELDS["kubernetes"].metadata["help"],
    )
    return url(_credential("kubernetes-token", TOKEN)(_credential("kubernetes-ca", click.STRING)(function)))


def _credential(key: str, kind: click.ParamType[Any]) -> Callable[[F], F]:
    """Declare what `run_client` takes from the context."""
    name = FIELDS[key].name

    def remember(context: click.Context, parameter: click.Parameter, flag: str | None) -> None:
        del parameter
        context.meta[f"gravel.{name}"] = kubernetes_credential(name, flag, os.environ)

    text, shown = FIELDS[key].metadata["help"], METAVARS.get(kind, "FILE")
    return click.option(f"--{key}", type=kind, metavar=shown, expose_value=False, callback=remember, help=text)


def namespace_option(function: F) -> F:
    """Add `-n NAMESPACE`."""
    text = f"The namespace [default: {DEFAULT_NAMESPACE}]."
    return click.option("-n", "--namespace", metavar="NAMESPACE", help=text)(function)


def json_option(function: F) -> F:
    """Add `--json`."""
    return click.option("--json", "json", is_flag=True, help="Print JSON, one object per line.")(function)


def credentials() -> tuple[str | None, str | None]:
    """Return the token and the CA that `url_option` was given."""
    meta = click.get_current_context().meta
    return meta.get("gravel.kubernetes_token"), meta.get("gravel.kubernetes_ca")


def run_client(url: str, work: Callable[[KubeClient], Awaitable[int]]) -> NoReturn:
    """Run the work with a client, and exit with its code; failures become one sentence."""
    from gravel.event_loop import run
    from gravel.kube_client import KubeClient, Unreachable

    async def main() -> int:
        async with KubeClient(url, *credentials()) as client:
            return await work(client)

    try:
        code = run(main())
    except (ApiError, Unreachable) as error:
        raise click.ClickException(str(error)) from None
    click.get_current_context().exit(code)


def kind_named(word: str) -> Kind:
    """Return the kind that a word means, or fail naming the nearest."""
    kind = find_kind(word)
    if kind is None:
        near = nearest_kind(word)
        hint = f"did you mean {near.plural}?" if near else f"known are {known_kinds()}"
        raise click.UsageError(f"there is no kind of resource called {word!r}; {hint}")
    return kind


def resource_name(kind: Kind, name: str) -> str:
    """`certificaterequest.cert-manager.io/www`, as kubectl names an object."""
    singular = kind.kind.lower()
    return f"{singular}.{kind.group}/{name}" if kind.group else f"{singular}/{name}"
