"""Objects, queries and texts that cannot be right, on the real processes: answered as such, nothing half-done stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pydicom.config
import pynetdicom
import pytest
from pydicom.dataset import Dataset
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind
from sqlalchemy import func, select

from ris_pacs.archive.models import Instance, Quarantined
from ris_pacs.kernel.uow import read_only
from tests.flow import modality
from tests.flow.emr import a_person, emr, message, new_number
from tests.flow.practice_running import Practice, until
from tests.flow.test_bad_input import goes_on
from tests.flow.test_flow import an_exam_on_the_worklist, exam_page
from tests.flow.test_images import send_as_it_is


@pytest.fixture(autouse=True)
def sends_bytes_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pynetdicom._config, "STORE_SEND_CHUNKED_DATASET", True)


def without(keyword: str) -> Callable[[Dataset, Path], None]:
    def write(image: Dataset, file: Path) -> None:
        delattr(image, keyword)
        image.save_as(file, enforce_file_format=True)

    return write


def cut_short(image: Dataset, file: Path) -> None:
    """The length of Pixel Data points past the end."""
    image.save_as(file, enforce_file_format=True)
    file.write_bytes(file.read_bytes()[:-1000])


def with_another_uid_inside(image: Dataset, file: Path) -> None:
    """The command set, made of the file meta information, names one object and the data set another."""
    image.save_as(file, enforce_file_format=True)
    before, _, after = file.read_bytes().rpartition(image.SOPInstanceUID.encode())
    other = image.SOPInstanceUID[:-1] + str((int(image.SOPInstanceUID[-1]) + 1) % 10)
    file.write_bytes(before + other.encode() + after)


WRONG = {
    "cut short": cut_short,
    "another UID inside": with_another_uid_inside,
    "no study": without("StudyInstanceUID"),
    "no series": without("SeriesInstanceUID"),
}


@pytest.mark.parametrize("write", WRONG.values(), ids=WRONG)
def test_an_object_that_cannot_be_filed_is_refused_and_kept_aside(
    practice: Practice, tmp_path: Path, write: Callable[[Dataset, Path], None]
) -> None:
    station, item = an_exam_on_the_worklist(practice, tmp_path / "worklist", a_person())
    image = modality.image(item)
    uid = image.SOPInstanceUID
    write(image, tmp_path / "wrong.dcm")
    assert send_as_it_is(practice, station, tmp_path / "wrong.dcm") >> 12 in (0xA, 0xC)
    with read_only(practice.system) as uow:
        assert uow.session.scalar(select(func.count(Instance.id)).where(Instance.sop_instance_uid == uid)) == 0
        asides = select(func.count(Quarantined.id)).where(Quarantined.source == station)
        assert uow.session.scalar(asides) == 1
    assert "none yet" in exam_page(practice, item.AccessionNumber).text
    assert practice.verify() == {}
    goes_on(practice, station)


def a_query(**keys: object) -> Dataset:
    with pydicom.config.disable_value_validation():
        query = Dataset()
        query.QueryRetrieveLevel, query.StudyInstanceUID = "STUDY", ""
        for keyword, value in keys.items():
            setattr(query, keyword, value)
    return query


def with_vr(tag: int, vr: str, value: object) -> Dataset:
    query = a_query()
    query.add_new(tag, vr, value)
    return query


QUERIES = {
    "a range from the end to the beginning": a_query(StudyDate="99991231-00010101"),
    "no date": a_query(StudyDate="yesterday"),
    "no time": a_query(StudyDate="20261124", StudyTime="9999-aaaa"),
    "a date as bytes": with_vr(0x00080020, "OB", b"\x01\x02\x03\x04"),
    "a name as number": with_vr(0x00100010, "US", 4711),
    "a number as sequence": with_vr(0x00080050, "SQ", [Dataset()]),
    "no level": a_query(QueryRetrieveLevel="GALAXY"),
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_query_that_makes_no_sense_finds_nothing_or_is_refused(
    practice: Practice, tmp_path: Path, query: Dataset
) -> None:
    station, item = an_exam_on_the_worklist(practice, tmp_path / "worklist", a_person())
    modality.store(practice, station, *modality.write(tmp_path / "sent", [modality.image(item)]))
    with modality.association(practice, station, StudyRootQueryRetrieveInformationModelFind) as made:
        with pydicom.config.disable_value_validation():
            statuses = [s.get("Status") for s, _ in made.send_c_find(query, made.accepted_contexts[0].abstract_syntax)]
        assert statuses
        assert statuses[-1] == 0x0000 or statuses[-1] >> 12 in (0xA, 0xC), statuses
        assert len(statuses) == 1, "something matched"
    # An association of its own: pynetdicom may lose the answer to a second request that follows at once.
    with modality.association(practice, station, StudyRootQueryRetrieveInformationModelFind) as made:
        again = a_query(StudyInstanceUID=item.StudyInstanceUID)
        answers = [s.Status for s, _ in made.send_c_find(again, made.accepted_contexts[0].abstract_syntax)]
    assert answers == [0xFF00, 0x0000]
    goes_on(practice, station)


@pytest.mark.parametrize("charset", ["UNICODE UTF-8", "KLINGON", "ASCII"])
def test_a_message_in_another_character_set_than_it_says_is_read_as_what_it_is(
    practice: Practice, charset: str
) -> None:
    station, person, placer = practice.add_station("CT"), a_person("Bergström", "Åsa"), new_number()
    order = (person.pid, f"ORC|NW|{placer}", f"OBR|1|{placer}||CTCHEST")
    with emr(practice.ports["hl7"]) as hospital:
        answer = hospital.send(message("ORM^O01", *order, charset=charset), "latin-1")
    assert answer.code == "AA", answer.lines
    assert "Bergström, Åsa" in exam_page(practice, answer.accession).text
    goes_on(practice, station)


def test_a_pdu_longer_than_was_agreed_is_not_waited_for(practice: Practice) -> None:
    station = practice.add_station("CT")
    with modality.association(practice, station, modality.CT) as made:
        made.dul.socket.socket.sendall(bytes((4, 0)) + (0xFFFFFFF0).to_bytes(4, "big") + bytes(1000))
        until(lambda: made.is_aborted, "the abort")
    goes_on(practice, station)
