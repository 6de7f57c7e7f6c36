"""Template filters: dates, times and sizes as people read them (design guide, 7)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from ris_pacs.kernel.person import PersonName, shown_age
from ris_pacs.web import context


def local(instant: datetime) -> datetime:
    """On the clock of the site that the person works at."""
    return instant.astimezone(context.site().zone)


def day(value: date | datetime | str | None) -> str:
    """24 Nov 2026. Also for ISO text, to the precision that it has, and for DICOM's 20261124."""
    if not value:
        return ""
    if isinstance(value, datetime):
        return f"{local(value):%-d %b %Y}"
    if isinstance(value, date):
        return f"{value:%-d %b %Y}"
    if len(value) == 8 and value.isascii() and value.isdigit():
        value = f"{value[:4]}-{value[4:6]}-{value[6:]}"
    parts = value.split("-")
    try:
        whole = date(*(int(part) for part in [*parts, "1", "1"][:3]))
    except ValueError:
        return value
    return {1: f"{whole:%Y}", 2: f"{whole:%b %Y}"}.get(len(parts), f"{whole:%-d %b %Y}")


def weekday(value: date | datetime) -> str:
    """Tue 24 Nov 2026."""
    return f"{local(value) if isinstance(value, datetime) else value:%a %-d %b %Y}"


def clock(value: datetime | None) -> str:
    """10:41."""
    return f"{local(value):%H:%M}" if value else ""


def stamp(value: datetime | None) -> str:
    """24 Nov 2026, 10:41; without the date when it is today's, without the year when it is this one's."""
    if value is None:
        return ""
    there, today = local(value), local(context.now())
    if there.date() == today.date():
        return f"{there:%H:%M}"
    return f"{there:%-d %b, %H:%M}" if there.year == today.year else f"{there:%-d %b %Y, %H:%M}"


def full_stamp(value: datetime | None) -> str:
    """24 Nov 2026, 10:41 EST."""
    return f"{local(value):%-d %b %Y, %H:%M %Z}" if value else ""


def iso_stamp(value: datetime | None) -> str:
    """2026-11-24 10:41:07 at the site, for spreadsheets."""
    return f"{local(value):%Y-%m-%d %H:%M:%S}" if value else ""


def iso_day(value: datetime) -> str:
    """2026-11-24 at the site, for addresses."""
    return local(value).date().isoformat()


def minutes(value: timedelta) -> str:
    """7 min; 2 h 05 min; 3 d."""
    whole = int(value.total_seconds() // 60)
    if whole < 60:
        return f"{whole} min"
    if whole < 48 * 60:
        return f"{whole // 60} h {whole % 60:02} min"
    return f"{whole // 1440} d"


def ago(value: datetime) -> str:
    """7 min, up to now."""
    return minutes(context.now() - value)


def size(value: int) -> str:
    """214 MB."""
    amount = float(value)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 10 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def counted(number: int, one: str, many: str = "") -> str:
    """1 image; 1,204 images; 2 studies."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def age_and_sex(birth_date: str | None, sex: str) -> str:
    """58 F, as lists show it."""
    return f"{age(birth_date).removesuffix(' y')} {sex}".strip()


def age(birth_date: str | None) -> str:
    """58 y, today at the site."""
    return shown_age(birth_date, local(context.now()).date())


def dicom_name(text: str) -> str:
    """ "Okafor, Amara" for "OKAFOR^AMARA": as people read it, in the first script that the name has."""
    return PersonName.from_dicom(text).shown


def dicom_age(text: str) -> str:
    """58 y for a DICOM date of birth; "" for what is none."""
    if len(text) != 8 or not (text.isascii() and text.isdigit()):
        return ""
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return ""
    return age(f"{text[:4]}-{text[4:6]}-{text[6:]}")


def initials(name: str) -> str:
    """AO for "Okafor, Amara" and for "Amara Okafor"."""
    family, comma, given = name.partition(",")
    parts = [given.strip(), family.strip()] if comma else name.split()
    letters = [part[0].upper() for part in parts if part]
    return "".join(letters[:1] + letters[-1:]) if len(letters) > 1 else "".join(letters)


FILTERS = {
    "day": day,
    "weekday": weekday,
    "clock": clock,
    "stamp": stamp,
    "full_stamp": full_stamp,
    "iso_day": iso_day,
    "minutes": minutes,
    "ago": ago,
    "size": size,
    "counted": counted,
    "age": age,
    "age_and_sex": age_and_sex,
    "dicom_age": dicom_age,
    "dicom_name": dicom_name,
    "initials": initials,
}
