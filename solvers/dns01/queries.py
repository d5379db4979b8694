"""DNS questions as cert-manager's dns01 solver asks them (pkg/issuer/acme/dns/util/wait.go).

Names are lower case, without the final dot; what is said about them has it.
"""

from __future__ import annotations

from acme_server.protocol.vantage import DnsAnswer, Inquiry, resolve

# Upstream sets no bound; resolvers give up at about as many.
MAX_ALIASES = 16


class QueryError(Exception):
    """There is no answer to go on; the message says why, in words that do not vary from try to try."""


def ask(name: str, rtype: str, nameservers: tuple[str, ...]) -> Inquiry[DnsAnswer]:
    """Ask the nameservers in turn until one answers, whatever it says; the last one's failure is a QueryError."""
    failure = ""
    for server in nameservers:
        answer = yield from resolve(name, rtype, server)
        if answer.error is None:
            return answer
        failure = f"NS {server} gave no answer for {name}.: {answer.error}"
    raise QueryError(failure)


def final_name(name: str, nameservers: tuple[str, ...]) -> Inquiry[str]:
    """Follow aliases to the name at their end; any RCODE but NOERROR is an end."""
    visited = [name]
    while len(visited) <= MAX_ALIASES:
        here = visited[-1]
        answer = yield from ask(here, "CNAME", nameservers)
        records = answer.records if answer.rcode == "NOERROR" else ()
        alias = next((folded(one.value) for one in records if one.rtype == "CNAME" and folded(one.name) == here), None)
        if alias is None:
            return here
        if alias in visited:
            raise QueryError(f'Found recursive CNAME record to "{alias}." when looking up "{here}."')
        visited.append(alias)
    raise QueryError(f"more than {MAX_ALIASES} CNAMEs in a row looking up {name}.")


def folded(name: str) -> str:
    """Return a name from a message as it is compared here."""
    return name.removesuffix(".").lower()
