"""A page that cannot save because there is no room says so, keeps nothing half done, and the practice goes on."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from ris_pacs.patients.models import Patient, PatientName
from tests.web.browsing import count, signed_in, web_app, words


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # PostgreSQL cannot be made full from here.
def test_a_patient_that_finds_no_room_is_answered_507_and_saved_later(system, tmp_path):
    room = {"pages": 1}  # A file is never cut: at most as many pages as it has.
    event.listen(
        system.database.engine,
        "begin",
        lambda connection: connection.connection.execute(f"PRAGMA max_page_count={room['pages']}"),
        insert=True,
    )

    def somebody(number: int) -> dict[str, str]:
        """Unlike all others, or the desk would be asked whether it is the same person."""
        family = "".join(chr(97 + (number * 7 + place * 5) % 26) for place in range(12))
        born = f"{number % 28 + 1} Jun {1930 + number}"
        return {"family": family.title(), "given": "Ilse", "birth_date": born, "sex": "F", "language": ""}

    with web_app(system, tmp_path) as app:
        room["pages"] = 2**30
        desk = signed_in(app, system, "frontdesk")
        before = count(system, Patient, PatientName)
        desk.csrf_token()
        room["pages"] = 1
        refused = [desk.post("/patients/new", somebody(number)) for number in range(60)]
        full = next(answer for answer in refused if answer.status_code != 302)
        saved = sum(answer.status_code == 302 for answer in refused)
        assert full.status_code == 507
        assert "no room left; nothing was saved" in words(full)
        assert count(system, Patient, PatientName) == (before[0] + saved, before[1] + saved)
        room["pages"] = 2**30
        assert desk.post("/patients/new", somebody(61)).status_code == 302
