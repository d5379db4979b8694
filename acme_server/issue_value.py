"""The values of CAA properties, which dns-persist-01 records have too: an issuer and parameters (RFC 8659 section 4.2)."""

from __future__ import annotations

import re

import attrs

_ISSUER = re.compile(r"(?:[0-9A-Za-z](?:[0-9A-Za-z-]*[0-9A-Za-z])?(?:\.(?!$)|$))*")
_PARAMETER = re.compile(r"([0-9A-Za-z]+(?:-+[0-9A-Za-z]+)*)[ \t]*=[ \t]*([!-:<-~]*)")
_WHITE = " \t"


@attrs.frozen
class IssueValue:
    """An issuer's domain in lower case, empty where nobody may issue; tags in lower case, in order."""

    issuer: str
    parameters: tuple[tuple[str, str], ...] = ()

    def values(self, tag: str) -> tuple[str, ...]:
        """Return what a tag in lower case says, each time it is there."""
        return tuple(value for name, value in self.parameters if name == tag)


def read_issue_value(text: str) -> IssueValue:
    """Read a value; ValueError says what it is instead. A final semicolon is put up with."""
    issuer, *rest = (part.strip(_WHITE) for part in text.split(";"))
    if not _ISSUER.fullmatch(issuer):
        raise ValueError("does not begin with the domain name of an issuer")
    if rest and not rest[-1]:
        rest.pop()
    parameters = []
    for part in rest:
        found = _PARAMETER.fullmatch(part)
        if not found:
            raise ValueError("has a parameter that is not TAG=VALUE")
        parameters.append((found[1].lower(), found[2]))
    return IssueValue(issuer.lower(), tuple(parameters))
