"""STOW-RS: what is stored, what is refused, and what is kept of a body that is wrong."""

from __future__ import annotations

import json

import pytest

from tests.archive.files import as_file, image_of_exam
from tests.web.browsing import signed_in


def test_what_is_stored_is_there_with_its_order(system, client, booked):
    raw = [as_file(image_of_exam(system, booked, number)) for number in (1, 2)]
    answer = client.store(*raw)
    assert answer.status_code == 200, answer.text
    said = json.loads(answer.data)
    assert [one["00081155"]["Value"][0] for one in said["00081199"]["Value"]] == [
        f"{booked.study_instance_uid}.1.{number}" for number in (1, 2)
    ]
    (found,) = client.json(f"studies?AccessionNumber={booked.accession_number}")
    assert found["00201208"]["Value"] == [2]
    again = client.store(raw[0])
    assert again.status_code == 200  # Known already: there is nothing to complain about.
    assert client.json("studies")[0]["00201208"]["Value"] == [2]


def test_one_bad_object_fails_alone(system, client, booked):
    good = as_file(image_of_exam(system, booked))
    answer = client.store(b"no DICOM at all", good, as_file(image_of_exam(system, booked, 2))[:5000])
    assert answer.status_code == 202
    said = json.loads(answer.data)
    assert len(said["00081199"]["Value"]) == 1
    assert [one["00081197"]["Value"] for one in said["0008119A"]["Value"]] == [[0xC000], [0xC000]]
    assert len(client.json("instances")) == 1


def test_a_body_that_is_cut_keeps_what_was_whole_and_says_so(system, client, booked):
    files = [as_file(image_of_exam(system, booked, number)) for number in (1, 2)]
    answer = client.store(*files, end=b"")
    assert answer.status_code in (400, 202)
    assert len(client.json("instances")) <= 2
    assert client.store(end=b"--").status_code == 400
    assert client.store(files[0], kind="text/plain").status_code == 409


def test_an_object_of_another_study_than_the_address_says_is_refused(system, client, booked):
    answer = client.store(as_file(image_of_exam(system, booked)), study="1.2.3")
    assert answer.status_code == 409
    (failed,) = json.loads(answer.data)["00081198"]["Value"]
    assert failed["00081197"]["Value"] == [0xA900]
    assert client.json("instances") == []


def test_a_browser_s_session_stores_only_with_the_page_s_token(system, app, booked):
    browser = signed_in(app, system, "technologist")
    kind = 'multipart/related; type="application/dicom"; boundary=edge'
    body = (
        b"--edge\r\nContent-Type: application/dicom\r\n\r\n" + as_file(image_of_exam(system, booked)) + b"\r\n--edge--"
    )
    assert browser.client.post("/dicom-web/studies", data=body, content_type=kind).status_code == 400
    token = {"X-CSRFToken": browser.csrf_token()}
    assert browser.client.post("/dicom-web/studies", data=body, content_type=kind, headers=token).status_code == 200


@pytest.mark.parametrize(
    "place", ["studies/../../etc", "studies/1.2.x/metadata", "studies/1..2", f"studies/{'1' * 65}"]
)
def test_a_name_that_is_no_uid_leads_nowhere(client, place):
    assert client.get(place).status_code == 404
