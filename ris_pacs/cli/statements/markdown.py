"""Tables and names, as Markdown."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from pydicom.datadict import dictionary_description
from pydicom.uid import UID
from pynetdicom.sop_class import _STORAGE_CLASSES

WIDTH = 116
_KEYWORDS = {uid: keyword for keyword, uid in _STORAGE_CLASSES.items()}


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Lines of a table, and the empty one behind it."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    yield from ("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)
    yield ""


def uid_name(uid: str) -> str:
    """The standard's name; of a class that pydicom does not know yet, the words of its keyword."""
    name = UID(uid).name
    if name != uid:
        return name
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", _KEYWORDS.get(uid, uid))


def tag_text(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def attribute(tag: int) -> tuple[str, str]:
    """Name and tag of an attribute."""
    return dictionary_description(tag), tag_text(tag)


def reflowed(lines: Iterable[str]) -> Iterator[str]:
    """The same lines, those of running text filled to one width."""
    text: list[str] = []
    for line in lines:
        if line and not line.startswith(("|", "#", "-")):
            text.append(line)
            continue
        yield from textwrap.wrap(" ".join(text), WIDTH)
        text = []
        yield from _item(line) if line.startswith("- ") else (line,)
    yield from textwrap.wrap(" ".join(text), WIDTH)


def _item(line: str) -> list[str]:
    return textwrap.wrap(line, WIDTH, subsequent_indent="  ")
