"""Attributes of objects as DICOM JSON (PS3.18 10.4.1.1.2): made once for each content of a series, then a file to send.

A study that a person linked to an order has the record's identity in place of what the device sent (DESIGN.md rule 4);
the object keeps its own.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from ris_pacs.archive.queries.objects import WebObject
from ris_pacs.imaging.display import attributes
from ris_pacs.imaging.problems import HeaderError
from ris_pacs.kernel.cache import kept_or_made
from ris_pacs.kernel.uow import System

# Another number when `attributes` makes something else of the same file.
_VERSION = "1"

Overlay = dict[str, dict[str, Any]]


def person_name(text: str) -> dict[str, str]:
    """A PN as DICOM JSON has it: its component groups by name (PS3.18 F.2.2)."""
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), text.split("="), strict=False)
    return {group: part for group, part in groups if part}


def version(found: Sequence[WebObject], overlay: Overlay) -> str:
    """Of the answer about these objects: changes with any of them, and with what is said in place of theirs."""
    whole = hashlib.sha256(json.dumps([_VERSION, overlay], sort_keys=True).encode())
    for one in found:
        whole.update(one.digest.encode())
    return whole.hexdigest()[:32]


def packed(system: System, found: Sequence[WebObject], overlay: Overlay, base: str) -> bytes:
    """A JSON array with an object for each, gzipped.

    base: the address of DICOMweb, which the addresses of bulk data begin with.
    """
    pieces = []
    for _, series in groupby(found, key=lambda one: one.series_instance_uid):
        pieces.append(_of_series(system, list(series), overlay, base))
    if len(pieces) == 1:
        return pieces[0]
    whole = b",".join(gzip.decompress(piece)[1:-1] for piece in pieces)
    return gzip.compress(b"[" + whole + b"]", 1)


def _of_series(system: System, found: Sequence[WebObject], overlay: Overlay, base: str) -> bytes:
    name = hashlib.sha256(f"{version(found, overlay)} {base}".encode()).hexdigest()

    def make() -> bytes:
        said = [_made(system, one, overlay, base) for one in found]
        return gzip.compress(json.dumps(said, separators=(",", ":")).encode(), 6)

    return kept_or_made(system.cache / "metadata" / name[:2] / f"{name}.json.gz", make)


def _made(system: System, one: WebObject, overlay: Overlay, base: str) -> dict[str, Any]:
    try:
        said = attributes(system.blobs.path(one.object_key), f"{base}/{one.place}")
    except (HeaderError, OSError):  # Its row still says what it is; `verify` names the file.
        said = {
            "00080016": {"vr": "UI", "Value": [one.sop_class_uid]},
            "00080018": {"vr": "UI", "Value": [one.sop_instance_uid]},
            "0020000D": {"vr": "UI", "Value": [one.study_instance_uid]},
            "0020000E": {"vr": "UI", "Value": [one.series_instance_uid]},
        }
    return dict(sorted((said | overlay).items())) if overlay else said
