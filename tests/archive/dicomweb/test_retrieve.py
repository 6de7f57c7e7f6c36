"""WADO-RS over real files: every byte and pixel of what a client gets."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian
from sqlalchemy import select

from ris_pacs.archive.models import Study
from ris_pacs.kernel.tables import AuditEntry
from ris_pacs.kernel.uow import System, read_only
from tests.archive.dicomweb.client import EVERYTHING, OCTETS, PLAIN_OCTETS, place_of
from tests.archive.files import as_file, image_of_exam, keep_file, store_image
from tests.imaging.samples import sample
from tests.web.browsing import signed_in


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
