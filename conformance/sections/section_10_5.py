"""RFC 8555 section 10.5: what a URL tells to whoever sees one."""

from __future__ import annotations

import re
from itertools import pairwise

from conformance.check import check
from conformance.session import Session
from conformance.verdict import Level, expect

SHOULD = Level.SHOULD
NUMBER = re.compile(r"\d+")
NEAR = 1000


@check("10.5", SHOULD, "newOrder")
def urls_cannot_be_counted_up(session: Session) -> None:
    """The URL of an order has something in it that nobody guesses: the next order's is not the number after it."""
    urls = [session.order(session.account).url for _ in range(3)]
    for before, after in pairwise(urls):
        alike = NUMBER.sub("", before) == NUMBER.sub("", after)
        steps = zip(NUMBER.findall(before), NUMBER.findall(after), strict=False)
        near = all(abs(int(first) - int(second)) < NEAR for first, second in steps)
        expect(not (alike and near), "a URL that cannot be guessed", f"{before}, then {after}")
