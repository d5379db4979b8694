"""The patterns of policies: `*` stands for any run of characters, dots and none included; nothing else is special."""

from __future__ import annotations

from collections.abc import Iterable


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern is the whole text; nothing is tried twice, so that no pattern takes long."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == text
    *middle, last = rest
    at, end = len(first), len(text) - len(last)
    if at > end or not (text.startswith(first) and text.endswith(last)):
        return False
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def contains(patterns: Iterable[str], text: str) -> bool:
    """Whether one of the patterns matches."""
    return any(matches(pattern, text) for pattern in patterns)


def covers(patterns: Iterable[str], texts: Iterable[str]) -> bool:
    """Whether each text is matched by some pattern."""
    listed = tuple(patterns)
    return all(contains(listed, text) for text in texts)
