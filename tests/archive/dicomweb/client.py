"""A machine that speaks DICOMweb to the program, and what it is asked about."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from pydicom import dcmread
from werkzeug.test import TestResponse

from ris_pacs.kernel.uow import System
from tests.archive.files import keep_file
from tests.imaging.samples import sample

AT_TWO = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)
EVERYTHING = 'multipart/related; type="application/dicom"; transfer-syntax=*'
OCTETS = "multipart/related; type=application/octet-stream; transfer-syntax=*"
PLAIN_OCTETS = 'multipart/related; type="application/octet-stream"'


class Client:
    """A machine with a token."""

    def __init__(self, app: Flask, token: str) -> None:
        self._client = app.test_client()
        self._client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"

    def get(self, place: str, accept: str = "*/*", **how: Any) -> TestResponse:
        headers = {"Accept": accept, **how.pop("headers", {})}
        return self._client.get(f"/dicom-web/{place}", headers=headers, **how)

    def json(self, place: str) -> list[dict[str, Any]]:
        answer = self.get(place)
        assert answer.status_code == 200, answer.text
        assert answer.content_type == "application/dicom+json"
        return json.loads(answer.data)

    def parts(self, place: str, accept: str) -> list[tuple[str, bytes]]:
        """Content type and body of each part."""
        answer = self.get(place, accept)
        assert answer.status_code == 200, answer.text
        boundary = b"--" + answer.headers["Content-Type"].partition("boundary=")[2].encode()
        before, *parts, end = answer.data.split(boundary)
        assert (before, end) == (b"", b"--\r\n")
        split = [part.removeprefix(b"\r\n").removesuffix(b"\r\n").partition(b"\r\n\r\n") for part in parts]
        return [(re.search("Content-Type: (.*)", head.decode())[1].strip(), body) for head, _, body in split]

    def store(
        self, *files: bytes, study: str = "", kind: str = "application/dicom", end: bytes = b"--"
    ) -> TestResponse:
        body = b"".join(b"--edge\r\nContent-Type: %s\r\n\r\n%s\r\n" % (kind.encode(), one) for one in files)
        return self._client.post(
            f"/dicom-web/studies{'/' if study else ''}{study}",
            data=body + (b"--edge" + end + b"\r\n" if end else b""),
            content_type='multipart/related; type="application/dicom"; boundary=edge',
        )


def uids(answers: list[dict[str, Any]], tag: str = "0020000D") -> list[str]:
    return [one[tag]["Value"][0] for one in answers]


def place_of(system: System, name: str) -> tuple[str, Any]:
    """One of pydicom's files in the archive: its address, and what pydicom reads in it."""
    known = dcmread(sample(name))
    keep_file(system, sample(name))
    place = f"studies/{known.StudyInstanceUID}/series/{known.SeriesInstanceUID}/instances/{known.SOPInstanceUID}"
    return place, known
