"""A stored data set in another transfer syntax (PS3.5 Annex A), for peers that need it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from ris_pacs.dicom.encode import deflate
from ris_pacs.dicom.handlers import StoredFile
from ris_pacs.dicom.negotiation import UNCOMPRESSED
from ris_pacs.kernel.errors import DomainError

Transcode = Callable[[Path, str], BinaryIO | None]

_WORD_SIZES = {"OW": 2, "OL": 4, "OF": 4, "OD": 8, "OV": 8}  # bytes that change places between endians


class ConversionFailed(ValueError):
    """The stored file could not be read, rewritten or decompressed; why, in words."""


def convert(file: StoredFile, target: str, transcode: Transcode | None = None) -> bytes | BinaryIO | None:
    """The file's data set in transfer syntax `target`, in memory or as an open file; None where nobody can make it.

    Between uncompressed syntaxes by pydicom, which keeps every value; anything else by `transcode`.
    Raises ConversionFailed.
    """
    try:
        if file.transfer_syntax_uid in UNCOMPRESSED and target in UNCOMPRESSED:
            return _rewrite(file, target)
        return transcode(file.path, target) if transcode else None
    except DomainError as error:
        raise ConversionFailed(error.message) from error
    except Exception as error:  # whatever a damaged file makes of the reader; the next file may be sound
        raise ConversionFailed(f"the stored file cannot be read: {type(error).__name__}: {error}") from error


def _rewrite(file: StoredFile, target: str) -> bytes:
    if file.transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
        raw = zlib.decompress(file.path.read_bytes()[file.offset :], wbits=-zlib.MAX_WBITS)
        dataset = dcmread(DicomBytesIO(raw), force=True)
    else:
        dataset = dcmread(file.path)
    if (file.transfer_syntax_uid == ExplicitVRBigEndian) != (target == ExplicitVRBigEndian):
        _swap_words(dataset)
    out = DicomBytesIO()
    out.is_implicit_VR = target == ImplicitVRLittleEndian
    out.is_little_endian = target != ExplicitVRBigEndian
    write_dataset(out, dataset)
    return deflate(out.getvalue()) if target == DeflatedExplicitVRLittleEndian else out.getvalue()


def _swap_words(dataset: Dataset) -> None:
    """pydicom writes OW and its like as they are; the words inside have to turn round (PS3.5 7.3)."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                _swap_words(item)
        elif element.VR in _WORD_SIZES and element.value:
            words = np.frombuffer(element.value, dtype=f"u{_WORD_SIZES[element.VR]}")
            element.value = words.byteswap().tobytes()
