"""Who is asked first: by rank, by the days of the card, and over merged records."""

from __future__ import annotations

from datetime import date

import pytest

from ris_pacs.catalog.errors import NoSuchPayer
from ris_pacs.kernel.errors import Forbidden, Invalid
from ris_pacs.kernel.uow import unit_of_work
from ris_pacs.patients import queries
from ris_pacs.patients.errors import NoSuchCoverage
from ris_pacs.patients.models import PatientLink
from ris_pacs.patients.service.coverage import CoverageFacts, add_coverage, change_coverage
from tests import practice
from tests.billing import office
from tests.billing.office import BILLER, READER

DAY = date(2026, 11, 24)


def asked(uow, *patients):
    found = queries.coverages_on(uow, {(one.id, DAY) for one in patients})
    return [found[one.id, DAY].member_id if (one.id, DAY) in found else None for one in patients]


def test_the_first_in_rank_whose_card_holds_on_the_day_is_asked(system):
    with unit_of_work(system) as uow:
        payer = office.set_up(uow).payer_id
        one, other, none = (practice.a_patient(uow, family=f"Person{number}") for number in range(3))
        add_coverage(uow, one.id, CoverageFacts(payer, "OLD", ends=date(2026, 11, 23)), BILLER)
        add_coverage(uow, one.id, CoverageFacts(payer, "SECOND", rank=2), BILLER)
        add_coverage(uow, one.id, CoverageFacts(payer, "NOT-YET", begins=date(2026, 11, 25)), BILLER)
        add_coverage(uow, other.id, CoverageFacts(payer, "OTHER", begins=DAY, ends=DAY), BILLER)
        assert asked(uow, one, other, none) == ["SECOND", "OTHER", None]


def test_a_merge_brings_the_card_of_the_other_record_and_undoing_it_takes_it_away(system):
    with unit_of_work(system) as uow:
        payer = office.set_up(uow).payer_id
        people = [practice.a_patient(uow, family=f"Person{number}") for number in range(4)]
        add_coverage(uow, people[0].id, CoverageFacts(payer, "CARD"), BILLER)
        for survivor, merged in ((1, 0), (2, 1)):
            link = PatientLink(
                survivor_id=people[survivor].id, merged_id=people[merged].id, made_at=uow.now, made_by="test"
            )
            uow.session.add(link)
        uow.session.flush()
        assert asked(uow, *people) == ["CARD", "CARD", "CARD", None]
        assert [one.member_id for one in queries.coverages(uow, people[2].id, BILLER)] == ["CARD"]
        link.undone_at = uow.now
        uow.session.flush()
        assert asked(uow, *people) == ["CARD", "CARD", None, None]


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"relationship_code": "99"}, "relationship_code"),
        ({"member_id": "A*B"}, "member_id"),
        ({"rank": 4}, "rank"),
        ({"begins": date(2026, 2, 1), "ends": date(2026, 1, 1)}, "ends"),
        ({"relationship_code": "01", "subscriber_zip": "1"}, "zip"),
        ({"payer_id": 99}, "payer_id"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_cannot_be_on_a_card_is_refused(system, facts, field):
    with unit_of_work(system) as uow:
        payer = office.set_up(uow).payer_id
        patient = practice.a_patient(uow)
    with pytest.raises((Invalid, NoSuchPayer)) as caught, unit_of_work(system) as uow:
        add_coverage(uow, patient.id, CoverageFacts(**{"payer_id": payer, "member_id": "1", **facts}), BILLER)
    assert caught.value.field == field


def test_the_patient_s_own_facts_are_the_subscriber_s_where_it_is_the_same_person(system):
    with unit_of_work(system) as uow:
        payer = office.set_up(uow).payer_id
        patient = practice.a_patient(uow)
        facts = CoverageFacts(payer, "1", relationship_code="01", subscriber_family="Spouse", subscriber_sex="M")
        card = add_coverage(uow, patient.id, facts, BILLER)
        assert (card.subscriber_family, card.subscriber_sex) == ("Spouse", "M")
        card = change_coverage(uow, card.id, CoverageFacts(payer, "1", subscriber_family="Spouse"), BILLER)
        assert (card.subscriber_family, card.subscriber_sex) == ("", "U")
        with pytest.raises(NoSuchCoverage):
            change_coverage(uow, 99, facts, BILLER)
        with pytest.raises(Forbidden):
            add_coverage(uow, patient.id, facts, READER)
