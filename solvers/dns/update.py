"""What an update does to a zone (RFC 2136 section 3): everything it says, or nothing.

The zone as it holds its data is what prerequisites are about: as the records of
a wildcard, default addresses do not make a name one that is in use. Texts are
kept joined, TTLs are the zone's own, and the SOA is not to be written. NS records
below the apex begin a zone of their own, which is deleted where it was begun.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from dnslib import CLASS, QTYPE

from solvers.dns.name import canonical
from solvers.dns.record_types import SPELL
from solvers.dns.tree import RRsets
from solvers.dns.update_message import Update, UpdateRecord
from solvers.dns.zone import MAX_TXT, Zone

NONE, ANY = 254, 255
WRITABLE = ("A", "AAAA", "CNAME", "TXT", *SPELL)
# Types of questions, not of records (RFC 6895 section 3.1).
_META = ("AXFR", "IXFR", "MAILB", "MAILA", "OPT", "TKEY", "TSIG", "TYPE253", "TYPE254")

_Names = dict[str, dict[str, tuple[str, ...]]]


class _RefusedError(Exception):
    """The update does nothing; `args[0]` is its RCODE."""


def apply_update(zone: Zone, update: Update) -> str:
    """Check an update, do all that it says, and return the RCODE; anything but NOERROR changed nothing."""
    try:
        _check_zone(zone, update)
        _check_prerequisites(zone, update)
        for record in update.updates:
            _check_change(zone, update.zone, record)
    except _RefusedError as refused:
        return str(refused)
    names: _Names = {}
    for record in update.updates:
        held = names.setdefault(record.name, dict(zone.own(record.name)))
        _change(held, record, apex=record.name == update.zone)
    zone.replace({name: _writable(zone, name, held) for name, held in names.items()})
    return "NOERROR"


def _check_zone(zone: Zone, update: Update) -> None:
    """RFC 2136 section 3.1."""
    if update.ztype != QTYPE.SOA:
        raise _RefusedError("FORMERR")
    if update.zclass != CLASS.IN or zone.apex_of(update.zone) != update.zone:
        raise _RefusedError("NOTAUTH")


def _check_prerequisites(zone: Zone, update: Update) -> None:
    """RFC 2136 section 3.2: one RRset after the other, and those with values at the end."""
    wanted: _Names = {}
    for record in update.prerequisites:
        if record.ttl or (record.rclass != CLASS.IN and record.size):
            raise _RefusedError("FORMERR")
        _check_inside(zone, update.zone, record)
        if record.rclass == CLASS.IN:
            values = wanted.setdefault(record.name, {}).setdefault(record.rtype, ())
            wanted[record.name][record.rtype] = (*values, str(record.value))
        else:
            _check_presence(zone.own(record.name), record)
    for name, rrsets in wanted.items():
        held = zone.own(name)
        if any(frozenset(values) != frozenset(held.get(rtype, ())) for rtype, values in rrsets.items()):
            raise _RefusedError("NXRRSET")


def _check_presence(held: RRsets, record: UpdateRecord) -> None:
    if record.rclass not in (ANY, NONE):
        raise _RefusedError("FORMERR")
    present = bool(held) if record.rtype == "ANY" else record.rtype in held
    if present != (record.rclass == ANY):
        what = "DOMAIN" if record.rtype == "ANY" else "RRSET"
        raise _RefusedError(("YX" if present else "NX") + what)


def _check_inside(zone: Zone, apex: str, record: UpdateRecord) -> None:
    name = record.name
    # What delegates a zone belongs to the one above, too.
    if zone.apex_of(name.partition(".")[2] if name != apex and zone.is_cut(name) else name) != apex:
        raise _RefusedError("NOTZONE")


def _check_change(zone: Zone, apex: str, record: UpdateRecord) -> None:
    """RFC 2136 section 3.4.1, and what this zone can hold."""
    _check_inside(zone, apex, record)
    if record.rclass not in (CLASS.IN, ANY, NONE) or record.rtype in _META:
        raise _RefusedError("FORMERR")
    if record.rclass != CLASS.IN and record.ttl:
        raise _RefusedError("FORMERR")
    if record.rtype == "ANY" and record.rclass != ANY:
        raise _RefusedError("FORMERR")
    if record.rclass == ANY and record.size:
        raise _RefusedError("FORMERR")
    if record.rclass == CLASS.IN and not _holdable(record):
        raise _RefusedError("REFUSED")


def _holdable(record: UpdateRecord) -> bool:
    """Whether the zone can keep a record, and show it again."""
    try:
        canonical(record.name)
        if record.rtype == "CNAME":
            canonical(str(record.value))
        if record.rtype in SPELL:
            SPELL[record.rtype](str(record.value))
        if record.rtype == "NS" and record.name.startswith("*."):
            return False
        return record.rtype in WRITABLE and len(str(record.value).encode()) <= MAX_TXT
    except ValueError:
        return False


def _change(held: dict[str, tuple[str, ...]], record: UpdateRecord, *, apex: bool) -> None:
    """RFC 2136 section 3.4.2; an apex keeps its SOA, and a nameserver."""
    kept = ("SOA", "NS") if apex else ("SOA",)
    if record.rclass == CLASS.IN:
        _add(held, record.rtype, _spelled(record))
    elif record.rtype == "ANY":
        for rtype in [rtype for rtype in held if rtype not in kept]:
            del held[rtype]
    elif record.rtype != "SOA":
        values = () if record.rclass == ANY else held.get(record.rtype, ())
        left = tuple(value for value in values if value != _spelled(record))
        if record.rtype in kept and not left:
            return
        held.pop(record.rtype, None)
        if left:
            held[record.rtype] = left


def _spelled(record: UpdateRecord) -> str:
    """Return a value as the zone has it; what the zone cannot have is there in no spelling."""
    value = str(record.value)
    with suppress(ValueError):
        return SPELL[record.rtype](value) if record.rtype in SPELL else value
    return value


def _add(held: dict[str, tuple[str, ...]], rtype: str, value: str) -> None:
    """Add a record, but never an alias beside other data, nor other data beside an alias."""
    if rtype == "CNAME":
        if all(other == "CNAME" for other in held):
            held[rtype] = (value,)
    elif "CNAME" not in held and value not in held.get(rtype, ()):
        held[rtype] = (*held.get(rtype, ()), value)


def _writable(zone: Zone, name: str, held: Mapping[str, tuple[str, ...]]) -> RRsets:
    """Leave out what the zone shows by itself."""
    given = {"SOA": held.get("SOA")}
    if zone.apex_of(name) == name and not zone.is_cut(name):
        given["NS"] = zone.nameservers_of(name)
    return {rtype: values for rtype, values in held.items() if given.get(rtype) != values}
