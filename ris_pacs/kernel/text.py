"""Text as people search for it, the same on both databases."""

from __future__ import annotations

import re
import unicodedata

# Letters that Unicode does not take apart, and what people type for them.
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ı": "i", "ħ": "h", "ŋ": "n"}
)
_BETWEEN_WORDS = re.compile(r"[^\w]+")


def fold(text: str) -> str:
    """Lower case, without accents, one space between words: "Åsa  Gunnarsdóttir" → "asa gunnarsdottir"."""
    apart = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    bare = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return _BETWEEN_WORDS.sub(" ", unicodedata.normalize("NFC", bare)).strip()


def words(text: str) -> list[str]:
    """The folded words of a text, in order, each once."""
    return list(dict.fromkeys(fold(text).split()))


def digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isascii() and letter.isdigit())


def like_prefix(text: str) -> str:
    """A LIKE pattern for texts that begin with `text`; to be used with escape="\\\\"."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


def after_prefix(prefix: str) -> str:
    """The first text that sorts behind everything that begins with `prefix`, for `key >= prefix AND key < …`."""
    return prefix + "\U0010ffff"


_SOUND = str.maketrans("bfpvcgjkqsxzdtlmnr", "111122222222334556")


def sound(word: str) -> str:
    """American Soundex of a folded Latin word (NARA, "The Soundex Indexing System"); "" for other scripts."""
    word = "".join(letter for letter in word if "a" <= letter <= "z")
    if not word:
        return ""
    code, last = word[0], word[0].translate(_SOUND)
    for letter in word[1:]:
        figure = letter.translate(_SOUND)
        if figure.isdigit() and figure != last:
            code += figure
        if letter not in "hw":
            last = figure
    return (code + "000")[:4]
