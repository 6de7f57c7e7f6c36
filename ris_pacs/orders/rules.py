"""Decisions about orders: the states of an exam, accession numbers, priorities."""

from __future__ import annotations

import re
from enum import StrEnum

from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.uids import is_uid
from ris_pacs.orders.errors import BadAccessionNumber, WrongState


class ExamState(StrEnum):
    """Where an exam stands (MODEL.md, States). The values are stored and stand in URLs."""

    REQUESTED = "requested"
    ON_HOLD = "on-hold"
    SCHEDULED = "scheduled"
    ARRIVED = "arrived"
    IN_PROGRESS = "in-progress"
    PERFORMED = "performed"
    TO_READ = "to-read"
    READING = "reading"
    PRELIMINARY = "preliminary"
    FINAL = "final"
    CANCELLED = "cancelled"
    NO_SHOW = "no-show"
    DISCONTINUED = "discontinued"
    LEFT = "left"


class Move(StrEnum):
    """What moves an exam."""

    PLACE = "place"
    BOOK = "book"
    UNBOOK = "unbook"
    HOLD = "hold"
    RELEASE = "release"
    CHECK_IN = "check-in"
    UNDO_CHECK_IN = "undo check-in"
    LEAVE = "leave"
    MISS = "miss"
    BEGIN = "begin"
    PERFORM = "perform"
    DISCONTINUE = "discontinue"
    COMPLETE = "complete"
    RESUME = "resume"
    LOSE_IMAGES = "lose images"
    CANCEL = "cancel"
    REINSTATE = "reinstate"
    BEGIN_READING = "begin reading"
    STOP_READING = "stop reading"
    SIGN_PRELIMINARY = "sign preliminary"
    SIGN_FINAL = "sign final"
    AMEND = "amend report"
    WITHDRAW = "withdraw report"


_S = ExamState

MOVES: dict[Move, dict[ExamState, ExamState]] = {
    Move.BOOK: {_S.REQUESTED: _S.SCHEDULED, _S.SCHEDULED: _S.SCHEDULED, _S.DISCONTINUED: _S.SCHEDULED},
    Move.UNBOOK: {_S.SCHEDULED: _S.REQUESTED},
    Move.HOLD: {_S.REQUESTED: _S.ON_HOLD},
    Move.RELEASE: {_S.ON_HOLD: _S.REQUESTED},
    Move.CHECK_IN: {_S.SCHEDULED: _S.ARRIVED},
    Move.UNDO_CHECK_IN: {_S.ARRIVED: _S.SCHEDULED},
    Move.LEAVE: {_S.ARRIVED: _S.LEFT},
    Move.MISS: {_S.SCHEDULED: _S.NO_SHOW},
    Move.BEGIN: {
        _S.REQUESTED: _S.IN_PROGRESS,
        _S.ON_HOLD: _S.IN_PROGRESS,
        _S.SCHEDULED: _S.IN_PROGRESS,
        _S.ARRIVED: _S.IN_PROGRESS,
    },
    Move.PERFORM: {_S.IN_PROGRESS: _S.PERFORMED},
    Move.DISCONTINUE: {_S.IN_PROGRESS: _S.DISCONTINUED},
    Move.COMPLETE: {_S.PERFORMED: _S.TO_READ, _S.DISCONTINUED: _S.TO_READ},
    Move.RESUME: {_S.PERFORMED: _S.IN_PROGRESS, _S.TO_READ: _S.IN_PROGRESS, _S.DISCONTINUED: _S.IN_PROGRESS},
    Move.LOSE_IMAGES: {_S.TO_READ: _S.PERFORMED, _S.READING: _S.PERFORMED},
    Move.CANCEL: {
        _S.REQUESTED: _S.CANCELLED,
        _S.ON_HOLD: _S.CANCELLED,
        _S.SCHEDULED: _S.CANCELLED,
        _S.ARRIVED: _S.CANCELLED,
        _S.DISCONTINUED: _S.CANCELLED,
    },
    Move.REINSTATE: {_S.CANCELLED: _S.REQUESTED, _S.NO_SHOW: _S.REQUESTED, _S.LEFT: _S.REQUESTED},
    Move.BEGIN_READING: {_S.TO_READ: _S.READING},
    Move.STOP_READING: {_S.READING: _S.TO_READ},
    Move.SIGN_PRELIMINARY: {_S.READING: _S.PRELIMINARY},
    Move.SIGN_FINAL: {_S.READING: _S.FINAL, _S.PRELIMINARY: _S.FINAL},
    Move.AMEND: {_S.FINAL: _S.FINAL},
    Move.WITHDRAW: {_S.PRELIMINARY: _S.TO_READ, _S.FINAL: _S.TO_READ},
}

# Something was, or is being, done to the patient: a cancel comes too late.
BEGUN = frozenset({_S.IN_PROGRESS, _S.PERFORMED, _S.TO_READ, _S.READING, _S.PRELIMINARY, _S.FINAL, _S.DISCONTINUED})
# Not on any list of today's work.
OVER = frozenset({_S.FINAL, _S.CANCELLED, _S.NO_SHOW, _S.LEFT})

WORDS: dict[ExamState, str] = {
    _S.REQUESTED: "Requested",
    _S.ON_HOLD: "On hold",
    _S.SCHEDULED: "Scheduled",
    _S.ARRIVED: "Arrived",
    _S.IN_PROGRESS: "In progress",
    _S.PERFORMED: "Performed",
    _S.TO_READ: "To read",
    _S.READING: "Reading",
    _S.PRELIMINARY: "Preliminary",
    _S.FINAL: "Final",
    _S.CANCELLED: "Cancelled",
    _S.NO_SHOW: "No-show",
    _S.DISCONTINUED: "Discontinued",
    _S.LEFT: "Left",
}


def may_move(state: str, move: Move) -> bool:
    return ExamState(state) in MOVES[move]


def next_state(state: str, move: Move) -> ExamState:
    """Where the move leads. Raises WrongState when it does not start here."""
    try:
        return MOVES[move][ExamState(state)]
    except KeyError:
        raise WrongState(f"“{move.capitalize()}” is not possible: the exam is {_word(state)}.") from None


def cancel_comes_too_late(state: str, by_person: bool) -> bool:
    """Whether something was done to the patient. What was broken off a person may still cancel; a message may not."""
    return state in BEGUN and not (by_person and state == _S.DISCONTINUED)


def _word(state: str) -> str:
    return WORDS[ExamState(state)].lower()


PRIORITIES = {"routine": "Routine", "urgent": "Urgent", "stat": "Now"}
LATERALITIES = {"R": "right", "L": "left", "B": "both sides"}


def check_priority(text: str) -> str:
    if text not in PRIORITIES:
        raise Invalid("The priority is routine, urgent or stat.", "priority")
    return text


def check_laterality(side: str, paired: bool, required: bool) -> str:
    """A side for paired body parts only. Raises Invalid."""
    if side and side not in LATERALITIES:
        raise Invalid("The side is R, L or B (both).", "laterality")
    if side and not paired:
        raise Invalid("This procedure has no side.", "laterality")
    if paired and required and not side:
        raise Invalid("Which side? Choose right, left or both.", "laterality")
    return side


def check_accession_number(text: str) -> str:
    """VR SH (PS3.5 6.2): 1 to 16 characters without backslash or control characters; spaces at the ends do not count.

    Leading zeros stay. Raises BadAccessionNumber.
    """
    number = text.strip(" ")
    if not number:
        raise BadAccessionNumber("The accession number is empty.", "accession_number")
    if len(number) > 16:
        raise BadAccessionNumber(
            f"The accession number {number[:40]!r} has {len(number)} characters; 16 are possible.", "accession_number"
        )
    if re.search(r"[\x00-\x1f\x7f\\]", number):
        raise BadAccessionNumber("The accession number holds a control character or a backslash.", "accession_number")
    return number


def check_question(text: str) -> str:
    """The clinical question. Raises Invalid."""
    text = text.strip()
    if len(text) > 4000:
        raise Invalid("The clinical question may have 4,000 characters.", "question")
    return text


def check_placer_number(text: str) -> str:
    """VR LO of (0040,2016): at most 64 characters. Raises Invalid."""
    if len(text) > 64:
        raise Invalid("A placer order number has at most 64 characters.", "placer_number")
    return text


def check_study_uid(text: str) -> str:
    """Raises Invalid."""
    if not is_uid(text):
        raise Invalid(f"{text[:70]!r} is not a UID.", "study_instance_uid")
    return text


def make_accession_number(prefix: str, year: int, number: int) -> str:
    """ "MI26" + six figures; a seventh when the year needs it."""
    return f"{prefix}{year % 100:02}{number:06}"


def exam_title(procedure_name: str, laterality: str) -> str:
    """What people call the exam: "MR knee right"."""
    return " ".join(part for part in (procedure_name, LATERALITIES.get(laterality, "")) if part)


# Why a patient gets a signed result later: what 45 CFR 171.202 and the states' laws leave open (FEATURES.md I1).
GROUNDS = {
    "state-rule": "A rule of the state",
    "patient-wish": "The patient asked for it",
    "harm": "Danger to life or safety, judged by a clinician for this patient",
}
