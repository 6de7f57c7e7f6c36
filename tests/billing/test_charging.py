"""From exams to charges: what is charged when, by which rule, and that nothing of it ever stops an exam."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from ris_pacs.billing.errors import CannotCharge
from ris_pacs.billing.models import Charge, Claim, ClaimHistory
from ris_pacs.billing.service import charging, setup
from ris_pacs.billing.subscribers import charge_again
from ris_pacs.kernel.errors import Forbidden, Invalid
from ris_pacs.kernel.tables import Job
from ris_pacs.kernel.uow import read_only, unit_of_work
from ris_pacs.orders.models import RequestedProcedure
from ris_pacs.orders.rules import Move
from ris_pacs.orders.service import exams
from tests.billing import office
from tests.billing.office import BILLER, case, claims, lines, money


def test_one_entity_charges_all_of_it_once_the_report_is_final(system):
    with unit_of_work(system) as uow:
        patient = office.insured(uow, office.set_up(uow))
        exam_id = office.an_exam(uow, patient)
        office.perform(uow, exam_id)
        assert lines(uow) == []
        assert case(uow, exam_id) == ("waiting", "The report is not final yet.")
        office.put(uow, exam_id, "preliminary")
        assert lines(uow) == []
        office.put(uow, exam_id, "final")
        assert lines(uow) == [("global", "X1010", "", 52_600)]
        assert case(uow, exam_id) == ("charged", "")
        claim = claims(uow)[0]
        assert (claim.state, claim.findings, claim.first_finding) == ("claim-ready", 0, "")
        why = uow.session.scalars(select(Charge.why)).one()
        moves = list(uow.session.scalars(select(ClaimHistory.move).order_by(ClaimHistory.id)))
    assert why == "Rule “CTCHEST read”: CTCHEST; both parts, for one entity bills them"
    assert moves == ["charge", "code", "pass"]
    assert money(system) == {"payer": 52_600, "revenue": -52_600}


def test_two_entities_charge_a_part_each(system):
    with unit_of_work(system) as uow:
        patient = office.insured(uow, office.set_up(uow, two_entities=True))
        exam_id = office.an_exam(uow, patient, "MRKNEE", laterality="L")
        office.perform(uow, exam_id)
        assert lines(uow) == [("technical", "X2010", "TC LT", 70_000)]
        assert case(uow, exam_id)[0] == "waiting"
        office.put(uow, exam_id, "final")
        assert lines(uow)[1:] == [("professional", "X2010", "26 LT", 20_000)]
        assert case(uow, exam_id)[0] == "charged"
        first, second = claims(uow)
        assert (first.entity_id, second.entity_id) == (first.entity_id, first.entity_id + 1)
        assert (first.rendering_id, second.rendering_id is not None) == (None, True)


def test_more_views_do_not_charge_twice(system):
    with unit_of_work(system) as uow:
        patient = office.insured(uow, office.set_up(uow, two_entities=True))
        exam_id = office.an_exam(uow, patient)
        office.perform(uow, exam_id)
        exams.move_exam(uow, exam_id, Move.RESUME, BILLER)
        office.perform(uow, exam_id)
        office.put(uow, exam_id, "final")
        office.put(uow, exam_id, "final")  # Corrected: final again.
        assert [line[0] for line in lines(uow)] == ["technical", "professional"]


def test_both_sides_are_twice_the_fee(system):
    with unit_of_work(system) as uow:
        office.read(uow, office.insured(uow, office.set_up(uow)), "MRKNEE", laterality="B")
        assert lines(uow) == [("global", "X2010", "50", 180_000)]


def test_an_exam_without_a_rule_is_final_all_the_same_and_waits_with_its_reason(system):
    with unit_of_work(system) as uow:
        exam_id = office.read(uow, office.insured(uow, office.set_up(uow)), "USTHYR")
        assert uow.session.get_one(RequestedProcedure, exam_id).state == "final"
        state, reason = case(uow, exam_id)
        assert (state, reason) == ("failed", "No charge rule fits US thyroid (USTHYR).")
    with unit_of_work(system) as uow:
        setup.save_rule(uow, None, setup.RuleFacts("Thyroid", "X3010", "USTHYR"), BILLER)
        charge_again(uow, {"after": 0})
        assert case(uow, exam_id)[1] == "X3010 has no fee on the day of the exam (rule “Thyroid”)."
        setup.add_fee(uow, setup.FeeFacts("X3010", 12_000, system.clock().date()), BILLER)
        charge_again(uow, {"after": 0})
        assert case(uow, exam_id) == ("charged", "")
        assert lines(uow) == [("global", "X3010", "", 12_000)]
        assert set(uow.session.scalars(select(Job.key))) == {"billing.charge:now"}


def test_a_rule_that_breaks_never_stops_the_exam(system, monkeypatch):
    def broken(*_arguments: object) -> None:
        raise ZeroDivisionError("of all things")

    with unit_of_work(system) as uow:
        patient = office.insured(uow, office.set_up(uow))
        exam_id = office.an_exam(uow, patient)
        office.perform(uow, exam_id)
        monkeypatch.setattr("ris_pacs.billing.rules.charging.charges_for", broken)
        office.put(uow, exam_id, "final")
    with read_only(system) as uow:
        assert uow.session.get_one(RequestedProcedure, exam_id).state == "final"
        assert case(uow, exam_id) == ("failed", "The charge rules broke: ZeroDivisionError: of all things")
        assert lines(uow) == []
        later = uow.session.scalars(select(Job).where(Job.key == "billing.charge")).one()
        assert (later.kind, later.run_at) == ("billing.charge", system.clock() + timedelta(hours=1))
    monkeypatch.undo()
    with unit_of_work(system) as uow:
        charge_again(uow, {"after": 0})
        assert case(uow, exam_id)[0] == "charged"


def test_where_nobody_bills_every_exam_waits(system):
    with unit_of_work(system) as uow:
        patient = office.practice.a_patient(uow)
        exam_id = office.read(uow, patient)
        assert case(uow, exam_id) == ("failed", "Nobody is set up to bill for this site.")


def test_a_report_that_is_taken_back_takes_the_charge_back_and_a_new_one_charges_anew(system):
    with unit_of_work(system) as uow:
        exam_id = office.read(uow, office.insured(uow, office.set_up(uow)))
        office.put(uow, exam_id, "to-read")
        assert [line[3] for line in lines(uow)] == [52_600, -52_600]
        claim = claims(uow)[0]
        assert claim.state == "uncharged"
        assert case(uow, exam_id)[0] == "waiting"
    assert money(system) == {}
    with unit_of_work(system) as uow:
        office.put(uow, exam_id, "final")
        assert [line[3] for line in lines(uow)] == [52_600, -52_600, 52_600]
        assert [one.state for one in claims(uow)] == ["claim-ready"]
    assert money(system) == {"payer": 52_600, "revenue": -52_600}


def test_an_exam_that_was_broken_off_is_for_a_person_to_decide(system):
    with unit_of_work(system) as uow:
        patient = office.insured(uow, office.set_up(uow))
        one, other = office.an_exam(uow, patient), office.an_exam(uow, patient, "MRKNEE")
        for exam_id in (one, other):
            exams.move_exam(uow, exam_id, Move.DISCONTINUE, BILLER)
        assert case(uow, one)[0] == "decide"
        with pytest.raises(Invalid):
            charging.charge_broken_off(uow, one, "TC", BILLER)
        charging.charge_broken_off(uow, one, "53", BILLER)
        assert lines(uow) == [("global", "X1010", "53", 52_600)]
        with pytest.raises(Invalid, match="reason"):
            charging.do_not_bill(uow, other, " ", BILLER)
        charging.do_not_bill(uow, other, "clip, nothing was scanned", BILLER)
        assert case(uow, other) == ("not-billed", "clip, nothing was scanned")
        with pytest.raises(CannotCharge):
            charging.do_not_bill(uow, other, "again", BILLER)


def test_deciding_needs_the_right(system, desk):
    with unit_of_work(system) as uow:
        exam_id = office.read(uow, office.practice.a_patient(uow))
        with pytest.raises(Forbidden):
            charging.do_not_bill(uow, exam_id, "no", desk)


def test_who_pays_is_found_later_too(system):
    with unit_of_work(system) as uow:
        house = office.set_up(uow)
        patient = office.practice.a_patient(uow, **office.HOME)
        office.read(uow, patient)
        assert [(one.state, one.first_finding) for one in claims(uow)] == [
            ("coded", "No coverage on the day of the exam.")
        ]
        office.add_coverage(uow, patient.id, office.CoverageFacts(house.payer_id, "NW-1"), BILLER)
        assert [(one.state, one.findings) for one in uow.session.scalars(select(Claim))] == [("claim-ready", 0)]
