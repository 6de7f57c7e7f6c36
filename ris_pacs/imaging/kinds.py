"""What an object without pixels is, in a word that people know."""

from __future__ import annotations

from pydicom.uid import UID

from ris_pacs.imaging.elements import Elements

_SOP_CLASS, _MODALITY, _DOCUMENT_TITLE, _CONCEPT, _MEANING = 0x00080016, 0x00080060, 0x00420010, 0x0040A043, 0x00080104

_STORAGE = "1.2.840.10008.5.1.4.1.1."
# By the beginning of the SOP class UID; the first that fits.
_KINDS = (
    (f"{_STORAGE}88.59", "key object selection"),
    (f"{_STORAGE}88.67", "radiation dose report"),
    (f"{_STORAGE}88.", "structured report"),
    (f"{_STORAGE}11.", "presentation state"),
    (f"{_STORAGE}104.1", "PDF document"),
    (f"{_STORAGE}104.2", "CDA document"),
    (f"{_STORAGE}104.", "3D model"),
    (f"{_STORAGE}9.", "waveform"),
    (f"{_STORAGE}481.3", "radiotherapy structure set"),
    (f"{_STORAGE}481.5", "radiotherapy plan"),
    (f"{_STORAGE}481.8", "radiotherapy plan"),
    (f"{_STORAGE}481.", "radiotherapy record"),
    (f"{_STORAGE}66.5", "surface segmentation"),
    (f"{_STORAGE}66.1", "spatial registration"),
    (f"{_STORAGE}66.3", "spatial registration"),
    (f"{_STORAGE}66.2", "spatial fiducials"),
    (f"{_STORAGE}66.6", "tractography"),
    (f"{_STORAGE}66", "raw data"),
    (f"{_STORAGE}67", "real world value mapping"),
    ("1.2.840.10008.1.3.10", "media directory"),
)
_MODALITIES = {
    "SR": "structured report",
    "KO": "key object selection",
    "PR": "presentation state",
    "DOC": "document",
    "ECG": "waveform",
    "RTSTRUCT": "radiotherapy structure set",
    "RTPLAN": "radiotherapy plan",
    "RTRECORD": "radiotherapy record",
}


def describe(header: Elements) -> str:
    """ "structured report (Chest CT Report)", "key object selection", "waveform", …"""
    sop_class = header.string(_SOP_CLASS)
    kind = next((word for prefix, word in _KINDS if sop_class.startswith(prefix)), None)
    kind = kind or _MODALITIES.get(header.string(_MODALITY))
    if kind is None:
        name = UID(sop_class).name if sop_class else ""
        kind = name.removesuffix(" Storage") if name and name != sop_class else "object of an unknown kind"
    concept = header.item(_CONCEPT)
    title = header.text(_DOCUMENT_TITLE) or (concept.text(_MEANING) if concept else "")
    return f"{kind} ({title[:64]})" if title else kind
