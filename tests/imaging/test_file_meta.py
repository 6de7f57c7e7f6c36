"""Preamble and group 2, written by us and read by pydicom; read by us and written by others."""

from __future__ import annotations

from io import BytesIO

import pydicom
import pytest

from ris_pacs.imaging.file_meta import FileMeta, parse_file_meta, write_file_meta
from ris_pacs.imaging.problems import HeaderError
from tests.imaging.samples import EXPLICIT, element, sample

CLASS, INSTANCE = "1.2.840.10008.5.1.4.1.1.2", "2.25.1234567"


def test_pydicom_reads_what_is_written() -> None:
    head = write_file_meta(CLASS, INSTANCE, EXPLICIT, "2.25.99", "RISPACS_0.1", "CT1")
    file = pydicom.dcmread(BytesIO(head + element(0x00100020, "LO", b"M1")))
    meta = file.file_meta
    assert file.preamble == bytes(128)
    assert meta.FileMetaInformationVersion == b"\0\1"
    assert (meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID) == (CLASS, INSTANCE)
    assert (meta.TransferSyntaxUID, meta.ImplementationClassUID) == (EXPLICIT, "2.25.99")
    assert (meta.ImplementationVersionName, meta.SourceApplicationEntityTitle) == ("RISPACS_0.1", "CT1")
    assert meta.FileMetaInformationGroupLength == len(head) - 132 - 12
    assert file.PatientID == "M1"


def test_what_is_not_given_is_not_written() -> None:
    meta = pydicom.dcmread(BytesIO(write_file_meta(CLASS, INSTANCE, EXPLICIT, "2.25.99"))).file_meta
    assert "ImplementationVersionName" not in meta
    assert "SourceApplicationEntityTitle" not in meta


@pytest.mark.parametrize(
    "wrong",
    [
        {"sop_class": ""},
        {"sop_instance": "1" * 65},
        {"source_ae": "SEVENTEEN LETTERS"},
        {"implementation_version": "x" * 17},
        {"transfer_syntax": "Größe"},
    ],
)
def test_values_that_do_not_fit_are_refused(wrong: dict[str, str]) -> None:
    right = {
        "sop_class": CLASS,
        "sop_instance": INSTANCE,
        "transfer_syntax": EXPLICIT,
        "implementation_uid": "2.25.99",
    }
    with pytest.raises(ValueError):
        write_file_meta(**(right | wrong))


def test_reading_back() -> None:
    head = write_file_meta(CLASS, INSTANCE, EXPLICIT, "2.25.99", source_ae="CT1")
    assert parse_file_meta(head + b"\x08\0") == FileMeta(len(head), CLASS, INSTANCE, EXPLICIT, "CT1")


def test_the_group_length_is_not_believed() -> None:
    for name in ("CT_small.dcm", "no_meta_group_length.dcm"):
        meta = parse_file_meta(sample(name).read_bytes()[:4096])
        assert meta.transfer_syntax
        assert sample(name).read_bytes()[meta.offset : meta.offset + 2] != b"\x02\0"


def test_a_bare_data_set_has_no_meta() -> None:
    assert parse_file_meta(element(0x00080016, "UI", b"1.2\0")) == FileMeta(0)
    assert parse_file_meta(b"") == FileMeta(0)


def test_a_cut_head_is_an_error() -> None:
    head = write_file_meta(CLASS, INSTANCE, EXPLICIT, "2.25.99")
    for length in range(134, len(head), 7):
        with pytest.raises(HeaderError):
            parse_file_meta(head[:length] if length < len(head) - 1 else head + b"\x02\0")
