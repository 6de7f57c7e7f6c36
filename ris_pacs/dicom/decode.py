"""Identifiers and attribute lists that peers send, into pydicom's Dataset, with limits."""

from __future__ import annotations

import zlib
from functools import lru_cache
from io import BytesIO

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement, empty_value_for_VR
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

MAX_SIZE = 1024 * 1024  # bytes, after inflating
MAX_DEPTH = 16  # sequences within sequences

_UNDEFINED = 0xFFFFFFFF  # length of a sequence that ends with a delimiter (PS3.5 7.5.1)


class UndecodableDataSet(ValueError):
    """The bytes are no data set in that transfer syntax, or exceed the limits."""


def decode_data_set(
    raw: bytes, transfer_syntax_uid: str, *, max_size: int = MAX_SIZE, max_depth: int = MAX_DEPTH
) -> Dataset:
    """A data set with every value converted, so that no handler meets a bad one later.

    transfer_syntax_uid: Implicit or Explicit VR Little Endian, Explicit VR Big Endian or Deflated.
    Raises UndecodableDataSet, with words fit for an Error Comment.
    """
    if len(raw) > max_size:
        raise UndecodableDataSet(f"data set exceeds {max_size} bytes")
    if transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
        raw = _inflate(raw, max_size)
    try:
        dataset = read_dataset(
            BytesIO(raw),
            is_implicit_VR=transfer_syntax_uid == ImplicitVRLittleEndian,
            is_little_endian=transfer_syntax_uid != ExplicitVRBigEndian,
            bytelength=len(raw),
        )
        if any(map(_is_cut_off, dataset.values())):
            raise UndecodableDataSet("data set is cut off")
        _convert(dataset, max_depth)
    except UndecodableDataSet:
        raise
    except RecursionError:
        raise UndecodableDataSet(f"data set has more than {max_depth} levels of sequences") from None
    except Exception as error:  # whatever pydicom stumbles over: the bytes are a stranger's
        raise UndecodableDataSet("data set cannot be read") from error
    return dataset


def _is_cut_off(element: DataElement | RawDataElement) -> bool:
    """pydicom takes what is there of a value that should be longer."""
    return isinstance(element, RawDataElement) and element.length not in (_UNDEFINED, len(element.value or b""))


def _convert(dataset: Dataset, levels: int) -> None:
    """pydicom converts an element when it is first asked for; the depth is checked on the way."""
    for tag, element in list(dataset.items()):
        if isinstance(element, RawDataElement):
            _prepare(dataset, tag, element)
        if dataset[tag].VR == "SQ":
            if not levels:
                raise UndecodableDataSet("data set has too many levels of sequences")
            for item in dataset[tag].value:
                _convert(item, levels - 1)


def _prepare(dataset: Dataset, tag: BaseTag, element: RawDataElement) -> None:
    """Where pydicom takes detours, or needs pixel attributes that no query has, show it the way.

    Most keys of a query ask for a value and have none; and "US or SS" is US for want of better knowledge.
    """
    vr = (element.VR or _vr_of(tag)).split(" or ")[0]
    if vr and not element.length and vr != "SQ":
        dataset[tag] = DataElement(tag, vr, empty_value_for_VR(vr), already_converted=True)
    elif vr and not element.VR:
        dataset[tag] = element._replace(VR=vr)


@lru_cache(maxsize=4096)
def _vr_of(tag: BaseTag) -> str:
    """The dictionary's VR; "" where pydicom has to look closer."""
    try:
        return "" if tag.is_private else dictionary_VR(tag)
    except KeyError:
        return ""


def _inflate(raw: bytes, max_size: int) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(raw, max_size)
    except zlib.error:
        raise UndecodableDataSet("deflated data set cannot be inflated") from None
    if inflater.unconsumed_tail:
        raise UndecodableDataSet(f"data set exceeds {max_size} bytes")
    if not inflater.eof:
        raise UndecodableDataSet("deflated data set cannot be inflated: its end is missing")
    return data
