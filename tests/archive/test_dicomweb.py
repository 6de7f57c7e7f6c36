"""DICOMweb over real files: what a client asks for, and every byte and pixel of what it gets."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from flask import Flask
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian
from sqlalchemy import select
from werkzeug.test import TestResponse

from ris_pacs.accounts import service as accounts
from ris_pacs.archive.models import Study
from ris_pacs.kernel.actor import OPERATOR
from ris_pacs.kernel.tables import AuditEntry
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from tests import practice
from tests.archive.files import as_file, image_of_exam, keep_file, store_image
from tests.imaging.samples import sample
from tests.web.browsing import signed_in, web_app

AT_TWO = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)
EVERYTHING = 'multipart/related; type="application/dicom"; transfer-syntax=*'
OCTETS = "multipart/related; type=application/octet-stream; transfer-syntax=*"
PLAIN_OCTETS = 'multipart/related; type="application/octet-stream"'


class Client:
    """A machine with a token."""

    def __init__(self, app: Flask, token: str) -> None:
        self._client = app.test_client()
        self._client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"

    def get(self, place: str, accept: str = "*/*", **how: Any) -> TestResponse:
        headers = {"Accept": accept, **how.pop("headers", {})}
        return self._client.get(f"/dicom-web/{place}", headers=headers, **how)

    def json(self, place: str) -> list[dict[str, Any]]:
        answer = self.get(place)
        assert answer.status_code == 200, answer.text
        assert answer.content_type == "application/dicom+json"
        return json.loads(answer.data)

    def parts(self, place: str, accept: str) -> list[tuple[str, bytes]]:
        """Content type and body of each part."""
        answer = self.get(place, accept)
        assert answer.status_code == 200, answer.text
        boundary = b"--" + answer.headers["Content-Type"].partition("boundary=")[2].encode()
        before, *parts, end = answer.data.split(boundary)
        assert (before, end) == (b"", b"--\r\n")
        split = [part.removeprefix(b"\r\n").removesuffix(b"\r\n").partition(b"\r\n\r\n") for part in parts]
        return [(re.search("Content-Type: (.*)", head.decode())[1].strip(), body) for head, _, body in split]

    def store(
        self, *files: bytes, study: str = "", kind: str = "application/dicom", end: bytes = b"--"
    ) -> TestResponse:
        body = b"".join(b"--edge\r\nContent-Type: %s\r\n\r\n%s\r\n" % (kind.encode(), one) for one in files)
        return self._client.post(
            f"/dicom-web/studies{'/' if study else ''}{study}",
            data=body + (b"--edge" + end + b"\r\n" if end else b""),
            content_type='multipart/related; type="application/dicom"; boundary=edge',
        )


@pytest.fixture
def app(system: System, tmp_path) -> Iterator[Flask]:
    with web_app(system, tmp_path) as app:
        yield app


@pytest.fixture
def client(app: Flask, system: System) -> Client:
    with unit_of_work(system) as uow:
        token = accounts.add_token(uow, "a viewer", "system", OPERATOR)
    return Client(app, token)


@pytest.fixture
def booked(system: System) -> practice.Booked:
    with unit_of_work(system) as uow:
        return practice.a_booked_exam(uow, starts_at=AT_TWO)


def uids(answers: list[dict[str, Any]], tag: str = "0020000D") -> list[str]:
    return [one[tag]["Value"][0] for one in answers]


def place_of(system: System, name: str) -> tuple[str, Any]:
    """One of pydicom's files in the archive: its address, and what pydicom reads in it."""
    known = dcmread(sample(name))
    keep_file(system, sample(name))
    place = f"studies/{known.StudyInstanceUID}/series/{known.SeriesInstanceUID}/instances/{known.SOPInstanceUID}"
    return place, known


# --- QIDO-RS


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


# --- WADO-RS


def test_the_files_come_byte_for_byte(system, client, booked):
    raw = [as_file(image_of_exam(system, booked, number)) for number in (1, 2)]
    for one in raw:
        keep_file(system, one)
    parts = client.parts(f"studies/{booked.study_instance_uid}", EVERYTHING)
    assert [data_set(body) for _, body in parts] == [data_set(one) for one in raw]
    assert parts[0][0] == f"application/dicom; transfer-syntax={ExplicitVRLittleEndian}"


def data_set(file: bytes) -> bytes:
    """Behind the file meta information."""
    stream = io.BytesIO(file)
    dcmread(stream, stop_before_pixels=True, specific_tags=[])
    meta = dcmread(io.BytesIO(file), specific_tags=[]).file_meta
    return file[132 + 12 + meta.FileMetaInformationGroupLength :]


def test_who_does_not_take_the_compressed_gets_it_decompressed(system, client):
    place, known = place_of(system, "JPEG2000.dcm")
    ((kind, body),) = client.parts(place, 'multipart/related; type="application/dicom"')
    assert kind.endswith(ExplicitVRLittleEndian)
    plain = dcmread(io.BytesIO(body))
    assert plain.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert np.array_equal(plain.pixel_array, known.pixel_array)
    assert client.get(place, f"{PLAIN_OCTETS[:17]}; type=text/plain").status_code == 406


def test_one_object_comes_without_wrapping(system, client, booked):
    raw = as_file(image_of_exam(system, booked))
    uid = keep_file(system, raw)
    study = booked.study_instance_uid
    answer = client.get(f"studies/{study}/series/{study}.1/instances/{uid}", "application/dicom; transfer-syntax=*")
    assert answer.content_type.startswith("application/dicom;")
    assert data_set(answer.data) == data_set(raw)


# With the name of a file that pydicom can read the same pixels from, where it lacks the codec.
FRAMES = {
    "CT_small.dcm": "",
    "MR_small_RLE.dcm": "",
    "JPEG2000.dcm": "",
    "emri_small_jpeg_ls_lossless.dcm": "emri_small.dcm",
    "ExplVR_BigEnd.dcm": "",
    "SC_rgb_small_odd.dcm": "",
    "image_dfl.dcm": "",
    "MR_small_bigendian.dcm": "",
    "liver_1frame.dcm": "",
    "SC_ybr_full_422_uncompressed.dcm": "",
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_decompressed_holds_the_pixels_that_pydicom_reads(system, client, name):
    place, known = place_of(system, name)
    known = dcmread(sample(FRAMES[name])) if FRAMES[name] else known
    ((kind, body),) = client.parts(f"{place}/frames/1", PLAIN_OCTETS)
    assert kind == f"application/octet-stream; transfer-syntax={ExplicitVRLittleEndian}"
    (said,) = client.json(f"{place}/metadata")
    bits, signed = said["00280100"]["Value"][0], said["00280103"]["Value"][0]
    got = np.frombuffer(body, f"<{'i' if signed else 'u'}{bits // 8}")
    expected = known.pixel_array if getattr(known, "NumberOfFrames", 1) in (1, "1") else known.pixel_array[0]
    if known.get("PlanarConfiguration") and name != "SC_ybr_full_422_uncompressed.dcm":
        expected = np.moveaxis(expected, -1, 0)
    assert got.size >= expected.size
    assert np.array_equal(got[: expected.size].reshape(expected.shape), expected)


def test_a_compressed_frame_comes_as_it_is_stored(system, client):
    place, _ = place_of(system, "JPEG2000.dcm")
    ((kind, body),) = client.parts(f"{place}/frames/1", OCTETS)
    assert kind == "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.91"
    assert body.startswith(b"\xff\x4f\xff\x51")
    ((kind, same),) = client.parts(f"{place}/frames/1", "multipart/related; type=image/jp2; transfer-syntax=*")
    assert (kind.partition(";")[0], same) == ("image/jp2", body)


def test_several_frames_come_in_their_order(system, client):
    place, known = place_of(system, "emri_small_RLE.dcm")
    parts = client.parts(f"{place}/frames/3,1", PLAIN_OCTETS)
    for (_, body), frame in zip(parts, (2, 0), strict=True):
        assert np.array_equal(np.frombuffer(body, "<u2").reshape(64, 64), known.pixel_array[frame])
    assert client.get(f"{place}/frames/11", OCTETS).status_code == 404
    assert client.get(f"{place}/frames/0", OCTETS).status_code == 404
    assert client.get(f"{place}/frames/one", OCTETS).status_code == 404


def test_the_metadata_say_what_the_file_says(system, client):
    place, known = place_of(system, "CT_small.dcm")
    (said,) = client.json(f"{place}/metadata")
    expected = json.loads(known.to_json(bulk_data_threshold=1024, bulk_data_element_handler=lambda _: "bulk"))
    differing = {tag for tag in expected if said.get(tag) != expected[tag]}
    assert differing == {"7FE00010", "00431029", "00080005"}
    assert said["00080005"]["Value"] == ["ISO_IR 192"]
    for tag, value in (("7FE00010", known.PixelData), ("00431029", known[0x00431029].value)):
        address = said[tag]["BulkDataURI"].partition("/dicom-web/")[2]
        assert client.get(address, "application/octet-stream").data == value


def test_metadata_are_sent_once_and_packed(system, client, booked):
    store_image(system, booked)
    place = f"studies/{booked.study_instance_uid}/metadata"
    answer = client.get(place, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    tag = answer.headers["ETag"]
    assert client.get(place, headers={"If-None-Match": tag}).status_code == 304
    store_image(system, booked, 2)
    assert client.get(place, headers={"If-None-Match": tag}).status_code == 200
    assert len(client.json(place)) == 2


def test_what_a_viewer_would_stumble_over_is_put_right_and_the_file_stays(system, client, booked):
    dataset = image_of_exam(system, booked)
    dataset.PixelSpacing = [0, 0]
    uid = keep_file(system, as_file(dataset))
    study = booked.study_instance_uid
    place = f"studies/{study}/series/{study}.1/instances/{uid}"
    (said,) = client.json(f"{place}/metadata")
    assert "00280030" not in said
    ((_, body),) = client.parts(place, EVERYTHING)
    assert dcmread(io.BytesIO(body)).PixelSpacing == [0, 0]


def test_what_belongs_to_somebody_by_the_record_is_not_shown_under_the_name_that_the_device_gave(
    system, client, booked, app
):
    """The worst fault: the study came under a wrong name and a person linked it to its order."""
    store_image(system, booked, patient_id="X-9", name="WRONG^PATIENT", birth_date="19010101")
    study = booked.study_instance_uid
    (before,) = client.json(f"studies/{study}/metadata")
    assert before["00100010"]["Value"] == [{"Alphabetic": "WRONG^PATIENT"}]
    tag = client.get(f"studies/{study}/metadata").headers["ETag"]
    with read_only(system) as uow:
        study_id = uow.session.scalars(select(Study.id)).one()
    technologist = signed_in(app, system, "technologist")
    assert technologist.post(f"/reconcile/{study_id}/link", {"order": booked.exam_id}).status_code == 302
    again = client.get(f"studies/{study}/metadata", headers={"If-None-Match": tag})
    assert again.status_code == 200
    (after,) = json.loads(again.data)
    assert after["00100010"]["Value"] == [{"Alphabetic": "Okonkwo^Amara"}]
    assert after["00100020"]["Value"] != ["X-9"]
    assert after["00100030"]["Value"] == ["19680603"]


def test_pictures_are_drawn_to_measure(system, client):
    place, _ = place_of(system, "CT_small.dcm")
    answer = client.get(f"{place}/rendered?viewport=64,64&window=40,400,linear", "image/jpeg")
    assert (answer.content_type, jpeg_size(answer.data)) == ("image/jpeg", (64, 64))
    assert client.get(f"{place}/rendered", "image/png").data.startswith(b"\x89PNG")
    assert client.get(f"{place}/rendered", "image/gif").data.startswith(b"GIF8")
    assert client.get(f"{place}/rendered", "video/mp4").status_code == 406
    assert client.get(f"{place}/thumbnail").data.startswith(b"\xff\xd8")
    assert client.get(f"{place}/frames/1/rendered").status_code == 200
    assert client.get(f"{place}/frames/2/rendered").status_code == 404
    for wrong in ("window=40", "window=40,0,linear", "window=nan,1", "viewport=0,5", "viewport=99999,1", "quality=101"):
        assert client.get(f"{place}/rendered?{wrong}").status_code == 400, wrong


def jpeg_size(data: bytes) -> tuple[int, int]:
    import simplejpeg

    height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    return width, height


def test_one_row_tells_that_a_study_was_seen_and_how_often(system, client, booked, clock):
    store_image(system, booked)
    study = booked.study_instance_uid
    frame = f"studies/{study}/series/{study}.1/instances/{study}.1.1/frames/1"
    for _ in range(5):
        client.get(frame, OCTETS)
    assert looks(system) == [1]  # At once; the others are counted.
    clock.advance(seconds=6)
    client.get(frame, OCTETS)
    assert looks(system) == [6]


def looks(system: System) -> list[int]:
    with read_only(system) as uow:
        query = select(AuditEntry.times).where(AuditEntry.action == "view", AuditEntry.entity_kind == "study")
        return list(uow.session.scalars(query))


def test_a_damaged_frame_is_refused_in_words_and_the_others_are_sent(system, client):
    place, _ = place_of(system, "emri_small_RLE.dcm")
    (one,) = (path for path in (system.blobs.path(key) for key in system.blobs.walk()) if path.stat().st_size)
    raw = bytearray(one.read_bytes())
    raw[-200:-100] = b"\xff" * 100  # Within the last frame.
    one.write_bytes(raw)
    answers = [client.get(f"{place}/frames/{number}", PLAIN_OCTETS) for number in (1, 10)]
    assert answers[0].status_code == 200
    assert answers[1].status_code in (200, 422)


# --- STOW-RS


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
