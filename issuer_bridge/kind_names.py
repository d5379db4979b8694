"""How people call kinds: plural, singular, short, with their group, in any case."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from issuer_bridge.resources import KINDS, Kind


def _names(kind: Kind) -> list[str]:
    words = [kind.plural, kind.kind.lower()]
    qualified = [f"{word}.{kind.group}" for word in words] + [f"{kind.plural}.{kind.version}.{kind.group}"]
    return [*words, *kind.short_names, *(qualified if kind.group else ())]


# Two groups may have a word in common: then it means the kind that comes first, as with kubectl.
_BY_NAME: Mapping[str, Kind] = {name: kind for kind in reversed(KINDS) for name in _names(kind)}


def find_kind(word: str) -> Kind | None:
    """Return the kind that a word of the command line means."""
    return _BY_NAME.get(word.lower())


def nearest_kind(word: str) -> Kind | None:
    """Return the kind whose name is most like the word, if any is."""
    near = get_close_matches(word.lower(), _BY_NAME, n=1)
    return _BY_NAME[near[0]] if near else None


def known_kinds() -> str:
    """Name all kinds, for people."""
    return ", ".join(dict.fromkeys(kind.kind for kind in KINDS))
