"""A report on paper: who gets the PDF, and what the code on it tells a stranger."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from ris_pacs.kernel.uow import System, unit_of_work
from ris_pacs.reporting.service import amend
from tests.web.browsing import signed_in, stranger, web_app, words


@pytest.fixture
def app(system: System, tmp_path) -> Iterator[Flask]:
    with web_app(system, tmp_path) as app:
        yield app


def test_who_may_read_the_report_gets_it_on_paper(system, room, attending, app):
    booked = room.exam()
    version = room.final(booked.exam_id, attending)
    address = f"/reports/{version.id}.pdf"
    assert signed_in(app, system, "radiologist").get(address).data.startswith(b"%PDF")
    assert address in signed_in(app, system, "radiologist").get(f"/a/{booked.accession_number}").text
    assert signed_in(app, system, "technologist").get(address).status_code == 403
    assert signed_in(app, system, "referrer").get(address).status_code == 404  # Another doctor's patient.
    assert signed_in(app, system, "radiologist").get("/reports/999999.pdf").status_code == 404


def test_the_code_says_whether_the_paper_holds_and_nothing_about_the_patient(system, room, attending, app):
    booked = room.exam(family="Secretname")
    version = room.final(booked.exam_id, attending)
    visitor = stranger(app)
    page = visitor.get(f"/verify/{version.hash}")
    assert page.status_code == 200
    assert "genuine and holds" in words(page)
    assert attending.name in page.text
    for secret in ("Secretname", booked.accession_number, "Lungs"):
        assert secret not in page.text
    with unit_of_work(system) as uow:
        amend.add_addendum(uow, amend.Addendum(room.seen(booked.exam_id, attending), "See also the MR."), attending)
    assert "newer version" in words(visitor.get(f"/verify/{version.hash}"))
    with unit_of_work(system) as uow:
        amend.withdraw(uow, amend.Withdrawal(room.seen(booked.exam_id, attending, 2), "Wrong patient"), attending)
    assert "was withdrawn" in words(visitor.get(f"/verify/{version.hash}"))
    unknown = visitor.get(f"/verify/{'0' * 64}")
    assert unknown.status_code == 404
    assert "not one of ours" in words(unknown)
