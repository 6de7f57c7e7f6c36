"""Queries as DICOM writes them: what an identifier asks for, and the elements that a row answers with (PS3.4 C.6)."""

from __future__ import annotations

from pydicom.dataset import Dataset

from ris_pacs.archive.models import Instance, Series, Study
from ris_pacs.archive.queries.find import FindKeys
from ris_pacs.dicom.matching import split_range

STUDIES_OF_PATIENT = 0x00201200


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
