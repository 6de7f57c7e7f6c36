"""QIDO-RS: what is found by what is asked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ris_pacs.kernel.uow import unit_of_work
from tests import practice
from tests.archive.dicomweb.client import AT_TWO, EVERYTHING, uids
from tests.archive.files import store_image


def test_a_study_is_found_by_what_people_know_of_it(system, client, booked):
    store_image(system, booked)
    study = booked.study_instance_uid
    for query in (
        f"AccessionNumber={booked.accession_number}",
        "PatientName=okon*",
        "00100010=OKONKWO^AMARA",
        "ModalitiesInStudy=CT&PatientSex=F",
        "StudyDate=20040101-20040131",
        f"StudyInstanceUID=1.2.3,{study}",
    ):
        assert uids(client.json(f"studies?{query}")) == [study], query
    for query in ("AccessionNumber=NONE", "PatientName=Ito*", "ModalitiesInStudy=MR", "StudyDate=20260101-"):
        assert client.json(f"studies?{query}") == [], query


def test_an_answer_says_what_the_standard_requires_of_it(system, client, booked):
    store_image(system, booked)
    (found,) = client.json("studies")
    assert found["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "OKONKWO^AMARA"}]}
    assert found["00201206"] == {"vr": "IS", "Value": [1]}
    assert found["00201208"] == {"vr": "IS", "Value": [1]}
    assert found["00080061"] == {"vr": "CS", "Value": ["CT"]}
    assert found["00080056"] == {"vr": "CS", "Value": ["ONLINE"]}
    assert client.get(found["00081190"]["Value"][0].partition("/dicom-web/")[2], EVERYTHING).status_code == 200
    assert list(found) == sorted(found)


def test_series_and_objects_are_found_below_a_study_and_without_one(system, client, booked):
    first, second = store_image(system, booked, 1), store_image(system, booked, 2)
    study, series = booked.study_instance_uid, f"{booked.study_instance_uid}.1"
    assert uids(client.json(f"studies/{study}/series"), "0020000E") == [series]
    assert uids(client.json("series?Modality=CT"), "0020000E") == [series]
    assert client.json("series?Modality=MR") == []
    for place in (f"studies/{study}/series/{series}/instances", f"studies/{study}/instances"):
        assert uids(client.json(place), "00080018") == [first, second]
    (only,) = client.json("instances?InstanceNumber=2&includefield=all")
    assert (only["00080018"]["Value"], only["00280010"]["Value"]) == ([second], [128])


def test_pages_follow_one_another_and_the_newest_study_comes_first(system, client):
    studies = []
    with unit_of_work(system) as uow:
        many = [practice.a_booked_exam(uow, starts_at=AT_TWO + timedelta(hours=hour)) for hour in range(3)]
    for one in many:
        store_image(system, one)
        studies.insert(0, one.study_instance_uid)
    assert uids(client.json("studies")) == studies
    assert uids(client.json("studies?limit=2")) == studies[:2]
    assert uids(client.json("studies?limit=2&offset=2")) == studies[2:]
    assert client.json("studies?offset=3") == []


@pytest.mark.parametrize(
    "query",
    ["NoSuchAttribute=1", "0010001=x", "limit=-1", "limit=many", "offset=1.5", "PatientName.AccessionNumber=1",
     "RequestAttributesSequence=1", "99999999=1"],
)  # fmt: skip
def test_a_query_that_is_no_query_is_told_what_is_wrong(client, query):
    answer = client.get(f"studies?{query}")
    assert answer.status_code == 400
    assert answer.get_json()["message"]
