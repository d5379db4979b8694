"""What strangers sent, as a sentence may quote it."""

from __future__ import annotations


def excerpt(text: str | bytes, limit: int = 100) -> str:
    """Quote what a stranger sent: escaped, in one line, cut short."""
    shown = text if isinstance(text, str) else text[: 4 * limit].decode("utf-8", "backslashreplace")
    return f'"{ascii(shown[:limit])[1:-1]}{"..." if len(shown) > limit else ""}"'
