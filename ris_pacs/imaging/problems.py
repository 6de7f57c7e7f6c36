"""What can be wrong with an object that someone sent, in words for the person who has to deal with it."""

from __future__ import annotations

from ris_pacs.kernel.errors import Invalid


class HeaderError(Invalid):
    """The encoded data set cannot be walked.

    tag: the element being read, None before the first. offset: where it begins in the data set or file.
    """

    code = "unreadable-data-set"

    def __init__(self, problem: str, offset: int, tag: int | None = None) -> None:
        where = f"{tag_text(tag)} at byte {offset}" if tag is not None else f"byte {offset}"
        super().__init__(f"The data set cannot be read: {where}: {problem}.")
        self.offset = offset
        self.tag = tag


class NotAPicture(Invalid):
    """The object has no pixels. what: "structured report", "encapsulated PDF" and so on."""

    code = "not-a-picture"

    def __init__(self, what: str) -> None:
        super().__init__(f"This object is no picture: {what}.")
        self.what = what


class CannotDecode(Invalid):
    """There are pixels, but they cannot be shown."""

    code = "cannot-decode"

    def __init__(self, problem: str) -> None:
        super().__init__(f"The picture cannot be shown: {problem}.")
        self.problem = problem


class NotDecompressed(Invalid):
    """Whoever takes only uncompressed pixels cannot have this object."""

    code = "not-decompressed"

    def __init__(self, problem: str) -> None:
        super().__init__(f"Cannot be decompressed: {problem}.")


def tag_text(tag: int) -> str:
    """(0010,0020) as the standard prints tags."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
