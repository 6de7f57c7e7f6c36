"""Names and data types of fields, from hl7apy's tables for each version, in words for people."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_USUAL = "2.5.1"
_LATEST = "2.8"
_KNOWN = {"2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8"}

_ACRONYMS = frozenset(
    "AE BP CLIA CMS CPU DEA DMV DNR DRG HCFA HL7 ICD ID IRB NDC NPI SSN UB UB82 UB92 UID UPIN VAT VIP".split()
)
_WHOLE_WORDS = {
    "AUTO": "automatic", "CAT": "category", "CHNG": "change", "CO": "company", "DEPT": "department", "EMP": "employer",
    "FAC": "facility", "IDS": "IDs", "IND": "indicator", "INFO": "information", "INS": "insurance",
    "LOC": "location", "MISC": "miscellaneous", "NO": "number", "NUM": "number", "OBS": "observation",
    "ORG": "organization", "PAT": "patient", "PH": "phone", "QTY": "quantity", "REL": "relationship", "RPT": "report",
    "SECT": "section", "SERV": "service", "SPEC": "specimen", "TEL": "telephone", "UOM": "unit of measure",
}  # fmt: skip
_ASIDES = frozenset({"HOME", "BUSINESS", "PATIENT", "STAFF"})


@dataclass(frozen=True)
class FieldKind:
    """What a field is: its name in sentence case, its data type ("XPN"), its table ("HL70001" or "")."""

    name: str
    datatype: str = ""
    table: str = ""


def field_kind(version: str, segment: str, field: int) -> FieldKind | None:
    """None for Z segments. A field that the version does not have is looked for in 2.5.1 and 2.8."""
    for known in (version if version in _KNOWN else _USUAL, _USUAL, _LATEST):
        if (found := _segment_fields(known, segment).get(field)) is not None:
            return found
    return None


@lru_cache(maxsize=1024)
def _segment_fields(version: str, segment: str) -> dict[int, FieldKind]:
    from hl7apy import load_library  # slow to load, and needed by the message console alone

    _, children = load_library(version).SEGMENTS.get(segment, ("", ()))
    found: dict[int, FieldKind] = {}
    for name, reference, *_ in children:
        number = int(name.rpartition("_")[2])
        if reference is None:
            continue
        if len(reference) > 4 and reference[3]:
            found[number] = FieldKind(spoken(reference[3], segment), reference[2] or "", reference[4] or "")
    return found


def spoken(constant: str, segment: str = "") -> str:
    """DATE_TIME_OF_BIRTH → "Date/time of birth"; MOTHER_S_MAIDEN_NAME → "Mother's maiden name"."""
    words = re.sub(r" {2,}", "", constant).replace(" ", "_").split("_")
    words = [word for word in words if word]
    if len(words) > 1 and words[-1] == segment:
        words.pop()
    out: list[str] = []
    for place, word in enumerate(words):
        last = place == len(words) - 1
        if word == "S" and out:
            out[-1] += "(s)" if last else "'s"
        elif word == "TIME" and out and out[-1] == "date":
            out[-1] = "date/time"
        elif word in _ASIDES and last and out[-1:] == ["number"]:
            out[-1] += f", {word.lower()}"
        else:
            out.append(word if word in _ACRONYMS else _WHOLE_WORDS.get(word, word.lower()))
    text = " ".join(out)
    return text[:1].upper() + text[1:]
