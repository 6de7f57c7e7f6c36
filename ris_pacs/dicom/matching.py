"""Matching of query keys against answers (PS3.4 C.2.2.2), for what a database did not already decide.

A database narrows by the keys that it has columns for; `matches` then holds every key of the identifier
against the elements of an answer, so that an answer is right whatever the query was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as SequenceValue
from pydicom.valuerep import PersonName

from ris_pacs.dicom.handlers import Elements
from ris_pacs.kernel.text import fold

# Not keys: the level, the character set and the zone of the query itself.
_NOT_KEYS = frozenset({0x00080005, 0x00080052, 0x00080053, 0x00080201})
_WILD = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
# A date and the time that belongs to it: two ranges are one range of instants (PS3.4 C.2.2.2.5.2).
_PAIRS = {0x00080020: 0x00080030, 0x00080021: 0x00080031, 0x00400002: 0x00400003, 0x00400244: 0x00400245}


def matches(identifier: Dataset, elements: Elements) -> bool:
    """Whether an answer fits every key of the identifier. An element that the answer lacks fits universal keys only."""
    combined = _combined_ranges(identifier)
    for date_tag, time_tag in combined:
        if not _instant_fits(identifier, elements, date_tag, time_tag):
            return False
    done = {tag for pair in combined for tag in pair}
    for element in identifier:
        tag = int(element.tag)
        if tag in _NOT_KEYS or tag in done or element.tag.is_private or element.tag.element == 0:
            continue
        if not _fits(element.VR, element.value, elements.get(tag)):
            return False
    return True


def narrowing(identifier: Dataset) -> Dataset:
    """The keys of an identifier that are not universal, to hold many answers against."""
    found = Dataset()
    for element in identifier:
        if element.VR != "SQ":
            if any(text != "" for text in _texts(element.value)):
                found.add(element)
        elif element.value and (item := narrowing(element.value[0])):
            found.add_new(element.tag, "SQ", [item])
    return found


def _fits(vr: str, key: object, value: object) -> bool:
    if vr == "SQ":
        return _sequence_fits(key, value)
    keys = [text for text in _texts(key) if text != ""]
    if not keys or all(set(text) == {"*"} for text in keys):
        return True
    values = _texts(value)
    return any(_text_fits(vr, text, one) for text in keys for one in values)


def _sequence_fits(key: object, value: object) -> bool:
    items = list(key) if isinstance(key, SequenceValue) else []
    if not items or not len(items[0]):
        return True
    answers = [one for one in value if isinstance(one, Mapping)] if isinstance(value, Sequence) else []
    # Universal inside: an answer without items still fits (PS3.4 C.2.2.2.6).
    return any(matches(items[0], one) for one in answers or [{}])


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, (str, PersonName)):  # A name can be iterated, letter by letter.
        return [str(value).strip(" \0")]
    if isinstance(value, bytes):
        return [value.decode("latin-1")]
    if isinstance(value, Iterable):
        return [str(one).strip(" \0") for one in value]
    return [str(value).strip(" \0")]


def _text_fits(vr: str, key: str, value: str) -> bool:
    if vr == "PN":
        return name_fits(key, value)
    if vr in ("DA", "TM", "DT") and "-" in key:
        return _in_range(vr, key, value)
    if vr == "TM":
        return _padded("TM", key) == _padded("TM", value)
    if vr in _WILD and ("*" in key or "?" in key):
        return _pattern(key).fullmatch(value) is not None
    return key == value


def name_fits(key: str, value: str) -> bool:
    """A person name: without regard to case and accents, in any component group, with wildcards.

    A key without "^" and wildcard fits the family name alone, as people at consoles type it.
    """
    for key_group in filter(None, key.split("=")):
        folded = _fold_name(key_group)
        for group in filter(None, value.split("=")):
            name = _fold_name(group)
            if _pattern(folded).fullmatch(name):
                return True
            if "^" not in folded and "*" not in folded and name.split("^")[0] == folded:
                return True
    return False


def _fold_name(text: str) -> str:
    parts = []
    for part in text.split("^"):
        # Wildcards survive the folding: it takes everything else that is no letter for a space.
        pieces = re.split(r"([*?])", part)
        parts.append("".join(piece if piece in ("*", "?") else fold(piece) for piece in pieces))
    return "^".join(parts).rstrip("^")


@lru_cache(maxsize=1024)
def _pattern(key: str) -> re.Pattern[str]:
    """A wildcard key as a regular expression; runs of "*" are one, so that matching stays linear."""
    pieces = re.split(r"(\*+|\?)", key)
    return re.compile(
        "".join(".*" if piece.startswith("*") else "." if piece == "?" else re.escape(piece) for piece in pieces), re.S
    )


def _in_range(vr: str, key: str, value: str) -> bool:
    first, last = split_range(key)
    if not value:
        return False
    point = _padded(vr, value)
    return (not first or _padded(vr, first) <= point) and (not last or point <= _padded(vr, last, "9"))


def split_range(key: str) -> tuple[str, str]:
    """ "20261101-20261124" → both ends; an open end is "". A single value is its own range."""
    if "-" not in key:
        return key.strip(), key.strip()
    first, _, last = key.partition("-")
    return first.strip(), last.strip()


def _padded(vr: str, text: str, fill: str = "0") -> str:
    """Digits to full length, so that texts sort as the instants that they mean."""
    digits = re.sub(r"[^0-9]", "", text.split("+")[0])
    return digits.ljust({"DA": 8, "TM": 12}.get(vr, 20), fill)


def _combined_ranges(identifier: Dataset) -> list[tuple[int, int]]:
    return [
        (date_tag, time_tag)
        for date_tag, time_tag in _PAIRS.items()
        if "-" in _key_text(identifier, date_tag) and "-" in _key_text(identifier, time_tag)
    ]


def _key_text(identifier: Dataset, tag: int) -> str:
    return "".join(_texts(identifier[tag].value)) if tag in identifier else ""


def _instant_fits(identifier: Dataset, elements: Elements, date_tag: int, time_tag: int) -> bool:
    date = "".join(_texts(elements.get(date_tag)))
    time = "".join(_texts(elements.get(time_tag)))
    first_day, last_day = split_range(_key_text(identifier, date_tag))
    first_time, last_time = split_range(_key_text(identifier, time_tag))
    point = _padded("DA", date) + _padded("TM", time)
    begins = _padded("DA", first_day) + _padded("TM", first_time) if first_day else ""
    ends = _padded("DA", last_day, "9") + _padded("TM", last_time, "9") if last_day else ""
    return bool(date) and (not begins or begins <= point) and (not ends or point <= ends)
