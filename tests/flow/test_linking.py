"""Images find their order by themselves only when nothing speaks against it; the rest waits for a person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from tests.flow import modality
from tests.flow.emr import a_person
from tests.flow.practice_running import Practice
from tests.flow.test_flow import an_exam_on_the_worklist, exam_page
from tests.flow.visitor import Visitor, visitor


@pytest.fixture
def exam(practice: Practice, tmp_path: Path) -> tuple[str, Dataset]:
    """A station and the item that stands on its worklist."""
    return an_exam_on_the_worklist(practice, tmp_path / "worklist", a_person())


@pytest.fixture
def room(practice: Practice) -> Visitor:
    return visitor(practice.address, "technologist")


def send(practice: Practice, station: str, folder: Path, *images: Dataset) -> None:
    modality.store(practice, station, *modality.write(folder / "sent", images))


def study_of(room: Visitor, name: str) -> str:
    """The address of the case of a patient's name in the inbox; "" when it is not there."""
    page = room.get("/reconcile")
    for link in page.links("/reconcile?study="):
        if name in room.get(link).text.partition("Study as received")[2][:400]:
            return link
    return ""


def unlinked(room: Visitor, accession: str) -> bool:
    page = room.get(f"/a/{accession}")
    assert page.status == 200
    return "No images yet" in page.text


OTHERS: dict[str, Callable[[Dataset], dict[str, object]]] = {
    "another name and birth date": lambda item: {"PatientName": "Smith^John", "PatientBirthDate": "19500101"},
    "another number": lambda item: {"PatientID": f"X{item.PatientID[1:]}", "PatientName": "Smith^John"},
    "another birth date": lambda item: {"PatientBirthDate": "19680604"},
    "another sex and name": lambda item: {"PatientSex": "M", "PatientName": "Smith^John"},
}


@pytest.mark.parametrize("differing", OTHERS.values(), ids=OTHERS)
def test_our_number_on_another_patients_images_is_never_linked(
    practice: Practice,
    exam: tuple[str, Dataset],
    room: Visitor,
    tmp_path: Path,
    differing: Callable[[Dataset], dict[str, object]],
) -> None:
    station, item = exam
    send(practice, station, tmp_path, *modality.series(item, 2, **differing(item)))
    assert unlinked(room, item.AccessionNumber)
    inbox = room.get("/reconcile").text
    assert f"Accession number {item.AccessionNumber} is another patient’s" in inbox


def test_a_case_is_accepted_and_undone_by_a_person(
    practice: Practice, exam: tuple[str, Dataset], room: Visitor, tmp_path: Path
) -> None:
    station, item = exam
    typed = f"Okonko^{item.PatientID.lower()}"
    send(practice, station, tmp_path, *modality.series(item, 2, PatientName=typed, PatientID="", AccessionNumber=""))
    accession = item.AccessionNumber
    # The request in the images has its number still, but the name is another one.
    assert unlinked(room, accession)
    case = study_of(room, typed)
    assert case, "the study is not in the inbox"
    page = room.get(case)
    assert "Link to Okonkwo, Amara" in page.text
    assert typed in page.text
    (link,) = page.actions("/link")
    done = room.post(link, order=page.hidden("order"))
    assert f"Linked to {accession}" in done.source
    assert "2 images" in room.get(f"/a/{accession}").text
    assert study_of(room, typed) == ""
    study = next(one for one in exam_page(practice, accession).links("/studies/") if one.count("/") == 2)
    page = room.get(study)
    assert f"Okonko, {item.PatientID.lower()}" in page.text  # The file keeps what the console typed.
    (unlink,) = page.actions("/unlink")
    undone = room.post(unlink, exam=page.hidden("exam"))
    assert "The link is undone" in undone.source
    assert unlinked(room, accession)
    assert study_of(room, typed)


def test_images_without_any_key_wait_with_candidates(
    practice: Practice, exam: tuple[str, Dataset], room: Visitor, tmp_path: Path
) -> None:
    station, item = exam
    keyless = {"AccessionNumber": "", "StudyInstanceUID": generate_uid(), "RequestAttributesSequence": []}
    send(practice, station, tmp_path, modality.image(item, **keyless))
    assert unlinked(room, item.AccessionNumber)
    case = study_of(room, "Okonkwo^Amara")
    page = room.get(case)
    assert "No accession number, and the study UID is not one of ours" in page.text
    assert item.AccessionNumber in page.text
    assert "same patient number" in page.text


def test_a_number_that_is_not_ours_waits(
    practice: Practice, exam: tuple[str, Dataset], room: Visitor, tmp_path: Path
) -> None:
    station, item = exam
    foreign = f"F{generate_uid()[-12:]}"
    keys = {"AccessionNumber": foreign, "StudyInstanceUID": generate_uid(), "RequestAttributesSequence": []}
    send(practice, station, tmp_path, modality.image(item, **keys))
    assert f"Accession number {foreign} is not one of ours" in room.get("/reconcile").text


def test_a_name_in_capitals_without_accents_is_the_same_name(practice: Practice, room: Visitor, tmp_path: Path) -> None:
    station, item = an_exam_on_the_worklist(practice, tmp_path / "worklist", a_person("Bergström", "Åsa"))
    send(practice, station, tmp_path, modality.image(item, PatientName="BERGSTROM^ASA"))
    assert not unlinked(room, item.AccessionNumber)


def test_one_study_answers_two_requests(practice: Practice, room: Visitor, tmp_path: Path) -> None:
    """Request Attributes Sequence with two items: chest and abdomen in one go (PS3.3 C.7.3.1, group case)."""
    person = a_person()
    station, chest = an_exam_on_the_worklist(practice, tmp_path / "1", person)
    _, other = an_exam_on_the_worklist(practice, tmp_path / "2", person)
    image = modality.image(chest)
    image.RequestAttributesSequence = [
        *image.RequestAttributesSequence,
        *modality.image(other).RequestAttributesSequence,
    ]
    image.AccessionNumber = ""
    send(practice, station, tmp_path, image)
    assert not unlinked(room, chest.AccessionNumber)
    assert not unlinked(room, other.AccessionNumber)


def test_two_patients_in_one_study_are_shown(
    practice: Practice, exam: tuple[str, Dataset], room: Visitor, tmp_path: Path
) -> None:
    station, item = exam
    send(
        practice,
        station,
        tmp_path,
        modality.image(item),
        modality.image(item, PatientName="Smith^John", PatientID="X1"),
    )
    page = room.get(f"/a/{item.AccessionNumber}")
    assert "1 image" in page.text
    assert "is another patient’s" in room.get("/reconcile").text
