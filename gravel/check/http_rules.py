"""What can be wrong with the answer to http-01: the way there, and what is said at its end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address, ip_network

from acme_server.excerpt import excerpt
from acme_server.protocol.vantage import REFUSED, TIMEOUT
from gravel.check.looking import HTTP, Plan, Seen
from gravel.check.requests import Trace, Visit
from gravel.check.rules import CLIENT, NETWORK, WEB, Blocks, Found, Rule

# Where only some can go (RFC 1918, 3927, 4193, 4291, 6598, and loopback).
_INSIDE = tuple(
    ip_network(each)
    for each in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)
_USUAL_PORTS = (None, 80, 443)
_THUMBPRINT = re.compile(rb"[A-Za-z0-9_-]{43}")


def _is_inside(address: str) -> bool:
    return any(ip_address(address) in network for network in _INSIDE)


def _given_by(seen: Seen, servers: tuple[str, ...]) -> list[str]:
    return [value for view in seen.addresses if view.server in servers for value in view.values]


def _unheard(seen: Seen) -> Iterator[Trace]:
    """Return the traces that end without an answer, and not because of their family or the way out and back."""
    for each in seen.traces:
        if each.last.answer.error is not None and not (_only_ipv6(seen, each) or _hairpin_of(seen, each)):
            yield each


def _only_ipv6(seen: Seen, trace: Trace) -> bool:
    """Whether an IPv6 address fails while an IPv4 one answers."""
    others = (each for each in seen.traces if ":" not in each.address)
    return ":" in trace.address and any(other.last.answer.error is None for other in others)


def _hairpin_of(seen: Seen, trace: Trace) -> str | None:
    """Return what the way between inside and outside has to do with a trace that fails."""
    here, there = _given_by(seen, seen.plan.resolvers), _given_by(seen, (seen.plan.server_dns,))
    address = trace.address
    if trace.last.answer.error is None or len(trace.visits) > 1:
        return None
    if address in here and address not in there and _is_inside(address) and there:
        return f"from here the name leads inside, to {address}, for the ACME server to {', '.join(there)}"
    if address in there and address not in here and not _is_inside(address) and any(map(_is_inside, here)):
        return f"{address}, where the ACME server goes, cannot be reached from inside (hairpin NAT)"
    return None


def _hairpin(seen: Seen, challenge_type: str) -> Found:
    del challenge_type
    for each in seen.traces:
        cause = _hairpin_of(seen, each)
        if cause:
            yield each.last.address, f"{cause}: {each.last.answer.error}"


def _ipv6(seen: Seen, challenge_type: str) -> Found:
    del challenge_type
    for each in seen.traces:
        if each.last.answer.error is not None and _only_ipv6(seen, each):
            yield each.last.address, f"the IPv6 address does not answer ({each.last.answer.error}), while IPv4 does"


def _fails(fits: Callable[[str], bool], cause: str) -> Callable[[Seen, str], Found]:
    def find(seen: Seen, challenge_type: str) -> Found:
        del challenge_type
        for each in _unheard(seen):
            error = str(each.last.answer.error)
            if fits(error):
                yield each.last.address, f"{cause} {each.last.target.shown}: {error}"

    return find


def _is_other(error: str) -> bool:
    return error not in (REFUSED, TIMEOUT) and not error.startswith("TLS")


def _redirects(seen: Seen, fits: Callable[[Visit, Visit], bool], cause: str) -> Found:
    for each in seen.traces:
        for source, target in zip(each.visits, each.visits[1:], strict=False):
            if source.target != target.target and fits(source, target):
                yield source.address, f"{source.answer.status} to {target.target.shown}{cause}"


def _to_https(source: Visit, target: Visit) -> bool:
    return (source.target.scheme, target.target.scheme) == ("http", "https")


def _elsewhere(source: Visit, target: Visit) -> bool:
    return source.target.host != target.target.host


def _to_odd_port(source: Visit, target: Visit) -> bool:
    del source
    return target.target.port not in _USUAL_PORTS


def _refused_redirect(seen: Seen, challenge_type: str) -> Found:
    del challenge_type
    yield from ((each.last.address, each.refusal) for each in seen.traces if each.refusal)


def _answered(seen: Seen) -> Iterator[Visit]:
    return (each.last for each in seen.traces if each.last.answer.error is None and not each.refusal)


def _server(visit: Visit) -> str:
    name = visit.answer.header("Server")
    return f"the server {excerpt(name)}" if name else "a server that does not name itself"


def _not_found(seen: Seen, challenge_type: str) -> Found:
    if seen.plan.expects(challenge_type):
        for visit in _answered(seen):
            if visit.answer.status == 404:
                yield visit.address, f"404 for {visit.target.shown}, by {_server(visit)}"


def _bad_status(seen: Seen, challenge_type: str) -> Found:
    for visit in _answered(seen):
        status = visit.answer.status
        if status >= 500 or (status not in (200, 404) and seen.plan.expects(challenge_type)):
            yield visit.address, f"{status} for {visit.target.shown}, by {_server(visit)}"


def _is_surrounded(body: bytes, plan: Plan) -> bool:
    return plan.key is not None and plan.key.http_body.encode("ascii") in body


def _is_spaced(body: bytes, plan: Plan) -> bool:
    return body != body.rstrip() and _fits(body.rstrip(), plan)


def _is_of_another_account(body: bytes, plan: Plan) -> bool:
    return plan.key is not None and body.startswith(f"{plan.key.token}.".encode("ascii"))


def _fits(body: bytes, plan: Plan) -> bool:
    """Whether a body is right, as far as is known what must be there."""
    if plan.key is not None:
        return body == plan.key.http_body.encode("ascii")
    token = f"{plan.token}.".encode("ascii")
    return body.startswith(token) and _THUMBPRINT.fullmatch(body, len(token)) is not None


# What a body is that is not the expected one: the first that fits.
_KINDS: Mapping[str, tuple[Callable[[bytes, Plan], bool], str]] = {
    "trailing-whitespace": (_is_spaced, "has whitespace at its end, which cert-manager does not take"),
    "surrounded": (_is_surrounded, "has something before or after the key authorization"),
    "other-account": (_is_of_another_account, "has this token, but the thumbprint of another account key"),
    "wrong-body": (lambda *_: True, "is not the key authorization"),
}


def _bodies(kind: str) -> Callable[[Seen, str], Found]:
    def find(seen: Seen, challenge_type: str) -> Found:
        if not seen.plan.expects(challenge_type):
            return
        for visit in _answered(seen):
            body = visit.answer.body
            if visit.answer.status != 200 or _fits(body, seen.plan):
                continue
            if next(each for each, (fits, _) in _KINDS.items() if fits(body, seen.plan)) == kind:
                yield visit.address, f"the body {excerpt(body, 40)}, by {_server(visit)}, {_KINDS[kind][1]}"

    return find


_BACKEND = "have the ingress send /.well-known/acme-challenge/ to the solver; see who answered"
_HTTP = (HTTP,)
_NEVER = Blocks.NEVER

HTTP_RULES: tuple[Rule, ...] = (
    Rule(
        "hairpin",
        NETWORK,
        "have both resolvers give one address, or check from outside (cert-manager: waitInsteadOfSelfCheck)",
        _hairpin,
        types=_HTTP,
    ),
    Rule(
        "connection-refused",
        WEB,
        "start what listens on that port, or correct the address",
        _fails(lambda error: error == REFUSED, "nobody listens for"),
        types=_HTTP,
    ),
    Rule(
        "timeout",
        NETWORK,
        "open the port in the firewall; from inside, look at hairpin NAT",
        _fails(lambda error: error == TIMEOUT, "no answer to"),
        types=_HTTP,
    ),
    Rule(
        "tls",
        WEB,
        "repair TLS where the redirect leads, or do not redirect the challenge",
        _fails(lambda error: error.startswith("TLS"), "no TLS for"),
        types=_HTTP,
    ),
    Rule(
        "no-http", WEB, "see whether HTTP is spoken on that port", _fails(_is_other, "no HTTP answer to"), types=_HTTP
    ),
    Rule("ipv6-silent", NETWORK, "have the IPv6 address answer, or remove the AAAA record", _ipv6, _NEVER, _HTTP),
    Rule("redirect-refused", WEB, "redirect once, to http or https, or not at all", _refused_redirect, types=_HTTP),
    Rule(
        "redirect-to-https",
        WEB,
        "nothing, as long as the challenge is answered there",
        lambda seen, _: _redirects(seen, _to_https, ""),
        _NEVER,
        _HTTP,
    ),
    Rule(
        "redirect-elsewhere",
        WEB,
        "nothing, as long as the challenge is answered there",
        lambda seen, _: _redirects(seen, _elsewhere, ", another host"),
        _NEVER,
        _HTTP,
    ),
    Rule(
        "redirect-to-odd-port",
        WEB,
        "redirect to port 80 or 443",
        lambda seen, _: _redirects(seen, _to_odd_port, ", a port to which Let's Encrypt does not go"),
        _NEVER,
        _HTTP,
    ),
    Rule("not-found", WEB, _BACKEND, _not_found, types=_HTTP),
    Rule("bad-status", WEB, _BACKEND, _bad_status, Blocks.EXPECTED, _HTTP),
    Rule(
        "trailing-whitespace",
        CLIENT,
        "write the key authorization without a newline",
        _bodies("trailing-whitespace"),
        types=_HTTP,
    ),
    Rule("surrounded", CLIENT, "answer with the key authorization alone", _bodies("surrounded"), types=_HTTP),
    Rule(
        "other-account",
        CLIENT,
        "answer with the key of the account that ordered",
        _bodies("other-account"),
        types=_HTTP,
    ),
    Rule("wrong-body", WEB, _BACKEND, _bodies("wrong-body"), types=_HTTP),
)
