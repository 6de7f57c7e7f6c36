"""After the signature: withdrawn reports, and what addenda, corrections and withdrawals need."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ris_pacs.kernel.errors import Forbidden
from ris_pacs.kernel.uow import read_only, unit_of_work
from ris_pacs.reporting import queries
from ris_pacs.reporting.errors import BadText, ChecksFailed, ReportChanged, WrongPage, WrongReportState
from ris_pacs.reporting.events import ReportWithdrawn
from ris_pacs.reporting.service import amend
from tests.reporting.room import TEXT
from tests.reporting.test_signing import faults_of


def withdraw(room, exam_id, actor, number=1, reason="of another patient"):
    with unit_of_work(room.system) as uow:
        return amend.withdraw(uow, amend.Withdrawal(room.seen(exam_id, actor, number), reason), actor)


def test_a_report_on_the_wrong_patient_is_withdrawn(room, attending, resident, referrer, told):
    exam = room.exam()
    room.final(exam.exam_id, attending, findings="Somebody else's lungs.")
    version = withdraw(room, exam.exam_id, attending)
    assert (room.state(exam.exam_id), version.kind, version.reason) == ("to-read", "withdrawn", "of another patient")
    assert told[-1] == ReportWithdrawn(version.report_id, version.id)
    shown = room.shown(exam.exam_id, resident)
    assert shown.latest is None  # Behind a notice …
    assert shown.withdrawn.sections["findings"] == "Somebody else's lungs."  # … and kept.
    assert room.shown(exam.exam_id, referrer).latest is None
    opened = room.open(exam.exam_id, attending)  # Read again, from nothing.
    assert (opened.sections["findings"], opened.report_id != version.report_id) == ("", True)
    revision = room.save(opened, attending, **TEXT).revision
    room.sign(opened, revision, attending)
    assert room.shown(exam.exam_id, referrer).latest.sections["findings"] == "Lungs clear."
    assert faults_of(room, exam.exam_id) == []


def test_what_amending_needs(room, attending, resident):
    exam = room.exam()
    room.final(exam.exam_id, attending)
    seen = room.seen(exam.exam_id, attending)
    cases = [
        (resident, Forbidden, lambda uow, who: amend.withdraw(uow, amend.Withdrawal(seen, "why not"), who)),
        (attending, BadText, lambda uow, who: amend.withdraw(uow, amend.Withdrawal(seen, " "), who)),
        (attending, BadText, lambda uow, who: amend.add_addendum(uow, amend.Addendum(seen, " \n"), who)),
        (attending, BadText, lambda uow, who: amend.add_addendum(uow, amend.Addendum(seen, "told [name]"), who)),
        (attending, BadText, lambda uow, who: amend.correct(uow, amend.Correction(seen, TEXT, "same"), who)),
        (attending, BadText, lambda uow, who: amend.correct(uow, amend.Correction(seen, {"findings": "x"}, ""), who)),
        (
            attending,
            ChecksFailed,
            lambda uow, who: amend.correct(uow, amend.Correction(seen, {"findings": "x"}, "shorter"), who),
        ),
        (
            attending,
            WrongPage,
            lambda uow, who: amend.add_addendum(uow, amend.Addendum(replace(seen, patient_id=1), "text"), who),
        ),
        (
            attending,
            ReportChanged,
            lambda uow, who: amend.add_addendum(uow, amend.Addendum(replace(seen, number=7), "text"), who),
        ),
    ]
    for who, problem, verb in cases:
        with pytest.raises(problem), unit_of_work(room.system) as uow:
            verb(uow, who)
    with read_only(room.system) as uow:
        assert len(queries.signed_versions(uow, queries.live_report(uow, exam.exam_id).id)) == 1


def test_a_preliminary_report_takes_no_addendum(room, attending, resident):
    exam = room.exam()
    opened, revision = room.written(exam.exam_id, resident)
    room.sign(opened, revision, resident, "preliminary")
    with pytest.raises(WrongReportState), unit_of_work(room.system) as uow:
        amend.add_addendum(uow, amend.Addendum(room.seen(exam.exam_id, attending), "text"), attending)
    withdraw(room, exam.exam_id, attending)
    assert room.state(exam.exam_id) == "to-read"
