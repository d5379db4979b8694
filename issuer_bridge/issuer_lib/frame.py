"""The frame at work: an author's issuers and the requests that name them, on a port of resources.

It holds no loop and no socket. What a request or an issuer needs is decided by `requests` and `issuers`; here it is
asked for, written and told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from acme_server.protocol.driver import Driver
from acme_server.protocol.journal import Fact
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.conditions import READY
from issuer_bridge.context import HOUSE, Context
from issuer_bridge.issuer_lib import issuers, requests
from issuer_bridge.issuer_lib.conduct import Options
from issuer_bridge.issuer_lib.consulting import Author
from issuer_bridge.issuer_lib.forms import CERTIFICATE_REQUESTS, Form
from issuer_bridge.issuer_lib.matching import Place
from issuer_bridge.issuer_lib.outcomes import Bundle, IssuerFault, Pending, Permanent, WithCondition
from issuer_bridge.issuer_lib.reading import issuer_of, request_of, secret_places
from issuer_bridge.issuer_lib.steps import NOTHING, Ask, Step, merged, text_of
from issuer_bridge.issuer_lib.triggers import essence, issuer_changed, issuer_moved, request_changed
from issuer_bridge.issuer_lib.values import Issuer
from issuer_bridge.outcomes import Done, Outcome
from issuer_bridge.reconciler import Key, Reconciler
from issuer_bridge.references import key_of
from issuer_bridge.resources import SECRET, Kind, Resource

log = logging.getLogger(__name__)

# D8: how long requests are spread over, at most, and how many of them a second.
LONGEST_SPREAD, WOKEN_A_SECOND = timedelta(minutes=1), 10
_CLASSES = {Pending: "pending", Permanent: "permanent", IssuerFault: "issuer-fault"}


class Frame:
    """An author's controllers; forms: of requests that are served."""

    def __init__(
        self,
        driver: Driver,
        context: Context,
        author: Author,
        options: Options,
        forms: Sequence[Form] = (CERTIFICATE_REQUESTS,),
    ) -> None:
        self._driver, self._context, self._author, self._options = driver, context, author, options
        self._resources = context.resources
        self._forms = {form.kind.kind: form for form in forms}
        self._kinds = {kind.kind: kind for kind in author.kinds}
        self._issuers = self._queue(self._sync_issuer, options.workers)
        self._requests = self._queue(self._sync_request, options.workers if options.conduct.request_workers else 1)
        self._seen: dict[Key, Resource] = {}  # what the triggers compare with
        self._linked: dict[Place, dict[Key, None]] = {}  # requests that are not ended
        self._reports: dict[Key, IssuerFault] = {}
        self._checked: dict[Key, tuple[Any, ...]] = {}  # `Issuer.key` of the last look
        self._signing: dict[Place, int] = {}
        self._parked: dict[Place, dict[Key, None]] = {}  # who waits for a place among those of its issuer
        self._admitted: dict[Key, Place] = {}  # and who was told to look whether there is one
        self._stop: Callable[[], None] | None = None

    def _queue(self, sync: Callable[[Key], Inquiry[Outcome]], workers: int) -> Reconciler:
        options = self._options
        return Reconciler(self._driver, sync, options.longest_backoff, workers, options.first_backoff)

    def start(self) -> None:
        """Look at everything that is there, and from now on at every change that matters."""
        self._stop = self._resources.watch(self._heard)
        for kind in (*self._author.kinds, *(form.kind for form in self._forms.values())):
            for resource in self._resources.list(kind):
                self._heard("ADDED", kind, resource)

    def stop(self) -> None:
        """Hear of no further changes; what is under way comes to its end."""
        if self._stop is not None:
            self._stop()
            self._stop = None

    def look(self, kind: Kind, namespace: str, name: str) -> None:
        """Look at a request soon, because something changed that it waits for."""
        self._requests.add((kind.kind, namespace, name))

    def _heard(self, event: str, kind: Kind, resource: Resource) -> None:
        if kind == SECRET:
            self._secret_changed(key_of(resource))
        elif kind == self._kinds.get(kind.kind):
            self._issuer_heard(event, kind, resource)
        elif kind.kind in self._forms and kind == self._forms[kind.kind].kind:
            self._request_heard(event, self._forms[kind.kind], resource)

    def _request_heard(self, event: str, form: Form, request: Resource) -> None:
        place = form.match(request, self._author.kinds)
        if place is None:
            return
        key = _key(form.kind, request)
        if event == "DELETED" or form.ended(request):
            self._seen.pop(key, None)
            self._linked.get(place, {}).pop(key, None)
            return
        old, self._seen[key] = self._seen.get(key), essence(request)
        self._linked.setdefault(place, {})[key] = None
        if event == "ADDED" or request_changed(old, request, READY if form.has_ready else None):
            self._requests.add(key)

    def _issuer_heard(self, event: str, kind: Kind, issuer: Resource) -> None:
        key = _key(kind, issuer)
        old = self._seen.pop(key, None)
        if event == "DELETED":
            self._reports.pop(key, None)
            self._checked.pop(key, None)
        else:
            self._seen[key] = essence(issuer)
        if event != "MODIFIED" or issuer_changed(old, issuer):
            self._issuers.add(key)
        if event != "MODIFIED" or issuer_moved(old, issuer):
            self._wake_requests(Place(kind, key[1], key[2]))

    def _secret_changed(self, secret: str) -> None:
        if not self._options.conduct.secrets_reopen:
            return
        for kind in self._author.kinds:
            for issuer in self._resources.list(kind):
                if secret in ("/".join(place) for place in self._secrets_of(issuer)):
                    self._issuers.add(_key(kind, issuer))

    def _wake_requests(self, place: Place) -> None:
        linked = self._linked.get(place, {})
        spread = min(LONGEST_SPREAD, timedelta(seconds=len(linked) / WOKEN_A_SECOND))
        for key in linked:
            if self._options.conduct.spread_wake:
                self._driver.later(spread * self._chance(), partial(self._requests.add, key))
            else:
                self._requests.add(key)

    def _chance(self) -> float:
        return int.from_bytes(self._context.entropy(2), "big") / 65536

    def _secrets_of(self, issuer: Resource) -> tuple[tuple[str, str], ...]:
        return secret_places(issuer, self._options.cluster_resource_namespace)

    def _value_of(self, issuer: Resource) -> Issuer:
        found = ((place[1], self._resources.get(SECRET, *place)) for place in self._secrets_of(issuer))
        return issuer_of(issuer, {name: secret for name, secret in found if secret is not None})

    def _sync_issuer(self, key: Key) -> Inquiry[Outcome]:
        kind, reported = self._kinds[key[0]], self._reports.pop(key, None)
        issuer = self._resources.get(kind, *key[1:])
        if issuer is None:
            return Done()
        value, now = self._value_of(issuer), self._driver.now()
        reopened = self._checked.get(key) != value.key  # after a restart nobody knows: then it is looked at once more
        step = issuers.decide(issuer, reported, now, self._options, reopened=reopened)
        if step is NOTHING:
            return Done()
        self._checked[key] = value.key
        if isinstance(step, Ask):
            error: Exception | None = None
            try:
                yield from self._author.check(value)
            except Exception as raised:  # noqa: BLE001 - an author may raise anything
                error = self._noted("check", raised)
            result = "checked" if error is None else _class_of(error)
            self._tell("CheckAnswered", {"issuer": key_of(issuer)}, result, now)
            step = issuers.checked(issuer, error, self._driver.now(), self._options, self._chance())
        yield from self._apply(kind, issuer, step)
        return step.then

    def _sync_request(self, key: Key) -> Inquiry[Outcome]:
        admitted = self._admitted.pop(key, None)
        try:
            return (yield from self._look_at_request(key))
        finally:
            if admitted is not None:  # it may not have needed its place
                self._admit(admitted)

    def _look_at_request(self, key: Key) -> Inquiry[Outcome]:
        form = self._forms[key[0]]
        request = self._resources.get(form.kind, *key[1:])
        place = requests.mine(request, form, self._author.kinds, self._options) if request else None
        if request is None or place is None:
            return Done()
        issuer = self._resources.get(place.kind, place.namespace, place.name)
        step = requests.decide(form, request, place, issuer, self._driver.now(), self._options)
        if isinstance(step, Ask):
            assert issuer is not None
            step = yield from self._sign(key, form, request, place, issuer)
        if step.report is not None:
            self._report(place, step.report)
        yield from self._apply(form.kind, request, step, form.ended)
        return step.then

    def _report(self, place: Place, fault: IssuerFault) -> None:
        issuer = self._resources.get(place.kind, place.namespace, place.name)
        if issuer is not None and issuers.is_news(issuer, fault, self._options):
            key = _key(place.kind, issuer)
            self._reports[key] = fault
            self._issuers.add(key)

    def _sign(self, key: Key, form: Form, request: Resource, place: Place, issuer: Resource) -> Inquiry[Step]:
        """Ask the author, or wait for one of the places of the issuer."""
        busy = self._signing.get(place, 0)
        if self._options.conduct.request_workers and busy >= self._options.per_issuer:
            self._parked.setdefault(place, {})[key] = None
            return NOTHING
        self._signing[place] = busy + 1
        began = self._driver.now()
        said: Bundle | Exception
        try:
            said = yield from self._author.sign(request_of(request), self._value_of(issuer))
        except Exception as raised:  # noqa: BLE001 - an author may raise anything
            said = self._noted("sign", raised)
        finally:
            self._leave(place)
        result = "issued" if isinstance(said, Bundle) else _class_of(said)
        self._tell("SignAnswered", {"request": key_of(request), "issuer": place.key}, result, began)
        return requests.signed(form, request, issuer, said, self._driver.now(), self._options)

    def _leave(self, place: Place) -> None:
        self._signing[place] -= 1
        if not self._signing[place]:
            del self._signing[place]
        self._admit(place)

    def _admit(self, place: Place) -> None:
        """Let the next one look, if there is a place."""
        parked = self._parked.get(place)
        if parked and self._signing.get(place, 0) < self._options.per_issuer:
            key = next(iter(parked))
            del parked[key]
            self._admitted[key] = place
            self._requests.add(key)

    def _noted(self, function: str, error: Exception) -> Exception:
        if _class_of(error) == "error":
            log.info("%s raised %s", function, text_of(error), exc_info=error)
        return error

    def _tell(self, fact: str, subject: dict[str, str], result: str, began: datetime) -> None:
        seconds = (self._driver.now() - began).total_seconds()
        self._context.record(HOUSE, [Fact(fact, subject, {"result": result, "seconds": seconds})])

    def _apply(
        self, kind: Kind, resource: Resource, step: Step, ended: Callable[[Resource], bool] = lambda _: False
    ) -> Inquiry[None]:
        """Write and tell; what has come to its end meanwhile is left alone."""

        def change(current: Resource) -> dict[str, Any]:
            status = current.get("status") or {}
            return status if ended(current) else merged(status, step.status)

        if step.status:
            yield from self._context.change_status(kind, resource, change)
        if step.event is not None:
            tell = self._context.recorder.normal if step.event.type == "Normal" else self._context.recorder.warning
            yield from tell(resource, step.event.reason, step.event.message)


def _key(kind: Kind, resource: Resource) -> Key:
    return kind.kind, resource["metadata"].get("namespace", ""), resource["metadata"]["name"]


def _class_of(error: Exception) -> str:
    """Name the class of an outcome, for the journal and for metrics."""
    while isinstance(error, WithCondition):
        error = error.inner
    return next((name for class_, name in _CLASSES.items() if isinstance(error, class_)), "error")
