"""Real bytes: data sets written by pydicom, received, kept byte for byte, filed and linked."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from io import BytesIO

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit
from sqlalchemy import select

from ris_pacs.archive import queries
from ris_pacs.archive.errors import BadObject
from ris_pacs.archive.models import Instance, Study
from ris_pacs.archive.queries import inbox
from ris_pacs.archive.rules import object_key
from ris_pacs.archive.service.receive import Reception, Source
from ris_pacs.archive.service.store import ReceivedObject, Refused, quarantine
from ris_pacs.cli.verify import examine
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from tests import practice
from tests.archive.objects import CT_IMAGE, SCANNER, cases, device_id, linked, request_of, store, study
from tests.worklist.modality import state

AT_TWO = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)


def a_data_set(**elements: object) -> Dataset:
    """A CT image of a patient that nobody knows."""
    dataset = Dataset()
    said = {
        "SpecificCharacterSet": "ISO_IR 192",
        "SOPClassUID": CT_IMAGE,
        "SOPInstanceUID": "1.2.3.1.1",
        "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": "1.2.3.1",
        "StudyDate": "20261124",
        "StudyTime": "104200",
        "Modality": "CT",
        "PatientName": "Ōkubo^Jirō=大久保^次郎",
        "PatientID": "0815",
        "PatientBirthDate": "19700102",
        "PatientSex": "M",
        "SeriesNumber": 3,
        "InstanceNumber": 7,
        "Rows": 4,
        "Columns": 4,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "PixelData": bytes(range(32)),
    }
    for keyword, value in {**said, **elements}.items():
        if value is not None:
            setattr(dataset, keyword, value)
    return dataset


def encoded(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    buffer = BytesIO()
    implicit = syntax == ImplicitVRLittleEndian
    dcmwrite(buffer, dataset, implicit_vr=implicit, little_endian=True, enforce_file_format=False)
    return buffer.getvalue()


def reception(system: System, dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> Reception:
    source = Source("CT1", device_id(system, "CT1"), "CT1")
    return Reception(system.blobs, CT_IMAGE, str(dataset.get("SOPInstanceUID", "1.2.3.1.1")), syntax, source)


def receive(system: System, dataset: Dataset, syntax: str = ExplicitVRLittleEndian, piece: int = 100) -> ReceivedObject:
    """As an association hands it over: in pieces."""
    coming, content = reception(system, dataset, syntax), encoded(dataset, syntax)
    for start in range(0, len(content), piece):
        coming.write(memoryview(content)[start : start + piece])
    return coming.finish()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_what_came_is_kept_byte_for_byte_and_can_be_read(system, syntax):
    dataset = a_data_set()
    received = receive(system, dataset, syntax, piece=7)
    content = encoded(dataset, syntax)
    with system.blobs.open(received.object_key) as file:
        whole = file.read()
    assert whole[received.instance.dataset_offset :] == content
    assert (received.instance.size, received.instance.digest) == (len(content), hashlib.sha256(content).hexdigest())
    read = pydicom.dcmread(BytesIO(whole))
    assert (read.file_meta.TransferSyntaxUID, read.PatientName.ideographic) == (syntax, "大久保^次郎")
    offset = received.instance.pixel_offset
    assert whole[offset : offset + 32] == bytes(range(32))
    assert (received.instance.rows, received.instance.columns, received.instance.number) == (4, 4, 7)


def test_the_header_becomes_the_rows_of_study_series_and_instance(system):
    dataset = a_data_set(
        AccessionNumber=" 0012 ", StudyDescription="Thorax ≠", SeriesDescription="Axial", StationName="ignored"
    )
    store(system, receive(system, dataset))
    row = study(system)
    assert (row.received_name, row.received_patient_id) == ("Ōkubo^Jirō=大久保^次郎", "0815")
    assert (row.accession_number, row.description, row.station, row.modalities) == ("0012", "Thorax ≠", "CT1", ("CT",))
    assert (row.series[0].number, row.series[0].description) == (3, "Axial")
    with read_only(system) as uow:
        assert uow.session.query(Study).one().received_name_key == "okubo jiro 大久保 次郎"


def test_a_number_that_is_too_long_stays_whole_for_comparing_and_is_cut_for_showing(system):
    with pydicom.config.disable_value_validation():
        received = receive(system, a_data_set(AccessionNumber="12345678901234567"))
    assert received.keys.accession_number == "12345678901234567"
    store(system, received)
    assert study(system).accession_number == "1234567890123456"


def test_an_object_with_the_worklists_keys_is_linked(system):
    with unit_of_work(system) as uow:
        booked = practice.a_booked_exam(uow, AT_TWO)
        mrn = practice.mrn_of(uow, booked.patient_id)
    named = request_of(system, booked)
    item = Dataset()
    item.AccessionNumber, item.RequestedProcedureID = named.accession_number, named.requested_procedure_id
    item.ScheduledProcedureStepID = "made up"
    dataset = a_data_set(
        StudyInstanceUID=booked.study_instance_uid,
        PatientName="OKONKWO^AMARA",
        PatientID=mrn,
        PatientBirthDate="19680603",
        IssuerOfPatientID="MERIDIAN",
        RequestAttributesSequence=Sequence([item]),
    )
    store(system, receive(system, dataset))
    assert linked(system, booked.study_instance_uid) == {booked.exam_id}
    assert (state(system, booked)[0], cases(system)) == ("in-progress", [])


def test_the_same_bytes_again_and_other_bytes(system):
    first, again = receive(system, a_data_set()), receive(system, a_data_set())
    other = receive(system, a_data_set(SeriesDescription="changed at the console"))
    assert store(system, first, again, other) == ["stored", "known", "conflict"]
    assert first.object_key == again.object_key
    assert {first.object_key, other.object_key} == set(system.blobs.walk())
    with read_only(system) as uow:
        instance = queries.instances_of_series(uow, study(system).series[0].id, PROGRAM)[0]
        assert instance.object_key == first.object_key
        assert [one.key for one in inbox.open_conflicts(uow)] == [other.object_key]


@pytest.mark.parametrize(
    "hostile",
    [
        {"PatientName": "OKONKWO\x00^AMARA"},
        {"PatientID": "08\x0015", "AccessionNumber": "A\x001"},
        {"StudyDescription": "a\x00b", "SeriesDescription": "\x00", "StudyID": "\x00\x00"},
        {"Modality": "C\x00T", "StudyDate": "2026\x00", "BodyPartExamined": "\x00CHEST"},
        {"PatientName": "<script>alert(1)</script>", "StudyDescription": "'; DROP TABLE study; --"},
        {"PatientName": "^" * 60, "PatientBirthDate": "99999999", "PatientSex": "\\"},
        {"PatientName": "A=B=C=D=E", "AccessionNumber": "\\\\"},
        {"PatientName": "X" * 300, "StudyDescription": "Y" * 300, "AccessionNumber": "Z" * 40, "StudyID": "S" * 40},
        {"InstanceNumber": "2147483647", "SeriesNumber": "-2147483648"},
        {"PatientName": None, "PatientID": None, "StudyDate": None, "Modality": None, "PixelData": None},
    ],
)
def test_a_strange_header_is_filed_all_the_same(system, hostile):
    dataset = a_data_set()
    with pydicom.config.disable_value_validation():
        for keyword, value in hostile.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        received = receive(system, dataset)
    assert store(system, received) == ["stored"]
    row = study(system)
    assert (row.instance_count, len(row.description) <= 64) == (1, True)
    with read_only(system) as uow:
        assert [one.reason for one in inbox.open_cases(uow, PROGRAM)] != ["link-failed"]


def test_a_multiframe_object_says_where_each_frame_is(system):
    frames = [bytes([number]) * 8 for number in range(3)]
    dataset = a_data_set(NumberOfFrames=3, PixelData=pydicom.encaps.encapsulate(frames))
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    received = receive(system, dataset, JPEGBaseline8Bit)
    assert received.instance.frames == 3
    assert received.instance.frame_table is not None
    with system.blobs.open(received.object_key) as file:
        whole = file.read()
    for number in range(3):
        offset = int.from_bytes(received.instance.frame_table[number * 12 : number * 12 + 8], "little")
        length = int.from_bytes(received.instance.frame_table[number * 12 + 8 : number * 12 + 12], "little")
        assert whole[offset : offset + length] == frames[number]


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"StudyInstanceUID": None}, "Study Instance UID is missing"),
        ({"SeriesInstanceUID": ""}, "Series Instance UID is missing"),
        ({"StudyInstanceUID": "../../etc/passwd"}, "Study Instance UID"),
        ({"StudyInstanceUID": "1.2." + "3" * 64}, "Study Instance UID"),
        ({"SOPClassUID": "1.2.3"}, "SOP Class UID in the data set is not the one"),
        ({"SOPInstanceUID": None}, "SOP Instance UID in the data set is not the one"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_cannot_be_filed_is_kept_aside_with_the_reason(system, elements, words):
    dataset = a_data_set()
    with pydicom.config.disable_value_validation():
        for keyword, value in elements.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        coming = reception(system, dataset)
        content = encoded(dataset)
    coming.write(content)
    with pytest.raises(BadObject, match=words) as caught:
        coming.finish()
    key = coming.quarantine_key()
    with unit_of_work(system) as uow:
        quarantine(uow, Refused(key, caught.value.message, coming.size, "CT1"), SCANNER)
    assert list(system.blobs.walk()) == [key]
    with system.blobs.open(key) as file:
        assert file.read().endswith(content)
    with read_only(system) as uow:
        assert [one.key for one in inbox.open_quarantine(uow)] == [key]


@pytest.mark.parametrize("content", [b"", b"\x00" * 500, b"not a data set at all" * 20, bytes(range(256)) * 4])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_bytes_that_are_no_data_set_are_refused_and_can_be_thrown_away(system, content):
    coming = reception(system, a_data_set())
    coming.write(content)
    with pytest.raises(BadObject):
        coming.finish()
    coming.discard()
    coming.discard()
    assert list(system.blobs.walk()) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_data_set_cut_off_anywhere_never_gets_a_name_it_does_not_deserve(system):
    content = encoded(a_data_set())
    for length in range(0, len(content), 9):
        coming = reception(system, a_data_set())
        coming.write(content[:length])
        try:
            received = coming.finish()
        except BadObject:
            coming.discard()
            continue
        assert received.study.study_instance_uid == "1.2.3"
        assert received.series.series_instance_uid == "1.2.3.1"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_image_cut_off_in_its_pixels_is_no_image(system):
    content = encoded(a_data_set())
    coming = reception(system, a_data_set())
    coming.write(content[:-2])
    with pytest.raises(BadObject, match="Pixel Data ends before its length says"):
        coming.finish()
    coming.discard()


def the_file(system: System, uid: str = "1.2.3.1.1") -> tuple[int, int, bytes]:
    """Offset and size that the row tells, and the file."""
    with read_only(system) as uow:
        row = uow.session.execute(select(Instance).where(Instance.sop_instance_uid == uid)).scalar_one()
        key = object_key("1.2.3", uid, row.digest)
        return row.dataset_offset, row.size, system.blobs.path(key).read_bytes()


def test_the_same_image_from_a_sender_with_a_longer_name_leaves_file_and_row_as_they_are(system: System) -> None:
    assert store(system, receive(system, a_data_set())) == ["stored"]
    before = the_file(system)
    again = reception_from(system, "A_LONGER_AE_TITL")
    assert store(system, again) == ["known"]
    offset, size, content = the_file(system)
    assert (offset, size, content) == before
    assert content[offset:] == encoded(a_data_set())
    assert examine(system, deep=True)[0]["damaged files"] == []


def test_a_file_that_a_dying_process_left_is_filed_as_it_stands(system: System) -> None:
    reception_from(system, "A_LONGER_AE_TITL")  # Placed, and then the process died.
    assert store(system, receive(system, a_data_set())) == ["stored"]
    offset, size, content = the_file(system)
    assert content[offset:] == encoded(a_data_set())
    assert len(content) == offset + size


def test_a_damaged_file_is_not_taken_for_the_object_that_comes_again(system: System) -> None:
    received = receive(system, a_data_set())
    store(system, received)
    path = system.blobs.path(received.object_key)
    path.write_bytes(path.read_bytes()[:-4] + b"rot!")
    with pytest.raises(BadObject, match="damaged"):
        receive(system, a_data_set())


def reception_from(system: System, ae_title: str) -> ReceivedObject:
    coming = Reception(system.blobs, CT_IMAGE, "1.2.3.1.1", ExplicitVRLittleEndian, Source(ae_title, None, ae_title))
    coming.write(encoded(a_data_set()))
    return coming.finish()
