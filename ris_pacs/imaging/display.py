"""A stored object as web clients get it: its attributes as DICOM JSON and its frames as bytes that agree with them.

The file stays as it is. What no browser can show is described, and sent, as something that every browser can: words
in big-endian order, single bits, subsampled colour without compression (PS3.18 8.7.3, F.2; PS3.3 C.7.6.3).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID

from ris_pacs.imaging import codecs
from ris_pacs.imaging.elements import BITS_ALLOCATED, PHOTOMETRIC
from ris_pacs.imaging.header import EXPLICIT_LITTLE
from ris_pacs.imaging.pixels import Picture
from ris_pacs.imaging.problems import CannotDecode, HeaderError
from ris_pacs.imaging.walk import DOUBLE_PIXELS, FLOAT_PIXELS, PIXELS

INLINE_BYTES = 1024  # What is longer is fetched by its address.
_BINARY = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}
_PIXEL_DATA = (PIXELS, FLOAT_PIXELS, DOUBLE_PIXELS)
_PALETTE = range(0x00281201, 0x00281224)
_PALETTE_BYTES = 1 << 18
_SPACINGS = (0x00280030, 0x00181164, 0x00182010)
_HIGH_BIT, _BITS_STORED, _PLANAR = 0x00280102, 0x00280101, 0x00280006
_MOST_DEPTH = 32

Json = dict[str, Any]


@dataclass(frozen=True)
class ServedFrame:
    """transfer_syntax: of `data`: that of the file for a compressed frame, else Explicit VR Little Endian."""

    data: bytes
    transfer_syntax: str


def stored_frame(picture: Picture, frame: int) -> ServedFrame:
    """A frame as stored when it is compressed, else as `attributes` describes it. Raises CannotDecode, OSError."""
    if picture.pixels.encapsulated:
        return ServedFrame(picture.stored(frame), picture.header.transfer_syntax)
    return ServedFrame(_native(picture, frame), EXPLICIT_LITTLE)


def plain_frame(picture: Picture, frame: int) -> ServedFrame:
    """A frame without compression, little-endian. Raises CannotDecode, OSError."""
    if not picture.pixels.encapsulated:
        return ServedFrame(_native(picture, frame), EXPLICIT_LITTLE)
    shape = picture.shape
    layout = codecs.Layout(shape.rows, shape.columns, shape.samples, shape.bits_allocated, shape.photometric)
    array = codecs.decode(picture.stored(frame), picture.header.transfer_syntax, layout).array
    width = max(1, shape.bits_allocated // 8)
    return ServedFrame(np.ascontiguousarray(array).astype(f"<u{width}", copy=False).tobytes(), EXPLICIT_LITTLE)


def _native(picture: Picture, frame: int) -> bytes:
    shape = picture.shape
    if shape.bits_allocated == 1:
        return picture.decode(frame).astype(np.uint8).tobytes()
    data = picture.stored(frame)
    if picture.header.big_endian and shape.bits_allocated > 8:
        width = shape.bits_allocated // 8
        return np.frombuffer(data[: len(data) // width * width], f">u{width}").byteswap().tobytes()
    if _is_subsampled(shape.photometric, shape.samples):
        return np.ascontiguousarray(picture.decode(frame)).tobytes()
    return data


def _is_subsampled(photometric: str, samples: int) -> bool:
    return photometric == "YBR_FULL_422" and samples == 3


def attributes(path: Path, address: str) -> Json:
    """The data set in DICOM JSON, without its file meta information (PS3.18 F.2).

    address: of the instance; long values are at `{address}/bulkdata/{path of tags}`. An element whose value cannot be
    read is left out. Raises HeaderError, OSError.
    """
    dataset = _read(path)
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", EXPLICIT_LITTLE))
    found = dict(_elements(dataset, f"{address}/bulkdata", 0))
    found["00083002"] = {"vr": "UI", "Value": [syntax]}
    if "00080005" in found:
        found["00080005"] = {"vr": "CS", "Value": ["ISO_IR 192"]}  # JSON is UTF-8 (PS3.18 F.2.2).
    _correct(dataset, found)
    for tag in _PIXEL_DATA:
        if f"{tag:08X}" in found:
            found[f"{tag:08X}"] = {"vr": found[f"{tag:08X}"]["vr"], "BulkDataURI": f"{address}/bulkdata/{tag:08X}"}
    return dict(sorted(found.items()))


def _read(path: Path) -> Dataset:
    try:
        return dcmread(path, force=True, defer_size=1 << 16)
    except OSError:
        raise
    except Exception as problem:  # Whatever a damaged file makes of the reader.
        raise HeaderError(f"{type(problem).__name__}: {problem}", 0) from problem


def _elements(dataset: Dataset, address: str, depth: int) -> Iterator[tuple[str, Json]]:
    if depth > _MOST_DEPTH:
        return
    for tag in sorted(dataset.keys()):
        name = f"{int(tag):08X}"
        if tag.element == 0 or tag.group == 0x0002:
            continue
        if tag in _PIXEL_DATA and depth == 0:
            yield name, {"vr": str(dataset.get_item(tag).VR or "OW")}
            continue
        try:
            yield name, _element(dataset[tag], f"{address}/{name}", depth)
        except Exception:  # noqa: S112 - one value that is not what its VR says must not hide the others
            continue


def _element(element: DataElement, address: str, depth: int) -> Json:
    if element.VR == "SQ":
        items = [dict(_elements(item, f"{address}/{number}", depth + 1)) for number, item in enumerate(element.value)]
        return {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
    if element.VR in _BINARY:
        value = element.value or b""
        inline = _PALETTE_BYTES if int(element.tag) in _PALETTE else INLINE_BYTES
        if len(value) > inline:
            return {"vr": element.VR, "BulkDataURI": address}
        return {"vr": element.VR, **({"InlineBinary": base64.b64encode(value).decode()} if value else {})}
    found: Json = element.to_json_dict(None, 0)
    json.dumps(found, allow_nan=False)  # What JSON cannot say is not said (PS3.18 F.2.2).
    return found


def _correct(dataset: Dataset, found: Json) -> None:
    """What viewers take at its word and should not, and what the frames are as they are sent."""
    for tag in _SPACINGS:
        values = found.get(f"{tag:08X}", {}).get("Value", [])
        if values and not all(isinstance(value, (int, float)) and value > 0 for value in values):
            del found[f"{tag:08X}"]
    syntax = UID(str(dataset.file_meta.get("TransferSyntaxUID", EXPLICIT_LITTLE)))
    if syntax.is_transfer_syntax and not syntax.is_encapsulated:
        _as_sent(dataset, found)


def _as_sent(dataset: Dataset, found: Json) -> None:
    photometric = str(dataset.get("PhotometricInterpretation", ""))
    if _is_subsampled(photometric, int(dataset.get("SamplesPerPixel") or 1)):
        found[f"{PHOTOMETRIC:08X}"] = {"vr": "CS", "Value": ["RGB"]}
        found[f"{_PLANAR:08X}"] = {"vr": "US", "Value": [0]}
    if dataset.get("BitsAllocated") == 1:
        found[f"{BITS_ALLOCATED:08X}"] = {"vr": "US", "Value": [8]}
        found[f"{_BITS_STORED:08X}"] = {"vr": "US", "Value": [1]}
        found[f"{_HIGH_BIT:08X}"] = {"vr": "US", "Value": [0]}


def bulk_value(path: Path, place: list[str]) -> bytes:
    """A value by its path of tags and item numbers, as `attributes` names it.

    Raises CannotDecode, HeaderError, OSError.
    """
    dataset = _read(path)
    try:
        for tag, item in zip(place[:-1:2], place[1:-1:2], strict=True):
            dataset = dataset[int(tag, 16)].value[int(item)]
        value = dataset[int(place[-1], 16)].value
    except (KeyError, IndexError, TypeError, ValueError) as problem:
        raise CannotDecode("it has no such value") from problem
    if not isinstance(value, bytes):
        raise CannotDecode("that value is no bulk data")
    return value
