"""The tag browser's list."""

from __future__ import annotations

import struct
from pathlib import Path

import pydicom
import pytest

from ris_pacs.imaging.file_meta import write_file_meta
from ris_pacs.imaging.tags import MOST_ROWS, TagRow, dump
from tests.imaging.samples import EXPLICIT, all_samples, element, ident, item, sample, sequence


def file(tmp_path: Path, data: bytes, syntax: str = EXPLICIT) -> Path:
    path = tmp_path / "object.dcm"
    path.write_bytes(write_file_meta("1.2", "2.25.1", syntax, "2.25.2") + data)
    return path


@pytest.mark.parametrize("path", all_samples(), ids=ident)
def test_every_sample_can_be_listed(path: Path) -> None:
    rows = dump(path)
    assert rows
    assert len(rows) <= MOST_ROWS + 1
    assert all(len(row.value) <= 256 and row.depth <= 32 for row in rows)


def test_standard_names_values_and_file_meta() -> None:
    rows = {row.tag: row for row in dump(sample("CT_small.dcm")) if row.depth == 0}
    assert rows["0002,0010"].value == "1.2.840.10008.1.2.1 (Explicit VR Little Endian)"
    assert rows["0010,0010"] == TagRow(0, "0010,0010", "PN", "Patient's Name", "CompressedSamples^CT1", 22)
    assert rows["0028,0010"].value == "128"
    assert rows["0018,0060"].name == "KVP"
    assert rows["7FE0,0010"].value == "32768 bytes, not shown"


def test_the_same_elements_as_pydicom() -> None:
    path = sample("CT_small.dcm")
    theirs = [f"{element.tag.group:04X},{element.tag.element:04X}" for element in pydicom.dcmread(path)]
    assert [row.tag for row in dump(path) if row.depth == 0 and not row.tag.startswith("0002")] == theirs


def test_private_elements_are_named_after_their_creator() -> None:
    rows = {row.tag: row for row in dump(sample("CT_small.dcm"))}
    assert (rows["0009,0010"].name, rows["0009,0010"].value) == ("Private Creator", "GEMS_IDEN_01")
    assert "GEMS_IDEN_01" in rows["0009,1001"].name or "Full fidelity" in rows["0009,1001"].name


def test_sequences_are_unfolded() -> None:
    rows = dump(sample("reportsi.dcm"))
    at = next(place for place, row in enumerate(rows) if row.tag == "0040,A043")
    assert (rows[at].value, rows[at + 1].name, rows[at + 1].depth) == ("1 item", "Item 1", 1)
    assert (rows[at + 2].depth, rows[at + 2].name, rows[at + 2].value) == (2, "Code Value", "IHE.01")


def test_encapsulated_pixels_are_counted_not_loaded() -> None:
    last = dump(sample("JPEG2000.dcm"))[-1]
    assert (last.tag, last.value, last.length) == ("7FE0,0010", "fragments: 1, not shown", None)


def test_hostile_values_are_plain_text_and_short(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>^\x1b[31m\x00‮evil".encode()
    data = element(0x00080005, "CS", b"ISO_IR 192") + element(0x00100010, "PN", name)
    data += element(0x00104000, "LT", b"A" * 5000) + element(0x00420011, "OB", bytes(range(40)))
    rows = {row.tag: row for row in dump(file(tmp_path, data), max_value=60)}
    assert rows["0010,0010"].value.startswith("<script>alert(1)</script>^")
    assert not any(mark in rows["0010,0010"].value for mark in "\x1b\x00‮")
    assert (len(rows["0010,4000"].value), rows["0010,4000"].length) == (60, 5000)
    assert rows["0042,0011"].value == "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f … (40 bytes)"


def test_rows_have_an_end(tmp_path: Path) -> None:
    data = sequence(0x00081115, *[item(element(0x00080050, "SH", b"A1"))] * 9000)
    rows = dump(file(tmp_path, data))
    assert len(rows) == MOST_ROWS + 1
    assert rows[-1].name == "Cut"


def test_nesting_and_damage_end_the_list_with_a_word(tmp_path: Path) -> None:
    begin = struct.pack("<HH2sHI", 8, 0x1115, b"SQ", 0, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    rows = dump(file(tmp_path, begin * 5000))
    assert (rows[-1].name, max(row.depth for row in rows) <= 32) == ("Damaged", True)
    cut = dump(sample("rtplan_truncated.dcm"))
    assert cut[-1].name == "Damaged"
    assert "(300A,00B0)" in cut[-1].value
    assert len(cut) > 20


def test_what_is_no_dicom_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(b"%PDF-1.7 and so on")
    assert [row.name for row in dump(path)] == ["Damaged"]
    path.write_bytes(b"")
    assert [row.name for row in dump(path)] == ["Damaged"]
