"""Records whose data are more than one word: what they look like as text, checked and in one spelling.

As in a zone file (RFC 1035 section 5.1), but for a CAA value, which is quoted
and holds no escapes. Lookups and messages read what is written here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from solvers.dns.name import absolute, canonical

_CAA = re.compile(r'(\d{1,3}) ([0-9A-Za-z]{1,255}) "(.*)"', re.ASCII | re.DOTALL)
# What a message can carry beside the rest of it.
_MAX_CAA = 60000


def caa(flags: int, tag: str, value: str) -> str:
    """Return the text of a CAA record (RFC 8659 section 4); ValueError when it cannot be."""
    return _caa(f'{flags} {tag} "{value}"')


def caa_parts(text: str) -> tuple[int, str, str]:
    """Return flags, tag and value of a CAA record's text."""
    found = _CAA.fullmatch(text)
    if not found or int(found[1]) > 255 or len(text.encode()) > _MAX_CAA:
        raise ValueError(
            f'{text[:80]!r} is no CAA record: FLAGS TAG "VALUE", flags to 255, a tag of letters and digits'
        )
    return int(found[1]), found[2], found[3]


def _caa(text: str) -> str:
    flags, tag, value = caa_parts(text)
    return f'{flags} {tag.lower()} "{value}"'


def _name(text: str) -> str:
    return absolute(canonical(text))


def _numbers_and_name(count: int, example: str) -> Callable[[str], str]:
    def spell(text: str) -> str:
        *numbers, target = text.split(" ")
        if len(numbers) != count or not all(map(_is_short, numbers)):
            raise ValueError(f"{text[:80]!r} is no such record; one is {example}")
        return " ".join((*(str(int(number)) for number in numbers), _name(target)))

    return spell


def _is_short(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 0xFFFF


# Beside A, AAAA, CNAME and TXT, which have verbs of their own.
SPELL: Mapping[str, Callable[[str], str]] = {
    "CAA": _caa,
    "MX": _numbers_and_name(1, "10 mail.example.test."),
    "NS": _name,
    "PTR": _name,
    "SRV": _numbers_and_name(3, "0 5 443 www.example.test."),
}
"""Type -> the one spelling of its data; ValueError when it is none."""
