"""The states of an exam and the numbers of orders."""

from __future__ import annotations

import pytest

from ris_pacs.kernel.errors import Invalid
from ris_pacs.orders import rules
from ris_pacs.orders.errors import BadAccessionNumber, WrongState
from ris_pacs.orders.rules import ExamState, Move

# MODEL.md, States: from → by → to. What is not here is not possible.
TABLE = """
requested     book            scheduled
requested     hold            on-hold
requested     begin           in-progress
requested     cancel          cancelled
on-hold       release         requested
on-hold       begin           in-progress
on-hold       cancel          cancelled
scheduled     book            scheduled
scheduled     unbook          requested
scheduled     check-in        arrived
scheduled     miss            no-show
scheduled     begin           in-progress
scheduled     cancel          cancelled
arrived       undo check-in   scheduled
arrived       leave           left
arrived       begin           in-progress
arrived       cancel          cancelled
in-progress   perform         performed
in-progress   discontinue     discontinued
performed     complete        to-read
performed     resume          in-progress
to-read       resume          in-progress
to-read       lose images     performed
reading       lose images     performed
to-read       begin reading   reading
reading       stop reading    to-read
reading       sign preliminary preliminary
reading       sign final      final
preliminary   sign final      final
final         amend report    final
preliminary   withdraw report to-read
final         withdraw report to-read
discontinued  complete        to-read
discontinued  resume          in-progress
discontinued  book            scheduled
discontinued  cancel          cancelled
cancelled     reinstate       requested
no-show       reinstate       requested
left          reinstate       requested
"""
MOVES = {(words[0], " ".join(words[1:-1])): words[-1] for line in TABLE.split("\n") if (words := line.split())}


@pytest.mark.parametrize("state", ExamState)
@pytest.mark.parametrize("move", [move for move in Move if move is not Move.PLACE])
def test_every_state_with_every_move(state, move):
    expected = MOVES.get((state, move))
    assert rules.may_move(state, move) is (expected is not None)
    if expected is None:
        with pytest.raises(WrongState, match=rules.WORDS[state].lower()) as caught:
            rules.next_state(state, move)
        assert move in caught.value.message.lower()
    else:
        assert rules.next_state(state, move) == expected


def test_every_state_can_be_reached_and_has_a_word():
    reached = {"requested", *MOVES.values()}
    assert set(ExamState) == reached
    assert set(rules.WORDS) == set(ExamState)


def test_what_has_begun_cannot_be_taken_back_by_the_placer():
    for state in rules.BEGUN - {ExamState.DISCONTINUED}:
        assert not rules.may_move(state, Move.CANCEL)
    for state in set(ExamState) - rules.BEGUN - rules.OVER:
        assert rules.may_move(state, Move.CANCEL)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("A", "A"),
        ("0000000000000001", "0000000000000001"),
        ("  00012 ", "00012"),
        ("MI26000001", "MI26000001"),
        ("A 1/2-b#", "A 1/2-b#"),
        ("Ä-1", "Ä-1"),
    ],
)
def test_accession_numbers_keep_their_zeros(text, number):
    assert rules.check_accession_number(text) == number


@pytest.mark.parametrize("text", ["", "   ", "0" * 17, "A\\1", "A\n1", "A\x001", "A\x7f", "\t", "x" * 10_000])
def test_what_is_no_accession_number(text):
    with pytest.raises(BadAccessionNumber) as caught:
        rules.check_accession_number(text)
    assert caught.value.field == "accession_number"
    assert len(caught.value.message) < 200


def test_numbers_that_we_give_out():
    assert rules.make_accession_number("MI", 2026, 1) == "MI26000001"
    assert rules.make_accession_number("MI", 2026, 1_234_567) == "MI261234567"
    assert rules.make_accession_number("", 2100, 7) == "00000007"


@pytest.mark.parametrize("uid", ["1.2.3", "2.25.1", "1." * 31 + "12", "1.02.3"])
def test_study_uids(uid):
    assert rules.check_study_uid(uid) == uid


@pytest.mark.parametrize("uid", ["", "1.2.", ".1", "1..2", "1.2.a", "1.2 ", "１.2", "1.2\n", "1" * 65])
def test_what_is_no_study_uid(uid):
    with pytest.raises(Invalid) as caught:
        rules.check_study_uid(uid)
    assert caught.value.field == "study_instance_uid"


@pytest.mark.parametrize(
    ("side", "paired", "required", "fault"),
    [
        ("R", True, True, None),
        ("L", True, True, None),
        ("B", True, False, None),
        ("", True, False, None),
        ("", False, True, None),
        ("", True, True, "Which side"),
        ("R", False, True, "no side"),
        ("R", False, False, "no side"),
        ("X", True, True, "R, L or B"),
        ("r", True, True, "R, L or B"),
    ],
)
def test_sides(side, paired, required, fault):
    if fault is None:
        assert rules.check_laterality(side, paired, required) == side
        return
    with pytest.raises(Invalid, match=fault) as caught:
        rules.check_laterality(side, paired, required)
    assert caught.value.field == "laterality"


def test_priorities():
    assert [rules.check_priority(one) for one in ("routine", "urgent", "stat")] == ["routine", "urgent", "stat"]
    for wrong in ("", "STAT", "asap"):
        with pytest.raises(Invalid):
            rules.check_priority(wrong)


def test_what_people_call_an_exam():
    assert rules.exam_title("MR knee", "R") == "MR knee right"
    assert rules.exam_title("MR knee", "B") == "MR knee both sides"
    assert rules.exam_title("CT chest", "") == "CT chest"
