"""Fields as values, and what is wrong with those that are none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from ris_pacs.hl7.elements import Element
from ris_pacs.hl7.er7 import parse
from ris_pacs.hl7.faults import Condition, FieldFault
from ris_pacs.hl7.identifiers import (
    Authority,
    Identifier,
    authority,
    entity_identifier,
    extended_identifiers,
)
from ris_pacs.hl7.persons import (
    Address,
    Channel,
    Practitioner,
    Representation,
    Telecom,
    address,
    name_groups,
    person_name,
    person_names,
    practitioner,
    practitioners,
    telecoms,
)
from ris_pacs.hl7.times import PartialDate, Precision, read_date, read_moment
from ris_pacs.hl7.values import (
    Coded,
    Measure,
    all_coded,
    choice,
    coded,
    integer,
    leaf,
    measure,
    number,
    required,
    sex,
    text,
    yes_or_no,
)

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")


def field(raw: str) -> Element:
    """A field as it stands in a message: ZZZ-1."""
    return parse(f"MSH|^~\\&|EMR\rZZZ|{raw}").at("ZZZ-1")


def fault_of(read: Callable[[], object]) -> FieldFault:
    with pytest.raises(FieldFault) as fault:
        read()
    return fault.value


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("19860228", PartialDate(1986, 2, 28)),
        ("198602", PartialDate(1986, 2)),
        ("1986", PartialDate(1986)),
        ("19860228103000", PartialDate(1986, 2, 28)),
        ("19860228103000.1234-0500", PartialDate(1986, 2, 28)),
        ("20240229", PartialDate(2024, 2, 29)),
        ("19860228^D", PartialDate(1986, 2, 28)),
        (" 19860228 ", PartialDate(1986, 2, 28)),
        ("", None),
        ('""', None),
    ],
)
def test_a_date_is_as_precise_as_it_was_sent(raw: str, expected: PartialDate | None) -> None:
    assert read_date(field(raw)) == expected


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("19860231", "ZZZ-1 is not a date: February has no 31st"),
        ("19860229", "ZZZ-1 is not a date: February 1986 has no 29th"),
        ("19860431", "ZZZ-1 is not a date: April has no 31st"),
        ("19860632", "ZZZ-1 is not a date: June has no 32nd"),
        ("19860600", "ZZZ-1 is not a date: June has no day 00"),
        ("19861301", "ZZZ-1 is not a date: there is no month 13"),
        ("19860001", "ZZZ-1 is not a date: there is no month 00"),
        ("00000101", "ZZZ-1 is not a date: there is no year 0000"),
        ("28.02.1986", "ZZZ-1 is not a date: a date is written YYYYMMDD"),
        ("198", "ZZZ-1 is not a date: a date is written YYYYMMDD"),
        ("１９８６", "ZZZ-1 is not a date: a date is written YYYYMMDD"),
    ],
)
def test_a_date_that_no_calendar_has_says_so(raw: str, said: str) -> None:
    fault = fault_of(lambda: read_date(field(raw)))
    assert (str(fault), fault.value, fault.code) == (said, raw, Condition.DATA_TYPE)


def test_a_partial_date_knows_what_it_knows() -> None:
    assert PartialDate(1986, 2, 28).exact == date(1986, 2, 28)
    assert PartialDate(1986, 2).exact is None
    assert PartialDate(1986).first == date(1986, 1, 1)
    assert PartialDate(1986, 2).precision < PartialDate(1986, 2, 28).precision


@pytest.mark.parametrize(
    ("raw", "zone", "instant", "precision", "zoned"),
    [
        ("20261124104105-0500", BERLIN, datetime(2026, 11, 24, 15, 41, 5, tzinfo=UTC), Precision.SECOND, True),
        ("20261124104105", NEW_YORK, datetime(2026, 11, 24, 15, 41, 5, tzinfo=UTC), Precision.SECOND, False),
        ("202607011041", NEW_YORK, datetime(2026, 7, 1, 14, 41, tzinfo=UTC), Precision.MINUTE, False),
        ("2026070110", BERLIN, datetime(2026, 7, 1, 8, tzinfo=UTC), Precision.HOUR, False),
        ("20260701", BERLIN, datetime(2026, 6, 30, 22, tzinfo=UTC), Precision.DAY, False),
        ("2026", UTC, datetime(2026, 1, 1, tzinfo=UTC), Precision.YEAR, False),
        ("20260701104105.25+0200", UTC, datetime(2026, 7, 1, 8, 41, 5, 250000, tzinfo=UTC), Precision.FRACTION, True),
        ("20261025023000", BERLIN, datetime(2026, 10, 25, 0, 30, tzinfo=UTC), Precision.SECOND, False),  # the first
        ("20261025023000+0100", BERLIN, datetime(2026, 10, 25, 1, 30, tzinfo=UTC), Precision.SECOND, True),
    ],
)
def test_a_time_is_an_instant(raw: str, zone: ZoneInfo, instant: datetime, precision: Precision, zoned: bool) -> None:
    found = read_moment(field(raw), zone)
    assert found is not None
    assert (found.utc, found.precision, found.zoned) == (instant, precision, zoned)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("20260329023000", "there is no 02:30 that day in Europe/Berlin: the clocks go forward"),
        ("2026032902", "there is no 02:00 that day in Europe/Berlin: the clocks go forward"),
        ("20260228240000", "there is no hour 24"),
        ("20260228236000", "there is no minute 60"),
        ("20260228235960", "there is no second 60"),
        ("20260231", "February has no 31st"),
        ("20260228103000+1500", "there is no zone +1500"),
        ("20260228103000+0060", "there is no zone +0060"),
        ("00010101000000+1400", "it lies outside the years 1 to 9999"),
        ("10:30", "a time is written YYYYMMDDHHMMSS, with an offset such as -0500 or without"),
    ],
)
def test_a_time_that_no_clock_shows_says_so(raw: str, said: str) -> None:
    assert str(fault_of(lambda: read_moment(field(raw), BERLIN))) == f"ZZZ-1 is not a time: {said}"


def test_a_time_in_the_gap_is_good_with_its_offset_and_as_a_date() -> None:
    found = read_moment(field("20260329023000+0100"), BERLIN)
    assert found is not None
    assert found.at.utcoffset() == timedelta(hours=1)
    assert found.at.tzinfo == timezone(timedelta(hours=1))
    assert read_moment(field("20260329"), BERLIN) is not None
    assert read_moment(field("20181104"), ZoneInfo("America/Sao_Paulo")) is not None  # a day that begins at one
    assert read_moment(field(""), BERLIN) is None


@pytest.mark.parametrize(
    ("raw", "maximum", "said"),
    [
        ("ABCDEFGHIJKLMNOPQ", 16, "ZZZ-1 is too long: 17 characters, at most 16 are taken"),
        ("A\x07B", None, "ZZZ-1 has a control character in it: code 07 (hexadecimal) in position 2"),
        (r"A\.br\B", None, "ZZZ-1 has a control character in it: code 0A (hexadecimal) in position 2"),
        (r"A\E\B", None, "ZZZ-1 must not have the character \\ in it"),
    ],
)
def test_text_that_does_not_fit_is_refused(raw: str, maximum: int | None, said: str) -> None:
    assert str(fault_of(lambda: text(field(raw), maximum, without="\\"))) == said


def test_text_is_what_the_sender_typed() -> None:
    assert text(field("  CT Head & neck ~ both ")) == "CT Head & neck ~ both"
    assert text(field(r"one\.br\two"), lines=True) == "one\ntwo"
    assert text(field("ABCDEFGHIJKLMNOP"), 16) == "ABCDEFGHIJKLMNOP"
    assert text(field('""')) == ""
    assert leaf(field("A1^x")) == "A1"
    assert str(fault_of(lambda: leaf(field("A1\x00^x")))).startswith("ZZZ-1 has a control character")


@pytest.mark.parametrize("raw", ["", '""', "^^", "  "])
def test_a_required_field_without_a_value_is_missing(raw: str) -> None:
    fault = fault_of(lambda: required(field(raw)))
    assert (str(fault), fault.code) == ("ZZZ-1 is missing", Condition.REQUIRED_FIELD_MISSING)
    assert required(field("x")).text == "x"


@pytest.mark.parametrize(
    ("raw", "expected"), [("172", 172), ("-1.50", "-1.50"), ("+7", 7), (".5", "0.5"), ("5.", 5), ("", None)]
)
def test_a_number_is_exact(raw: str, expected: str | int | None) -> None:
    assert number(field(raw)) == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize("raw", ["1,5", "1e5", "NaN", "Infinity", "12cm", "--1", ".", "٣"])
def test_what_is_no_number_is_refused(raw: str) -> None:
    assert str(fault_of(lambda: number(field(raw)))) == "ZZZ-1 is not a number"


def test_whole_numbers_and_measures() -> None:
    assert integer(field("12")) == 12
    assert str(fault_of(lambda: integer(field("-1")))) == "ZZZ-1 is not a whole number"
    assert measure(field(">^60")) == Measure(">", Decimal(60))
    assert measure(field("^1^:^128")) == Measure("", Decimal(1), ":", Decimal(128))
    assert measure(field("")) is None
    assert fault_of(lambda: measure(field("about^60"))).path == "ZZZ-1.1"
    assert fault_of(lambda: measure(field(">^many"))).path == "ZZZ-1.2"


def test_a_table_value_is_one_of_the_table() -> None:
    assert [sex(field(raw)) for raw in ("F", "m", "O", "U", "A", "N", "")] == ["F", "M", "O", "U", "A", "N", ""]
    fault = fault_of(lambda: sex(field("FM")))
    assert fault.code is Condition.TABLE_VALUE_NOT_FOUND
    assert str(fault) == "ZZZ-1 has a value that is not in its table: one of A, F, M, N, O, U"
    assert choice(field("stat"), ["STAT", "R"]) == "STAT"
    assert (yes_or_no(field("Y")), yes_or_no(field("N")), yes_or_no(field(""))) == (True, False, None)


def test_a_coded_value_with_its_alternate_and_original_text() -> None:
    assert coded(field("CT1^CT Head & neck^L^70450^CT head^C4^1^2^brain scan")) == Coded(
        "CT1", "CT Head & neck", "L", "70450", "CT head", "C4", "brain scan"
    )
    assert coded(field("CT1")) == Coded("CT1")
    assert coded(field('""')) is None
    assert [one.code for one in all_coded(field("R51^Headache~~S06^Injury"))] == ["R51", "S06"]
    assert fault_of(lambda: all_coded(field("R51~" + "x" * 21), 20)).path == "ZZZ-1[2].1"


def test_a_name_keeps_its_parts() -> None:
    found = person_name(field("van Damme&van&Damme&zu&Berg^Anna^M.^III^Dr.^MD^L^A^^^^20100101^2020"))
    assert found is not None
    assert (found.family, found.family_prefix, found.partner_family) == ("van Damme", "van", "zu Berg")
    assert (found.given, found.middle, found.suffix, found.prefix, found.degree) == ("Anna", "M.", "III", "Dr.", "MD")
    assert (found.type_code, found.representation) == ("L", Representation.ALPHABETIC)
    assert (found.begins, found.ends) == (PartialDate(2010, 1, 1), PartialDate(2020))
    parts_only = person_name(field("&van&Damme^Anna"))
    assert parts_only is not None
    assert parts_only.family == "van Damme"
    assert person_name(field("^^^^^^L")) is None


def test_one_name_in_three_scripts_is_one_group() -> None:
    names = person_names(field("Yamada^Tarou^^^^^L^A~山田^太郎^^^^^L^I~やまだ^たろう^^^^^L^P~Yama^^^^^^A"))
    first, alias = name_groups(names)
    assert [name and name.family for name in (first.alphabetic, first.ideographic, first.phonetic)] == [
        "Yamada",
        "山田",
        "やまだ",
    ]
    assert alias.alphabetic is not None
    assert (alias.alphabetic.type_code, alias.ideographic) == ("A", None)


def test_two_names_of_one_kind_are_two_groups() -> None:
    groups = name_groups(person_names(field("Ann^^^^^^A~Annie^^^^^^A")))
    assert [group.alphabetic and group.alphabetic.family for group in groups] == ["Ann", "Annie"]


def test_a_faulty_name_says_which_part() -> None:
    assert fault_of(lambda: person_names(field("A^B~C\x01^D"))).path == "ZZZ-1[2].1.1"
    assert fault_of(lambda: person_names(field("A^B^^^^^L^Q"))).path == "ZZZ-1.8"
    assert str(fault_of(lambda: person_name(field("A^" + "x" * 65), 64))) == (
        "ZZZ-1.2 is too long: 65 characters, at most 64 are taken"
    )


def test_identifiers_carry_their_issuer() -> None:
    assert extended_identifiers(field("M1^4^M10^RIVERSIDE&1.2.3&ISO^MR^MAIN~^^^X~S2^^^^SS")) == [
        Identifier("M1", Authority("RIVERSIDE", "1.2.3", "ISO"), "MR", "4", "M10", Authority("MAIN")),
        Identifier("S2", None, "SS"),
    ]
    assert entity_identifier(field("A1^EMR^1.2.3^ISO")) == Identifier("A1", Authority("EMR", "1.2.3", "ISO"))
    assert entity_identifier(field("A1")) == Identifier("A1")
    assert entity_identifier(field("^EMR")) is None
    assert authority(field("HOSPITAL^1.2.3^ISO")) == Authority("HOSPITAL", "1.2.3", "ISO")
    assert fault_of(lambda: entity_identifier(field(r"A\E\1"), 16, without="\\")).path == "ZZZ-1.1"


@pytest.mark.parametrize(
    ("raw", "npi"),
    [
        ("1234567893^Smith^John^^^^^^NPI", "1234567893"),
        ("1234567893^Smith^John^^^^^^^^^^NPI", "1234567893"),
        ("1234567893^Smith^John^^^^^^CMS&2.16.840.1.113883.4.6&ISO", "1234567893"),
        ("1234567893^Smith^John^^^^^^^L^^NPI", "1234567893"),
        ("1234567893^Smith^John", ""),
        ("1234567893^Smith^John^^^^^^HOSPITAL^^^^DN", ""),
        ("^Smith^John^^^^^^NPI", ""),
    ],
)
def test_a_number_is_an_npi_only_where_it_is_called_one(raw: str, npi: str) -> None:
    found = practitioner(field(raw))
    assert found is not None
    assert found.npi == npi
    assert found.name is not None
    assert (found.name.family, found.name.given) == ("Smith", "John")


def test_doctors_may_be_several_and_without_name_or_number() -> None:
    number_only, name_only = practitioners(field("77~^Jones^Mary^^^Dr.~"))
    assert (number_only.identifier, number_only.name) == (Identifier("77"), None)
    assert isinstance(name_only, Practitioner)
    assert name_only.name is not None
    assert (name_only.identifier, name_only.name.prefix) == (None, "Dr.")


def test_an_address_with_its_street_in_parts() -> None:
    assert address(field("14 Quarry Ln&Quarry Ln&14^Apt 2^Millbrook^NY^12545^USA^H")) == Address(
        "14 Quarry Ln", "Apt 2", "Millbrook", "NY", "12545", "USA", "H"
    )
    assert address(field("&Quarry Ln&14")) == Address("14 Quarry Ln")
    assert address(field("^^^^^^H")) is None


def test_phones_and_mail_addresses() -> None:
    raw = (
        "(845)555-0123^PRN^PH~^PRN^CP^^1^845^5550199^12~^NET^Internet^ann@example.org~bob@example.org^NET"
        "~^^FX^^^^^^^^^+18455550000~^PRN^PH~^^^only@example.org"
    )
    assert telecoms(field(raw)) == [
        Telecom(Channel.PHONE, "(845)555-0123", "PRN"),
        Telecom(Channel.MOBILE, "+1 845 5550199", "PRN", "12"),
        Telecom(Channel.EMAIL, "ann@example.org", "NET"),
        Telecom(Channel.EMAIL, "bob@example.org", "NET"),
        Telecom(Channel.FAX, "+18455550000"),
        Telecom(Channel.EMAIL, "only@example.org"),
    ]
