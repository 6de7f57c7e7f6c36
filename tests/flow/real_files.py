"""Files that real devices wrote, from pydicom and pydicom-data as they are installed; nothing is fetched."""

from __future__ import annotations

from importlib.metadata import files
from pathlib import Path

import pydicom.data
import pytest

_PYDICOM = Path(pydicom.data.__file__).parent

# One for each transfer syntax that modalities send. Every one of them has a SOP Instance UID of its own.
BY_SYNTAX = (
    "CT_small.dcm",  # explicit little endian
    "gdcm-US-ALOKA-16.dcm",  # implicit, ultrasound
    "emri_small_big_endian.dcm",  # big endian, multi-frame
    "image_dfl.dcm",  # deflated
    "examples_ybr_color.dcm",  # JPEG baseline, multi-frame ultrasound
    "JPGExtended.dcm",  # JPEG extended
    "JPEG-LL.dcm",  # JPEG lossless
    "MR_small_jpeg_ls_lossless.dcm",  # JPEG-LS
    "693_J2KR.dcm",  # JPEG 2000 lossless
    "693_J2KI.dcm",  # JPEG 2000
    "OBXXXX1A_rle_2frame.dcm",  # RLE, multi-frame ultrasound
)
# Other kinds of objects, and names in other scripts.
OF_OTHER_KINDS = (
    "ExplVR_BigEnd.dcm",
    "eCT_Supplemental.dcm",
    "waveform_ecg.dcm",
    "test-SR.dcm",
    "rtdose_rle.dcm",
    "liver.dcm",
    "chrGreek.dcm",
    "chrH31.dcm",
    "chrH32.dcm",
    "chrI2.dcm",
    "chrKoreanMulti.dcm",
    "chrRuss.dcm",
    "chrX1.dcm",
    "chrX2.dcm",
)
MEDIA = _PYDICOM / "test_files" / "dicomdirtests"


def real_file(name: str) -> Path:
    """Where a file of this name is. A missing package is a failure: the lock names it."""
    for folder in (_PYDICOM / "test_files", _PYDICOM / "charset_files", _data_store()):
        if (folder / name).is_file():
            return folder / name
    pytest.fail(f"{name} is in neither pydicom nor pydicom-data")


def _data_store() -> Path:
    found = next(one for one in files("pydicom-data") or () if one.suffix == ".dcm")
    return Path(str(found.locate())).parent
