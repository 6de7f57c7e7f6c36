"""C-FIND of the Patient Root and Study Root query models (PS3.4 C.4.1, C.6)."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from ris_pacs.archive.models import Instance, Series, Study
from ris_pacs.archive.queries import find
from ris_pacs.archive.queries.find import FindKeys
from ris_pacs.dicom.character_sets import choose_character_set
from ris_pacs.dicom.handlers import Association, DimseFailure, Elements, FindRequest, Match, Status
from ris_pacs.dicom.matching import matches, split_range
from ris_pacs.kernel import audit
from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.kernel.uow import System, UnitOfWork, read_only

LEVEL, CHARACTER_SET = 0x00080052, 0x00080005
STUDIES_OF_PATIENT = 0x00201200
# PS3.4 Table C.4-1.
IDENTIFIER_DOES_NOT_MATCH = 0xA900


class ArchiveFind:
    """Finds at every level; keys of a level above may be left out (relational)."""

    def __init__(self, system: System, ae_title: str) -> None:
        self._system = system
        self._ae_title = ae_title

    def find(self, request: FindRequest, association: Association) -> Iterator[Match]:
        actor = association.device.actor
        assert isinstance(actor, Actor)
        demand(actor, Right.STUDY_VIEW)
        level = level_of(request.identifier, request.sop_class_uid)
        accepted = association.device.character_sets or asked_in(request.identifier)
        wanted = {int(element.tag) for element in request.identifier}
        keys = keys_of(request.identifier)
        with read_only(self._system) as uow:
            audit.record(
                uow,
                actor,
                "query archive",
                ("archive", level),
                patient_id=None,
                detail={"keys": readable_keys(request.identifier)},
            )
        with read_only(self._system) as uow:
            for elements in self._answers(uow, level, keys, actor):
                if matches(request.identifier, elements):
                    yield self._match(elements, wanted, level, accepted)

    def _answers(self, uow: UnitOfWork, level: str, keys: FindKeys, actor: Actor) -> Iterator[Elements]:
        if level == "PATIENT":
            for patient in find.find_patients(uow, keys, actor):
                yield {**patient_elements(patient.study), STUDIES_OF_PATIENT: patient.studies}
        elif level == "STUDY":
            for study in find.find_studies(uow, keys, actor):
                yield study_elements(study)
        elif level == "SERIES":
            for series in find.find_series(uow, keys, actor):
                yield {**study_elements(series.study), **series_elements(series.series)}
        else:
            for one in find.find_instances(uow, keys, actor):
                yield {
                    **study_elements(one.study),
                    **series_elements(one.series),
                    **instance_elements(one.instance),
                }

    def _match(self, elements: Elements, wanted: set[int], level: str, accepted: tuple[str, ...]) -> Match:
        """What was asked for, as far as we have it, in a character set that the asker can read."""
        answer = {tag: value for tag, value in elements.items() if tag in wanted}
        answer[LEVEL] = level
        answer[0x00080054] = self._ae_title
        answer[0x00080056] = "ONLINE"
        texts = [value for value in answer.values() if isinstance(value, str)]
        return Match(answer, choose_character_set(texts, accepted))


def level_of(identifier: Dataset, sop_class_uid: str) -> str:
    """Raises DimseFailure."""
    level = str(identifier.get("QueryRetrieveLevel", "")).strip()
    if level not in find.LEVELS:
        raise DimseFailure(Status(IDENTIFIER_DOES_NOT_MATCH, f"no such level: {level[:16]!r}", (LEVEL,)))
    if level == "PATIENT" and not sop_class_uid.startswith("1.2.840.10008.5.1.4.1.2.1."):
        raise DimseFailure(Status(IDENTIFIER_DOES_NOT_MATCH, "PATIENT is no level of this model", (LEVEL,)))
    return level


def asked_in(identifier: Dataset) -> tuple[str, ...]:
    """The character set that the query itself is written in: what the asker can surely read."""
    value = identifier.get("SpecificCharacterSet")
    if not value:
        return ()
    return (value,) if isinstance(value, str) else ("\\".join(value),)


def keys_of(identifier: Dataset) -> FindKeys:
    """The keys that the database narrows by. Values that cannot be what they should match nothing, not everything."""
    return FindKeys(
        study_uids=_uids(identifier, "StudyInstanceUID"),
        series_uids=_uids(identifier, "SeriesInstanceUID"),
        sop_uids=_uids(identifier, "SOPInstanceUID"),
        patient_id=_text(identifier, "PatientID"),
        patient_name=_text(identifier, "PatientName"),
        accession_number=_text(identifier, "AccessionNumber"),
        study_date=split_range(_text(identifier, "StudyDate")),
        modalities=tuple(
            one for one in _values(identifier, "ModalitiesInStudy") if one and "*" not in one and "?" not in one
        ),
        series_modality=_text(identifier, "Modality"),
    )


def _values(identifier: Dataset, keyword: str) -> list[str]:
    value = identifier.get(keyword)
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [value.strip()]
    return [str(one).strip() for one in value] if hasattr(value, "__iter__") else [str(value)]


def _uids(identifier: Dataset, keyword: str) -> tuple[str, ...]:
    return tuple(one for one in _values(identifier, keyword) if one and set(one) != {"*"})


def _text(identifier: Dataset, keyword: str) -> str:
    value = identifier.get(keyword)
    text = str(value).strip() if value is not None else ""
    return "" if set(text) <= {"*"} else text


def readable_keys(identifier: Dataset) -> dict[str, str]:
    """The keys that were not universal, for the audit trail."""
    return {
        element.keyword or str(element.tag): str(element.value)[:64]
        for element in identifier
        if element.VR != "SQ" and str(element.value).strip()
    }


def attributes() -> dict[str, list[int]]:
    """Tags that an answer may carry at each level, beside those of the levels above."""
    study, series, instance = Study(), Series(), Instance()
    patient = [*patient_elements(study), STUDIES_OF_PATIENT]
    return {
        "PATIENT": patient,
        "STUDY": [tag for tag in study_elements(study) if tag not in patient],
        "SERIES": list(series_elements(series)),
        "IMAGE": list(instance_elements(instance)),
    }


def patient_elements(study: Study) -> dict[int, object]:
    return {
        0x00100010: study.received_name,
        0x00100020: study.received_patient_id,
        0x00100021: study.received_issuer,
        0x00100030: study.received_birth_date,
        0x00100040: study.received_sex,
    }


def study_elements(study: Study) -> dict[int, object]:
    return {
        **patient_elements(study),
        0x0020000D: study.study_instance_uid,
        0x00080020: study.study_date,
        0x00080030: study.study_time,
        0x00080050: study.accession_number,
        0x00080061: study.modalities.split("\\") if study.modalities else "",
        0x00080090: study.referrer,
        0x00081030: study.description,
        0x00200010: study.study_id,
        0x00201206: study.series_count,
        0x00201208: study.instance_count,
    }


def series_elements(series: Series) -> dict[int, object]:
    return {
        0x0020000E: series.series_instance_uid,
        0x00080060: series.modality,
        0x00200011: series.number if series.number is not None else "",
        0x0008103E: series.description,
        0x00180015: series.body_part,
        0x00200060: series.laterality,
        0x00080021: series.series_date,
        0x00080031: series.series_time,
        0x00201209: series.instance_count,
    }


def instance_elements(instance: Instance) -> dict[int, object]:
    return {
        0x00080018: instance.sop_instance_uid,
        0x00080016: instance.sop_class_uid,
        0x00200013: instance.number if instance.number is not None else "",
        0x00280010: instance.rows if instance.rows is not None else "",
        0x00280011: instance.columns if instance.columns is not None else "",
        0x00280008: instance.frames if instance.frames is not None else "",
        0x00083002: instance.transfer_syntax_uid,
    }
