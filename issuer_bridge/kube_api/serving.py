"""A request from its headers to its answer's form: what is the same for every verb of the API."""

from __future__ import annotations

from functools import partial

import attrs

from issuer_bridge.kube_api.about import about
from issuer_bridge.kube_api.account_tokens import account_with, issue
from issuer_bridge.kube_api.bodies import read_object
from issuer_bridge.kube_api.event_views import in_core
from issuer_bridge.kube_api.forms import JSON, PROTOBUF, parse_form, shown
from issuer_bridge.kube_api.issuer_warnings import issuer_warnings
from issuer_bridge.kube_api.options import flag
from issuer_bridge.kube_api.paths import Target, parse_target
from issuer_bridge.kube_api.protobuf import decode
from issuer_bridge.kube_api.rbac import Attributes, check
from issuer_bridge.kube_api.rest import Answer, Call, encoded, handle, in_version, refusal
from issuer_bridge.kube_api.reviews import review, review_kind
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.kube_api.users import AUTHENTICATED, OPEN, Access, User, account_of, impersonated
from issuer_bridge.kube_api.watching import Watch, parse_watch
from issuer_bridge.resources import NAMESPACE, ApiError

_VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_OF_MANY = {"get": "list", "delete": "deletecollection"}


def watch_of(store: EmbeddedStore, call: Call, access: Access = OPEN) -> Watch | None:
    """Return the watch that a request asks for, None when it asks for something else; ApiError when it cannot be."""
    target = parse_target(call.path, store.served.places)
    if target is None or target.name or call.method != "GET" or not _watches(call):
        return None
    _admit(store, call, target, access)
    form = parse_form(call.headers.get("Accept", ""), call.query.get("includeObject", ""))
    return parse_watch(target, in_core(call).query if target.view else call.query, form)


def respond(store: EmbeddedStore, call: Call, access: Access = OPEN) -> Answer:
    """Answer anything but a watch."""
    try:
        return _respond(store, call, access)
    except ApiError as error:
        return refusal(error)


def _respond(store: EmbeddedStore, call: Call, access: Access) -> Answer:
    target = parse_target(call.path, store.served.places)
    user = _admit(store, call, target, access)
    if target is None:
        if call.method == "POST" and (found := review_kind(call)):
            return review(store, access, user, _in_json(call), *found)
        return about(call, store.served)
    form = parse_form(call.headers.get("Accept", ""), call.query.get("includeObject", ""))
    sent = _in_json(attrs.evolve(call, user=user, access=access))
    answer = issue(store, access, target, sent) if target.subresource == "token" else _handled(store, target, sent)
    answer = _warned(store, target, call, answer)
    if (not form.kind and form.media == JSON) or isinstance(answer.document, str):
        return answer
    return attrs.evolve(answer, document=shown(form, target.asked, answer.document, store.clock()), media=form.media)


def _warned(store: EmbeddedStore, target: Target, call: Call, answer: Answer) -> Answer:
    """Return the answer to a write of an issuer with what the issuer lacks."""
    if call.method not in ("POST", "PUT", "PATCH") or isinstance(answer.document, str) or "spec" not in answer.document:
        return answer
    warnings = issuer_warnings(store, target.kind, answer.document)
    return attrs.evolve(answer, warnings=(*answer.warnings, *warnings)) if warnings else answer


def rehearse(store: EmbeddedStore, call: Call, access: Access = OPEN) -> tuple[User, Answer]:
    """Return who asks for a write, and what it would answer, in whole objects, if it were done."""
    target = parse_target(call.path, store.served.places)
    user = _admit(store, call, target, access)
    sent = _in_json(attrs.evolve(call, user=user, access=access, query={**call.query, "dryRun": "All"}))
    if sent.method == "DELETE" and sent.body:
        options = read_object(sent.content_type, sent.body, NAMESPACE) | {"dryRun": ["All"]}
        sent = attrs.evolve(sent, content_type=JSON, body=encoded(options))
    return user, Answer(404, "") if target is None else _handled(store, target, sent)


def _handled(store: EmbeddedStore, target: Target, call: Call) -> Answer:
    """Answer in whole objects, of the kind and version that the path names."""
    if not target.view and not target.kind.definition:
        return handle(store, call)
    answer = handle(store, in_core(call) if target.view else call)
    if isinstance(answer.document, str):
        return answer
    return attrs.evolve(answer, document=in_version(target.asked, answer.document))


def _in_json(call: Call) -> Call:
    """Return the call with a protobuf body written anew as JSON."""
    if call.content_type != PROTOBUF or not call.body:
        return call
    return attrs.evolve(call, content_type=JSON, body=encoded(decode(call.body)))


def _admit(store: EmbeddedStore, call: Call, target: Target | None, access: Access) -> User:
    """Return who asks; ApiError 401 or 403 when it is nobody, or somebody who may not."""
    user, other = access.authenticate(call.headers, partial(account_with, store, access)), impersonated(call.headers)
    if other is not None:
        for needed in _impersonation(other):
            check(store, user, needed)
        user = other
    check(store, user, _attributes(call, target))
    return user


def _impersonation(other: User) -> list[Attributes]:
    account = account_of(other.name)
    if account:
        return [Attributes("impersonate", resource="serviceaccounts", namespace=account[0], name=account[1])]
    groups = [Attributes("impersonate", resource="groups", name=name) for name in other.groups if name != AUTHENTICATED]
    return [Attributes("impersonate", resource="users", name=other.name), *groups]


def _attributes(call: Call, target: Target | None) -> Attributes:
    verb = _VERBS.get(call.method, call.method.lower())
    if target is None:
        if found := review_kind(call):
            kind, namespace = found
            return Attributes(verb, kind.group, kind.plural, namespace=namespace)
        return Attributes(verb, path=call.path)
    if not target.name:
        verb = "watch" if verb == "get" and _watches(call) else _OF_MANY.get(verb, verb)
    kind = target.asked
    return Attributes(verb, kind.group, kind.plural, target.subresource, target.namespace or "", target.name)


def _watches(call: Call) -> bool:
    return flag(call.query, "watch")
