"""When a study may be linked by itself (A4, A5), how candidates are ranked, and where files stand."""

from __future__ import annotations

import itertools

import pytest

from ris_pacs.archive import rules
from ris_pacs.archive.rules import Compared, Leads, Reason, RequestLead, decide

HERE, THERE = 1, 2  # The exam that is meant, and another.


def lead(*exams: int, number: str = "A1", procedure: str = "", known: bool = True, procedure_known: bool = True):
    return RequestLead(number, procedure, frozenset(exams), known, procedure_known)


def leads(
    *requests: RequestLead, uid: tuple[int, ...] = (), mpps: tuple[int, ...] = (), header: RequestLead | None = None
) -> Leads:
    return Leads(requests, frozenset(uid), frozenset(mpps), header)


# What the accession number, the Study Instance UID and the performed step lead to: nothing, the exam, or another one.
ONE_KEY_EACH = list(itertools.product((None, HERE), ((), (HERE,), (THERE,)), ((), (HERE,), (THERE,))))


@pytest.mark.parametrize(("accession", "uid", "mpps"), ONE_KEY_EACH)
def test_a_study_is_linked_only_where_every_key_that_leads_somewhere_leads_to_one_exam(accession, uid, mpps):
    decision = decide(leads(*((lead(accession),) if accession else ()), uid=uid, mpps=mpps))
    named = {*((accession,) if accession else ()), *uid, *mpps}
    if not named:
        assert (decision.reason, decision.exams) == (Reason.NO_KEYS, ())
    elif len(named) > 1:
        assert (decision.reason, decision.exams) == (Reason.KEYS_DISAGREE, ())
    else:
        how = "accession" if accession else "mpps" if mpps else "uid"
        assert (decision.reason, decision.exams, decision.how) == (None, tuple(named), how)


@pytest.mark.parametrize(
    ("asked", "exams", "how"),
    [
        (leads(lead(HERE)), (HERE,), "accession"),
        (leads(lead(HERE, procedure="R1")), (HERE,), "accession"),
        (leads(lead(HERE, number="", procedure="R1")), (HERE,), "accession"),
        # Group case: an item for each order, whatever stands in the header.
        (leads(lead(HERE), lead(THERE)), (HERE, THERE), "accession"),
        (leads(lead(THERE), lead(HERE)), (HERE, THERE), "accession"),
        (leads(lead(HERE), lead(THERE), uid=(HERE,)), (HERE, THERE), "accession"),
        (leads(lead(HERE), lead(THERE), uid=(HERE, THERE), mpps=(THERE, HERE)), (HERE, THERE), "accession"),
        (leads(lead(HERE), uid=(HERE, THERE)), (HERE,), "accession"),  # Orders that share a UID.
        (leads(lead(HERE), lead(HERE)), (HERE,), "accession"),
        (leads(lead(HERE), lead(THERE), header=lead(THERE)), (HERE, THERE), "accession"),
        (leads(lead(HERE), header=lead(HERE, THERE)), (HERE,), "accession"),  # A number of two issuers.
        # Without a request the performed step names all its exams.
        (leads(mpps=(THERE, HERE)), (HERE, THERE), "mpps"),
        (leads(uid=(HERE,), mpps=(HERE, THERE)), (HERE, THERE), "mpps"),
    ],
)
def test_lawful_links(asked, exams, how):
    decision = decide(asked)
    assert (decision.exams, decision.how, decision.reason) == (exams, how, None)


@pytest.mark.parametrize(
    ("asked", "reason", "words"),
    [
        (leads(), Reason.NO_KEYS, "not one of ours"),
        (leads(lead(known=False)), Reason.ACCESSION_UNKNOWN, "A1 is not one of ours"),
        (leads(lead(known=False), uid=(HERE,)), Reason.ACCESSION_UNKNOWN, "A1"),
        (leads(lead(HERE), lead(number="A2", known=False)), Reason.ACCESSION_UNKNOWN, "A2"),
        (leads(lead(procedure="R9", procedure_known=False)), Reason.PROCEDURE_UNKNOWN, "R9 is not one of ours"),
        (leads(lead(procedure="R9")), Reason.KEYS_DISAGREE, "A1 and procedure R9 do not belong together"),
        (leads(lead(HERE, THERE)), Reason.SEVERAL_ORDERS, "2 exams have accession number A1"),
        (leads(lead(HERE, THERE, number="", procedure="R1")), Reason.SEVERAL_ORDERS, "procedure R1"),
        (leads(lead(HERE), header=lead(THERE, number="A2")), Reason.KEYS_DISAGREE, "header’s accession number A2"),
        (leads(lead(HERE), header=lead(number="A9", known=False)), Reason.KEYS_DISAGREE, "A9 is none of those"),
        (leads(lead(HERE), uid=(THERE,)), Reason.KEYS_DISAGREE, "study UID"),
        (leads(lead(HERE), mpps=(THERE,)), Reason.KEYS_DISAGREE, "performed step"),
        (leads(lead(HERE), uid=(HERE,), mpps=(THERE,)), Reason.KEYS_DISAGREE, "performed step"),
        (leads(uid=(HERE,), mpps=(THERE,)), Reason.KEYS_DISAGREE, "two orders"),
        (leads(uid=(HERE, THERE)), Reason.SEVERAL_ORDERS, "share the study UID"),
    ],
)
def test_what_goes_to_a_person_and_in_which_words(asked, reason, words):
    decision = decide(asked)
    assert (decision.reason, decision.exams, decision.how) == (reason, (), "")
    assert words in decision.text


def test_nothing_is_ever_linked_and_questioned_at_once():
    """Over every combination of two requests and where UID and performed step lead."""
    some = [None, lead(HERE), lead(THERE), lead(HERE, THERE), lead(), lead(known=False)]
    where = [(), (HERE,), (THERE,), (HERE, THERE)]
    for one, other, uid, mpps in itertools.product(some, some, where, where):
        asked = leads(*(each for each in (one, other) if each), uid=uid, mpps=mpps)
        decision = decide(asked)
        assert bool(decision.exams) is (decision.reason is None)
        assert bool(decision.exams) is bool(decision.how)
        assert list(decision.exams) == sorted(set(decision.exams))
        if decision.exams:
            assert not uid or set(uid) & set(decision.exams)
            assert not mpps or set(mpps) & set(decision.exams)
            assert all(len(each.exams) == 1 and each.exams <= set(decision.exams) for each in asked.requests)


# --- candidates

STUDY = Compared("MI26000001", "M0000001", "okonkwo amara", "1968-06-03", "F", "CT", "CT1", 1000.0)


def order(**differing: object) -> Compared:
    return Compared(**{**STUDY.__dict__, **differing})


def test_the_right_order_has_every_reason():
    rank = rules.rank(STUDY, order())
    assert rank.score == 100
    assert rank.reasons == (
        "same accession number",
        "same patient number",
        "same name",
        "same birth date",
        "CT ordered",
        "booked on CT1",
        "booked for that time",
    )


def test_better_candidates_rank_before_worse_ones():
    ranked = [
        order(),
        order(accession_number="MI26000010"),  # One figure exchanged.
        order(accession_number="MI26000777", station="CT2"),
        order(accession_number="MI26000777", patient_number="M0000002", hour=1010.0),
        order(accession_number="MI26000777", patient_number="M0000002", name="okonkwo amarachi", hour=1100.0),
        order(accession_number="XX", patient_number="M2", name="smith john", birth_date="1968-06-03", hour=None),
        order(accession_number="XX", patient_number="M2", name="smith john", birth_date="1950-01-01", hour=1001.0),
        order(accession_number="XX", patient_number="M2", name="smith john", birth_date="1950-01-01", modality="MR"),
    ]
    scores = [rules.rank(STUDY, one).score for one in ranked]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(scores)


@pytest.mark.parametrize(
    "other",
    [
        Compared("", "", "", "", "", "", "", None),
        order(
            accession_number="X",
            patient_number="X",
            name="zz",
            birth_date="X",
            sex="M",
            modality="MR",
            station="X",
            hour=None,
        ),
    ],
)
def test_nothing_in_common_is_no_candidate(other):
    assert rules.rank(STUDY, other) == rules.Rank(0, ())
    assert rules.rank(Compared("", "", "", "", "", "", "", None), other).score == 0


# --- smaller decisions


@pytest.mark.parametrize(
    ("listed", "received", "complete"),
    [
        ([], set(), False),
        ([], {"1"}, False),
        (["1"], {"1"}, True),
        (["1", "2"], {"1"}, False),
        (["1", "2"], {"2", "1", "3"}, True),
    ],
)
def test_complete_is_when_everything_listed_is_here(listed, received, complete):
    assert rules.is_complete(listed, received) is complete


def test_a_file_stands_where_its_uids_and_content_say():
    key = rules.object_key("1.2.3", "1.2.3.4", "ab" * 32)
    assert key.endswith("/1.2.3/1.2.3.4.abababababab.dcm")
    assert rules.object_key("1.2.3", "1.2.3.4", "cd" * 32) != key
    assert rules.object_key("1.2.3", "1.2.3.4", "ab" * 32) == key


def test_differences_are_marked_and_never_let_markup_in():
    left, right = rules.marked("Okonkwo<b>", "Okonkwa<b>")
    assert (str(left), str(right)) == ("Okonkw<mark>o</mark>&lt;b&gt;", "Okonkw<mark>a</mark>&lt;b&gt;")
    assert rules.marked("", "x")[1] == "<mark>x</mark>"
    assert rules.difference_words("MI26000001", "MI26000002") == "One character differs"
    assert rules.difference_words("MI26000012", "MI26000021") == "Same characters in another order"
    assert rules.difference_words("A", "MI26000001") == "Differs"
    assert rules.same_words("OKONKWO^AMARA", "Amara Okonkwo")
    assert not rules.same_words("Okonkwo", "Okonkwo Amara")
