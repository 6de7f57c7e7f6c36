"""From draft to final: what is signed is what was seen, once, and nobody changes it afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from ris_pacs.accounts import service as accounts
from ris_pacs.accounts.errors import Locked, WrongSignIn
from ris_pacs.accounts.service import Confirmation, SignIn
from ris_pacs.cli.verify import examine
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.errors import DomainError, Forbidden
from ris_pacs.kernel.tables import AuditEntry
from ris_pacs.kernel.uow import read_only, unit_of_work
from ris_pacs.orders import queries as orders
from ris_pacs.patients.models import PatientLink
from ris_pacs.reporting import queries
from ris_pacs.reporting.errors import (
    BadText,
    ChecksFailed,
    NotConfirmed,
    ReportChanged,
    StalePage,
    WrongPage,
)
from ris_pacs.reporting.models import ReportVersion
from ris_pacs.reporting.service import amend, drafts, sign
from tests import practice
from tests.archive.objects import of_exam, store
from tests.reporting.room import TEXT
from tests.reporting.test_claims import at_once


def faults_of(room, exam_id: int) -> list[str]:
    with read_only(room.system) as uow:
        return [fault for report in queries.reports_of_exam(uow, exam_id) for fault in queries.faults(uow, report.id)]


def test_the_way_of_a_report(room, attending, resident, told):
    exam = room.exam()
    opened, revision = room.written(exam.exam_id, resident, findings="Nodule of 6 mm.", impression="Nodule.")
    with pytest.raises(Forbidden):
        room.sign(opened, revision, resident)
    first = room.sign(opened, revision, resident, "preliminary")
    assert (room.state(exam.exam_id), first.number, first.author_name) == ("preliminary", 1, "Tomas Lindgren")
    opened = room.open(exam.exam_id, attending)
    assert opened.sections["findings"] == "Nodule of 6 mm."
    saved = room.save(opened, attending, **{**opened.sections, "findings": "Nodule of 8 mm."})
    second = room.sign(opened, saved.revision, attending)
    assert (room.state(exam.exam_id), second.number, second.sections["findings"]) == ("final", 2, "Nodule of 8 mm.")
    assert second.previous_hash == first.hash
    assert second.identity["accession_numbers"] == [[exam.accession_number, "MERIDIAN-RIS"]]
    with unit_of_work(room.system) as uow:
        amend.add_addendum(
            uow, amend.Addendum(room.seen(exam.exam_id, attending, 2), "Discussed with Dr Moreau."), attending
        )
    with unit_of_work(room.system) as uow:
        sections = {**second.sections, "impression": "Nodule, 8 mm."}
        new = amend.Correction(room.seen(exam.exam_id, attending, 3), sections, "the size was missing")
        fourth = amend.correct(uow, new, attending)
    assert (room.state(exam.exam_id), fourth.number, fourth.addenda[0]["text"]) == (
        "final",
        4,
        "Discussed with Dr Moreau.",
    )
    assert [event.kind for event in told] == ["preliminary", "final", "addendum", "corrected"]
    assert faults_of(room, exam.exam_id) == []
    with read_only(room.system) as uow:
        moves = [row.move for row in orders.history(uow, exam.exam_id)][-5:]
    assert moves == ["begin reading", "sign preliminary", "sign final", "amend report", "amend report"]


def test_the_text_is_kept_as_it_was_typed(room, attending):
    exam = room.exam()
    hostile = (
        "<script>alert(1)</script> & \"quotes\" 'x' <img src=x onerror=y>\u202e {{ 7*7 }} | ^ ~ \\ '; "
        "DROP TABLE report; --"
    )
    version = room.final(exam.exam_id, attending, findings=hostile + "\r\n  second line  ", impression="Größe 3 µm 肺")
    assert version.sections["findings"] == hostile + "\n  second line"
    assert room.text(exam.exam_id).sections["impression"] == "Größe 3 µm 肺"


@pytest.mark.parametrize("what", ["stale password", "somebody else's", "none"])
def test_a_signature_needs_a_fresh_password(room, attending, resident, what):
    exam = room.exam()
    opened, revision = room.written(exam.exam_id, attending)
    given = {
        "stale password": Confirmation(attending.id, room.clock.now - timedelta(minutes=3)),
        "somebody else's": Confirmation(resident.id, room.clock.now),
        "none": Confirmation(0, room.clock.now),
    }[what]
    with pytest.raises(NotConfirmed), unit_of_work(room.system) as uow:
        sign.sign_final(uow, sign.Signature(opened.page, revision, given), attending)
    assert room.state(exam.exam_id) == "reading"


def test_the_password_is_counted_and_locked_as_at_the_door(room, attending):
    wrong = SignIn("radiologist@demo.example", "not my password", "127.0.0.1")
    for _ in range(10):
        with pytest.raises(WrongSignIn), read_only(room.system) as uow:
            accounts.confirm(uow, wrong, attending)
        with unit_of_work(room.system) as uow:
            accounts.count_failure(uow, wrong, PROGRAM)
    right = replace(wrong, password="ris-pacs-demo")
    with pytest.raises(Locked), read_only(room.system) as uow:
        accounts.confirm(uow, right, attending)
    room.clock.advance(minutes=16)
    with read_only(room.system) as uow:
        assert accounts.confirm(uow, right, attending) == Confirmation(attending.id, room.clock.now)
    other = SignIn("resident@demo.example", "ris-pacs-demo", "127.0.0.1")
    with pytest.raises(Forbidden), read_only(room.system) as uow:
        accounts.confirm(uow, other, attending)


def test_two_tabs_cannot_both_sign(room, attending):
    exam = room.exam()
    opened, revision = room.written(exam.exam_id, attending)
    answers = at_once(*([lambda: room.sign(opened, revision, attending)] * 2))
    assert len([one for one in answers if isinstance(one, ReportVersion)]) == 1
    assert len([one for one in answers if isinstance(one, DomainError)]) == 1
    with read_only(room.system) as uow:
        assert len(queries.signed_versions(uow, opened.report_id)) == 1


def test_what_was_not_seen_is_not_signed(room, attending):
    exam = room.exam()
    opened, revision = room.written(exam.exam_id, attending)
    room.save(opened, attending, revision, **TEXT, technique="Later")
    with pytest.raises(ReportChanged):
        room.sign(opened, revision, attending)


def test_text_of_one_patient_never_goes_to_the_exam_of_another(room, attending):
    one, other = room.exam(), room.exam(family="Ito")
    opened, revision = room.written(one.exam_id, attending)
    crossed = replace(opened, page=replace(opened.page, patient_id=other.patient_id))
    with pytest.raises(WrongPage):
        room.save(crossed, attending, revision, findings="Of whom?")
    with pytest.raises(WrongPage):
        room.sign(crossed, revision, attending)
    theirs = room.open(other.exam_id, attending)
    with pytest.raises(StalePage):
        room.sign(opened, revision, attending)
    mixed = replace(theirs, page=replace(theirs.page, token=opened.page.token))
    assert isinstance(room.save(mixed, attending, findings="Of whom?").problem, StalePage)
    assert room.text(other.exam_id).sections["findings"] == ""


def test_a_second_tab_keeps_both_texts(room, attending):
    exam = room.exam()
    first, revision = room.written(exam.exam_id, attending, findings="From the first tab.")
    second = room.open(exam.exam_id, attending)
    room.save(second, attending, findings="From the second tab.")
    saved = room.save(first, attending, revision, findings="From the first tab, going on.")
    assert isinstance(saved.problem, StalePage)
    assert saved.theirs["findings"] == "From the second tab."
    room.save(first, attending, revision, findings="From the first tab, going on.")  # Said twice, kept once.
    assert room.text(exam.exam_id).sections["findings"] == "From the second tab."
    with read_only(room.system) as uow:
        kept = queries.set_aside(uow, first.report_id, attending)
    assert [row.sections["findings"] for row in kept] == ["From the first tab, going on."]


def test_one_page_that_has_missed_a_save(room, attending):
    exam = room.exam()
    opened, revision = room.written(exam.exam_id, attending)
    assert isinstance(room.save(opened, attending, revision - 1, findings="Old").problem, ReportChanged)
    assert room.save(opened, attending, revision, **TEXT).revision == revision  # Nothing new is no new revision.


def test_drafts_are_rows_so_that_a_crash_loses_little(room, attending):
    exam = room.exam()
    opened, revision = room.written(exam.exam_id, attending)
    for minute in range(12):
        room.clock.advance(minutes=1)
        revision = room.save(opened, attending, revision, findings=f"Minute {minute}").revision
    with read_only(room.system) as uow:
        rows = uow.session.query(ReportVersion).filter_by(report_id=opened.report_id).order_by(ReportVersion.id).all()
    assert [row.sections["findings"] for row in rows] == ["Minute 4", "Minute 10", "Minute 11"]


@pytest.mark.parametrize(
    ("sections", "problem"),
    [({"findings": "x" * 20_001}, "20,000"), ({"conclusion": "y"}, "no section")],
)
def test_what_is_no_report(room, attending, sections, problem):
    opened = room.open(room.exam().exam_id, attending)
    with pytest.raises(BadText, match=problem):
        room.save(opened, attending, **sections)


# --- checks


def test_stops_cannot_be_confirmed_and_warnings_can(room, attending):
    exam = room.exam("MRKNEE")
    opened, revision = room.written(exam.exam_id, attending, findings="Left knee intact.", impression="")
    with pytest.raises(ChecksFailed) as caught:
        room.sign(opened, revision, attending, "final", "empty-impression", "wrong-side")
    assert [one.check for one in caught.value.findings] == ["empty-impression", "wrong-side"]
    revision = room.save(
        opened, attending, revision, findings="Right knee intact, left not shown.", impression="Normal."
    ).revision
    with pytest.raises(ChecksFailed) as caught:
        room.sign(opened, revision, attending)
    assert [one.check for one in caught.value.findings] == ["both-sides"]
    assert room.sign(opened, revision, attending, "final", "both-sides").number == 1


def test_images_that_came_and_a_merge_that_was_made_meanwhile_have_to_be_seen(room, attending):
    exam = room.exam()
    opened, revision = room.written(exam.exam_id, attending)
    store(room.system, of_exam(room.system, exam, 3))
    with unit_of_work(room.system) as uow:
        survivor = practice.a_patient(uow, "Okonkwo-Eze")
        uow.session.add(
            PatientLink(survivor_id=survivor.id, merged_id=exam.patient_id, made_at=uow.now, made_by="desk")
        )
    with pytest.raises(ChecksFailed) as caught:
        room.sign(opened, revision, attending)
    assert [one.check for one in caught.value.findings] == ["new-images", "patient-merged"]
    room.sign(opened, revision, attending, "final", "new-images", "patient-merged")


# --- what is signed stays


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE report_version SET sections = '{}'",
        "UPDATE report_version SET signed_at = NULL, number = NULL, hash = NULL, kind = 'draft'",
        "DELETE FROM report_version",
    ],
)
def test_the_database_itself_refuses_to_change_a_signed_text(room, attending, statement):
    exam = room.exam()
    version = room.final(exam.exam_id, attending)
    with pytest.raises(DBAPIError, match="report_version_is_signed"), unit_of_work(room.system) as uow:
        uow.session.execute(text(f"{statement} WHERE id = :id"), {"id": version.id})
    with pytest.raises(DBAPIError, match="report_version_is_signed"), unit_of_work(room.system) as uow:
        uow.session.execute(update(ReportVersion).values(reason="changed"))
    assert faults_of(room, exam.exam_id) == []


def test_there_is_no_way_round_the_triggers(room, attending):
    version = room.final(room.exam().exam_id, attending)
    columns = ", ".join(column.name for column in ReportVersion.__table__.columns)
    other = columns.replace("sections,", "'{}',")
    way = {
        "sqlite": f"INSERT OR REPLACE INTO report_version ({columns}) SELECT {other} FROM report_version",
        "postgresql": "TRUNCATE report_version",
    }[room.system.database.engine.dialect.name]
    with pytest.raises(DBAPIError, match="report_version_is_signed"), unit_of_work(room.system) as uow:
        uow.session.execute(text(way))
    with read_only(room.system) as uow:
        assert uow.session.get_one(ReportVersion, version.id).sections["findings"] == "Lungs clear."


def test_a_forged_version_is_found_by_its_seal(room, attending):
    exam = room.exam()
    room.final(exam.exam_id, attending)
    if not room.system.database.sqlite:
        pytest.skip("one database will do")
    with unit_of_work(room.system) as uow:
        uow.session.execute(text("DROP TRIGGER report_version_no_update"))
        uow.session.execute(text("UPDATE report_version SET author_name = 'Somebody Else' WHERE number = 1"))
    broken = ["report 1: version 1 is not as it was signed"]
    assert faults_of(room, exam.exam_id) == broken
    assert examine(room.system, deep=False)[0]["reports"] == broken


# --- who sees what


def test_a_referrer_sees_what_is_final_and_nothing_before(room, attending, resident, referrer, technologist, desk):
    exam = room.exam()
    opened, revision = room.written(exam.exam_id, resident)
    assert room.shown(exam.exam_id, referrer) is None
    room.sign(opened, revision, resident, "preliminary")
    assert room.shown(exam.exam_id, referrer) is None
    assert room.shown(exam.exam_id, attending).latest.kind == "preliminary"
    opened = room.open(exam.exam_id, attending)
    room.sign(opened, opened.revision, attending)
    shown = room.shown(exam.exam_id, referrer)
    assert [one.kind for one in shown.versions] == ["final"]
    assert (room.shown(exam.exam_id, technologist), room.shown(exam.exam_id, desk)) == (None, None)


def test_the_trail_says_who_wrote_and_who_signed(room, attending):
    exam = room.exam()
    room.final(exam.exam_id, attending)
    with read_only(room.system) as uow:
        rows = uow.session.query(AuditEntry).filter_by(accession_number=exam.accession_number).all()
    actions = {row.action for row in rows if row.actor_id == attending.id}
    assert {"claim exam", "write", "sign final", "begin reading"} <= actions


def test_saving_to_an_exam_that_nobody_has_begun(room, attending):
    exam = room.exam()
    opened = room.open(room.exam(family="Ito").exam_id, attending)
    page = replace(opened.page, exam_id=exam.exam_id, patient_id=exam.patient_id)
    with pytest.raises(DomainError), unit_of_work(room.system) as uow:
        drafts.autosave(uow, drafts.Draft(page, 0, TEXT), attending)
