"""Objects of real devices, in and out: storescu, getscu, movescu, findscu, commitment, import; every bit comes back."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pynetdicom
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import ImplicitVRLittleEndian, generate_uid

from ris_pacs.archive.queries.integrity import expected_files
from ris_pacs.imaging.pixels import open_picture
from ris_pacs.kernel.uow import read_only
from tests.flow import modality
from tests.flow.emr import a_person
from tests.flow.practice_running import Practice, until
from tests.flow.real_files import BY_SYNTAX, MEDIA, OF_OTHER_KINDS, real_file
from tests.flow.test_flow import an_exam_on_the_worklist

LEVELS = {"PATIENT": "-P", "STUDY": "-S", "SERIES": "-S", "IMAGE": "-S"}


@pytest.fixture
def raw_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    """pynetdicom sends a file's data set as it is, without decoding it."""
    monkeypatch.setattr(pynetdicom._config, "STORE_SEND_CHUNKED_DATASET", True)


def kept_as(practice: Practice, file: Path) -> Path:
    """Where the archive keeps the object of a file."""
    uid = str(dcmread(file, stop_before_pixels=True).SOPInstanceUID)
    with read_only(practice.system) as uow:
        (key,) = [one.key for one in expected_files(uow) if f"/{uid}." in one.key]
    return practice.system.blobs.path(key)


def send_as_it_is(practice: Practice, calling: str, file: Path) -> int:
    """One C-STORE of a file's own bytes; returns the status."""
    head = dcmread(file, stop_before_pixels=True)
    ae = pynetdicom.AE(calling)
    ae.add_requested_context(head.SOPClassUID, head.file_meta.TransferSyntaxUID)
    made = ae.associate("127.0.0.1", practice.ports["dicom"], ae_title=modality.CALLED)
    assert made.is_established
    status = made.send_c_store(file)
    made.release()
    return int(status.Status)


def test_echo(practice: Practice) -> None:
    done = modality.dcmtk("echoscu", "-v", *modality.address(practice, practice.add_node()))
    assert done.returncode == 0, done.stdout


@pytest.mark.usefixtures("raw_sender")
@pytest.mark.parametrize("name", OF_OTHER_KINDS)
def test_a_data_set_is_kept_byte_for_byte(practice: Practice, name: str) -> None:
    file = real_file(name)
    assert send_as_it_is(practice, practice.add_node(), file) == 0x0000
    assert modality.data_set_of(kept_as(practice, file)) == modality.data_set_of(file)


@pytest.fixture(scope="session")
def stored(running, tmp_path_factory) -> Iterator[object]:
    """Real files of every transfer syntax, sent once to each practice by storescu; answers with their archive files."""
    done: set[str] = set()

    def store(practice: Practice) -> dict[str, Path]:
        originals = [real_file(name) for name in BY_SYNTAX]
        if practice.kind not in done:
            modality.store(practice, practice.add_node(), *originals)
            done.add(practice.kind)
        return {str(dcmread(one, stop_before_pixels=True).SOPInstanceUID): kept_as(practice, one) for one in originals}

    return store


@pytest.mark.parametrize("name", BY_SYNTAX)
def test_storescu_in_every_transfer_syntax(practice: Practice, stored, name: str) -> None:
    """DCMTK writes a data set anew as it sends it; every element of it is here, pixels bit for bit."""
    original = dcmread(real_file(name))
    kept = dcmread(stored(practice)[str(original.SOPInstanceUID)])
    assert kept.file_meta.TransferSyntaxUID == original.file_meta.TransferSyntaxUID
    assert kept.PixelData == original.PixelData
    assert said(kept) == said(original)


def said(dataset: Dataset) -> Dataset:
    """What a data set says, without what a sender may write as it likes: group lengths and padding (PS3.5 7.2, 7.8),
    and whether pixels are OB or OW, which the encoding decides (PS3.5 A.4).
    """
    for element in list(dataset):
        if element.tag.element == 0 or element.tag == 0xFFFCFFFC:
            del dataset[element.tag]
    dataset["PixelData"].VR = "OB"
    return dataset


def test_getscu_brings_them_back_bit_for_bit(practice: Practice, stored, tmp_path: Path) -> None:
    """Each in the transfer syntax in which it is kept, when the asker takes that one; getscu never takes implicit."""
    address = modality.address(practice, practice.add_node())
    for uid, kept in stored(practice).items():
        head = dcmread(kept, stop_before_pixels=True)
        syntax = str(head.file_meta.TransferSyntaxUID)
        folder = tmp_path / uid
        folder.mkdir()
        keys = ("-k", "0008,0052=IMAGE", "-k", f"0020,000D={head.StudyInstanceUID}", "-k", f"0008,0018={uid}")
        done = modality.dcmtk("getscu", "-v", "-S", modality.PREFER[syntax], "+B", "-od", folder, *keys, *address)
        assert done.returncode == 0, done.stdout
        (received,) = folder.iterdir()
        if syntax == ImplicitVRLittleEndian:
            assert said(dcmread(received)) == said(dcmread(kept)), uid
        else:
            assert dcmread(received, stop_before_pixels=True).file_meta.TransferSyntaxUID == syntax
            assert modality.data_set_of(received) == modality.data_set_of(kept), uid


def test_movescu_to_a_registered_device_bit_for_bit(practice: Practice, stored, tmp_path: Path) -> None:
    kept = stored(practice)
    port = modality.free_port()
    asker, target = practice.add_node(), practice.add_node("127.0.0.1", port)
    studies = {str(dcmread(file, stop_before_pixels=True).StudyInstanceUID) for file in kept.values()}
    with modality.storescp(tmp_path / "there", port, target):
        for study in studies:
            keys = ("-k", "0008,0052=STUDY", "-k", f"0020,000D={study}")
            done = modality.dcmtk("movescu", "-v", "-S", "-aem", target, *keys, *modality.address(practice, asker))
            assert "Received Final Move Response (Success)" in done.stdout, done.stdout
    arrived = {str(dcmread(one, stop_before_pixels=True).SOPInstanceUID): one for one in (tmp_path / "there").iterdir()}
    assert set(kept) <= set(arrived)
    for uid, file in kept.items():
        assert modality.data_set_of(arrived[uid]) == modality.data_set_of(file), uid


def same_pixels(received: Path, kept: Path) -> None:
    """Not compressed, and every frame as the stored one is decoded."""
    assert not dcmread(received, stop_before_pixels=True).file_meta.TransferSyntaxUID.is_encapsulated
    plain, packed = open_picture(received), open_picture(kept)
    assert plain.frames == packed.frames
    for frame in range(1, plain.frames + 1):
        assert np.array_equal(plain.decode(frame), packed.decode(frame)), (kept, frame)


def test_getscu_that_takes_no_compression(practice: Practice, stored, tmp_path: Path) -> None:
    address = modality.address(practice, practice.add_node())
    for uid, kept in stored(practice).items():
        study = dcmread(kept, stop_before_pixels=True).StudyInstanceUID
        folder = tmp_path / uid
        folder.mkdir()
        keys = ("-k", "0008,0052=IMAGE", "-k", f"0020,000D={study}", "-k", f"0008,0018={uid}")
        done = modality.dcmtk("getscu", "-v", "-S", "+x=", "+B", "-od", folder, *keys, *address)
        assert done.returncode == 0, done.stdout
        (received,) = folder.iterdir()
        same_pixels(received, kept)


@pytest.mark.parametrize("takes", ["+x=", "+xi"], ids=["explicit", "implicit"])
def test_movescu_to_a_device_that_takes_no_compression(practice: Practice, stored, tmp_path: Path, takes: str) -> None:
    kept = stored(practice)
    port = modality.free_port()
    asker, target = practice.add_node(), practice.add_node("127.0.0.1", port)
    studies = {str(dcmread(file, stop_before_pixels=True).StudyInstanceUID) for file in kept.values()}
    with modality.storescp(tmp_path / "there", port, target, takes):
        for study in studies:
            keys = ("-k", "0008,0052=STUDY", "-k", f"0020,000D={study}")
            done = modality.dcmtk("movescu", "-v", "-S", "-aem", target, *keys, *modality.address(practice, asker))
            assert "Received Final Move Response (Success)" in done.stdout, done.stdout
    arrived = {str(dcmread(one, stop_before_pixels=True).SOPInstanceUID): one for one in (tmp_path / "there").iterdir()}
    assert set(kept) <= set(arrived)
    for uid, file in kept.items():
        same_pixels(arrived[uid], file)


@pytest.mark.usefixtures("raw_sender")
def test_what_cannot_be_decompressed_fails_alone(practice: Practice, tmp_path: Path) -> None:
    study, series = generate_uid(), generate_uid()
    sent = {}
    for name in ("good", "damaged"):
        image = dcmread(real_file("693_J2KR.dcm"))
        image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID = study, series, generate_uid()
        if name == "damaged":
            image.PixelData = encapsulate([b"\xff\x4f no picture "])
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        image.save_as(tmp_path / f"{name}.dcm")
        assert send_as_it_is(practice, practice.add_node(), tmp_path / f"{name}.dcm") == 0x0000
        sent[name] = str(image.SOPInstanceUID)
    (tmp_path / "got").mkdir()
    keys = ("-k", "0008,0052=STUDY", "-k", f"0020,000D={study}")
    address = modality.address(practice, practice.add_node())
    done = modality.dcmtk("getscu", "-d", "-S", "+x=", "+B", "-od", tmp_path / "got", *keys, *address)
    assert "Completed Suboperations       : 1" in done.stdout, done.stdout
    assert "Failed Suboperations          : 1" in done.stdout, done.stdout
    (received,) = (tmp_path / "got").iterdir()
    assert dcmread(received).SOPInstanceUID == sent["good"]
    (line,) = [line for line in practice.log.read_text().splitlines() if sent["damaged"] in line and "sub-op" in line]
    assert json.loads(line)["comment"] == "Cannot be decompressed: its JPEG 2000 data are damaged."


def test_a_move_to_an_unknown_destination_is_refused(practice: Practice) -> None:
    keys = ("-k", "0008,0052=STUDY", "-k", "0020,000D=1.2.3")
    address = modality.address(practice, practice.add_node())
    done = modality.dcmtk("movescu", "-v", "-S", "-aem", "NOBODY", *keys, *address)
    assert "MoveDestinationUnknown" in done.stdout, done.stdout


@pytest.mark.parametrize("level", LEVELS)
def test_findscu_on_every_level(practice: Practice, tmp_path: Path, level: str) -> None:
    station, item = an_exam_on_the_worklist(practice, tmp_path / "worklist", a_person())
    images = modality.series(item, 2) + modality.series(item, 1)
    modality.store(practice, station, *modality.write(tmp_path / "sent", images))
    keys = {
        "PATIENT": (f"0010,0020={item.PatientID}", "0010,0010"),
        "STUDY": (f"0008,0050={item.AccessionNumber}", "0020,000D", "0020,1206", "0020,1208", "0008,0061"),
        "SERIES": (f"0020,000D={item.StudyInstanceUID}", "0020,000E", "0020,1209", "0008,0060"),
        "IMAGE": (f"0020,000D={item.StudyInstanceUID}", f"0020,000E={images[0].SeriesInstanceUID}", "0008,0018"),
    }[level]
    node = practice.add_node()
    found = modality.find(practice, node, tmp_path / "found", LEVELS[level], f"0008,0052={level}", *keys)
    if level == "PATIENT":
        assert [str(one.PatientName) for one in found] == ["Okonkwo^Amara"]
    elif level == "STUDY":
        (study,) = found
        assert study.StudyInstanceUID == item.StudyInstanceUID
        assert (study.NumberOfStudyRelatedSeries, study.NumberOfStudyRelatedInstances) == (2, 3)
        assert study.ModalitiesInStudy == "CT"
    elif level == "SERIES":
        assert sorted(one.NumberOfSeriesRelatedInstances for one in found) == [1, 2]
    else:
        assert {one.SOPInstanceUID for one in found} == {one.SOPInstanceUID for one in images[:2]}


def test_commitment_is_answered_on_a_new_association(practice: Practice, tmp_path: Path) -> None:
    """What is here is committed, what is not is named with the reason (PS3.4 J.3.3)."""
    with modality.listening_for_reports() as (port, reports):
        device = practice.add_node("127.0.0.1", port)
        station, item = an_exam_on_the_worklist(practice, tmp_path / "worklist", a_person())
        images = modality.series(item, 2)
        modality.store(practice, station, *modality.write(tmp_path / "sent", images))
        here = [(modality.CT, one.SOPInstanceUID) for one in images]
        transaction = modality.ask_for_commitment(practice, device, here)
        until(lambda: len(reports) == 1, "the first report")
        event, report = reports[0]
        assert (event, report.TransactionUID) == (1, transaction)
        assert [one.ReferencedSOPInstanceUID for one in report.ReferencedSOPSequence] == [uid for _, uid in here]
        missing = generate_uid()
        modality.ask_for_commitment(practice, device, [*here, (modality.CT, missing)])
        until(lambda: len(reports) == 2, "the second report")
        event, report = reports[1]
        assert event == 2
        (failed,) = report.FailedSOPSequence
        assert (failed.ReferencedSOPInstanceUID, failed.FailureReason) == (missing, 0x0112)


def imported(practice: Practice, *paths: Path) -> dict[str, int]:
    """How many files `ris-pacs import` stored, knew already and refused."""
    done = practice.run("import", "--json", *paths)
    said = json.loads(done.stdout)
    assert done.returncode == (1 if said["refused"] else 0), done.stderr
    return {name: said[name] for name in ("stored", "already there", "refused")}


def test_import_of_a_folder_a_zip_and_a_dicomdir(practice: Practice, tmp_path: Path) -> None:
    folder = tmp_path / "cd"
    shutil.copytree(MEDIA / "98892001", folder / "98892001")
    (folder / "readme.txt").write_text("not a picture")
    assert imported(practice, folder) == {"stored": 7, "already there": 0, "refused": 1}
    assert imported(practice, folder / "98892001") == {"stored": 0, "already there": 7, "refused": 0}
    with zipfile.ZipFile(tmp_path / "cd.zip", "w") as archive:
        for number, file in enumerate((MEDIA / "98892003" / "MR1").iterdir()):
            archive.write(file, f"disc/{number}.dcm")
    assert imported(practice, tmp_path / "cd.zip") == {"stored": 3, "already there": 0, "refused": 0}
    everything = imported(practice, MEDIA / "DICOMDIR")
    assert everything == {"stored": 21, "already there": 10, "refused": 0}
    found = modality.find(
        practice, practice.add_node(), tmp_path / "found", "-P", "0008,0052=PATIENT", "0010,0010=Doe^*", "0010,0020"
    )
    assert {str(one.PatientName) for one in found} == {"Doe^Archibald", "Doe^Peter"}
