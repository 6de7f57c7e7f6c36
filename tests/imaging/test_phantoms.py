"""Drawn exams: what a validator says of their headers, that they follow the request, that they repeat."""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from ris_pacs.imaging.header import read_file
from ris_pacs.imaging.phantoms import ct
from ris_pacs.imaging.phantoms.counts import places, shared_out
from ris_pacs.imaging.phantoms.exam import VARIANTS, acquire, variant_for
from ris_pacs.imaging.phantoms.headers import LOSSLESS
from ris_pacs.imaging.phantoms.subject import Subject
from ris_pacs.imaging.pixels import open_picture
from ris_pacs.imaging.render import draw, thumbnail

ALL = [(modality, variant) for modality, variants in VARIANTS.items() for variant in variants]
USUAL = [(modality, variants[0]) for modality, variants in VARIANTS.items()]
# Enough for one object of every series.
FEW = {"CT": 3, "MR": 6, "US": 2, "PT": 2, "ES": 1}
VALIDATOR = shutil.which("dciodvfy")
PROCEDURES = Path(__file__).parents[2] / "seed_data" / "procedures.csv"


def minted() -> Callable[[], str]:
    count = iter(range(1, 100_000))
    return lambda: f"2.25.{10**30 + next(count)}"


def subject(**changes: Any) -> Subject:
    values: dict[str, Any] = {
        "patient_name": "Yamada^Tarou=山田^太郎=やまだ^たろう",
        "patient_id": "M0044102",
        "issuer_of_patient_id": "RIV",
        "birth_date": date(1968, 6, 3),
        "sex": "M",
        "accession_number": "RIV26004412",
        "issuer_of_accession": "RIV",
        "study_uid": "2.25.77",
        "requested_procedure_id": "RP17",
        "requested_procedure_description": "CT chest with contrast",
        "scheduled_step_id": "SPS17",
        "performed_step_uid": "2.25.88",
        "referring_physician": "Achterberg^Lena",
        "station_ae": "CT1",
        "institution": "Riverside Imaging",
        "started": datetime(2026, 11, 24, 23, 58, 30, tzinfo=timezone(timedelta(hours=-5))),
    }
    return Subject(**(values | changes))


def exam(modality: str, variant: str, seed: int = 3, images: int | None = None, **options: Any) -> list[Dataset]:
    lossless = options.pop("lossless", "")
    who = subject(**options)
    return list(acquire(modality, variant, who, uid=minted(), seed=seed, images=images, lossless=lossless))


def saved(objects: list[Dataset], folder: Path) -> list[Path]:
    paths = []
    for number, made in enumerate(objects):
        paths.append(folder / f"{number:03d}.dcm")
        made.save_as(paths[-1], enforce_file_format=True)
    return paths


def digest(objects: list[Dataset]) -> str:
    whole = hashlib.sha256()
    for made in objects:
        file = BytesIO()
        made.save_as(file, enforce_file_format=True)
        whole.update(file.getvalue())
    return whole.hexdigest()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    return tmp_path_factory.mktemp("phantoms")


@pytest.mark.parametrize(
    ("modality", "variant", "side"),
    [(*kind, "L") for kind in ALL] + [(*kind, "") for kind in ALL if kind[0] not in ("CT", "PT", "ES")],
)
def test_the_validator_finds_no_error(modality: str, variant: str, side: str, tmp_path: Path) -> None:
    if VALIDATOR is None:
        if os.environ.get("CI") == "true":
            pytest.fail("dciodvfy (package dicom3tools) is missing")
        pytest.skip("dciodvfy (package dicom3tools) is missing: the headers of this phantom are NOT validated")
    words = f"{modality} {variant}" + (" with contrast" if side else "")
    objects = exam(modality, variant, images=FEW.get(modality), laterality=side, requested_procedure_description=words)
    seen: set[str] = set()
    for path, made in zip(saved(objects, tmp_path), objects, strict=True):
        if made.SeriesInstanceUID in seen:
            continue
        seen.add(made.SeriesInstanceUID)
        told = subprocess.run([VALIDATOR, path], capture_output=True, text=True, check=False)
        errors = [line for line in (told.stdout + told.stderr).splitlines() if "Error" in line]
        assert not errors


@pytest.mark.parametrize(("modality", "variant"), USUAL)
def test_objects_carry_what_the_request_says(modality: str, variant: str, tmp_path: Path) -> None:
    for path in saved(exam(modality, variant, images=FEW.get(modality)), tmp_path):
        meta, header = read_file(path)
        assert header.person_name(0x00100010)[:3] == ("Yamada^Tarou", "山田^太郎", "やまだ^たろう")
        assert header.text(0x00100020) == "M0044102"
        assert header.text(0x00100021) == "RIV"
        assert header.string(0x00100030) == "19680603"
        assert header.text(0x00080050) == "RIV26004412"
        assert header.string(0x0020000D) == "2.25.77"
        assert (header.string(0x00080020), header.string(0x00080030)) == ("20261124", "235830")
        assert header.string(0x00080201) == "-0500"
        assert header.string(0x00080060) == modality
        assert header.string(0x00080018) == meta.sop_instance
        issuer, request, step = (header.item(tag) for tag in (0x00080051, 0x00400275, 0x00081111))
        assert issuer is not None
        assert request is not None
        assert step is not None
        assert issuer.text(0x00400031) == "RIV"
        assert (request.text(0x00401001), request.text(0x00400009)) == ("RP17", "SPS17")
        assert request.text(0x00080050) == "RIV26004412"
        assert request.text(0x00321060) == "CT chest with contrast"
        assert step.string(0x00081155) == "2.25.88"


def test_what_the_request_does_not_say_is_left_out() -> None:
    bare = Subject("Doe^Jane", "1", "2.25.5")
    (made, *_) = acquire("CR", "hand", bare, uid=minted(), seed=1)
    for keyword in ("IssuerOfPatientID", "RequestAttributesSequence", "ReferencedPerformedProcedureStepSequence"):
        assert keyword not in made
    assert (made.AccessionNumber, made.PatientBirthDate) == ("", "")


def test_midnight_passes_during_an_exam() -> None:
    objects = exam("CT", "chest", images=12)
    assert {made.StudyDate for made in objects} == {"20261124"}
    assert (objects[0].InstanceCreationDate, objects[-1].InstanceCreationDate) == ("20261124", "20261124")
    times = [made.InstanceCreationDate + made.InstanceCreationTime for made in exam("CR", "chest", images=4)]
    assert times == sorted(times)
    assert times[-1] > "20261125"


@pytest.mark.parametrize(("modality", "variant"), USUAL)
def test_the_same_seed_gives_the_same_bytes(modality: str, variant: str) -> None:
    count = FEW.get(modality)
    first, again, other = (digest(exam(modality, variant, seed, count)) for seed in (5, 5, 6))
    assert first == again
    assert first != other


@pytest.mark.parametrize(("modality", "variant"), USUAL)
@pytest.mark.parametrize("images", [0, 1, 5])
def test_as_many_images_as_wanted(modality: str, variant: str, images: int) -> None:
    objects = exam(modality, variant, images=images)
    assert len(objects) == images
    assert len({made.SOPInstanceUID for made in objects}) == images


def test_a_ct_exam_has_a_localiser_and_a_series_for_each_kernel() -> None:
    objects = exam("CT", "chest")
    series: dict[int, list[Dataset]] = {}
    for made in objects:
        series.setdefault(made.SeriesNumber, []).append(made)
    assert [len(found) for found in series.values()] == [1, 25, 25]
    assert objects[0].ImageType[2] == "LOCALIZER"
    assert [found[0].ConvolutionKernel for found in list(series.values())[1:]] == ["B30f", "B70f"]
    for found in list(series.values())[1:]:
        heights = [float(made.ImagePositionPatient[2]) for made in found]
        assert np.allclose(np.diff(heights), -float(found[0].SpacingBetweenSlices), atol=0.01)
    assert len({made.FrameOfReferenceUID for made in objects}) == 1


def test_hounsfield_units_are_those_of_the_tissues() -> None:
    made = exam("CT", "abdomen", requested_procedure_description="CT abdomen")[7]
    hu = made.pixel_array.astype(float) * float(made.RescaleSlope) + float(made.RescaleIntercept)
    assert hu[5, 5] == pytest.approx(-1000, abs=40)
    liver = hu[110:126, 76:92]
    assert liver.mean() == pytest.approx(62, abs=12)
    assert 4 < liver.std() < 25


def test_a_nodule_grows_with_the_seed() -> None:
    assert [ct.nodule_radius(seed) for seed in (0, 2, 6, 10, 14)] == [0.0, 3.0, 4.2, 5.5, 7.0]
    small, large = (exam("CT", "chest", seed)[9].pixel_array.astype(int) for seed in (2, 14))
    assert (large - small > 400).sum() > 20


def test_a_patient_looks_the_same_in_all_exams() -> None:
    def coarse(seed: int, patient: str) -> Any:
        pixels = exam("CT", "abdomen", seed, patient_id=patient)[10].pixel_array.astype(float)
        return pixels.reshape(32, 8, 32, 8).mean((1, 3))

    first = coarse(20, "M0044102")
    assert np.abs(first - coarse(33, "M0044102")).mean() < 5
    assert np.abs(first - coarse(20, "M0044105")).mean() > 7


def test_activity_is_in_becquerels(tmp_path: Path) -> None:
    objects = exam("PT", "whole body", images=20)
    assert {made.Units for made in objects} == {"BQML"}
    peak = max(float(made.RescaleSlope) * int(made.pixel_array.max()) for made in objects)
    radio = objects[0].RadiopharmaceuticalInformationSequence[0]
    one = float(radio.RadionuclideTotalDose) * 0.5 ** (3600 / float(radio.RadionuclideHalfLife))
    uptake = peak * float(objects[0].PatientWeight) * 1000 / one
    assert 8 < uptake < 40  # the bladder


def test_sides_are_mirrored_and_marked() -> None:
    left, right = (exam("DX", "hand", laterality=side)[0] for side in "LR")
    assert (left.ImageLaterality, right.ImageLaterality) == ("L", "R")
    mirrored = np.abs(left.pixel_array[300:, ::-1].astype(int) - right.pixel_array[300:].astype(int))
    assert np.median(mirrored) < 120
    screening = exam("MG", "screening")
    assert [made.ImageLaterality for made in screening] == ["R", "L", "R", "L"]


def test_ultrasound_moves_and_has_its_scale() -> None:
    cine, still = exam("US", "obstetric", images=2)
    assert (cine.NumberOfFrames, cine.SOPClassUID) == (16, "1.2.840.10008.5.1.4.1.1.3.1")
    region = cine.SequenceOfUltrasoundRegions[0]
    assert region.PhysicalUnitsXDirection == 3
    assert 0.02 < region.PhysicalDeltaX < 0.06
    assert still.SOPClassUID == "1.2.840.10008.5.1.4.1.1.6.1"


@pytest.mark.parametrize("lossless", LOSSLESS)
@pytest.mark.parametrize(("modality", "variant"), [("CT", "head"), ("DX", "wrist"), ("NM", "thyroid")])
def test_lossless_compression_changes_no_pixel(modality: str, variant: str, lossless: str, tmp_path: Path) -> None:
    plain, packed = (exam(modality, variant, images=1, lossless=how)[0] for how in ("", lossless))
    assert packed.file_meta.TransferSyntaxUID == LOSSLESS[lossless]
    one, other = saved([plain, packed], tmp_path)
    assert np.array_equal(open_picture(one).decode(1), open_picture(other).decode(1))
    assert other.stat().st_size < one.stat().st_size


def test_endoscopy_is_jpeg_in_colour(tmp_path: Path) -> None:
    (still,) = exam("ES", "colonoscopy", images=1)
    assert still.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.50"
    shown = draw(open_picture(saved([still], tmp_path)[0]), 1)
    red, green, blue = (shown[60:340, 60:340, channel].mean() for channel in range(3))
    assert red > green > blue


@pytest.mark.parametrize(("modality", "variant"), ALL)
def test_every_picture_has_contrast_and_nothing_burnt_in(modality: str, variant: str, tmp_path: Path) -> None:
    made = exam(modality, variant, images=1)[0]
    assert made.BurnedInAnnotation == "NO"
    path = saved([made], tmp_path)[0]
    shown = draw(open_picture(path), 1, box=(128, 128))
    assert shown.std() > 12
    assert thumbnail(path)[:2] == b"\xff\xd8"


@pytest.mark.parametrize("row", list(csv.DictReader(PROCEDURES.open())), ids=lambda row: row["code"])
def test_every_procedure_of_the_catalogue_can_be_drawn(row: dict[str, str]) -> None:
    assert variant_for(row["modality"], row["body_part"]) in VARIANTS[row["modality"]]


@pytest.mark.parametrize(
    ("modality", "part", "variant"),
    [
        ("CT", "CHEST", "chest"),
        ("CT", "ABDOMENPELVIS", "abdomen pelvis"),
        ("MR", "LSPINE", "lumbar spine"),
        ("MR", "lumbar spine", "lumbar spine"),
        ("DX", "FOOT", "foot"),
        ("CR", "FINGER", "hand"),
        ("US", "LEG", "vessels"),
        ("NM", "HEART", "heart"),
        ("PT", "WHOLEBODY", "whole body"),
        ("ES", "BRONCHUS", "bronchoscopy"),
        ("CT", "LEFT ELBOW OF A MARTIAN", "chest"),
    ],
)
def test_the_nearest_picture(modality: str, part: str, variant: str) -> None:
    assert variant_for(modality, part) == variant


def test_what_cannot_be_drawn_is_said_at_once() -> None:
    for modality, variant, lossless in (("CT", "unicorn", ""), ("XX", "chest", ""), ("CT", "chest", "zip")):
        with pytest.raises(KeyError):
            acquire(modality, variant, subject(), uid=minted(), seed=1, lossless=lossless)


def test_images_are_shared_out() -> None:
    assert shared_out([1, 25, 25], None) == [1, 25, 25]
    for images in range(60):
        assert sum(shared_out([3, 12, 18, 18], images)) == images
    usual = {round(place, 6) for place in places(214, -74, 25, 25)[0]}
    for count in range(1, 26):
        found, gap = places(214, -74, 25, count)
        assert len(found) == count
        assert {round(place, 6) for place in found} <= usual
        if count > 1:
            assert np.allclose(np.diff(found), -gap)
