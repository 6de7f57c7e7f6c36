"""Numbers and who gave them out: HD, EI, CX."""

from __future__ import annotations

from dataclasses import dataclass

from ris_pacs.hl7.elements import Element
from ris_pacs.hl7.values import text


@dataclass(frozen=True)
class Authority:
    """HD: who gives numbers out. universal_id_type: "ISO", "DNS" …"""

    namespace: str
    universal_id: str = ""
    universal_id_type: str = ""


@dataclass(frozen=True)
class Identifier:
    """A number with its issuer (None: the sender did not say). type_code: table 0203, "MR", "AN", "NPI" …"""

    value: str
    authority: Authority | None = None
    type_code: str = ""
    check_digit: str = ""
    check_scheme: str = ""
    facility: Authority | None = None


def authority(element: Element) -> Authority | None:
    """HD: a field of its own (MSH-4), or a component whose parts are sub-components (CX.4)."""
    if not element.has_value:
        return None
    part = element.subcomponent if element.path.component else element.component
    found = Authority(*(text(part(place)) for place in (1, 2, 3)))
    return found if found.namespace or found.universal_id else None


def entity_identifier(element: Element, maximum: int | None = None, *, without: str = "") -> Identifier | None:
    """EI: placer and filler numbers, accession numbers, UIDs. maximum, without: of the number itself."""
    value = text(element.component(1), maximum, without=without)
    if not value:
        return None
    parts = [text(element.component(place)) for place in (2, 3, 4)]
    return Identifier(value, Authority(*parts) if parts[0] or parts[1] else None)


def extended_identifier(element: Element, maximum: int | None = None, *, without: str = "") -> Identifier | None:
    """CX: one patient, visit or account number."""
    value = text(element.component(1), maximum, without=without)
    if not value:
        return None
    return Identifier(
        value,
        authority(element.component(4)),
        type_code=text(element.component(5)),
        check_digit=text(element.component(2)),
        check_scheme=text(element.component(3)),
        facility=authority(element.component(6)),
    )


def extended_identifiers(element: Element, maximum: int | None = None, *, without: str = "") -> list[Identifier]:
    """Every repetition of a CX field that has a number."""
    found = (extended_identifier(repetition, maximum, without=without) for repetition in element.repetitions())
    return [one for one in found if one is not None]
