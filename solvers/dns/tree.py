"""Names as RFC 1034 section 3.1 draws them: a tree, each node a label with the records of its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

import attrs

from solvers.dns.name import suffixes

RRsets: TypeAlias = Mapping[str, tuple[str, ...]]


@attrs.define(eq=False)
class Node:
    """A name; `apex`: configured to begin a zone, as one with NS records of its own does."""

    children: dict[str, Node] = attrs.field(factory=dict)
    rrsets: dict[str, tuple[str, ...]] = attrs.field(factory=dict)
    apex: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing needs it."""
        return not (self.children or self.rrsets or self.apex)

    def copy(self) -> Node:
        """Return the same tree again."""
        return Node({label: child.copy() for label, child in self.children.items()}, dict(self.rrsets), self.apex)

    def find(self, name: str) -> tuple[Node | None, bool]:
        """Return a name's node and True, or the wildcard that covers it (RFC 4592 section 3.3.1)."""
        node = self
        for label in downwards(name):
            child = node.children.get(label)
            if child is None:
                return node.children.get("*"), False
            node = child
        return node, True

    def grow(self, name: str) -> Node:
        """Return a name's node, made when there is none."""
        node = self
        for label in downwards(name):
            node = node.children.setdefault(label, Node())
        return node

    def prune(self, name: str) -> None:
        """Forget nodes that hold nothing any more; an empty name would still exist (RFC 4592 section 2.2.2)."""
        for each in suffixes(name):
            label, _, above = each.partition(".")
            siblings = self.grow(above).children
            if not siblings[label].empty:
                return
            del siblings[label]

    def path(self, name: str) -> Iterator[tuple[str, Node]]:
        """Return the nodes on the way down to a name, as far as they go, each with its own name; not the root."""
        node, above = self, ""
        for label in downwards(name):
            child = node.children.get(label)
            if child is None:
                return
            node, above = child, below(label, above)
            yield above, node

    def walk(self, name: str = "") -> Iterator[tuple[str, RRsets]]:
        """Return the names that hold records, this node's `name` and those below it, in order."""
        if self.rrsets:
            yield name, self.rrsets
        for label in sorted(self.children):
            yield from self.children[label].walk(below(label, name))


def downwards(name: str) -> list[str]:
    """Return the labels of a name, the last one first."""
    return name.split(".")[::-1] if name else []


def below(label: str, apex: str) -> str:
    """Return the name of a label under another name, the root's included."""
    return f"{label}.{apex}" if apex else label
