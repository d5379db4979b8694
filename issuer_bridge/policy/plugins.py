"""What policies can be extended by: a plugin has a name, and a policy that names it in `spec.plugins` wants its consent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import attrs

from acme_server.protocol.vantage import Inquiry
from issuer_bridge.kube_api.statuses import Cause
from issuer_bridge.resources import Resource

Values: TypeAlias = Mapping[str, str]
"""What a policy gives a plugin: `spec.plugins.NAME.values`."""


class EvaluationError(Exception):
    """There is no verdict yet; the request is reviewed again later."""


def _ready(values: Values) -> Sequence[Cause]:
    del values
    return ()


@attrs.frozen
class Plugin:
    """evaluate: from values and request to why it denies, "" when it does not; ready: what is wrong with the values."""

    evaluate: Callable[[Values, Resource], Inquiry[str]]
    ready: Callable[[Values], Sequence[Cause]] = _ready
