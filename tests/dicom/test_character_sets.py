"""Names and text in the world's character sets, against pydicom and the standard's own examples."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import PersonName

from ris_pacs.dicom.character_sets import (
    LINES,
    ONE_LINE,
    PERSON_NAME,
    UTF_8,
    choose_character_set,
    repertoire,
    unwritable,
)
from ris_pacs.dicom.encode import DataSetEncoder, encode_data_set

KANJI, KATAKANA = ("", "ISO 2022 IR 87"), ("ISO 2022 IR 13", "ISO 2022 IR 87")
KOREAN, CHINESE = ("", "ISO 2022 IR 149"), ("", "ISO 2022 IR 58")

# Where each comes from: PS3.5 annexes and examples of C.12.1.1.2; bytes as printed there.
STANDARDS_EXAMPLES = [
    pytest.param(
        KANJI,
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        id="PS3.5 H.3.1",
    ),
    pytest.param(
        KATAKANA,
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        id="PS3.5 H.3.2",
    ),
    pytest.param(
        KOREAN,
        "Hong^Gildong=洪^吉洞=홍^길동",
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        id="PS3.5 I.2",
    ),
    pytest.param(
        UTF_8,
        "Wang^XiaoDong=王^小東",
        b"Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1",
        id="PS3.5 J.1",
    ),
    pytest.param(("GB18030",), "Wang^XiaoDong=王^小东", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab", id="PS3.5 J.2"),
    pytest.param(
        CHINESE,
        "Zhang^XiaoDong=张^小东",
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab",
        id="PS3.5 K.2",
    ),
    pytest.param(("ISO_IR 100",), "Buc^Jérôme", b"Buc^J\xe9r\xf4me", id="Latin 1"),
    pytest.param(("ISO_IR 126",), "Διονυσιος", b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", id="Greek"),
    pytest.param(("ISO_IR 144",), "Люкceмбypг", "Люкceмбypг".encode("iso8859-5"), id="Cyrillic"),
    pytest.param(("ISO_IR 127",), "قباني^لنزار", "قباني^لنزار".encode("iso8859-6"), id="Arabic"),
    pytest.param(("ISO_IR 138",), "שרון^דבורה", "שרון^דבורה".encode("iso8859-8"), id="Hebrew"),
    pytest.param(("ISO_IR 166",), "ไทย", "ไทย".encode("tis-620"), id="Thai"),
]


@pytest.mark.parametrize(("character_set", "name", "raw"), STANDARDS_EXAMPLES)
def test_names_are_written_as_the_standard_prints_them(character_set: tuple[str, ...], name: str, raw: bytes) -> None:
    assert repertoire(character_set).encode(name, PERSON_NAME) == raw
    assert unwritable([name], character_set) == ""


PYDICOM_TOO = [case for case in STANDARDS_EXAMPLES if case.id != "PS3.5 K.2"]  # it forgets that escape sequence


@pytest.mark.parametrize(("character_set", "name", "raw"), PYDICOM_TOO)
def test_whole_data_sets_are_pydicoms(character_set: tuple[str, ...], name: str, raw: bytes) -> None:
    dataset = Dataset()
    dataset.SpecificCharacterSet = list(character_set)
    dataset.PatientName = name
    dataset.StudyDescription = name.split("=")[-1].replace("^", " ")
    dataset.RequestAttributesSequence = [Dataset()]
    dataset.RequestAttributesSequence[0].ScheduledProcedureStepDescription = name.split("=")[-1][0]
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = False, True
    write_dataset(out, dataset)
    elements = {
        0x00100010: name,
        0x00081030: dataset.StudyDescription,
        0x00400275: [{0x00400007: name.split("=")[-1][0]}],
    }
    assert encode_data_set(elements, ExplicitVRLittleEndian, character_set) == out.getvalue()


@pytest.mark.parametrize(
    ("character_set", "text"),
    [
        (("ISO 2022 IR 100", "ISO 2022 IR 126", "ISO 2022 IR 87"), "Jérôme Δ 山田 é Ω"),
        (("", "ISO 2022 IR 87", "ISO 2022 IR 149"), "山田 and 김희중, again 山"),
        (("", "ISO 2022 IR 144", "ISO 2022 IR 126"), "Дом δόμος Дом"),
        (("ISO 2022 IR 13", "ISO 2022 IR 87", "ISO 2022 IR 159"), "ﾔﾏ 山 ﾔ"),
    ],
)
def test_runs_of_several_sets_in_one_value_are_read_by_pydicom(character_set: tuple[str, ...], text: str) -> None:
    raw = repertoire(character_set).encode(text, ONE_LINE)
    assert decode_bytes(raw, convert_encodings(list(character_set)), {0x5C}) == text


def test_after_a_line_end_the_first_set_is_active_again() -> None:
    """PS3.5 6.1.2.5.3."""
    assert repertoire(KANJI).encode("山\r\n田", LINES) == b"\x1b$B;3\x1b(B\r\n\x1b$BED\x1b(B"
    assert repertoire(KOREAN).encode("김\n김", LINES) == b"\x1b$)C\xb1\xe8\n\x1b$)C\xb1\xe8"


@pytest.mark.parametrize(
    ("character_set", "text", "raw", "lost"),
    [
        ((), "Müller", b"M?ller", "ü"),
        (("ISO_IR 6",), "Müller", b"M?ller", "ü"),
        (("ISO_IR 100",), "Łukasz", b"?ukasz", "Ł"),
        (("ISO_IR 126",), "山田", b"??", "山田"),
        (KANJI, "山김", b"\x1b$B;3\x1b(B?", "김"),
        (KOREAN, "똠", b"?", "똠"),  # not in KS X 1001; Python's codec would write eight bytes
        (KATAKANA, "¥5", b"?5", "¥"),  # its byte is the backslash's
        (("ISO_IR 13",), "ヤマダ", b"???", "ダマヤ"),
        (UTF_8, "a\x1bb\x00c", b"a?b?c", "\x00\x1b"),
        (UTF_8, "\ud800", b"?", "\ud800"),
        (("NO SUCH SET",), "é", b"?", "é"),
    ],
)
def test_what_a_set_cannot_write_becomes_a_question_mark(
    character_set: tuple[str, ...], text: str, raw: bytes, lost: str
) -> None:
    replaced: set[str] = set()
    assert repertoire(character_set).encode(text, ONE_LINE, replaced) == raw
    assert replaced == set(lost)
    assert unwritable([text], character_set) == lost


def test_line_ends_are_lost_only_where_they_are_forbidden() -> None:
    lost: set[str] = set()
    assert repertoire(UTF_8).encode("a\nb", LINES, lost) == b"a\nb"
    assert lost == set()
    assert repertoire(UTF_8).encode("a\nb", ONE_LINE, lost) == b"a?b"
    assert lost == {"\n"}


def test_spaces_beyond_ascii_are_text() -> None:
    assert repertoire(KANJI).encode("山　田") == "山　田".encode("iso2022_jp")
    assert unwritable(["a\u00a0b\u3000c"], UTF_8) == ""


def test_the_encoder_tells_what_was_lost() -> None:
    encoder = DataSetEncoder(ExplicitVRLittleEndian, ("ISO_IR 100",))
    encoder.encode({0x00100010: "Łukasz^Ż", 0x00400100: [{0x00400007: "山"}]})
    assert encoder.lost == {"Ł", "Ż", "山"}


@pytest.mark.parametrize(
    ("texts", "accepted", "chosen"),
    [
        (["Smith^John"], (), ()),
        (["Müller"], (), UTF_8),
        (["Smith"], ("ISO_IR 100", "ISO_IR 192"), ("ISO_IR 100",)),
        (["Müller"], ("ISO_IR 100", "ISO_IR 192"), ("ISO_IR 100",)),
        (["Łukasz"], ("ISO_IR 100", "ISO_IR 101", "ISO_IR 192"), ("ISO_IR 101",)),
        (["Łukasz", "Müller", "山田"], ("ISO_IR 100", "ISO_IR 101", "ISO_IR 192"), UTF_8),
        (["山田"], ("ISO_IR 100", "\\ISO 2022 IR 87"), KANJI),
        (["山田"], ("ISO 2022 IR 87",), KANJI),
        (["ﾔﾏﾀﾞ=山田"], ("ISO 2022 IR 13\\ISO 2022 IR 87",), KATAKANA),
        (["Smith"], ("ISO_IR 6",), ()),
    ],
)
def test_the_first_accepted_set_that_can_write_all_is_chosen(
    texts: list[str], accepted: tuple[str, ...], chosen: tuple[str, ...]
) -> None:
    assert choose_character_set(texts, accepted) == chosen
    assert unwritable(texts, chosen) == ""


def test_where_none_can_write_all_the_least_is_lost_and_told() -> None:
    accepted = ("ISO_IR 126", "ISO_IR 100")
    chosen = choose_character_set(["Müller", "山"], accepted)
    assert chosen == ("ISO_IR 100",)
    assert unwritable(["Müller", "山"], chosen) == "山"


SETS = [KANJI, KATAKANA, KOREAN, ("ISO 2022 IR 100", "ISO 2022 IR 144"), UTF_8, ("GB18030",), ("ISO_IR 100",)]
letters = st.sampled_from("abcÉüЖяΩ山田太郎やまだ김희중王小东ﾔﾏﾀ 0-")


@settings(max_examples=300, deadline=None)
@given(st.text(letters, min_size=1, max_size=12), st.sampled_from(SETS))
def test_what_is_written_reads_back_or_was_told(text: str, character_set: tuple[str, ...]) -> None:
    lost: set[str] = set()
    raw = repertoire(character_set).encode(text, PERSON_NAME, lost)
    expected = "".join("?" if letter in lost else letter for letter in text)
    assert str(PersonName(raw, convert_encodings(list(character_set)))) == expected
