from __future__ import annotations

import pytest

from ris_pacs.catalog import rules
from ris_pacs.catalog.errors import BadNpi
from ris_pacs.catalog.rules import ClosedTime, Hours
from ris_pacs.kernel.errors import Invalid

MONDAY, SATURDAY, SUNDAY = 0, 5, 6
WEEK = (
    *(Hours(day, 7 * 60, 20 * 60, True) for day in range(5)),
    Hours(SATURDAY, 8 * 60, 12 * 60, True),
    Hours(SATURDAY, 13 * 60, 18 * 60, True),
    *(Hours(day, 720, 765, False, "Lunch") for day in range(5)),
)


# The first is the example of CMS's description of the check digit.
@pytest.mark.parametrize("npi", ["1234567893", " 1245319599 ", "1003000126", "2000000002"])
def test_numbers_of_doctors(npi):
    assert rules.check_npi(npi) == npi.strip()


@pytest.mark.parametrize(
    ("npi", "word"),
    [
        ("1234567890", "check digit"),
        ("1234567983", "check digit"),  # Two neighbours exchanged.
        ("1234567803", "check digit"),
        ("1245319598", "check digit"),
        ("3234567893", "the first 1 or 2"),
        ("123456789", "ten digits"),
        ("12345678931", "ten digits"),
        ("1234567893\n1", "ten digits"),
        ("１２３４５６７８９３", "ten digits"),
        ("12345 67893", "ten digits"),
        ("", "ten digits"),
    ],
)
def test_numbers_that_are_no_npi(npi, word):
    with pytest.raises(BadNpi, match=word) as caught:
        rules.check_npi(npi)
    assert caught.value.field == "npi"


def test_every_single_wrong_digit_of_an_npi_is_found():
    right = "1234567893"
    for place in range(10):
        for figure in "0123456789":
            if figure != right[place]:
                with pytest.raises(BadNpi):
                    rules.check_npi(right[:place] + figure + right[place + 1 :])


@pytest.mark.parametrize("title", ["CT1", "X" * 16, " MR 1 ", "ct-1_a/b", "A"])
def test_titles_of_application_entities(title):
    assert rules.check_ae_title(title) == title.strip()


@pytest.mark.parametrize("title", ["", "   ", "X" * 17, "CT\\1", "CT\n1", "CT\x001", "CTÄ", "ＣＴ"])
def test_titles_that_are_none(title):
    with pytest.raises(Invalid) as caught:
        rules.check_ae_title(title)
    assert caught.value.field == "ae_title"


@pytest.mark.parametrize(
    "host", ["", "10.0.0.7", "::1", "2001:db8::7", "ct1.meridian.example", "CT-1", "localhost", " pacs "]
)
def test_hosts(host):
    assert rules.check_host(host) == host.strip()


@pytest.mark.parametrize(
    "host", ["ct 1", "-ct1", "ct1-", "ct1.", "ct_1", "http://ct1", "ct1:104", "a;b", "ct1\nx", "ü.example", "x" * 201]
)
def test_hosts_that_are_none(host):
    with pytest.raises(Invalid) as caught:
        rules.check_host(host)
    assert caught.value.field == "host"


def test_ports():
    assert [rules.check_port(port) for port in (None, 1, 104, 65535)] == [None, 1, 104, 65535]
    for wrong in (0, -1, 65536):
        with pytest.raises(Invalid):
            rules.check_port(wrong)


@pytest.mark.parametrize(
    ("hours", "weekday", "closed"),
    [
        ((), MONDAY, []),  # A room without hours is always open.
        (
            WEEK,
            MONDAY,
            [ClosedTime(0, 420, "Closed"), ClosedTime(720, 765, "Lunch"), ClosedTime(1200, 1440, "Closed")],
        ),
        (
            WEEK,
            SATURDAY,
            [ClosedTime(0, 480, "Closed"), ClosedTime(720, 780, "Closed"), ClosedTime(1080, 1440, "Closed")],
        ),
        (WEEK, SUNDAY, [ClosedTime(0, 1440, "Closed")]),
        ((Hours(0, 0, 1440, True),), MONDAY, []),
        # Overlapping opening times are one.
        (
            (Hours(0, 600, 900, True), Hours(0, 480, 700, True), Hours(0, 500, 520, True)),
            MONDAY,
            [ClosedTime(0, 480, "Closed"), ClosedTime(900, 1440, "Closed")],
        ),
    ],
)
def test_closed_times(hours, weekday, closed):
    assert rules.closed_times(hours, weekday) == closed


@pytest.mark.parametrize(
    ("weekday", "begins", "ends", "is_open"),
    [
        (MONDAY, 420, 720, True),
        (MONDAY, 419, 450, False),
        (MONDAY, 700, 721, False),
        (MONDAY, 765, 1200, True),
        (MONDAY, 1190, 1201, False),
        (SATURDAY, 700, 800, False),
        (SUNDAY, 600, 610, False),
    ],
)
def test_open_throughout(weekday, begins, ends, is_open):
    assert rules.open_throughout(WEEK, weekday, begins, ends) is is_open


def test_an_exam_over_midnight_needs_both_days():
    through_the_night = (Hours(SATURDAY, 0, 1440, True), Hours(SUNDAY, 0, 60, True), Hours(SUNDAY, 1200, 1440, True))
    assert rules.open_throughout(through_the_night, SATURDAY, 1410, 1470)
    assert not rules.open_throughout(through_the_night, SATURDAY, 1410, 1530)
    assert not rules.open_throughout(through_the_night, SUNDAY, 1410, 1470)  # On Monday nobody is there.
