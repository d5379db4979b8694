"""Lets the bridge reach its own server whatever that calls itself: the name may lead elsewhere, or nowhere, from here."""

from __future__ import annotations

import attrs

from acme_server.protocol.vantage import Answer, Fetch, Question, Vantage


def homeward(network: Vantage, base_url: str, address: str) -> Vantage:
    """Return a network on which what is below `base_url` is at `address`, `HOST:PORT`."""

    async def vantage(question: Question) -> Answer:
        if isinstance(question, Fetch) and question.url.startswith(f"{base_url}/"):
            question = attrs.evolve(question, address=address)
        return await network(question)

    return network if base_url == f"https://{address}" else vantage
