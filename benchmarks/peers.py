"""The peers: Orthanc and DCMTK's worklist server, each on a free port in a folder of the benchmark."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.practice import HOST, PATIENCE, wait_until
from ris_pacs.dicom.client import AssociationFailed, Proposal, connect
from ris_pacs.dicom.sop_classes import VERIFICATION

DICOMWEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


@dataclass(frozen=True)
class Peer:
    """A DICOM peer that runs. http: Orthanc's REST interface, else 0."""

    name: str
    title: str
    port: int
    http: int = 0


def installed(program: str) -> str | None:
    """Where a program of the system is; not the scripts of the same names that pynetdicom brings along."""
    return shutil.which(program, path="/usr/local/bin:/usr/bin:/usr/sbin")


def free_port() -> int:
    with socket.create_server((HOST, 0)) as free:
        port: int = free.getsockname()[1]
        return port


@contextmanager
def orthanc(
    folder: Path, modalities: Mapping[str, int] | None = None, web: Mapping[str, Mapping[str, Any]] | None = None
) -> Iterator[Peer | None]:
    """Orthanc as it comes, without compression; None where it, or a plugin that is asked for, is not installed.

    modalities: AE title → port of who it may send to. web: with its DICOMweb plugin, and by name the settings of the
    DICOMweb servers that it knows.
    """
    program = installed("Orthanc")
    if program is None or (web is not None and not DICOMWEB_PLUGIN.exists()):
        yield None
        return
    folder.mkdir()
    peer = Peer("Orthanc", "ORTHANC", free_port(), free_port())
    settings: dict[str, Any] = {
        "Name": "benchmark",
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "StorageCompression": False,
        "Plugins": [] if web is None else [str(DICOMWEB_PLUGIN)],
        "DicomWeb": {"Enable": web is not None, "Root": "/dicom-web/", "Servers": dict(web or {})},
        "DicomAet": peer.title,
        "DicomPort": peer.port,
        "HttpPort": peer.http,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowMove": True,
        "DicomAlwaysAllowGet": True,
        "DicomModalities": {title: [title, HOST, port] for title, port in (modalities or {}).items()},
    }
    file = folder / "orthanc.json"
    file.write_text(json.dumps(settings))
    with _process([program, str(file)], folder), _answering(peer):
        yield peer


@contextmanager
def wlmscpfs(folder: Path, title: str) -> Iterator[Peer | None]:
    """DCMTK's worklist server over the files that stand in `folder`/`title`; None where it is not installed."""
    program = installed("wlmscpfs")
    if program is None:
        yield None
        return
    (folder / title / "lockfile").touch()
    peer = Peer("wlmscpfs", title, free_port())
    with _process([program, "-dfp", str(folder), str(peer.port)], folder), _answering(peer):
        yield peer


@contextmanager
def _process(command: list[str], folder: Path) -> Iterator[None]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _answering(peer: Peer) -> Iterator[None]:
    def answers() -> bool:
        try:
            with connect(HOST, peer.port, "ECHOSCU", peer.title, (Proposal(VERIFICATION),), timeout=2) as association:
                return association.echo().code == 0
        except AssociationFailed:
            return False

    wait_until(answers, peer.name, every=0.1)
    yield


def orthanc_statistics(peer: Peer) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://{HOST}:{peer.http}/statistics", timeout=PATIENCE) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def version(program: str) -> str:
    """The first line of what it says about itself."""
    found = installed(program)
    if found is None:
        return f"{program} is not installed"
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    return (said.stdout or said.stderr).strip().splitlines()[0].strip("$ ")
