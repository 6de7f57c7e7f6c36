from __future__ import annotations

from datetime import date

import pytest

from ris_pacs.kernel.errors import Invalid
from ris_pacs.kernel.person import (
    NameGroup,
    PersonName,
    birth_dates_agree,
    check_birth_date,
    check_name,
    names_agree,
    shown_age,
)
from ris_pacs.kernel.text import fold, sound

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Åsa  Gunnarsdóttir", "asa gunnarsdottir"),
        ("O’Brien-Smith", "o brien smith"),
        ("Straße", "strasse"),
        ("Łukasz Żółć", "lukasz zolc"),
        ("ÇELİK", "celik"),
        ("Ελένη", "ελενη"),
        ("山田^太郎", "山田 太郎"),
        ("김희중", "김희중"),
        ("  ", ""),
    ],
)
def test_fold(text, folded):
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("word", "code"), [("robert", "r163"), ("rupert", "r163"), ("tymczak", "t522"), ("pfister", "p236"), ("山", "")]
)
def test_sound(word, code):
    assert sound(word) == code


def dicom(text: str) -> PersonName:
    return PersonName.from_dicom(text)


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("OKONKWO^AMARA", "Okonkwo^Amara^Chidinma", True),
        ("OKONKWO^A", "Okonkwo^Amara", True),
        ("GARCIA LOPEZ^JOSE", "García-López^José", True),
        ("OKONKWO^AMARA", "Okonkwo^Amadi", False),
        ("AMARA^OKONKWO", "Okonkwo^Amara", False),
        ("ITO^KENJI", "Ito^Kenta", False),
        ("", "Ito^Kenta", True),
        ("Yamada^Tarou=山田^太郎", "Yamada^Tarou", True),
        ("=山田^太郎", "Yamada^Tarou=山田^太郎", True),
        ("=山田^太郎", "Yamada^Tarou=山田^花子", False),
        ("Yamada^Tarou", "=山田^太郎", True),  # No script in common: nothing is said.
    ],
)
def test_names_agree(one, other, agree):
    assert names_agree(dicom(one), dicom(other)) is agree
    assert names_agree(dicom(other), dicom(one)) is agree


def test_dicom_name_survives_the_round_trip():
    text = "Yamada^Tarou^^Dr.^Jr.=山田^太郎=やまだ^たろう"
    assert dicom(text).dicom() == text


@pytest.mark.parametrize(
    ("group", "word"),
    [
        (NameGroup(), "needs a family or a given name"),
        (NameGroup("A^B"), "characters"),
        (NameGroup("A\nB"), "control"),
        (NameGroup("A" * 65), "64"),
    ],
)
def test_names_that_cannot_be(group, word):
    with pytest.raises(Invalid, match=word):
        check_name(PersonName(group))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("1986-02-31", "February has no 31st"),
        ("2023-02-29", "February 2023 has no 29th"),
        ("1986-04-31", "April has no 31st"),
        ("1986-13-01", "no month 13"),
        ("2027-01-01", "future"),
        ("1850-01-01", "1850"),
        ("86-01-01", "looks like"),
        ("0000-01-01", "year 0"),
    ],
)
def test_birth_dates_that_cannot_be(text, word):
    with pytest.raises(Invalid, match=word):
        check_birth_date(text, TODAY)


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("1968-06-03", "1968-06-03", True),
        ("1968-06-03", "1968", True),
        ("1968-06-03", "1968-07", False),
        ("1968-06-03", "", True),
        (None, "1968-06-03", True),
        ("1968-06-03", "1968-03-06", False),
    ],
)
def test_birth_dates_agree_to_the_precision_of_both(one, other, agree):
    assert birth_dates_agree(one, other) is agree


@pytest.mark.parametrize(
    ("born", "age"),
    [
        ("1968-06-03", "58 y"),
        ("1968-11-25", "57 y"),
        ("2026-11-20", "4 d"),
        ("2026-05-24", "6 m"),
        ("1980", "46 y"),
        (None, ""),
    ],
)
def test_age_as_lists_show_it(born, age):
    assert shown_age(born, TODAY) == age
