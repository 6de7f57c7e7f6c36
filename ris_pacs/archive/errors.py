from __future__ import annotations

from ris_pacs.kernel.errors import Conflict, Invalid, Missing


class NoSuchStudy(Missing):
    code = "no-such-study"


class NoSuchInstance(Missing):
    code = "no-such-instance"


class FileMissing(Missing):
    """The archive has a row, and its file is gone."""

    code = "file-missing"


class NoSuchCase(Missing):
    code = "no-such-case"


class BadObject(Invalid):
    """An object that cannot be filed: no or bad UIDs, or bytes that are not a DICOM data set."""

    code = "bad-object"


class SeriesElsewhere(Conflict):
    """The series belongs to another study already."""

    code = "series-elsewhere"


class AlreadyLinked(Conflict):
    code = "already-linked"
