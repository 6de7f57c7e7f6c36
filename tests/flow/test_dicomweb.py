"""DICOMweb as others speak it: dicomweb-client, and Orthanc's plugin that searches, fetches and sends."""

from __future__ import annotations

import io
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import create_session
from pydicom import dcmread
from pydicom.uid import generate_uid

from benchmarks import peers
from benchmarks.peers import Peer
from tests.flow.practice_running import Practice
from tests.flow.real_files import BY_SYNTAX, real_file
from tests.flow.test_images import said

_tokens: dict[str, str] = {}


def token_of(practice: Practice) -> str:
    """One for each running practice."""
    if practice.address not in _tokens:
        done = practice.run("token", "add", generate_uid()[-20:], "--role", "system")
        assert done.returncode == 0, done.stderr
        _tokens[practice.address] = done.stdout.strip().splitlines()[-1]
    return _tokens[practice.address]


@pytest.fixture
def client(practice: Practice) -> DICOMwebClient:
    session = create_session()
    session.headers["Authorization"] = f"Bearer {token_of(practice)}"
    return DICOMwebClient(f"{practice.address}/dicom-web", session=session)


@pytest.fixture
def orthanc(practice: Practice, tmp_path: Path) -> Iterator[Peer]:
    server = {
        "Url": f"{practice.address}/dicom-web/",
        "HttpHeaders": {"Authorization": f"Bearer {token_of(practice)}"},
    }
    with peers.orthanc(tmp_path / "orthanc", web={"ours": server}) as peer:
        if peer is None:
            pytest.skip("Orthanc or its DICOMweb plugin is not installed: scripts/peers.sh")
        yield peer


@pytest.mark.parametrize("name", BY_SYNTAX)
def test_dicomweb_client_stores_finds_and_fetches_what_devices_wrote(client: DICOMwebClient, name: str) -> None:
    original = dcmread(real_file(name))
    original.StudyInstanceUID, original.SeriesInstanceUID, uid = (generate_uid() for _ in range(3))
    original.SOPInstanceUID = original.file_meta.MediaStorageSOPInstanceUID = uid
    place = original.StudyInstanceUID, original.SeriesInstanceUID
    answer = client.store_instances([original])
    assert answer.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == uid

    (study,) = client.search_for_studies(search_filters={"StudyInstanceUID": place[0]})
    assert study["00201208"]["Value"] == [1]
    (series,) = client.search_for_series(place[0])
    assert series["0020000E"]["Value"] == [place[1]]
    (instance,) = client.search_for_instances(*place)
    assert instance["00080018"]["Value"] == [uid]

    back = client.retrieve_instance(*place, uid, media_types=(("application/dicom", "*"),))
    assert back.file_meta.TransferSyntaxUID == original.file_meta.TransferSyntaxUID
    assert back.PixelData == original.PixelData
    assert said(back) == said(original)

    (metadata,) = client.retrieve_series_metadata(*place)
    assert metadata["00080018"]["Value"] == [uid]
    assert client.retrieve_instance_rendered(*place, uid, media_types=("image/jpeg",)).startswith(b"\xff\xd8")


def test_dicomweb_client_reads_the_frames_that_pydicom_reads(client: DICOMwebClient) -> None:
    original = dcmread(real_file("OBXXXX1A_rle_2frame.dcm"))
    original.StudyInstanceUID, original.SeriesInstanceUID, uid = (generate_uid() for _ in range(3))
    original.SOPInstanceUID = original.file_meta.MediaStorageSOPInstanceUID = uid
    client.store_instances([original])
    frames = client.retrieve_instance_frames(original.StudyInstanceUID, original.SeriesInstanceUID, uid, [1, 2])
    for frame, expected in zip(frames, original.pixel_array, strict=True):
        assert np.array_equal(np.frombuffer(frame, np.uint8), expected.ravel())


def rest(peer: Peer, place: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{peer.http}{place}", data, timeout=60) as answer:
        raw = answer.read()
    return json.loads(raw) if raw[:1] in b"[{" else raw


def test_orthanc_finds_fetches_and_sends_studies(
    practice: Practice, client: DICOMwebClient, orthanc: Peer, tmp_path: Path
) -> None:
    mine = dcmread(real_file("CT_small.dcm"))
    mine.StudyInstanceUID, mine.SeriesInstanceUID, uid = (generate_uid() for _ in range(3))
    mine.SOPInstanceUID = mine.file_meta.MediaStorageSOPInstanceUID = uid
    client.store_instances([mine])

    found = rest(
        orthanc, "/dicom-web/servers/ours/qido", {"Uri": "/studies", "Arguments": {"0020000D": mine.StudyInstanceUID}}
    )
    assert len(found) == 1
    assert mine.StudyInstanceUID in json.dumps(found)

    rest(orthanc, "/dicom-web/servers/ours/retrieve", {"Resources": [{"Study": mine.StudyInstanceUID}]})
    (instance,) = rest(orthanc, "/instances")
    fetched = dcmread(io.BytesIO(rest(orthanc, f"/instances/{instance}/file")))
    assert (fetched.SOPInstanceUID, fetched.PixelData) == (uid, mine.PixelData)

    theirs = dcmread(real_file("MR_small_jpeg_ls_lossless.dcm"))
    theirs.StudyInstanceUID, theirs.SeriesInstanceUID, other = (generate_uid() for _ in range(3))
    theirs.SOPInstanceUID = theirs.file_meta.MediaStorageSOPInstanceUID = other
    out = io.BytesIO()
    theirs.save_as(out, enforce_file_format=True)
    with urllib.request.urlopen(f"http://127.0.0.1:{orthanc.http}/instances", out.getvalue(), timeout=60) as answer:
        theirs_id = json.load(answer)["ID"]
    rest(orthanc, "/dicom-web/servers/ours/stow", {"Resources": [theirs_id], "Synchronous": True})
    back = client.retrieve_instance(
        theirs.StudyInstanceUID, theirs.SeriesInstanceUID, other, media_types=(("application/dicom", "*"),)
    )
    assert back.PixelData == theirs.PixelData
