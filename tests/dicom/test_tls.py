"""Whose certificates the encrypted listeners of DICOM and HL7 take, and whom we send to over TLS; DCMTK is the peer."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import dcmread
from sqlalchemy import func, select

from ris_pacs.archive.dimse.commitment import tell_device
from ris_pacs.archive.models import Commitment
from ris_pacs.archive.service import commitment
from ris_pacs.bootstrap.dicom import dicom_services
from ris_pacs.bootstrap.tls import client_context, server_context
from ris_pacs.catalog.dimse import Registered
from ris_pacs.catalog.queries import known_device
from ris_pacs.catalog.service.devices import DeviceFacts, change_device, register_device
from ris_pacs.cli.doctor import _encryption
from ris_pacs.config import SettingError, Settings, read_settings
from ris_pacs.dicom.client import AssociationFailed, Proposal, connect
from ris_pacs.dicom.handlers import Services
from ris_pacs.dicom.sop_classes import VERIFICATION
from ris_pacs.hl7.mllp import Server as MllpServer
from ris_pacs.hl7.mllp_client import Connection, NotDelivered
from ris_pacs.kernel.actor import OPERATOR
from ris_pacs.kernel.uow import System, unit_of_work
from tests.authority import Authority, Certificate
from tests.flow.modality import listening_for_reports
from tests.hl7.test_mllp_client import accept_all, raw
from tests.imaging.samples import sample

from .peers import CT, PATIENCE, listening, run, tool, wait_until

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


# --- what we send


@contextmanager
def storescp(folder: Path, *options: object) -> Iterator[int]:
    """DCMTK's receiver on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [tool("storescp"), *map(str, options), "-od", str(folder), str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: is_open(port), "storescp")
        yield port
    finally:
        process.kill()
        process.wait(PATIENCE)


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def echo(port: int, settings: Settings, host: str = "127.0.0.1") -> str:
    """What a person is told; "" for success."""
    proposal, encryption = Proposal(VERIFICATION), client_context(settings)
    try:
        with connect(host, port, "RISPACS", "DEST", [proposal], timeout=5, tls=encryption) as association:
            assert association.echo().code == 0
    except AssociationFailed as error:
        return str(error)
    return ""


def tls(certificate: Certificate, trusted: Path | None) -> tuple[object, ...]:
    """storescp's options. trusted: whose certificates a caller must show; None demands none."""
    return ("+tls", certificate.key, certificate.cert, *(("+cf", trusted) if trusted else ("-ic",)))


def test_we_call_a_device_of_our_authority(
    configured: Configured, practice: Authority, elsewhere: Authority, tmp_path: Path
) -> None:
    with storescp(tmp_path, *tls(practice.sign("dest"), elsewhere.cert)) as port:
        assert echo(port, configured()) == ""  # it demands a certificate, and gets ours
        assert echo(port, configured(), "localhost") == ""


@pytest.mark.parametrize(
    ("peer", "told"),
    [
        ("foreign", "the certificate of DEST at 127.0.0.1:.* is not accepted: unable to get local issuer certificate"),
        ("expired", "is not accepted: certificate has expired"),
        ("another host", "is not accepted: IP address mismatch"),
    ],
)
def test_a_certificate_that_cannot_be_trusted_is_told(
    configured: Configured, practice: Authority, elsewhere: Authority, tmp_path: Path, peer: str, told: str
) -> None:
    shown = {
        "foreign": lambda: elsewhere.sign("dest"),
        "expired": lambda: practice.sign("old-dest", days=-1),
        "another host": lambda: practice.sign("other-dest", host="DNS:pacs.example"),
    }[peer]()
    with storescp(tmp_path, *tls(shown, None)) as port:
        assert re.search(told, echo(port, configured()))


def test_without_an_authority_of_its_own_the_machine_decides(
    configured: Configured, practice: Authority, tmp_path: Path
) -> None:
    with storescp(tmp_path, *tls(practice.sign("dest"), None)) as port:
        assert "not accepted" in echo(port, configured(TLS_CA="", TLS_CERT="", TLS_KEY=""))


def test_a_device_that_demands_another_certificate_is_told(
    configured: Configured, practice: Authority, tmp_path: Path
) -> None:
    with storescp(tmp_path, *tls(practice.sign("dest"), practice.cert)) as port:
        assert "may not take our certificate" in echo(port, configured())


def test_a_device_without_tls_gets_nothing_in_the_clear(configured: Configured, tmp_path: Path) -> None:
    with storescp(tmp_path) as port:
        assert re.search("TLS", echo(port, configured()))
    received = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            for _ in range(2):
                caller, _ = listener.accept()
                with caller:
                    received.append(caller.recv(100_000))

        thread = threading.Thread(target=hang_up)
        thread.start()
        assert re.search("TLS", echo(listener.getsockname()[1], configured()))
        socket.create_connection(listener.getsockname()).close()  # nobody called again before this
        thread.join(PATIENCE)
    assert received[0][:1] == b"\x16"  # a handshake record, no A-ASSOCIATE-RQ
    assert received[1] == b""


def register(system: System, title: str, **facts: object) -> None:
    with unit_of_work(system) as uow:
        register_device(uow, DeviceFacts(title, **facts), OPERATOR)


def change(system: System, title: str, **facts: object) -> None:
    with unit_of_work(system) as uow:
        change_device(uow, DeviceFacts(title, **facts), OPERATOR)


def test_c_move_goes_over_tls(
    configured: Configured, system: System, practice: Authority, elsewhere: Authority, tmp_path: Path
) -> None:
    """To a device that is registered so; and fail with the reason when it does not speak TLS any more."""
    settings, there = configured(), tmp_path / "there"
    image = sample("CT_small.dcm")
    keys = ("-k", "0008,0052=STUDY", "-k", f"0020,000D={dcmread(image).StudyInstanceUID}")
    services, lookup = dicom_services(settings, system), Registered(system, "RISPACS")
    with listening(services, lookup) as here:
        address = ("-aet", "STATION", "-aec", "RISPACS", "127.0.0.1", here.port)
        register(system, "STATION")
        assert run("storescu", *address, image).returncode == 0
        with storescp(there, *tls(practice.sign("dest"), elsewhere.cert)) as port:
            register(system, "SECURE", host="127.0.0.1", port=port, tls=True)
            done = run("movescu", "-v", "-S", "-aem", "SECURE", *keys, *address)
            assert "Received Final Move Response (Success)" in done.stdout, done.stdout
        (received,) = there.iterdir()
        assert dcmread(received).PixelData == dcmread(image).PixelData
        received.unlink()
        with storescp(there) as port:
            change(system, "SECURE", host="127.0.0.1", port=port, tls=True)
            done = run("movescu", "-d", "-S", "-aem", "SECURE", *keys, *address)
            assert "Failed Suboperations          : 1" in done.stdout, done.stdout
        assert not list(there.iterdir())


def test_commitment_is_reported_over_tls(
    configured: Configured, system: System, practice: Authority, elsewhere: Authority
) -> None:
    certificate = practice.sign("dest")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(elsewhere.cert))
    context.load_cert_chain(certificate.cert, certificate.key)
    context.verify_mode = ssl.CERT_REQUIRED
    tell = tell_device("RISPACS", client_context(configured()))
    with listening_for_reports(context) as (port, reports):
        register(system, "SECURE", host="127.0.0.1", port=port, tls=True)
        tell(system, a_request(system, "SECURE", "7.1"))
        assert [(event, report.TransactionUID) for event, report in reports] == [(2, "7.1")]
    with listening_for_reports() as (port, reports):
        change(system, "SECURE", host="127.0.0.1", port=port, tls=True)
        with pytest.raises(ConnectionError, match="TLS"):
            tell(system, a_request(system, "SECURE", "7.2"))
        assert reports == []


def a_request(system: System, title: str, transaction: str) -> dict[str, int]:
    """What the job gets that answers a device's question for something that is not here."""
    with unit_of_work(system) as uow:
        device = known_device(uow, title)
        assert device is not None
        asked = commitment.CommitmentRequest(transaction, device.id, ((CT, "9.9.9"),))
        commitment.ask(uow, asked, device.actor("1", "127.0.0.1"))
        return {"commitment_id": uow.session.scalars(select(func.max(Commitment.id))).one()}
