"""The head of a DICOM file: preamble, "DICM" and group 2 (PS3.10 7.1)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ris_pacs.imaging.problems import HeaderError

HEAD = 16384
"""Bytes from the start of a file that hold its file meta information."""
PREAMBLE = bytes(128) + b"DICM"

_LONG = {b"OB", b"OW", b"UN", b"SQ", b"UT", b"UC", b"UR", b"OD", b"OF", b"OL", b"OV", b"SV", b"UV"}
_VERSION, _SOP_CLASS, _SOP_INSTANCE, _TRANSFER_SYNTAX = 0x0001, 0x0002, 0x0003, 0x0010
_IMPLEMENTATION, _IMPLEMENTATION_VERSION, _SOURCE_AE = 0x0012, 0x0013, 0x0016


@dataclass(frozen=True)
class FileMeta:
    """offset: where the data set begins. Empty texts for what the file does not say."""

    offset: int
    sop_class: str = ""
    sop_instance: str = ""
    transfer_syntax: str = ""
    source_ae: str = ""


def write_file_meta(
    sop_class: str,
    sop_instance: str,
    transfer_syntax: str,
    implementation_uid: str,
    implementation_version: str = "",
    source_ae: str = "",
) -> bytes:
    """What goes before an encoded data set to make it a file.

    source_ae: the AE title that sent the object, (0002,0016). Raises ValueError for a value that the
    element cannot hold.
    """
    elements = [
        _element(_VERSION, b"OB", b"\0\1"),
        _element(_SOP_CLASS, b"UI", _uid(sop_class)),
        _element(_SOP_INSTANCE, b"UI", _uid(sop_instance)),
        _element(_TRANSFER_SYNTAX, b"UI", _uid(transfer_syntax)),
        _element(_IMPLEMENTATION, b"UI", _uid(implementation_uid)),
    ]
    if implementation_version:
        elements.append(_element(_IMPLEMENTATION_VERSION, b"SH", _title(implementation_version)))
    if source_ae:
        elements.append(_element(_SOURCE_AE, b"AE", _title(source_ae)))
    group = b"".join(elements)
    return PREAMBLE + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(group)) + group


def _element(element: int, vr: bytes, value: bytes) -> bytes:
    if vr in _LONG:
        return struct.pack("<HH2sHI", 2, element, vr, 0, len(value)) + value
    return struct.pack("<HH2sH", 2, element, vr, len(value)) + value


def _uid(uid: str) -> bytes:
    value = uid.encode("ascii")
    if not 0 < len(value) <= 64:
        raise ValueError(f"{uid!r} is no UID")
    return value + b"\0" * (len(value) % 2)


def _title(title: str) -> bytes:
    value = title.encode("ascii")
    if len(value) > 16:
        raise ValueError(f"{title!r} is longer than 16 characters")
    return value + b" " * (len(value) % 2)


def parse_file_meta(head: bytes) -> FileMeta:
    """Read group 2 from the first bytes of a file.

    A file without preamble is taken to be a bare group 2, or a bare data set from byte 0: offset tells.
    The group's own length is not believed; the group ends where another begins. Raises HeaderError when it
    goes on behind `head`.
    """
    position = 132 if head[128:132] == b"DICM" else 0
    found: dict[int, str] = {}
    while head[position : position + 2] == b"\x02\x00":
        if len(head) < position + 12:
            raise HeaderError("the file ends within its file meta information", position)
        _, element, vr, length = struct.unpack_from("<HH2sH", head, position)
        begin = position + 8
        if vr in _LONG:
            (length,) = struct.unpack_from("<I", head, begin)
            begin += 4
        elif not vr.isalpha():  # implicit VR, as some old writers do it
            (length,) = struct.unpack_from("<I", head, position + 4)
        if begin + length > len(head):
            raise HeaderError("its length runs past the end", position, 0x00020000 | element)
        found[element] = head[begin : begin + length].decode("latin_1").strip(" \0")
        position = begin + length
    return FileMeta(
        position,
        found.get(_SOP_CLASS, ""),
        found.get(_SOP_INSTANCE, ""),
        found.get(_TRANSFER_SYNTAX, ""),
        found.get(_SOURCE_AE, ""),
    )
