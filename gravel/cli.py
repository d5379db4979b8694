"""`gravel VERB`: finds the verb's module, imports it only then, and turns failures into one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module

import click

from gravel.version import __version__

# verb -> the line that `gravel --help` shows; the module is gravel.commands.VERB.
VERBS: Mapping[str, str] = {
    "up": "Start everything: ACME server, DNS, http-01 responder, and the cert-manager bridge.",
    "serve": "Start the ACME server and its DNS, for clients of your own.",
    "run": "Start what `serve` starts, run a command against it, say what was issued and refused.",
    "pebble": "Start an ACME server in Pebble's place: its flags, configuration, variables and paths.",
    "pebble-challtestsrv": "Start DNS and challenge responders in the place of Pebble's.",
    "trust": "Print the line that makes a client trust a running server.",
    "explain": "Say why a name, an order, a challenge or a request is stuck, and who must act.",
    "check": "Say why a name cannot be validated, and who must act.",
    "verify": "Say what is wrong with a certificate that was issued: chain, names, key, issuer.",
    "simulate": "Say how long a fleet of certificates takes, what the bottleneck is and what would help.",
    "manifest": "Print YAML that runs gravel in a cluster and points a ClusterIssuer at it.",
    "backup": "Write the state of a house into one encrypted file.",
    "restore": "Make the folder of --state from such a file.",
    "chaos": "Break something on purpose, by name: a revoked CA, a signer that is away, deleted Secrets, ...",
    "new-issuer": "Make a folder with a cert-manager issuer of your own, its CRDs and its tests.",
    "apply": "Apply manifests to a running `gravel up` and follow their progress.",
    "sync": "Apply manifests in the waves of Argo CD, or as Kustomizations of Flux depend on each other.",
    "get": "List or print resources of a running `gravel up`.",
    "describe": "Show one resource with its conditions and events.",
    "wait": "Wait until certificates are there, as an init container does.",
    "rollback": "Put an earlier certificate of a Certificate back into its Secret.",
    "approve": "Approve a CertificateRequest.",
    "deny": "Deny a CertificateRequest.",
}
EPILOG = """\
\b
Options come from flags, then GRAVEL_* variables (GRAVEL_ACME_PORT=0),
then gravel.toml (acme-port = 0) in the current directory.
Shell completion: eval "$(_GRAVEL_COMPLETE=bash_source gravel)"; zsh and fish alike.
For testing, never for production."""

BUG = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130


class Verbs(click.Group):
    """The group of all verbs; listing them imports none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the table."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module."""
        del ctx
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"gravel.commands.{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table."""
        del ctx
        with formatter.section("Verbs"):
            formatter.write_dl(tuple(VERBS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb, or name the nearest one."""
        if args[0] not in VERBS and not args[0].startswith("-") and not ctx.resilient_parsing:
            near = get_close_matches(args[0], VERBS, n=1)
            ctx.fail(f"No such verb {args[0]!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)


@click.group(cls=Verbs, epilog=EPILOG, subcommand_metavar="VERB ...", invoke_without_command=True)
@click.version_option(__version__, message="gravel %(version)s")
@click.pass_context
def gravel(ctx: click.Context) -> None:
    """An ACME server your tests can trust: a CA, DNS and cert-manager's challenge queue in one command."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> None:
    """Run the command line and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the command line; return the exit code."""
    try:
        result = gravel.main(list(arguments), prog_name="gravel", standalone_mode=False)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "gravel"
        return _complain(f"{where}: {' '.join(error.format_message().split())}", error.exit_code)
    except click.ClickException as error:
        return _complain(f"gravel: {error.format_message()}", error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`gravel get orders | head`); the interpreter must not flush into the pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if os.environ.get("GRAVEL_DEBUG"):
            raise
        said = " ".join(f"{type(error).__name__}: {error}".split())
        return _complain(f"gravel hit a bug: {said}; run with GRAVEL_DEBUG=1 for the traceback", BUG)
    return result if isinstance(result, int) else 0


def _complain(sentence: str, code: int) -> int:
    click.echo(sentence, err=True)
    return code
