"""Character sets: the standard's own examples, the field's mistakes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ris_pacs.imaging.charset import PersonName, person_name, text
from ris_pacs.imaging.elements import Wanted
from ris_pacs.imaging.header import read_file
from tests.imaging.samples import sample

# Patient's Name of the files that come with pydicom (FileInfo.txt there; PS3.5 annexes H, I, J, K).
NAMES = {
    "chrArab": PersonName("قباني^لنزار"),
    "chrFren": PersonName("Buc^Jérôme"),
    "chrGerm": PersonName("Äneas^Rüdiger"),
    "chrGreek": PersonName("Διονυσιος"),
    "chrH31": PersonName("Yamada^Tarou", "山田^太郎", "やまだ^たろう"),
    "chrH32": PersonName("ﾔﾏﾀﾞ^ﾀﾛｳ", "山田^太郎", "やまだ^たろう"),
    "chrHbrw": PersonName("שרון^דבורה"),
    "chrI2": PersonName("Hong^Gildong", "洪^吉洞", "홍^길동"),
    "chrRuss": PersonName("Люкceмбypг"),
    "chrX1": PersonName("Wang^XiaoDong", "王^小東"),
    "chrX2": PersonName("Wang^XiaoDong", "王^小东"),
}


@pytest.mark.parametrize("name", NAMES)
def test_names_in_all_groups(name: str) -> None:
    _, header = read_file(sample(f"{name}.dcm"), Wanted((0x00100010,)))
    assert header.person_name(0x00100010) == NAMES[name]


@pytest.mark.parametrize(
    ("raw", "declared", "value"),
    [
        (b"\x1b$)A\xcd\xf5\x1b(B^\x1b$)A\xd0\xa1", ["", "ISO 2022 IR 58"], "王^小"),
        (b"\x1b$(D\x30\x22\x1b(B", ["", "ISO 2022 IR 159"], "丄"),
        (b"\x1b-F\xc4\xe9 \x1b-L\xbb", ["ISO 2022 IR 6", "ISO 2022 IR 126", "ISO 2022 IR 144"], "Δι Л"),
        ("王小东".encode("gb18030"), ["GB18030"], "王小东"),
        ("王小东".encode("gbk"), ["GBK"], "王小东"),
        ("สมชาย".encode("tis-620"), ["ISO_IR 166"], "สมชาย"),
        ("Çağrı".encode("iso8859_9"), ["ISO_IR 148"], "Çağrı"),
        ("Łódź".encode("iso8859_2"), ["ISO_IR 101"], "Łódź"),
        ("Žagarė".encode("iso8859_4"), ["ISO_IR 110"], "Žagarė"),
        ("œuvre €".encode("iso8859_15"), ["ISO_IR 203"], "œuvre €"),
        ("Ünal".encode(), ["ISO_IR 192"], "Ünal"),
        # Bytes of the second halves look like "\", "^" and "=" and are not.
        (b"\x1b$B\x3d\x5c\x5e\x3d\x1b(B", ["", "ISO 2022 IR 87"], b"\x1b$B\x3d\x5c\x5e\x3d\x1b(B".decode("iso2022_jp")),
    ],
)
def test_code_extensions(raw: bytes, declared: list[str], value: str) -> None:
    assert text(raw, declared) == (value, "")


@pytest.mark.parametrize("spelt", ["ISO_IR_100", "ISO IR 100", "iso-ir 100", "ISO_IR 100 ", "ISO 2022 IR 100"])
def test_misspelt_terms_are_understood(spelt: str) -> None:
    assert text("Jérôme".encode("latin_1"), [spelt]) == ("Jérôme", "")


@pytest.mark.parametrize(
    ("raw", "declared", "value"),
    [
        ("Jérôme".encode(), [], "Jérôme"),
        ("Jérôme".encode("latin_1"), [], "Jérôme"),
        ("Jérôme".encode("latin_1"), ["ISO_IR 192"], "J�r�me"),
        ("山田".encode(), ["", "ISO 2022 IR 87"], "山田"),
        ("山田".encode(), ["KLINGON"], "山田"),
        (b"\x1b$B;", ["", "ISO 2022 IR 87"], ";"),
        (b"\x1b%G\xff", ["ISO_IR 100"], "%Gÿ"),
    ],
)
def test_a_wrong_character_set_is_survived_and_told(raw: bytes, declared: list[str], value: str) -> None:
    found = text(raw, declared)
    assert found.value == value
    assert found.complaint


def test_a_sender_who_forgets_to_repeat_the_escape_is_understood() -> None:
    raw = b"Hong^Gildong=\x1b$)C\xfb\xf3^\xd1\xce\xd4\xd7"
    assert person_name(raw, ["", "ISO 2022 IR 149"]).ideographic == "洪^吉洞"


def test_padding_and_empty_groups() -> None:
    assert text(b"  Doe \0", []) == ("Doe", "")
    assert str(person_name(b"Doe^John== ", [])) == "Doe^John"
    assert person_name(b"=\xe5\xb1\xb1", ["ISO_IR 192"]) == PersonName("", "山", "")


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=60),
    st.lists(
        st.sampled_from(["", "ISO 2022 IR 87", "ISO 2022 IR 149", "ISO_IR 192", "GBK", "ISO_IR 13", "x"]), max_size=3
    ),
)
def test_any_bytes_become_text(raw: bytes, declared: list[str]) -> None:
    for value in (raw, b"\x1b$B" + raw, b"\x1b)I" + raw):
        assert isinstance(text(value, declared).value, str)
        assert isinstance(str(person_name(value, declared)), str)
