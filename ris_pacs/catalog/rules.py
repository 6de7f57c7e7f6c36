"""Decisions about catalogue entries: check digits, titles, opening hours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from zoneinfo import available_timezones

from ris_pacs.catalog.errors import BadNpi
from ris_pacs.kernel.errors import Invalid

MODALITIES = {
    "CT": "CT",
    "MR": "MR",
    "US": "Ultrasound",
    "DX": "X-ray",
    "CR": "X-ray, plates",
    "MG": "Mammography",
    "NM": "Nuclear medicine",
    "PT": "PET",
    "ES": "Endoscopy",
}


def check_npi(text: str) -> str:
    """A National Provider Identifier: 10 digits, the last by the Luhn formula over 80840 + NPI.

    Source: CMS, "Requirements for National Provider Identifier and NPI Check Digit". Raises BadNpi.
    """
    npi = text.strip()
    if not re.fullmatch(r"[12][0-9]{9}", npi):
        raise BadNpi(f"{npi!r} is not an NPI: ten digits, the first 1 or 2.", "npi")
    total = 24  # What the constant prefix 80840 adds.
    for place, figure in enumerate(reversed(npi)):
        value = int(figure) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    if total % 10:
        raise BadNpi(f"{npi} is not an NPI: its check digit is wrong. Was a digit mistyped?", "npi")
    return npi


# X12 005010X222A1, SBR09, as far as imaging practices meet them.
FILING_INDICATORS = {
    "CI": "Commercial insurance",
    "BL": "Blue Cross, Blue Shield",
    "12": "PPO",
    "HM": "HMO",
    "MB": "Medicare Part B",
    "MC": "Medicaid",
    "CH": "TRICARE",
    "VA": "Veterans Affairs",
    "WC": "Workers' compensation",
    "AM": "Automobile medical",
}


def check_filing_indicator(text: str) -> str:
    """Raises Invalid."""
    if text not in FILING_INDICATORS:
        raise Invalid(f"{text[:10]!r} is no kind of payer that we know.", "filing_indicator")
    return text


def check_ae_title(text: str) -> str:
    """PS3.5 6.2, VR AE. Raises Invalid."""
    title = text.strip()
    if not re.fullmatch(r"[ -\[\]-~]{1,16}", title):
        raise Invalid("An AE title has 1 to 16 characters of plain ASCII, without a backslash.", "ae_title")
    return title


def check_host(text: str) -> str:
    """A host name or address; empty means none. Raises Invalid."""
    host = text.strip()
    if not host:
        return ""
    try:
        ip_address(host)
    except ValueError:
        if len(host) > 200 or not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", host):
            raise Invalid(f"{host!r} is not a host name or address.", "host") from None
    return host


def check_port(value: int | None) -> int | None:
    if value is not None and not 1 <= value <= 65535:
        raise Invalid(f"{value} is not a port between 1 and 65535.", "port")
    return value


def check_hl7_name(text: str, field: str) -> str:
    """The name of an application, facility or assigning authority (HL7 v2, HD.1). Raises Invalid."""
    name = text.strip()
    if not 1 <= len(name) <= 64:
        raise Invalid("This name has 1 to 64 characters.", field)
    if re.search(r"[\x00-\x1f\x7f|^~\\&]", name):
        raise Invalid("This name holds a control character or one of the separators | ^ ~ \\ &.", field)
    return name


def check_modality(text: str) -> str:
    """(0008,0060), VR CS (PS3.5 6.2); empty for what makes no images. Raises Invalid."""
    modality = text.strip()
    if not re.fullmatch(r"[A-Z0-9_ ]{0,16}", modality):
        raise Invalid("A modality is a code of capital letters such as CT.", "modality")
    return modality


def check_zone(text: str) -> str:
    """An IANA time zone; empty means the site's. Raises Invalid."""
    zone = text.strip()
    if zone and zone not in available_timezones():
        raise Invalid(f"{zone!r} is not a time zone such as America/New_York.", "zone")
    return zone


def check_accession_prefix(text: str) -> str:
    """What stands before the year in our accession numbers (at most 16 characters in all, VR SH). Raises Invalid."""
    prefix = text.strip()
    if not re.fullmatch(r"([A-Z][A-Z0-9]{0,5})?", prefix):
        raise Invalid("The prefix has at most 6 capital letters and digits, a letter first.", "accession_prefix")
    return prefix


def check_quiet_minutes(value: int) -> int:
    if not 1 <= value <= 1440:
        raise Invalid("The pause after the last image lasts 1 to 1,440 minutes.", "quiet_minutes")
    return value


@dataclass(frozen=True)
class Hours:
    """Weekly hours of a resource, in minutes after local midnight."""

    weekday: int
    begins: int
    ends: int
    open: bool
    label: str = ""


WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SPAN = re.compile(r"(closed )?(\d{1,2})(?::(\d\d))? ?[-–] ?(\d{1,2})(?::(\d\d))?( [^,]{1,40})?", re.IGNORECASE)


def read_hours(weekday: int, text: str) -> list[Hours]:
    """ "08:00–12:00, 13:00–17:00, closed 10:00–10:30 Tea": what is said of a weekday; empty is closed all day.

    Raises Invalid with the weekday as field.
    """
    found: list[Hours] = []
    field = WEEKDAYS[weekday].lower()
    for part in filter(None, (one.strip() for one in text.split(","))):
        match = _SPAN.fullmatch(part)
        if match is None or (match[6] and not match[1]):
            raise Invalid(f"{part[:40]!r} is not hours such as 08:00–17:00, or closed 12:00–12:30 Lunch.", field)
        begins, ends = int(match[2]) * 60 + int(match[3] or 0), int(match[4]) * 60 + int(match[5] or 0)
        if not begins < ends <= 1440 or int(match[3] or 0) > 59 or int(match[5] or 0) > 59:
            raise Invalid(f"{part[:40]!r} does not lie between 00:00 and 24:00, the later time last.", field)
        if any(one.begins < ends and begins < one.ends and one.open != bool(match[1]) for one in found):
            raise Invalid(f"{part[:40]!r} lies over hours that are said already.", field)
        found.append(Hours(weekday, begins, ends, not match[1], (match[6] or "").strip()))
    return found


def hours_text(hours: Iterable[Hours], weekday: int) -> str:
    """The hours of a weekday as `read_hours` reads them."""
    today = sorted((one for one in hours if one.weekday == weekday), key=lambda one: (not one.open, one.begins))
    return ", ".join(
        f"{'' if one.open else 'closed '}{_clock(one.begins)}–{_clock(one.ends)} {one.label}".strip() for one in today
    )


def hours_summary(hours: Sequence[Hours]) -> str:
    """ "Mon–Fri 08:00–17:00; Sat 08:00–12:00" for a list of rooms."""
    if not hours:
        return "always open"
    groups: list[tuple[int, int, str]] = []  # first and last weekday, and what is said of them
    for weekday in range(7):
        text = hours_text(hours, weekday)
        if groups and groups[-1][2] == text:
            groups[-1] = groups[-1][0], weekday, text
        else:
            groups.append((weekday, weekday, text))
    return "; ".join(f"{_days(first, last)} {text}" for first, last, text in groups if text)


def _days(first: int, last: int) -> str:
    return WEEKDAYS[first][:3] if first == last else f"{WEEKDAYS[first][:3]}–{WEEKDAYS[last][:3]}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@dataclass(frozen=True)
class ClosedTime:
    begins: int
    ends: int
    label: str


def closed_times(hours: Iterable[Hours], weekday: int) -> list[ClosedTime]:
    """When a resource is closed on a weekday. Without any hours it is always open."""
    hours = list(hours)
    if not hours:
        return []
    today = [line for line in hours if line.weekday == weekday]
    opened = sorted((line.begins, line.ends) for line in today if line.open)
    closed = [ClosedTime(line.begins, line.ends, line.label) for line in today if not line.open]
    reached = 0
    for begins, ends in opened:
        if begins > reached:
            closed.append(ClosedTime(reached, begins, "Closed"))
        reached = max(reached, ends)
    if reached < 1440:
        closed.append(ClosedTime(reached, 1440, "Closed"))
    return sorted(closed, key=lambda time: time.begins)


def open_throughout(hours: Iterable[Hours], weekday: int, begins: int, ends: int) -> bool:
    """Whether a resource is open from `begins` to `ends`, in minutes of the weekday; beyond 1440 is the next day."""
    hours = list(hours)
    if ends > 1440:
        next_day = open_throughout(hours, (weekday + 1) % 7, 0, ends - 1440)
        return next_day and open_throughout(hours, weekday, begins, 1440)
    return all(time.ends <= begins or ends <= time.begins for time in closed_times(hours, weekday))
