"""Writes docs/conformance.md: what `python -m conformance` says of gravel and of Debian's pebble, side by side."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.servers import SERVERS, CannotStart, check_installed
from conformance.options import Options
from conformance.report import counted, said
from conformance.runner import Verdict, run
from conformance.session import Session
from conformance.table import CHECKS
from conformance.verdict import Outcome

_VARIES = re.compile(r"(?<=https://)127\.0\.0\.1:\d+|\b[0-9a-f]{12,}\b|(?<=/)[\w-]{22}(?![\w-])")
PAGE = Path(__file__).parent.parent / "docs" / "conformance.md"
HEAD = """\
# Conformance

`python -m conformance --directory URL` holds any ACME server to RFC 8555, over the wire alone: it has its own client
and signer, and shares no code with the server. Below is what it says of gravel, in each of its personalities
([personalities.md](personalities.md)), and of Debian's pebble {pebble}, written by `make conformance`.

    gravel run -- python -m conformance
    python -m conformance --directory https://localhost:14000/dir --ca-cert pebble.minica.pem \\
        --chall-mgmt http://localhost:8055 --json report.json --junit report.xml
    ACME_DIRECTORY=https://localhost:14000/dir ACME_CA_CERT=pebble.minica.pem pytest --pyargs conformance

Challenges are answered by responders of its own: http-01 and tls-alpn-01 on 127.0.0.1 (`--http01-port`, 5002 where
nothing is told, and `--tls-alpn-port`), dns-01 by a DNS that the server is to ask (`--dns HOST:PORT`). With
`--chall-mgmt` whatever has no such responder is answered over challtestsrv's API, which gravel's management API has
too. A type that cannot be answered is *not reachable*. `--section 7.3` runs a part, `--section "RFC 9773"` another,
`--rate 2` sends two requests a second at most, `--eab KID:KEY` gives an external account, which must be good for many
accounts.
`--json`, `--junit` and `--html` write the report with every exchange, as a CI reads it, as a page. The exit status is
1 when a MUST fails, 3 when nothing could be looked at.

A run makes some forty accounts and two hundred orders below `--domain`: too much for the limits of a public CA without
`--section`. Checks that deactivate, revoke, change keys, fail validations on purpose or send what is huge or slow
(section 10.3, for which it may wait half a minute) run where the directory is on loopback; elsewhere they are *left
out* unless `--destructive` asks for them.

A verdict is *pass*, **fail**, *not offered* (the server says that it does not have it), *not reachable* (the way
there ended before) or *left out*. Sections are RFC 8555's where no other is named; sentences are ours. Limits (6.6) and
changed terms (7.3.3) are looked at where the run meets them.
"""


# gravel with all that it offers; pebble 2.4.0 could have external accounts of this, if its configuration listed them.
EAB = ("kid-1", "c2VjcmV0IG9mIGtpZC0x")
GRAVEL = ("--caa-identity", "ca.test", "--alternate-roots", "1", "--eab", ":".join(EAB))
# What is shown, by column: the server, and its options.
COLUMNS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "gravel": ("gravel", GRAVEL),
    "gravel as pebble": ("gravel", (*GRAVEL, "--personality", "pebble")),
    "gravel as boulder": ("gravel", (*GRAVEL, "--personality", "boulder")),
    "pebble": ("pebble", ()),
}


def verdicts_of(server: str, own: Sequence[str]) -> list[Verdict]:
    """Start a server afresh, run every check, and return the verdicts."""
    with tempfile.TemporaryDirectory() as folder, SERVERS[server](Path(folder), *own) as running:
        session = Session(
            Options(
                directory=running.directory,
                ca_cert=running.ca,
                chall_mgmt=running.management,
                http01_port=running.http01_port,
                tls_alpn_port=running.tls_alpn_port,
                eab=EAB if own else None,
            )
        )
        try:
            return list(run(CHECKS, session))
        finally:
            session.close()


def version_of_pebble() -> str:
    """Return the version that Debian gives the package."""
    command = ["dpkg-query", "-W", "-f", "${Version}", "pebble"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.partition("-")[0] or "of unknown version"


def page(runs: Mapping[str, Sequence[Verdict]]) -> str:
    """Lay the runs out side by side."""
    lines = [
        "",
        "| | checks |",
        "|---|---|",
        *(f"| {name} | {counted(verdicts)} |" for name, verdicts in runs.items()),
        "",
    ]
    lines += [f"| section | level | check | {' | '.join(runs)} |", f"|---|---|---|{'---|' * len(runs)}"]
    for row in zip(*runs.values(), strict=True):
        check = row[0].check
        cells = (check.section, check.level, check.sentence, *map(_word, row))
        lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    lines += ["", "## Failures"]
    for name, verdicts in runs.items():
        failed = [verdict for verdict in verdicts if verdict.outcome is Outcome.FAIL]
        lines += ["", f"**{name}**", "", *map(_failure, failed)] if failed else ["", f"**{name}**: none."]
    return HEAD.format(pebble=version_of_pebble()) + "\n".join(lines) + "\n"


def _failure(verdict: Verdict) -> str:
    """Return one line, without what differs from run to run: ports, names, identifiers, the texts of problems."""
    check = verdict.check
    actual = _VARIES.sub("...", verdict.actual.partition(": ")[0])
    return f"* {check.section} {check.level}: {check.sentence} Expected {_VARIES.sub('...', verdict.expected)}; got {actual}."


def _word(verdict: Verdict) -> str:
    return "**fail**" if verdict.outcome is Outcome.FAIL else str(verdict.outcome)


def main() -> int:
    """Write the page; a suite that fails itself writes none."""
    try:
        check_installed()
        runs = {name: verdicts_of(server, own) for name, (server, own) in COLUMNS.items()}
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1
    for server, verdicts in runs.items():
        print(f"{server}: {counted(verdicts)}, {sum(one.seconds for one in verdicts):.1f} s")
        for one in verdicts:
            if one.outcome is Outcome.ERROR:
                print(f"{one.check.name}: {one.detail}", file=sys.stderr)
                return 1
            if one.outcome is not Outcome.PASS:
                print(f"  {one.check.section} {one.check.name}: {one.outcome}: {said(one)}")
    PAGE.write_text(page(runs), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
