"""Text as X12 takes it: the basic character set, and none of our delimiters (005010X222A1, B.1.1.2.2)."""

from __future__ import annotations

import re
import unicodedata

# Letters that Unicode does not take apart, and how passports write them (ICAO 9303).
_LATIN = dict(zip("ßÆŒØĐÐÞŁıĦŊ", "SS AE OE O D D TH L I H N".split(), strict=True))
_CYRILLIC = dict(
    zip(
        "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЭЮЯІЇЄҐЎЉЊЋЂЏЈЅЌЃ",
        (
            "A B V G D E E ZH Z I I K L M N O P R S T U F KH TS CH SH SHCH IE Y E IU IA "
            "I I IE G U LJ NJ C D DZ J DZ K G"
        ).split(),
        strict=True,
    )
)
_GREEK = dict(
    zip("ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ", "A V G D E Z I TH I K L M N X O P R S T Y F CH PS O".split(), strict=True)
)
_TABLE = str.maketrans({**_LATIN, **_CYRILLIC, **_GREEK, "Ь": "", "’": "'", "‘": "'", "–": "-", "—": "-", "‐": "-"})
# The basic set less the four delimiters that we write: * : ^ ~. Upper case only, which every receiver reads.
_ALLOWED = re.compile(r"[^A-Z0-9 !\"&'()+,\-./;?=]+")


def plain(text: str, longest: int) -> str:
    """ "Åsa Gunnarsdóttir" → "ASA GUNNARSDOTTIR", "Ирина" → "IRINA"; what has no Latin form is left out.

    Never a delimiter, never longer than an element may be, no spaces at the ends.
    """
    composed = unicodedata.normalize("NFC", text).upper().translate(_TABLE)
    apart = unicodedata.normalize("NFKD", composed).translate(_TABLE)
    bare = "".join(letter for letter in apart if not unicodedata.combining(letter)).upper()
    return " ".join(_ALLOWED.sub(" ", bare).split())[:longest].strip()


def identifier(text: str, longest: int) -> str:
    """A number that somebody gave out: letters, digits, hyphens, dots; nothing else tells anything."""
    return re.sub(r"[^A-Z0-9./-]+", "", plain(text, 200))[:longest]


def has_name(text: str) -> bool:
    """Whether anything of a name is left in Latin letters."""
    return bool(re.search("[A-Z]", plain(text, 60)))
