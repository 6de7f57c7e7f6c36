"""Whose certificates the encrypted listeners of DICOM and HL7 take; DCMTK calls."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ris_pacs.bootstrap.tls import server_context
from ris_pacs.cli.doctor import _encryption
from ris_pacs.config import SettingError, Settings, read_settings
from ris_pacs.dicom.handlers import Services
from ris_pacs.hl7.mllp import Server as MllpServer
from ris_pacs.hl7.mllp_client import Connection, NotDelivered
from tests.authority import Authority, Certificate
from tests.hl7.test_mllp_client import accept_all, raw

from .peers import PATIENCE, listening, run

Configured = Callable[..., Settings]


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs for the devices of the practice."""
    return Authority(tmp_path_factory.mktemp("practice"), "practice")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs our own certificate, as a public authority does, and anybody else's."""
    return Authority(tmp_path_factory.mktemp("elsewhere"), "elsewhere")


@pytest.fixture(scope="module")
def ours(elsewhere: Authority) -> Certificate:
    """With the authority behind it in the file, as servers are given them."""
    made = elsewhere.sign("ours")
    made.cert.write_text(made.cert.read_text() + elsewhere.cert.read_text())
    return made


@pytest.fixture
def configured(tmp_path: Path, practice: Authority, ours: Certificate) -> Configured:
    def read(**changed: object) -> Settings:
        given = {"DATA_DIR": tmp_path, "TLS_CERT": ours.cert, "TLS_KEY": ours.key, "TLS_CA": practice.cert} | changed
        return read_settings({f"RIS_PACS_{name}": str(value) for name, value in given.items()}, None)

    return read


@pytest.fixture(scope="module")
def callers(practice: Authority, elsewhere: Authority) -> dict[str, Certificate | None]:
    return {
        "ours": practice.sign("station"),
        "expired": practice.sign("expired", days=-1),
        "foreign": elsewhere.sign("stranger"),
        "none": None,
    }


TAKEN = [
    ("optional", "ours", True),
    ("optional", "none", True),
    ("optional", "foreign", False),
    ("optional", "expired", False),
    ("required", "ours", True),
    ("required", "none", False),
    ("required", "foreign", False),
    ("required", "expired", False),
]


@pytest.mark.parametrize(("demanded", "caller", "taken"), TAKEN)
def test_dicom(
    configured: Configured,
    callers: dict[str, Certificate | None],
    elsewhere: Authority,
    demanded: str,
    caller: str,
    taken: bool,
) -> None:
    shown = callers[caller]
    options = ("+tls", shown.key, shown.cert) if shown else ("+tla",)
    with listening(Services(), tls=server_context(configured(TLS_CLIENT_CERTIFICATE=demanded))) as running:
        done = run("echoscu", "-v", *options, "+cf", elsewhere.cert, "-to", 10, "127.0.0.1", running.port)
        assert (done.returncode == 0) == taken, done.stdout
        assert run("echoscu", "-to", 2, "-ta", 2, "127.0.0.1", running.port).returncode != 0, "in the clear"


@contextmanager
def hl7(settings: Settings) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = MllpServer(listener, accept_all, tls=server_context(settings))
        server.start()
        yield listener.getsockname()[1]
        assert server.drain(PATIENCE)


@pytest.mark.parametrize(("demanded", "caller", "taken"), TAKEN)
def test_hl7(
    configured: Configured,
    callers: dict[str, Certificate | None],
    elsewhere: Authority,
    demanded: str,
    caller: str,
    taken: bool,
) -> None:
    context = ssl.create_default_context(cafile=str(elsewhere.cert))
    if shown := callers[caller]:
        context.load_cert_chain(shown.cert, shown.key)
    with hl7(configured(TLS_CLIENT_CERTIFICATE=demanded)) as port:
        try:
            with Connection("127.0.0.1", port, PATIENCE, PATIENCE, tls=context) as connection:
                connection.send(raw("T1"))
            answered = True
        except NotDelivered:
            answered = False
    assert answered == taken


def test_the_doctor_is_let_in_by_our_own_certificate(configured: Configured) -> None:
    """It comes from another authority, which vouches for nobody else."""
    settings = configured(TLS_CLIENT_CERTIFICATE="required")
    with hl7(settings) as port, Connection("127.0.0.1", port, tls=_encryption(settings)) as connection:
        connection.send(raw("T1"))


def test_certificates_are_optional_unless_demanded(configured: Configured) -> None:
    assert configured().tls_client_certificate == "optional"
    assert configured(TLS_CLIENT_CERTIFICATE="").tls_client_certificate == "optional"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"TLS_CLIENT_CERTIFICATE": "demanded"}, "TLS_CLIENT_CERTIFICATE: must be one of optional, required"),
        ({"TLS_CLIENT_CERTIFICATE": "required", "TLS_CA": ""}, "needs the authority that they come from"),
    ],
)
def test_a_setting_that_cannot_be_is_one_line(configured: Configured, changed: dict[str, str], told: str) -> None:
    with pytest.raises(SettingError, match=told) as caught:
        configured(**changed)
    assert "\n" not in str(caught.value)


def test_a_file_without_a_certificate_is_one_line(configured: Configured, tmp_path: Path, ours: Certificate) -> None:
    (tmp_path / "empty.pem").write_text("nothing\n")
    for changed in ({"TLS_CERT": tmp_path / "empty.pem"}, {"TLS_CA": tmp_path / "empty.pem"}, {"TLS_KEY": ours.cert}):
        with pytest.raises(SettingError, match="cannot be used") as caught:
            server_context(configured(**changed))
        assert "\n" not in str(caught.value)
