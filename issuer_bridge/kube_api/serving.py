"""A request from its headers to its answer's form: what is the same for every verb of the API."""

from __future__ import annotations

import attrs

from issuer_bridge.kube_api.about import about
from issuer_bridge.kube_api.forms import JSON, PROTOBUF, parse_form, shown
from issuer_bridge.kube_api.paths import parse_target
from issuer_bridge.kube_api.protobuf import decode
from issuer_bridge.kube_api.rest import Answer, Call, encoded, handle, refusal
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.kube_api.watching import Watch, parse_watch
from issuer_bridge.resources import ApiError


def watch_of(call: Call) -> Watch | None:
    """Return the watch that a request asks for, None when it asks for something else; ApiError when it cannot be."""
    target = parse_target(call.path)
    if target is None or target.name or call.method != "GET" or call.query.get("watch") not in ("true", "1"):
        return None
    form = parse_form(call.headers.get("Accept", ""), call.query.get("includeObject", ""))
    return parse_watch(target, call.query, form)


def respond(store: EmbeddedStore, call: Call) -> Answer:
    """Answer anything but a watch."""
    try:
        return _respond(store, call)
    except ApiError as error:
        return refusal(error)


def in_json(call: Call) -> Call:
    """Return the call with a protobuf body written anew as JSON."""
    if call.content_type != PROTOBUF or not call.body:
        return call
    return attrs.evolve(call, content_type=JSON, body=encoded(decode(call.body)))


def _respond(store: EmbeddedStore, call: Call) -> Answer:
    target = parse_target(call.path)
    if target is None:
        return about(call)
    form = parse_form(call.headers.get("Accept", ""), call.query.get("includeObject", ""))
    answer = handle(store, in_json(call))
    if (not form.kind and form.media == JSON) or isinstance(answer.document, str):
        return answer
    return attrs.evolve(answer, document=shown(form, target.kind, answer.document, store.clock()), media=form.media)
