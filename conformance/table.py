"""The table of sections, and so the order of all checks."""

from __future__ import annotations

from conformance.check import Check
from conformance.sections import (
    profiles,
    rfc_8659,
    rfc_8737,
    rfc_8738,
    rfc_9773,
    section_6_1,
    section_6_1_http,
    section_6_2,
    section_6_2_algorithms,
    section_6_2_texts,
    section_6_3,
    section_6_4,
    section_6_5,
    section_6_6,
    section_6_7,
    section_7_1,
    section_7_2,
    section_7_3,
    section_7_3_4,
    section_7_3_5,
    section_7_3_6,
    section_7_4,
    section_7_4_1,
    section_7_4_2,
    section_7_4_csr,
    section_7_4_names,
    section_7_5,
    section_7_6,
    section_8_2,
    section_8_3,
    section_8_4,
    section_10_3,
    section_10_5,
)

# Last is what looks back at the whole run.
SECTIONS = (
    section_6_1,
    section_6_1_http,
    section_6_2,
    section_6_2_algorithms,
    section_6_2_texts,
    section_6_3,
    section_6_4,
    section_6_5,
    section_6_7,
    section_7_1,
    section_7_2,
    section_7_3,
    section_7_3_4,
    section_7_3_5,
    section_7_3_6,
    section_7_4,
    section_7_4_1,
    section_7_4_2,
    section_7_4_csr,
    section_7_4_names,
    section_7_5,
    section_8_2,
    section_8_3,
    section_8_4,
    section_7_6,
    section_10_3,
    section_10_5,
    rfc_8659,
    rfc_8737,
    rfc_8738,
    rfc_9773,
    profiles,
    section_6_6,
)
CHECKS: tuple[Check, ...] = tuple(
    value for module in SECTIONS for value in vars(module).values() if isinstance(value, Check)
)


def chosen(section: str | None) -> tuple[Check, ...]:
    """Return the checks of a section and of those below it: 7.3 has 7.3.1 in it, "RFC 9773" has all of that RFC."""
    return tuple(
        one
        for one in CHECKS
        if section is None or one.section.startswith((f"{section}.", f"{section} ")) or one.section == section
    )
