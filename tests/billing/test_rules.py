"""Tables of cases: states of a claim, and what a rule charges."""

from __future__ import annotations

import pytest

from ris_pacs.billing.errors import CannotCharge, WrongClaimState
from ris_pacs.billing.rules import charging
from ris_pacs.billing.rules.charging import ExamFacts, Part, Rule
from ris_pacs.billing.rules.states import BEFORE_SENDING, MOVES, WITH_PAYER, WORDS, ClaimMove, ClaimState, next_state
from ris_pacs.kernel.errors import Invalid

KNEE = ExamFacts("MRKNEE", "MR knee", "MR", "R")
RULE = Rule(1, "MR knee", "X2010", "MRKNEE")
ANY_MR = Rule(2, "Any MR", "X2990", modality="MR")
AGENT = Rule(3, "Contrast agent", "X9010", "MRKNEE", component="technical", side_modifier=False, units=15, adds=True)
READING = Rule(4, "Second look", "X9020", component="professional", side_modifier=False, adds=True)
FEES = {
    ("X2010", ""): 900,
    ("X2010", "TC"): 700,
    ("X2010", "26"): 200,
    ("X2990", ""): 500,
    ("X9010", ""): 2,
    ("X9020", ""): 30,
}


@pytest.mark.parametrize("move", ClaimMove)
@pytest.mark.parametrize("state", ClaimState)
def test_a_move_leads_where_the_table_says_or_is_refused(state, move):
    if state in MOVES[move]:
        assert next_state(state, move) == MOVES[move][state]
    else:
        with pytest.raises(WrongClaimState, match=WORDS[state].lower()):
            next_state(state, move)


def test_every_state_is_reached_and_what_was_sent_is_not_changed_here():
    reached = {to for table in MOVES.values() for to in table.values()}
    assert reached | {ClaimState.UNCHARGED} == set(ClaimState)
    assert not BEFORE_SENDING & WITH_PAYER
    assert set(MOVES[ClaimMove.REVERSE]) == BEFORE_SENDING


@pytest.mark.parametrize(
    ("state", "one", "due"),
    [
        ("requested", True, ""), ("in-progress", False, ""), ("performed", True, ""), ("performed", False, "technical"),
        ("to-read", False, "technical"), ("preliminary", True, ""), ("preliminary", False, "technical"),
        ("final", True, "global"), ("final", False, "technical professional"), ("cancelled", False, ""),
        ("discontinued", False, ""), ("no-show", True, ""),
    ],
)  # fmt: skip
def test_which_parts_are_due(state, one, due):
    assert " ".join(charging.parts_due(state, one)) == due


@pytest.mark.parametrize(
    ("rules", "part", "side", "lines"),
    [
        ((RULE,), Part.GLOBAL, "R", ["X2010 RT 1 900"]),
        ((RULE,), Part.TECHNICAL, "L", ["X2010 TC LT 1 700"]),
        ((RULE,), Part.PROFESSIONAL, "", ["X2010 26 1 200"]),
        ((RULE,), Part.GLOBAL, "B", ["X2010 50 1 1800"]),
        ((RULE, ANY_MR), Part.GLOBAL, "R", ["X2010 RT 1 900"]),
        ((ANY_MR, RULE), Part.GLOBAL, "R", ["X2990 RT 1 500"]),
        ((RULE, AGENT), Part.GLOBAL, "R", ["X2010 RT 1 900", "X9010 15 30"]),
        ((RULE, AGENT, READING), Part.TECHNICAL, "R", ["X2010 TC RT 1 700", "X9010 15 30"]),
        ((RULE, AGENT, READING), Part.PROFESSIONAL, "R", ["X2010 26 RT 1 200", "X9020 1 30"]),
    ],
)
def test_what_the_table_charges(rules, part, side, lines):
    exam = ExamFacts("MRKNEE", "MR knee", "MR", side)
    made = charging.charges_for(exam, part, rules, FEES)
    assert [" ".join(map(str, (one.code, *one.modifiers, one.units, one.cents))) for one in made] == lines
    assert all(one.why.startswith("Rule “") for one in made)


@pytest.mark.parametrize(
    ("rules", "fees", "words"),
    [
        ((), FEES, "No charge rule fits MR knee"),
        ((AGENT,), FEES, "No charge rule fits MR knee"),
        ((RULE,), {}, "X2010 with TC has no fee"),
        ((Rule(1, "x", "X2010", modifiers=("59", "76", "XS")),), FEES, "a claim has room for four"),
    ],
)
def test_what_cannot_be_charged_says_why(rules, fees, words):
    with pytest.raises(CannotCharge, match=words):
        charging.charges_for(KNEE, Part.TECHNICAL, rules, fees)


@pytest.mark.parametrize(
    ("typed", "cents"),
    [("248", 24_800), ("$1,204.50", 120_450), ("0.5", 50), (" 12.05 ", 1_205), ("9.", None), ("-3", None)],
)
def test_amounts_as_people_type_them(typed, cents):
    if cents is None:
        with pytest.raises(Invalid):
            charging.cents_of(typed)
    else:
        assert charging.cents_of(typed) == cents


@pytest.mark.parametrize(
    ("typed", "found"), [("26, rt", ("26", "RT")), ("", ()), ("RT RT", None), ("ABC", None), ("1 2 3 4 5", None)]
)
def test_modifiers_as_people_type_them(typed, found):
    if found is None:
        with pytest.raises(Invalid):
            charging.check_modifiers(typed)
    else:
        assert charging.check_modifiers(typed) == found


@pytest.mark.parametrize("typed", ["X101", "X10100", "X-101", ""])
def test_codes_have_five_places(typed):
    with pytest.raises(Invalid):
        charging.check_code(typed)
