"""The header reader against pydicom, and against whatever a sender may write."""

from __future__ import annotations

import contextlib
import logging
import struct
import time
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.encaps import generate_frames
from pydicom.multival import MultiValue
from pydicom.valuerep import PersonName

from ris_pacs.imaging.elements import Wanted
from ris_pacs.imaging.header import INGEST, read, read_at, read_file
from ris_pacs.imaging.problems import HeaderError
from tests.imaging.samples import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    TEST_FILES,
    all_samples,
    element,
    ident,
    item,
    sample,
    sequence,
)

# Broken on purpose: the first byte is wrong, or the data end in the middle of an element.
BROKEN = {"no_meta", "priv_SQ", "rtplan_truncated", "emri_small_jpeg_2k_lossless_too_short"}
SAMPLES = [path for path in all_samples() if path.stem not in BROKEN]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """pydicom complains about its own test files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("pydicom").setLevel(logging.CRITICAL)
        yield


@pytest.mark.parametrize("path", SAMPLES, ids=ident)
def test_same_values_as_pydicom(path: Path) -> None:
    _, header = read_file(path)
    theirs = pydicom.dcmread(path, force=True)
    for tag in INGEST.tags:
        assert (tag in header.raw) == (tag in theirs), f"{tag:08X}"
        if tag not in theirs:
            continue
        value = theirs[tag].value
        if isinstance(value, PersonName):
            assert str(header.person_name(tag)) == str(value).rstrip("=")
        elif theirs[tag].VR in ("IS", "DS", "US"):
            several = value if isinstance(value, MultiValue) else [] if value in (None, "") else [value]
            assert header.numbers(tag) == tuple(float(number) for number in several)
        elif isinstance(value, MultiValue):
            assert header.text(tag) == "\\".join(map(str, value))
        else:
            assert header.text(tag) == ("" if value is None else str(value)).strip()


@pytest.mark.parametrize("path", SAMPLES, ids=ident)
def test_same_frames_as_pydicom(path: Path) -> None:
    _, header = read_file(path)
    theirs = pydicom.dcmread(path, force=True)
    pixels = header.pixels
    assert (pixels is None) == ("PixelData" not in theirs)
    if pixels is None or header.inflated or path.stem == "JPEG2000-embedded-sequence-delimiter":
        return
    whole = path.read_bytes()
    if not pixels.encapsulated:
        assert whole[pixels.value : pixels.value + (pixels.length or 0)] == theirs.PixelData
        return
    mine = [b"".join(whole[offset : offset + length] for offset, length in frame) for frame in pixels.frames]
    assert mine == list(generate_frames(theirs.PixelData, number_of_frames=pixels.frames_expected))
    assert pixels.end is not None
    assert whole[pixels.end - 8 : pixels.end - 4] == b"\xfe\xff\xdd\xe0"


def test_native_frames_are_computed(tmp_path: Path) -> None:
    _, header = read_file(sample("SC_rgb_2frame.dcm"))
    assert header.pixels is not None
    size = 100 * 100 * 3
    start = header.pixels.value
    assert header.pixels.frames == (((start, size),), ((start + size, size),))


def test_truncated_pixel_data_lists_the_frames_that_are_whole() -> None:
    _, header = read_file(sample("MR_truncated.dcm"))
    assert header.pixels is not None
    assert (header.pixels.frames, header.pixels.frames_expected, header.pixels.end) == ((), 1, None)


def test_frames_in_several_fragments_go_by_the_offset_table() -> None:
    fragments = [b"\xff\xd8aa", b"bbbb", b"\xff\xd8cc", b"dd", b"eeee"]
    starts = struct.pack("<II", 0, 24)
    for table in (starts, b"", struct.pack("<II", 0, 7)):  # right, missing, wrong
        data = _shape(2) + element(0x7FE00010, "OB", item(table) + b"".join(map(item, fragments)), 0xFFFFFFFF)
        data += struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        header = read(data, "1.2.840.10008.1.2.4.50")
        assert header.pixels is not None
        joined = [b"".join(data[o : o + n] for o, n in frame) for frame in header.pixels.frames]
        assert joined == [b"\xff\xd8aabbbb", b"\xff\xd8ccddeeee"]


def test_extended_offset_table_goes_before_the_basic_one() -> None:
    fragments = [b"aaaa", b"bbbb", b"cc", b"dddd"]
    data = _shape(2) + element(0x7FE00001, "OV", struct.pack("<QQ", 0, 24))[:4] + b"OV\0\0"
    data += struct.pack("<I", 16) + struct.pack("<QQ", 0, 24)
    data += element(0x7FE00010, "OB", item(b"") + b"".join(map(item, fragments)), 0xFFFFFFFF)
    data += struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    header = read(data, "1.2.840.10008.1.2.4.90")
    assert header.pixels is not None
    assert [len(frame) for frame in header.pixels.frames] == [2, 2]


def test_offsets_count_from_the_start_of_the_file() -> None:
    path = sample("CT_small.dcm")
    meta, whole = read_file(path)
    data = path.read_bytes()[meta.offset :]
    from_memory = read(data, meta.transfer_syntax, offset=meta.offset)
    from_file = read_at(path, meta.offset, meta.transfer_syntax)
    assert whole.pixels == from_memory.pixels == from_file.pixels


def test_a_prefix_is_enough_where_the_header_is_short() -> None:
    path = sample("CT_small.dcm")
    meta, whole = read_file(path)
    data = path.read_bytes()[meta.offset :]
    header = read(memoryview(data)[:8000], meta.transfer_syntax, total=len(data), offset=meta.offset)
    assert header.complete
    assert header.pixels == whole.pixels
    short = read(data[:300], meta.transfer_syntax, total=len(data))
    assert not short.complete
    assert short.string(0x00080008).startswith("ORIGINAL")


def test_request_issuers_and_performed_step() -> None:
    issuer = element(0x00400031, "UT", b"RIV") + element(0x00400032, "UT", b"1.2.3") + element(0x00400033, "CS", b"ISO")
    request = element(0x00080050, "SH", b"A1") + sequence(0x00080051, item(issuer), undefined=True)
    request += (
        element(0x00321060, "LO", b"CT chest") + element(0x00400009, "SH", b"S1") + element(0x00401001, "SH", b"R1")
    )
    step = element(0x00081150, "UI", b"1.2\0") + element(0x00081155, "UI", b"2.25.9\0")
    data = element(0x00080050, "SH", b"A1") + sequence(0x00080051, item(issuer))
    data += sequence(0x00081111, item(step, undefined=True), undefined=True)
    data += element(0x00100020, "LO", b"M1") + element(0x00100021, "LO", b"RIV")
    data += sequence(0x00100024, item(element(0x00400032, "UT", b"1.2.3")))
    data += sequence(0x00400275, item(request, undefined=True), item(element(0x00080050, "SH", b"A2")), undefined=True)
    header = read(data, EXPLICIT)
    first, second = header.items(0x00400275)
    assert [first.text(tag) for tag in (0x00080050, 0x00321060, 0x00400009, 0x00401001)] == [
        "A1",
        "CT chest",
        "S1",
        "R1",
    ]
    assert second.text(0x00080050) == "A2"
    for scope in (header, first):
        found = scope.item(0x00080051)
        assert found is not None
        assert (found.text(0x00400031), found.text(0x00400032), found.text(0x00400033)) == ("RIV", "1.2.3", "ISO")
    performed = header.item(0x00081111)
    assert performed is not None
    assert performed.string(0x00081155) == "2.25.9"
    assert header.item(0x00100024).text(0x00400032) == "1.2.3"  # type: ignore[union-attr]


def test_an_unknown_sequence_of_undefined_length_is_implicit_within() -> None:
    """PS3.5 6.2.2, note: UN of undefined length."""
    inner = struct.pack("<HHI", 0x0008, 0x0050, 2) + b"A1"
    data = element(0x00080050, "SH", b"A0") + sequence(0x00400275, item(inner, undefined=True), undefined=True, vr="UN")
    assert read(data, EXPLICIT).items(0x00400275)[0].text(0x00080050) == "A1"


def test_a_character_set_holds_for_items_unless_they_have_their_own() -> None:
    header = read_file(sample("chrSQEncoding.dcm"), Wanted((0x00100010,), {0x00321064: Wanted((0x00100010,))}))[1]
    inner = header.item(0x00321064)
    assert inner is not None
    assert inner.character_set == ("ISO 2022 IR 13", "ISO 2022 IR 87")
    assert header.character_set == ("ISO_IR 192",)
    assert inner.person_name(0x00100010).ideographic == "山田^太郎"


@pytest.mark.parametrize("declared", [IMPLICIT, EXPLICIT, BIG])
@pytest.mark.parametrize("name", ["MR_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm"])
def test_a_wrong_transfer_syntax_is_seen_through(name: str, declared: str) -> None:
    path = sample(name)
    meta, right = read_file(path)
    wrong = read(path.read_bytes()[meta.offset :], declared)
    assert wrong.raw == right.raw
    assert wrong.big_endian == right.big_endian


def test_nothing_wanted_costs_nothing_and_pixels_are_found() -> None:
    _, header = read_file(sample("CT_small.dcm"), Wanted(()))
    assert header.pixels is not None
    assert header.text(0x00100010) == ""


# What nobody should send.


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "no element|ends here"),
        (b"\x08\x00", "ends here"),
        (b"GIF89a" + bytes(60), "no DICOM data set"),
        (element(0x00080050, "SH", b"A", 0xFFF0), "past the end"),
        (element(0x00080050, "OB", b"A", 0xFFFFFFF0), "past the end"),
        (element(0x00080050, "SH", b"A1") + b"\x10\x00\x20\x00", "stray|ends here|past the end"),
        (
            element(0x00080050, "SH", b"A1") + b"\x10\x00\x20\x00??\xf0\xff\xff\xff",
            "no value representation|past the end",
        ),
        (sequence(0x00081111, item(b"12345678")), "no value|past the end|no DICOM"),
        (element(0x00081111, "SQ", b"not items", 0xFFFFFFFF), "damaged"),
        (element(0x00081111, "SQ", item(b"", undefined=True), 0xFFFFFFFF), "no end"),
        (struct.pack("<HHI", 8, 0x50, 2) + b"A1" + struct.pack("<HHI", 0xFFFE, 0xE00D, 0), "nothing was begun"),
        (_ := element(0x00081115, "UN", b"", 0xFFFFFFFF) + item(b"x" * 8)[:12], "damaged|no end|ends here"),
    ],
)
def test_damage_is_named(data: bytes, word: str) -> None:
    with pytest.raises(HeaderError, match=word) as caught:
        read(data, IMPLICIT if data[4:6] == b"\x02\x00" else EXPLICIT)
    assert caught.value.offset <= len(data)


def test_the_error_names_element_and_byte() -> None:
    data = element(0x00080016, "UI", b"1.2") + element(0x00100010, "PN", b"Doe^John", 4000)
    with pytest.raises(HeaderError) as caught:
        read(data, EXPLICIT)
    assert (caught.value.tag, caught.value.offset) == (0x00100010, 12)
    assert "(0010,0010) at byte 12" in caught.value.message


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_nesting_has_an_end(syntax: str) -> None:
    begin = struct.pack("<HH2sHI", 8, 0x1111, b"SQ", 0, 0xFFFFFFFF)
    if syntax == IMPLICIT:
        begin = struct.pack("<HHI", 8, 0x1111, 0xFFFFFFFF)
    begin += struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    before = time.process_time()
    with pytest.raises(HeaderError, match="nested"):
        read(begin * 100_000, syntax)
    assert time.process_time() - before < 1


def test_a_million_empty_items_do_not_fill_the_memory() -> None:
    data = element(0x00081111, "SQ", item(b"") * 200_000)
    with pytest.raises(HeaderError, match="too large"):
        read(data, EXPLICIT)
    assert read(element(0x00081115, "SQ", item(b"") * 200_000), EXPLICIT).complete  # not wanted: passed over


def test_an_endless_value_is_not_kept() -> None:
    data = element(0x00080050, "UN", b"A" * (33 << 20))
    with pytest.raises(HeaderError, match="too large"):
        read(data, EXPLICIT)


def test_a_bomb_of_a_deflated_data_set_fizzles_out() -> None:
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    bomb = (
        packer.compress(element(0x00081115, "UN", b"", 0x7FFFFFFE)) + packer.compress(bytes(1 << 26)) + packer.flush()
    )
    assert len(bomb) < 100_000
    with pytest.raises(HeaderError):
        read(bomb, DEFLATED)


def test_deflated_is_read_to_its_pixels() -> None:
    _, header = read_file(sample("image_dfl.dcm"))
    assert header.inflated
    assert header.pixels is not None
    assert header.pixels.length == 512 * 512


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([IMPLICIT, EXPLICIT, BIG, DEFLATED, "1.2.840.10008.1.2.4.90"]),
    st.binary(max_size=300),
    st.booleans(),
)
def test_random_bytes(syntax: str, noise: bytes, begun: bool) -> None:
    data = (b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100" if begun else b"") + noise
    if syntax == DEFLATED and begun:
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        data = packer.compress(data) + packer.flush()
    for total in (None, len(data) + 1000):
        with contextlib.suppress(HeaderError):
            _touch(read(data, syntax, total=total))


_MUTATED = [path.read_bytes()[:6000] for path in sorted(TEST_FILES.glob("*.dcm")) if path.stat().st_size < 40_000]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(_MUTATED),
    st.lists(
        st.tuples(st.integers(128, 5999), st.one_of(st.binary(max_size=3), st.just(b"\xff\xff\xff\xff"))), max_size=8
    ),
)
def test_flipped_bytes(file: bytes, changes: list[tuple[int, bytes]]) -> None:
    broken = bytearray(file)
    for at, change in changes:
        broken[at : at + len(change)] = change
    start = 132 + 12 + int.from_bytes(file[140:144], "little") if file[128:132] == b"DICM" else 0
    for syntax in (IMPLICIT, EXPLICIT):
        with contextlib.suppress(HeaderError):
            _touch(read(bytes(broken[start:]), syntax))


def test_twenty_tags_of_a_ct_header_are_quick() -> None:
    """About 25 µs for a header of 80 elements on a quiet machine; this one has 258."""
    meta, _ = read_file(sample("CT_small.dcm"))
    data = sample("CT_small.dcm").read_bytes()[meta.offset :]
    wanted = Wanted(tuple(INGEST.tags)[:20])
    times = []
    for _ in range(200):
        before = time.perf_counter()
        read(data, meta.transfer_syntax, wanted)
        times.append(time.perf_counter() - before)
    assert min(times) < 0.0006


def _shape(frames: int) -> bytes:
    head = element(0x00080016, "UI", b"1.2") + element(0x00280008, "IS", str(frames).encode())
    return head + element(0x00280010, "US", b"\x02\0") + element(0x00280011, "US", b"\x02\0")


def _touch(header: object) -> None:
    """Every accessor answers whatever it holds."""
    for tag in list(header.raw):  # type: ignore[attr-defined]
        for accessor in (
            "string",
            "strings",
            "text",
            "decoded",
            "person_name",
            "number",
            "numbers",
            "integer",
            "value",
        ):
            getattr(header, accessor)(tag)
