"""When two registrations look like one person, and when an object's patient cannot be the record's (A4, A6)."""

from __future__ import annotations

import pytest

from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.person import PersonName
from ris_pacs.patients import rules
from ris_pacs.patients.rules import Identity, Known, Likeness


def person(name: str, born: str | None = "1968-06-03", sex: str = "F", phone: str = "") -> Likeness:
    return Likeness(PersonName.from_dicom(name), born, sex, phone)


AMARA = person("Okonkwo^Amara", phone="5550100100")


@pytest.mark.parametrize(
    ("other", "score", "reason"),
    [
        (person("Okonkwo^Amara", phone="5550100100"), 100, "same name"),
        (person("OKONKWO^AMARA"), 85, "same name"),
        (person("Amara^Okonkwo"), 85, "same names, other order"),
        (person("Okonkwo^Amara^Chidinma"), 78, "same name, one shorter"),
        (person("Okonkwo"), 78, "same name, one shorter"),
        (person("Okonkwoo^Amara"), 75, "name spelled almost alike"),
        (person("Okonkwo^Amara", born="1968-06-30"), 25, "same name"),  # Neither a slip nor the same.
        (person("Okonkwo^Amara", born="1968-03-06"), 68, "same name"),  # Day and month exchanged.
        (person("Okonkwo^Amara", born="1968-06-08"), 68, "same name"),  # One figure mistyped.
        (person("Okonkwo^Amara", born="1968"), 85, "same name"),
        (person("Okonkwo^Amara", born=None, sex="U"), 45, "same name"),
        (person("Okonkwo^Amara", born="1990-01-01"), 25, "same name"),
        (person("Okonkwo^Amara", sex="M"), 70, "same name"),
        (person("Okonkwo^Chidi"), 52, "part of the name"),
        (person("Smith^John", phone="5550100100"), 55, "same birth date"),
        (person("Smith^John", born="1990-01-01", sex="M"), 0, None),
        (person("", born=None, sex="U"), 0, None),
    ],
)
def test_how_likely_two_registrations_are_one_person(other, score, reason):
    verdict = rules.compare(AMARA, other)
    assert (verdict.score, next(iter(verdict.reasons), None)) == (score, reason)
    assert rules.compare(other, AMARA).score == score


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ("García-López^José", "GARCIA LOPEZ^JOSE", "same name"),
        ("Meyer^Jon", "Maier^John", "name sounds alike"),
        ("Łukasz^Żółć", "Lukasz^Zolc", "same name"),
        ("Straße^Jörg", "Strasse^Jorg", "same name"),
        ("Yamada^Tarou=山田^太郎", "Yamada^Tarou", "same name"),
        ("=山田^太郎", "=山田^太郎", "same name"),
    ],
)
def test_names_that_a_person_is_asked_about(one, other, reason):
    verdict = rules.compare(person(one), person(other))
    assert verdict.score >= rules.LIKELY
    assert verdict.reasons[0] == reason


@pytest.mark.parametrize(
    "phone", ["", "(555) 010-0100", "555-010-0100", "+44 20 7946 0018", "+49 30 901820", " 5550100100 "]
)
def test_telephone_numbers_stay_as_typed(phone):
    assert rules.check_phone(phone) == phone.strip()


@pytest.mark.parametrize("phone", ["12", "call me", "555-0100-010-0100-0100", "5" * 41, "9" * 10_000, "<script>", "+"])
def test_what_is_no_telephone_number(phone):
    with pytest.raises(Invalid) as caught:
        rules.check_phone(phone)
    assert caught.value.field == "phone"
    assert len(caught.value.message) < 200


def test_a_number_is_the_same_however_it_is_written():
    assert {rules.phone_key(text) for text in ("(555) 010-0100", "+1 555.010.0100", "15550100100", "555 0100100")} == {
        "5550100100"
    }


@pytest.mark.parametrize("text", ["", "12345", "12345-6789", " 12345 "])
def test_zip_codes(text):
    assert rules.check_zip(text) == text.strip()


@pytest.mark.parametrize("text", ["1234", "123456", "12345-678", "ABCDE", "１２３４５"])
def test_what_is_no_zip_code(text):
    with pytest.raises(Invalid):
        rules.check_zip(text)
    assert rules.check_zip("SW1A 1AA", "GB") == "SW1A 1AA"


@pytest.mark.parametrize("text", ["0", "00012", "A-1/b #7", "М-1", " X1 ", "x" * 64])
def test_identifiers_keep_their_zeros(text):
    assert rules.check_identifier(text) == text.strip()


@pytest.mark.parametrize("text", ["", "  ", "x" * 65, "a\\b", "a\nb", "a\x00b", "a\x7fb"])
def test_what_is_no_identifier(text):
    with pytest.raises(Invalid) as caught:
        rules.check_identifier(text)
    assert caught.value.field == "identifier"


def test_a_sex_is_one_of_four():
    assert [rules.check_sex(sex) for sex in "FMOU"] == list("FMOU")
    for wrong in ("", "f", "X", "FM"):
        with pytest.raises(Invalid):
            rules.check_sex(wrong)


def test_temporary_names_are_told_apart():
    names = [rules.temporary_name(number) for number in range(1, 100)]
    assert len(set(names)) == 99
    assert all(name.split()[0].isalpha() for name in names)


OURS, HOSPITAL, ELSEWHERE = 1, 2, 3
KNOWN = Known(
    numbers=frozenset({("M0000001", OURS), ("4711", HOSPITAL)}),
    names=(PersonName.from_dicom("Okonkwo^Amara^Chidinma"), PersonName.from_dicom("Adeyemi^Amara")),
    birth_dates=frozenset({"1968-06-03"}),
)
NOBODY = Known(frozenset(), (), frozenset())


def said(number: str = "", issuer: int | None = None, name: str = "", born: str = "") -> Identity:
    return Identity(number, issuer, PersonName.from_dicom(name), born)


@pytest.mark.parametrize(
    ("identity", "found"),
    [
        (said(), []),
        (said("M0000001", OURS, "OKONKWO^AMARA", "1968-06-03"), []),
        (said("4711", HOSPITAL), []),
        (said("4711"), []),  # The issuer is open: any of the patient's numbers.
        (said("M0000001"), []),
        (said("0815"), ["patient id"]),
        (said("0815", OURS), ["patient id"]),
        (said("4711", OURS), ["patient id"]),  # The right number of the wrong issuer.
        (said("0815", ELSEWHERE), []),  # By whom the patient has no number: it says nothing.
        (said("04711", HOSPITAL), ["patient id"]),  # Leading zeros count.
        (said(name="ADEYEMI^AMARA"), []),  # A name from before.
        (said(name="OKONKWO^A"), []),
        (said(name="AMARA^OKONKWO"), ["name"]),
        (said(name="SMITH^JOHN"), ["name"]),
        (said(born="1968-06-04"), ["birth date"]),
        (said(born="1968"), []),
        (said("0815", OURS, "SMITH^JOHN", "1990-01-01"), ["patient id", "name", "birth date"]),
        (said("M0000001", OURS, "SMITH^JOHN", "1968-06-03"), ["name"]),
    ],
)
def test_in_what_an_object_contradicts_the_record(identity, found):
    assert rules.contradictions(identity, KNOWN) == found


@pytest.mark.parametrize("identity", [said("1", OURS, "SMITH^JOHN", "1990-01-01"), said("1"), said(name="X"), said()])
def test_a_record_that_says_nothing_is_not_contradicted(identity):
    assert rules.contradictions(identity, NOBODY) == []
