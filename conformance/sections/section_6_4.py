"""RFC 8555 section 6.4: request URL integrity."""

from __future__ import annotations

from urllib.parse import urlsplit

from conformance.check import check
from conformance.expectations import refused
from conformance.jws import ABSENT
from conformance.session import Session
from conformance.verdict import Level

MUST, SHOULD = Level.MUST, Level.SHOULD


@check("6.4", MUST, "newOrder", "newAccount")
def a_request_for_another_url_is_refused(session: Session) -> None:
    """The 'url' in the header is compared with the URL of the request; where they differ, the request is refused."""
    header = {"url": session.url("newAccount")}
    refused(
        session.account.post(session.url("newOrder"), session.identifiers(), header=header), "another resource's url"
    )


@check("6.4", MUST, "newOrder", "newAccount")
def another_url_makes_it_unauthorized(session: Session) -> None:
    """What is refused because of its 'url' is refused as unauthorized."""
    header = {"url": session.url("newAccount")}
    reply = session.account.post(session.url("newOrder"), session.identifiers(), header=header)
    refused(reply, "another resource's url", "unauthorized")


@check("6.4", SHOULD, "newOrder")
def urls_are_compared_as_strings(session: Session) -> None:
    """URLs are compared as strings: other spellings of the same URL are refused."""
    url = session.url("newOrder")
    parts = urlsplit(url)
    last = parts.path[-1]
    spellings = (
        f"{url}/",
        f"{url}?",
        f"{url}#a",
        url.replace(parts.netloc, parts.netloc.upper()) if parts.netloc.upper() != parts.netloc else f"{url}?a",
        url.replace("https://", "HTTPS://"),
        url.replace("https://", "http://"),
        f"{url[:-1]}%{ord(last):02X}",
        parts.path,
    )
    for spelling in spellings:
        reply = session.account.post(url, session.identifiers(), header={"url": spelling})
        refused(reply, f"the url {spelling}")


@check("6.4.1", MUST, "newOrder")
def a_request_without_a_url_is_refused(session: Session) -> None:
    """The protected header has a 'url', which is a string: without, or with something else, a request is refused."""
    for url in (ABSENT, None, 7, [session.url("newOrder")]):
        reply = session.account.post(session.url("newOrder"), session.identifiers(), header={"url": url})
        refused(reply, "a header without 'url'" if url is ABSENT else f"the url {url!r}")
