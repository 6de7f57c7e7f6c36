"""The states of a report and who may do what to it."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from ris_pacs.orders.rules import ExamState, Move
from ris_pacs.reporting.errors import WrongReportState

# How long a reader whose page gives no sign of life keeps the exam.
LEASE = timedelta(minutes=20)
# A password counts for a signature for this long.
CONFIRMED_FOR = timedelta(minutes=2)
# One row holds the drafts of so long a time; what is typed later begins another.
DRAFT_SPAN = timedelta(minutes=5)


class Kind(StrEnum):
    """Of a version."""

    DRAFT = "draft"
    PRELIMINARY = "preliminary"
    FINAL = "final"
    ADDENDUM = "addendum"
    CORRECTED = "corrected"
    WITHDRAWN = "withdrawn"


WORDS = {
    Kind.DRAFT: "Draft",
    Kind.PRELIMINARY: "Preliminary",
    Kind.FINAL: "Final",
    Kind.ADDENDUM: "Addendum",
    Kind.CORRECTED: "Corrected",
    Kind.WITHDRAWN: "Withdrawn",
}
# What the patient's doctors get to see.
FOR_REFERRERS = frozenset({Kind.FINAL, Kind.ADDENDUM, Kind.CORRECTED})

# State of a report → kind of the new version → state that it leads to.
VERSIONS: dict[str, dict[Kind, str]] = {
    "draft": {Kind.PRELIMINARY: "preliminary", Kind.FINAL: "final"},
    "preliminary": {Kind.FINAL: "final", Kind.WITHDRAWN: "withdrawn"},
    "final": {Kind.ADDENDUM: "final", Kind.CORRECTED: "final", Kind.WITHDRAWN: "withdrawn"},
    "withdrawn": {},
}
# How a new version moves the exams that the report covers.
MOVES = {
    Kind.PRELIMINARY: Move.SIGN_PRELIMINARY,
    Kind.FINAL: Move.SIGN_FINAL,
    Kind.ADDENDUM: Move.AMEND,
    Kind.CORRECTED: Move.AMEND,
    Kind.WITHDRAWN: Move.WITHDRAW,
}

# What a reader may take from the list; a preliminary report waits for who may sign it.
READABLE = (ExamState.TO_READ, ExamState.READING)
TO_COSIGN = (ExamState.PRELIMINARY,)


def next_state(state: str, kind: Kind) -> str:
    """Raises WrongReportState."""
    try:
        return VERSIONS[state][kind]
    except KeyError:
        raise WrongReportState(
            f"The report is {WORDS[Kind(state)].lower()}: “{WORDS[kind].lower()}” is not possible."
        ) from None


def may_be_written(state: str) -> bool:
    """Whether its text can still be changed; a signed text gets new versions instead."""
    return state in ("draft", "preliminary")


def readable(may_sign: bool) -> tuple[ExamState, ...]:
    """The states of the exams that one may begin to read."""
    return (*READABLE, *TO_COSIGN) if may_sign else READABLE
