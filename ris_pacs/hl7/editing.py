"""Changing one field in the text of a segment, and nothing else."""

from __future__ import annotations

from ris_pacs.hl7.elements import NULL_TEXT, Segment
from ris_pacs.hl7.escapes import contain
from ris_pacs.hl7.faults import Condition, FieldFault
from ris_pacs.hl7.paths import Path


def changed_text(segment: Segment, path: Path, value: str) -> str:
    """The segment's text with `value`, which is ER7, at the path.

    Delimiters of the levels below the path keep their meaning ("NGUYEN^MINH" at PID-5); those above are escaped,
    so that nothing can slip into a neighbour. Raises FieldFault where that cannot be done.
    """
    if segment.name == "MSH" and path.field <= 2:
        raise FieldFault(str(path), value, "cannot be changed: the whole message is written with these delimiters")
    index = path.field - 1 if segment.name == "MSH" else path.field
    fields = _padded(segment.text.split(segment.syntax.field), index)
    fields[index] = _changed_field(fields[index], path, _contained(segment, path, value), segment)
    return segment.syntax.field.join(fields)


def _changed_field(field: str, path: Path, value: str, segment: Segment) -> str:
    """Replace the addressed part, level by level; a level that is not named is its first part."""
    levels = (
        (segment.syntax.repetition, path.repetition),
        (segment.syntax.component, path.component),
        (segment.syntax.subcomponent, path.subcomponent),
    )
    depth = max((place for place, (_, number) in enumerate(levels, 1) if number), default=0)
    return _replaced(field, levels[:depth], path, value)


def _replaced(text: str, levels: tuple[tuple[str, int], ...], path: Path, value: str) -> str:
    if not levels:
        return value
    (delimiter, number), *below = levels
    index = max(number, 1) - 1
    if not delimiter:
        if index:
            raise FieldFault(str(path), value, "cannot be set: the message has no delimiter for such a part")
        return _replaced(text, tuple(below), path, value)
    parts = _padded([""] if text == NULL_TEXT else text.split(delimiter), index)
    parts[index] = _replaced(parts[index], tuple(below), path, value)
    return delimiter.join(parts)


def _contained(segment: Segment, path: Path, value: str) -> str:
    syntax = segment.syntax
    keep_out = syntax.field
    keep_out += syntax.repetition if path.repetition or path.component else ""
    keep_out += syntax.component if path.component else ""
    keep_out += syntax.subcomponent if path.subcomponent else ""
    try:
        return contain(value, keep_out, syntax)
    except ValueError as error:
        raise FieldFault(str(path), value, "cannot be written", Condition.DATA_TYPE, str(error)) from error


def _padded(parts: list[str], index: int) -> list[str]:
    return parts + [""] * (index + 1 - len(parts))
