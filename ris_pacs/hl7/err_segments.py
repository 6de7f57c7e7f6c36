"""Faults as ERR segments, in the form of each version, and places as ERL writes them."""

from __future__ import annotations

from ris_pacs.hl7.build import Component, Field, Repetition, Row
from ris_pacs.hl7.faults import Condition, FieldFault
from ris_pacs.hl7.paths import BadPath, Path, parse_path

VALUE_LENGTH = 200


def err_rows(faults: tuple[FieldFault, ...], version: str) -> list[Row]:
    """Up to 2.4 one ERR whose first field repeats (HL7 2.4 2.16.5); from 2.5 on one ERR a fault (2.5.1 2.15.5)."""
    if not faults:
        return []
    if version < "2.5":
        places: list[Repetition] = [(*_place(fault)[:3], code_of(fault.code)) for fault in faults]
        return [["ERR", places]]
    return [_err(fault) for fault in faults]


def code_of(condition: Condition) -> tuple[str, str, str]:
    """CE and CWE of table 0357."""
    return (str(int(condition)), condition.words, "HL70357")


def _err(fault: FieldFault) -> list[Field]:
    """ERR-2 where, ERR-3 what by table 0357, ERR-4 severity, ERR-7 what was sent, ERR-8 words for a person."""
    location: Field = tuple(_place(fault))
    sent = f"{fault.path} was sent as {fault.value[:VALUE_LENGTH]}" if fault.path and fault.value else ""
    return ["ERR", None, location, code_of(fault.code), "E", None, None, sent, str(fault)]


def _place(fault: FieldFault) -> list[Component]:
    """ERL: segment, which of its kind, field, repetition, component, sub-component."""
    try:
        path = parse_path(fault.path)
    except BadPath:
        return [*_segment_of(fault.path), None]
    return [path.segment, path.occurrence, path.field, *_inner(path)]


def _inner(path: Path) -> list[Component]:
    return [number or None for number in (path.repetition, path.component, path.subcomponent)]


def _segment_of(text: str) -> list[Component]:
    """A segment alone: "PV1" or "OBX[2]"."""
    try:
        path = parse_path(f"{text}-1")
    except BadPath:
        return [None, None]
    return [path.segment, path.occurrence]
