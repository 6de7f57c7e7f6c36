"""Objects to try things on: pydicom's own test files, and small data sets written byte by byte.

The files come with pydicom and pydicom-data (MIT; each described in its README) and are found on disk:
asking pydicom for them by name would look for more of them on the network.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import data_store
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

TEST_FILES = Path(pydicom.__file__).parent / "data" / "test_files"
CHARSET_FILES = Path(pydicom.__file__).parent / "data" / "charset_files"
MORE_FILES = Path(data_store.__file__).parent / "data"

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
DEFLATED, BIG = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"


def sample(name: str) -> Path:
    return next(folder / name for folder in (TEST_FILES, CHARSET_FILES, MORE_FILES) if (folder / name).exists())


def all_samples() -> list[Path]:
    found = [path for folder in (TEST_FILES, CHARSET_FILES, MORE_FILES) for path in sorted(folder.glob("*.dcm"))]
    assert len(found) > 150, "pydicom's test files are not where they used to be"
    return found


def ident(path: Path) -> str:
    return path.stem


def element(tag: int, vr: str, value: bytes, length: int | None = None) -> bytes:
    """One element in explicit VR little endian; length: to lie about it."""
    if len(value) % 2:
        value += b" "
    size = len(value) if length is None else length
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    if vr in ("OB", "OW", "SQ", "UN", "UT", "OF", "OD"):
        return head + struct.pack("<HI", 0, size) + value
    return head + struct.pack("<H", size) + value


def item(content: bytes, undefined: bool = False) -> bytes:
    if undefined:
        return struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + content + struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content


def sequence(tag: int, *items: bytes, undefined: bool = False, vr: str = "SQ") -> bytes:
    content = b"".join(items)
    if undefined:
        end = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        return element(tag, vr, content, 0xFFFFFFFF) + end
    return element(tag, vr, content)


def picture(
    path: Path, pixels: Any, *, frames: list[bytes] | None = None, syntax: str = EXPLICIT, **values: Any
) -> Path:
    """Write a secondary capture. pixels: rows × columns (× 3); frames: encoded ones in place of them."""
    made = Dataset()
    made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    made.SOPInstanceUID = "2.25.1"
    made.Modality = "OT"
    shape = pixels.shape
    made.SamplesPerPixel = 3 if pixels.ndim == 3 and shape[-1] == 3 else 1
    made.Rows, made.Columns = shape[:2] if made.SamplesPerPixel == 3 or pixels.ndim == 2 else shape[1:]
    if pixels.ndim == 3 and made.SamplesPerPixel == 1:
        made.NumberOfFrames = shape[0]
    made.PhotometricInterpretation = "RGB" if made.SamplesPerPixel == 3 else "MONOCHROME2"
    if made.SamplesPerPixel == 3:
        made.PlanarConfiguration = 0
    made.BitsAllocated = made.BitsStored = pixels.dtype.itemsize * 8
    made.PixelRepresentation = int(pixels.dtype.kind == "i")
    kind = {"f4": "FloatPixelData", "f8": "DoubleFloatPixelData"}.get(pixels.dtype.str[1:], "PixelData")
    setattr(made, kind, encapsulate(frames) if frames else np.ascontiguousarray(pixels).tobytes())
    for keyword, value in values.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    made.HighBit = values.get("HighBit", made.BitsStored - 1)
    if kind == "PixelData":
        made["PixelData"].VR = "OB" if frames or made.BitsAllocated <= 8 else "OW"
        made["PixelData"].is_undefined_length = bool(frames)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = UID(syntax)
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.save_as(path, enforce_file_format=True)
    return path
