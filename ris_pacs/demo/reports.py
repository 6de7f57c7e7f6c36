"""What the demo practice's reports say, and when they are read: a function of the planned exam."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from ris_pacs.demo.plan import PlannedExam
from ris_pacs.orders.rules import LATERALITIES

_FILE = Path(__file__).resolve().parents[2] / "seed_data" / "demo" / "reports.json"
# Minutes from complete images to the signature.
_WAIT = {"stat": (12, 35), "urgent": (20, 90), "routine": (30, 280)}
BEGUN_BEFORE = timedelta(minutes=9)
_ADDENDUM = "Discussed by telephone with the referring doctor."


@dataclass(frozen=True)
class PlannedReport:
    """by_resident: signed as preliminary first, at `read`; final at `signed`. first: what the preliminary one said."""

    read: datetime
    signed: datetime
    by_resident: bool
    sections: dict[str, str]
    first: dict[str, str]
    addendum: str


@cache
def _texts() -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads(_FILE.read_text(encoding="utf-8"))
    return found


def _said(code: str) -> dict[str, object]:
    """The texts of the longest beginning of the procedure's code that has some."""
    lengths = range(len(code), 1, -1)
    return next(_texts()[code[:length]] for length in lengths if code[:length] in _texts())


def plan_report(exam: PlannedExam, complete: datetime, comparison: str = "") -> PlannedReport:
    """complete: when its images are. comparison: what it is compared with."""
    draw = random.Random(f"report {exam.key}")  # noqa: S311
    read = complete + timedelta(minutes=draw.uniform(*_WAIT[exam.priority]))
    by_resident = draw.random() < 0.3
    signed = read + timedelta(minutes=draw.uniform(45, 240)) if by_resident else read
    sections = _sections(exam, comparison, draw)
    first = dict(sections)
    if by_resident and draw.random() < 0.5:
        first["impression"] = sections["impression"].split(". ")[0].rstrip(".") + ", to be discussed."
    return PlannedReport(read, signed, by_resident, sections, first, _ADDENDUM if draw.random() < 0.06 else "")


def plain_report(code: str, laterality: str, question: str) -> dict[str, str]:
    """Nothing found, for an exam that nobody planned. code: of its procedure."""
    said, side = _said(code), LATERALITIES.get(laterality, "")
    sections = {
        "clinical": question,
        "technique": str(said["technique"]),
        "comparison": "None.",
        "findings": "\n".join(said["normal"]),  # type: ignore[arg-type]
        "impression": str(said["well"]),
    }
    return _with_side(sections, side)


def _with_side(sections: dict[str, str], side: str) -> dict[str, str]:
    return {
        key: text.replace("{side}", side) if side else text.replace("{side} ", "") for key, text in sections.items()
    }


def _sections(exam: PlannedExam, comparison: str, draw: random.Random) -> dict[str, str]:
    said = _said(exam.procedure.code)
    side = LATERALITIES.get(exam.laterality, "")
    normal, found = list(said["normal"]), list(said["found"])  # type: ignore[call-overload]
    impression = str(said["well"])
    if found and draw.random() < 0.45:
        finding, impression = draw.choice(found)
        normal = [finding, *normal[1:]]
    sections = {
        "clinical": exam.reason.question,
        "technique": str(said["technique"]),
        "comparison": comparison or "None.",
        "findings": "\n".join(normal),
        "impression": impression,
    }
    return _with_side(sections, side)
