"""Codes that headers need, taken from pydicom's copy of PS3.16: the project ships no terminology of its own."""

from __future__ import annotations

from pydicom.sr.codedict import codes

from ris_pacs.imaging.phantoms.headers import Values

REGIONS = {
    "chest": "Chest",
    "abdomen": "Abdomen",
    "pelvis": "Pelvis",
    "hip": "HipJoint",
    "lumbar spine": "LumbarSpine",
    "cervical spine": "CervicalSpine",
    "hand": "Hand",
    "wrist": "WristJoint",
    "forearm": "Forearm",
    "elbow": "ElbowJoint",
    "shoulder": "Shoulder",
    "knee": "Knee",
    "ankle": "AnkleJoint",
    "foot": "Foot",
    "breast": "Breast",
}
_MAMMOGRAPHY = {"CC": "CranioCaudal", "MLO": "MedioLateralObliqueProjection"}


def region(part: str) -> list[Values]:
    """One item for Anatomic Region Sequence (CID 4009, 4031)."""
    return [_item(getattr(codes.SCT, REGIONS[part]))]


def mammography_view(view: str) -> list[Values]:
    """One item for View Code Sequence (CID 4014)."""
    return [_item(getattr(codes.cid4014, _MAMMOGRAPHY[view])) | {"ViewModifierCodeSequence": []}]


def radionuclide(keyword: str) -> list[Values]:
    """CID 18 and 4020, "_18Fluorine"."""
    context = codes.cid4020 if keyword == "_18Fluorine" else codes.cid18
    return [_item(getattr(context, keyword))]


def _item(term: object) -> dict[str, object]:
    return {
        "CodeValue": getattr(term, "value", ""),
        "CodingSchemeDesignator": getattr(term, "scheme_designator", ""),
        "CodeMeaning": getattr(term, "meaning", ""),
    }
