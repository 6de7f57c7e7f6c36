"""Writing messages: rows of values in, a message out.

A row is a list: the segment's name, then field 1, field 2 … A field is a value, a tuple of components, or a
list of repetitions; a tuple inside a tuple is a component's sub-components. None and "" say nothing.

    ["PID", 1, None, [("M1", None, None, "RIVERSIDE", "MR")], None, [("Nguyen", "Minh")], None, date(1986, 2, 28)]
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from ris_pacs.hl7 import charsets
from ris_pacs.hl7.elements import NULL_TEXT
from ris_pacs.hl7.er7 import Message, parse
from ris_pacs.hl7.escapes import Syntax, encode
from ris_pacs.hl7.times import PartialDate


class Delete:
    """The value `DELETE`: what stands in this field at the receiver is to be deleted."""


DELETE = Delete()


@dataclass(frozen=True)
class Er7:
    """Text that is ER7 already and is written as it is."""

    text: str


Leaf = str | int | Decimal | date | datetime | PartialDate | Delete | Er7 | None
Component = Leaf | tuple[Leaf, ...]
Repetition = Leaf | tuple[Component, ...]
Field = Repetition | list[Repetition]
Row = Sequence[Field]


@dataclass(frozen=True)
class Header:
    """What MSH says. kind: "ORM^O01"; sender, receiver: application and facility; at: aware.

    charset: MSH-18 to use once there is a letter beyond ASCII; UTF-8 where it lacks one of the letters.
    accept, application: MSH-15 and MSH-16, which acknowledgements are wanted ("" for both: original mode).
    """

    kind: str
    sender: tuple[Field, Field]
    receiver: tuple[Field, Field]
    at: datetime
    control_id: str | Er7
    version: str = "2.5.1"
    processing: str | Er7 = "P"
    charset: str = charsets.UTF8_NAME
    accept: str = ""
    application: str = ""


def new_control_id() -> str:
    """Twenty characters, as many as MSH-10 may have before version 2.7, that no other process will make."""
    return base64.b32encode(secrets.token_bytes(13)).decode("ascii")[:20]


def sparse(name: str, fields: Mapping[int, Field]) -> list[Field]:
    """A row from field numbers: sparse("OBR", {4: ("CT1", "CT head"), 44: ...})."""
    row: list[Field] = [name, *[None] * max(fields, default=0)]
    for number, value in fields.items():
        row[number] = value
    return row


def build(header: Header, rows: Sequence[Row], syntax: Syntax | None = None) -> Message:
    """The message; `raw` of it is what goes out.

    Raises ValueError for a value that cannot be written (a naive datetime, a name that is no segment's).
    """
    chosen = syntax or Syntax()
    silent = write(header, rows, Er7(""), chosen)
    if silent.isascii():
        return parse(silent.encode("ascii"))
    for name in (header.charset, charsets.UTF8_NAME):
        codec = charsets.codec_for(name.strip("~")) or "ascii"
        declared = Er7(f"{chosen.repetition}{name.strip('~')}" if codec == "iso2022_jp_ext" else name)
        content = charsets.encode(write(header, rows, declared, chosen), codec)
        if content is not None:
            return parse(content)
    raise ValueError("the message has half characters (lone surrogates) in it")


def write(header: Header, rows: Sequence[Row], charset: Er7, syntax: Syntax) -> str:
    """The text of a message, each segment ended by CR. charset: MSH-18 as it is to stand there."""
    return "".join(line + "\r" for line in (_msh(header, charset, syntax), *(write_row(row, syntax) for row in rows)))


def write_row(row: Row, syntax: Syntax) -> str:
    """One segment without its line end; trailing fields that say nothing are left out."""
    name, *fields = row
    if not (isinstance(name, str) and len(name) == 3 and name.isascii() and name.isalnum() and name.isupper()):
        raise ValueError(f"{name!r} is not a segment's name")
    return _joined([name, *(_field(value, syntax) for value in fields)], syntax.field)


def structure_of(kind: str) -> str:
    """MSH-9.3 for a type and event: "ADT^A08" → "ADT_A01". Source: HL7 table 0354."""
    message_type, _, event = kind.partition("^")
    if message_type == "ACK":
        return "ACK"
    return f"{message_type}_{_SHARED_STRUCTURES.get(kind, event)}" if event else message_type


_SHARED_STRUCTURES = {
    **dict.fromkeys(("ADT^A04", "ADT^A08", "ADT^A13"), "A01"),
    **dict.fromkeys(("ADT^A14", "ADT^A28", "ADT^A31"), "A05"),
    **dict.fromkeys(("ADT^A07",), "A06"),
    **dict.fromkeys(("ADT^A10", "ADT^A11"), "A09"),
    **dict.fromkeys(("ADT^A22", "ADT^A23", "ADT^A25", "ADT^A26", "ADT^A27", "ADT^A29", "ADT^A32", "ADT^A33"), "A21"),
    **dict.fromkeys(("ADT^A34", "ADT^A35", "ADT^A36", "ADT^A46", "ADT^A47", "ADT^A48", "ADT^A49"), "A30"),
    **dict.fromkeys(("ADT^A40", "ADT^A41", "ADT^A42"), "A39"),
    **dict.fromkeys(("ADT^A44",), "A43"),
    **dict.fromkeys([f"SIU^S{number}" for number in (*range(13, 25), 26)], "S12"),
    **dict.fromkeys([f"MDM^T{number:02}" for number in (3, 5, 7, 9, 11)], "T01"),
    **dict.fromkeys([f"MDM^T{number:02}" for number in (4, 6, 8, 10)], "T02"),
}


def _msh(header: Header, charset: Er7, syntax: Syntax) -> str:
    kind = header.kind.split("^")
    if len(kind) == 2 and header.version >= "2.4":
        kind.append(structure_of(header.kind))
    fields: dict[int, Field] = {
        3: header.sender[0],
        4: header.sender[1],
        5: header.receiver[0],
        6: header.receiver[1],
        7: header.at,
        9: tuple(kind),
        10: header.control_id,
        11: header.processing,
        12: header.version,
        15: header.accept,
        16: header.application,
        18: charset,
    }
    row = [_field(value, syntax) for value in sparse("MSH", fields)[3:]]
    return _joined(["MSH", syntax.msh2, *row], syntax.field)


def _field(value: Field, syntax: Syntax) -> str:
    repetitions = value if isinstance(value, list) else [value]
    return _joined([_repetition(repetition, syntax) for repetition in repetitions], syntax.repetition)


def _repetition(value: Repetition, syntax: Syntax) -> str:
    if not isinstance(value, tuple):
        return _leaf(value, syntax)
    return _joined([_component(component, syntax) for component in value], syntax.component)


def _component(value: Component, syntax: Syntax) -> str:
    if not isinstance(value, tuple):
        return _leaf(value, syntax)
    return _joined([_leaf(leaf, syntax) for leaf in value], syntax.subcomponent)


def _leaf(value: Leaf, syntax: Syntax) -> str:
    if value is None:
        return ""
    if isinstance(value, Delete):
        return NULL_TEXT
    if isinstance(value, Er7):
        return value.text
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, (date, PartialDate)):
        return "".join(
            f"{part:0{width}}" for part, width in ((value.year, 4), (value.month, 2), (value.day, 2)) if part
        )
    if isinstance(value, bool):
        return "Y" if value else "N"
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is not a number that HL7 can say")
        return format(value, "f")
    return encode(str(value), syntax)


def _moment(value: datetime) -> str:
    offset = value.utcoffset()
    if offset is None:
        raise ValueError(f"{value} has no zone")
    if offset.seconds % 60:  # local mean times of long ago
        value = value.astimezone(UTC)
    return f"{value.year:04}{value:%m%d%H%M%S%z}"


def _joined(parts: list[str], delimiter: str) -> str:
    said = max((place for place, part in enumerate(parts, 1) if part), default=1)
    return delimiter.join(parts[:said])
