"""Reads of the archive for queries: keys as DICOM writes them, in pages, for whoever may see."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest

from ris_pacs.archive.queries import find
from ris_pacs.archive.queries.find import FindKeys
from ris_pacs.archive.service.store import PatientFacts
from ris_pacs.kernel.actor import PROGRAM, Actor, Role
from ris_pacs.kernel.uow import System, read_only
from tests import practice
from tests.archive.objects import an_object, store
from tests.conftest import StoppedClock
from tests.databases import KINDS

PEOPLE = (
    PatientFacts("P1", "", "OKONKWO^AMARA", "19680603", "F"),
    PatientFacts("P1", "HOSPITAL", "García López^José", "19801201", "M"),
    PatientFacts("P%2", "", "Yamada^Tarou=山田^太郎=やまだ^たろう", "19700102", "M"),
    PatientFacts("", "", "", "", ""),
)


@pytest.fixture(scope="module", params=KINDS)
def standing(request, databases, tmp_path_factory) -> Iterator[System]:
    """Four patients with two studies each; the second study has a CT and a PT series of three images."""
    folder = tmp_path_factory.mktemp("find")
    with practice.standing_system(databases, request.param, folder, StoppedClock()) as system:
        for place, patient in enumerate(PEOPLE):
            for day in (1, 2):
                uid = f"1.{place}.{day}"
                said = {"study": uid, "patient": patient, "accession": f"A_{place}{day}"}
                store(system, an_object(1, **said))
                if day == 2:
                    store(
                        system, *(an_object(number, series=f"{uid}.9", modality="PT", **said) for number in (1, 2, 3))
                    )
        yield system


def studies(system: System, **keys: object) -> list[str]:
    with read_only(system) as uow:
        found = find.find_studies(uow, FindKeys(**keys), PROGRAM)  # type: ignore[arg-type]
        return [one.study_instance_uid for one in islice(found, 100)]


EVERY = [f"1.{place}.{day}" for place in range(4) for day in (1, 2)]


@pytest.mark.parametrize(
    ("keys", "uids"),
    [
        ({}, EVERY),
        ({"study_uids": ("1.0.1", "1.3.2", "9.9")}, ["1.0.1", "1.3.2"]),
        ({"patient_id": "P1"}, EVERY[:4]),
        ({"patient_id": "P*"}, EVERY[:6]),
        ({"patient_id": "P?"}, EVERY[:4]),
        ({"patient_id": "P%2"}, EVERY[4:6]),
        ({"patient_id": "P_2"}, []),
        ({"patient_id": "p1"}, []),
        ({"accession_number": "A_01"}, ["1.0.1"]),
        ({"accession_number": "A_0?"}, EVERY[:2]),
        ({"accession_number": "*1"}, EVERY[::2]),
        ({"accession_number": "AX01"}, []),
        ({"study_date": ("20261124", "20261124")}, EVERY),
        ({"study_date": ("20261125", "")}, []),
        ({"study_date": ("", "20261123")}, []),
        ({"modalities": ("PT",)}, EVERY[1::2]),
        ({"modalities": ("PT", "CT")}, EVERY),
        ({"modalities": ("P",)}, []),
        ({"patient_name": "okonkwo"}, EVERY[:2]),
        ({"patient_name": "GARCIA*"}, EVERY[2:4]),
        ({"patient_name": "山田"}, EVERY[4:6]),
        ({"patient_name": "amara okonkwo"}, EVERY[:2]),
        ({"patient_name": "*"}, EVERY),
        ({"patient_id": "P1", "patient_name": "okonkwo", "modalities": ("PT",)}, ["1.0.2"]),
        ({"patient_id": "' OR 1=1 --"}, []),
        ({"patient_id": "\\"}, []),
    ],
)
def test_studies_by_their_keys(standing, keys, uids):
    assert studies(standing, **keys) == uids


def test_each_patient_as_received_is_one_answer_with_its_studies(standing):
    with read_only(standing) as uow:
        found = [
            (one.study.received_patient_id, one.study.received_issuer, one.studies)
            for one in find.find_patients(uow, FindKeys(), PROGRAM)
        ]
    assert found == [("P1", "", 2), ("P1", "HOSPITAL", 2), ("P%2", "", 2), ("", "", 2)]


def test_series_and_instances_by_their_keys(standing):
    with read_only(standing) as uow:
        series = [
            one.series.series_instance_uid
            for one in find.find_series(uow, FindKeys(study_uids=("1.0.2",), series_modality="P*"), PROGRAM)
        ]
        keys = FindKeys(study_uids=("1.0.2", "1.1.2"), series_uids=("1.0.2.9", "1.1.2.9"))
        instances = [one.instance.sop_instance_uid for one in find.find_instances(uow, keys, PROGRAM)]
        one = FindKeys(sop_uids=("1.0.2.9.2", "9.9"))
        assert find.count_instances(uow, keys, PROGRAM) == 6
        assert find.count_instances(uow, one, PROGRAM) == 1
        assert [each.study_instance_uid for each in find.studies_of_instances(uow, one, PROGRAM)] == ["1.0.2"]
        stored = list(find.stored_instances(uow, one, PROGRAM))
    assert series == ["1.0.2.9"]
    assert instances == [f"1.{place}.2.9.{number}" for place in (0, 1) for number in (1, 2, 3)]
    assert [each.sop_instance_uid for each in stored] == ["1.0.2.9.2"]


@pytest.mark.parametrize("page", [1, 2, 3, 19, 20, 21])
def test_answers_in_pages_have_no_gap_and_no_repeat(standing, monkeypatch, page):
    monkeypatch.setattr(find, "PAGE", page)
    assert studies(standing) == EVERY
    with read_only(standing) as uow:
        instances = [one.instance.id for one in islice(find.find_instances(uow, FindKeys(), PROGRAM), 100)]
        assert [one.studies for one in find.find_patients(uow, FindKeys(), PROGRAM)] == [2] * 4
        assert len(list(find.find_series(uow, FindKeys(), PROGRAM))) == 12
    assert instances == sorted(set(instances))
    assert len(instances) == 20


def test_who_has_no_grant_finds_nothing(standing):
    for actor in (
        Actor("user", "Lena", Role.REFERRER, 6),
        Actor("user", "Amara", Role.PATIENT, 7),
        Actor("device", "CT9", Role.REFERRER, 1),
    ):
        with read_only(standing) as uow:
            assert list(find.find_studies(uow, FindKeys(), actor)) == []
            assert list(find.find_instances(uow, FindKeys(sop_uids=("1.0.2.9.2",)), actor)) == []
            assert find.count_instances(uow, FindKeys(), actor) == 0
