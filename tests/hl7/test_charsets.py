"""Names in every script, as senders write them and declare them, or do not."""

from __future__ import annotations

import pytest

from ris_pacs.hl7.charsets import codec_for
from ris_pacs.hl7.er7 import parse
from ris_pacs.hl7.escapes import Syntax, decode, encode


def raw(name: str, codec: str, declared: str = "") -> bytes:
    msh = f"MSH|^~\\&|EMR|HOSPITAL|RISPACS|RIVERSIDE|20261124||ADT^A08|1|P|2.5.1||||||{declared}"
    return f"{msh}\rPID|1||A1||{name}^X|\rPV1|1|O".encode(codec)


@pytest.mark.parametrize(
    ("declared", "codec", "name"),
    [
        ("8859/1", "iso8859_1", "Müller-Größe"),
        ("8859/2", "iso8859_2", "Łukasiewicz"),
        ("8859/5", "iso8859_5", "Люкceмбypг"),
        ("8859/6", "iso8859_6", "قباني"),
        ("8859/7", "iso8859_7", "Διονυσιος"),
        ("8859/8", "iso8859_8", "שרון"),
        ("8859/9", "iso8859_9", "Çavuşoğlu"),
        ("8859/15", "iso8859_15", "Œuvré€"),
        ("ISO-8859-1", "iso8859_1", "Müller"),
        ("UNICODE UTF-8", "utf_8", "山田ÀΔЖ"),
        ("UNICODE", "utf_8", "山田"),
        ("UTF-8", "utf_8", "Müller"),
        ("~ISO IR87", "iso2022_jp", "山田"),
        ("ASCII~ISO IR87", "iso2022_jp", "ヤマダ"),
        ("ISO IR87", "iso2022_jp", "山田"),
        ("ISO IR14~ISO IR87~ISO IR159", "iso2022_jp_1", "丂山田"),
        ("ISO IR14", "shift_jis", "ﾔﾏﾀﾞ"),
        ("GB 18030-2000", "gb18030", "王小东"),
        ("KS X 1001", "euc_kr", "김희중"),
        ("BIG-5", "big5", "許功蓋"),  # second bytes are the escape and other delimiters
        ("windows-1251", "cp1251", "Ёжиков"),
    ],
)
def test_a_declared_character_set_is_read_and_written_back(declared: str, codec: str, name: str) -> None:
    found = parse(raw(name, codec, declared))
    assert found.get("PID-5.1") == name
    assert found.get("PID-5.2") == "X"
    assert found.notes == ()
    assert found.with_field("PID-5.2", name).get("PID-5.2") == name
    assert found.with_field("PID-3", "B2").raw == raw(name, codec, declared).replace(b"A1", b"B2")


@pytest.mark.parametrize(
    ("codec", "default", "name"),
    [
        ("utf_8", "", "Müller"),
        ("utf_8", "8859/7", "Müller"),  # what is valid UTF-8 is hardly ever anything else
        ("iso8859_7", "8859/7", "Διονυσιος"),
        ("iso8859_1", "", "Müller"),
        ("cp1252", "", "D’Angelo"),
    ],
)
def test_without_a_declaration_utf_8_then_the_partners_set_then_latin_1(codec: str, default: str, name: str) -> None:
    found = parse(raw(name, codec), default)
    assert found.get("PID-5.1") == name
    assert found.notes == ()


@pytest.mark.parametrize(
    ("declared", "codec", "note"),
    [
        ("ASCII", "utf_8", "MSH-18 says ASCII, which does not fit; read as utf_8"),
        ("UNICODE UTF-8", "iso8859_1", "MSH-18 says UNICODE UTF-8, which does not fit; read as iso8859_1"),
        ("MARTIAN", "utf_8", "MSH-18 names a character set that is not known: MARTIAN"),
    ],
)
def test_a_wrong_declaration_is_overcome_and_noted(declared: str, codec: str, note: str) -> None:
    found = parse(raw("Müller", codec, declared))
    assert found.get("PID-5.1") == "Müller"
    assert found.notes == (note,)


def test_a_doubtful_declaration_is_followed_and_noted() -> None:
    found = parse(raw("Müller", "utf_8", "8859/1"))
    assert found.get("PID-5.1") == "MÃ¼ller"
    assert found.notes == ("MSH-18 says 8859/1, but the text looks like UTF-8",)


def test_a_partners_set_that_nobody_knows_is_noted_when_it_would_have_counted() -> None:
    assert parse(raw("Mueller", "ascii"), "no such set").notes == ()
    (note,) = parse(raw("Müller", "iso8859_1"), "no such set").notes
    assert note == "the partner's character set no such set is not known; read as iso8859_1"


def test_curly_quotes_under_the_name_of_latin_1_are_not_control_characters() -> None:
    assert parse(raw("D’Angelo", "cp1252", "8859/1")).get("PID-5.1") == "D’Angelo"


@pytest.mark.parametrize("codec", ["utf_16_le", "utf_16_be"])
def test_utf_16_with_its_mark_is_read(codec: str) -> None:
    content = ("\ufeff" + raw("山田", "utf_8", "UNICODE UTF-16").decode()).encode(codec)
    found = parse(content)
    assert found.get("PID-5.1") == "山田"
    assert found.with_field("PID-5.1", "田中").get("PID-5.1") == "田中"


def test_a_pasted_text_is_kept_in_the_set_that_it_declares_or_in_utf_8() -> None:
    latin = raw("Müller", "utf_8", "8859/1").decode()
    assert parse(latin).raw == latin.encode("iso8859_1")
    beyond = raw("Łukasz", "utf_8", "8859/1").decode()
    assert parse(beyond).get("PID-5.1") == "Łukasz"
    assert parse(parse(beyond).raw).get("PID-5.1") == "Łukasz"


def test_a_name_of_a_set_is_recognised_in_its_usual_spellings() -> None:
    assert {codec_for(name) for name in ("8859/1", "ISO-8859-1", "iso8859/1", "ISO 8859-1")} == {"iso8859_1"}
    assert codec_for("8859/12") is None  # there is none
    assert codec_for("") == codec_for("ISO IR6") == "ascii"


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f", "a|b^c&d~e\\f"),
        (r"\H\bold\N\ plain", "bold plain"),
        (r"one\.br\two\.sp\three\.sp+2\four", "one\ntwo\nthree\n\nfour"),
        (r"\.in+4\indented\.ce\centred\.sk 3\x", "indented\ncentred   x"),
        (r"\X0D\|\X41424C\ ".strip(), "\r|ABL"),
        (r"\XC3BC\ber", "über"),
        (r"\XFF\ ".strip(), "ÿ"),
        (r"C:\temp\new", "C:\\temp\\new"),
        (r"\\server\share", "\\\\server\\share"),
        ("lonely \\", "lonely \\"),
        (r"\Zlocal\ stays", r"\Zlocal\ stays"),
        (r"\X4\ odd", r"\X4\ odd"),
        (r"\M2442\;3ED\C2842\ Taro", "山田 Taro"),
        (r"\C2D46\ÄéïíõóéïòX\C2842\ ".strip(), "ΔιονυσιοςX"),  # letters of Greek, sent as bytes of Latin-1
        (r"\C2849\1\C2842\1", "ｱ1"),
    ],
)
def test_escape_sequences_are_read(sent: str, meant: str) -> None:
    assert decode(sent, Syntax()) == meant


@pytest.mark.parametrize(
    ("meant", "sent"),
    [
        ("a|b^c&d~e\\f", r"a\F\b\S\c\T\d\R\e\E\f"),
        ("one\ntwo\r\nthree\rfour", r"one\.br\two\.br\three\.br\four"),
        ("bell\x07", r"bell\X07\ ".strip()),
        ('""', r"\X22\\X22\ ".strip()),  # two quotation marks alone would delete
        ('say ""', 'say ""'),
        ("ü#", "ü#"),
    ],
)
def test_escape_sequences_are_written(meant: str, sent: str) -> None:
    assert encode(meant, Syntax()) == sent


def test_a_run_of_spacing_commands_does_not_fill_memory() -> None:
    assert len(decode(r"\.sp9999\ ".strip() * 1000, Syntax())) <= 50_000
