"""Settings: read once from the environment and an optional `.env` file, checked, passed in.

CONTRACT.md ("Settings") is the list that outsiders rely on. A bad value stops the start with
one line that names it.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

PREFIX = "RIS_PACS_"
KNOWN = frozenset(
    PREFIX + name
    for name in (
        "DATA_DIR DATABASE_URL STORAGE_URL BIND HTTP_PORT DICOM_PORT DICOM_TLS_PORT HL7_PORT TLS_CERT TLS_KEY "
        "TLS_CA TLS_CLIENT_CERTIFICATE SMTP_URL TRUSTED_PROXIES AE_TITLE SECRET_KEY PUBLIC_URL UID_ROOT LOG_FORMAT"
    ).split()
)
# Read by the test suite, inherited by the processes that it starts.
FOR_TESTS = frozenset({"RIS_PACS_TEST_RUN", "RIS_PACS_TEST_POSTGRESQL"})


class SettingError(Exception):
    """A setting that cannot be used; the text is one line for the person who starts the program."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{PREFIX}{name}: {problem}")


@dataclass(frozen=True)
class Settings:
    """Everything that an operator may set. Ports are TCP ports; 0 means any free one."""

    data_dir: Path
    database_url: str
    storage_url: str
    bind: str
    http_port: int
    dicom_port: int
    hl7_port: int
    ae_title: str
    secret_key: str
    public_url: str
    dicom_tls_port: int | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_ca: Path | None = None
    tls_client_certificate: str = "optional"
    smtp_url: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    uid_root: str | None = None
    log_format: str = "text"

    @property
    def sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    @property
    def loopback(self) -> bool:
        return self.bind == "localhost" or ip_address(self.bind).is_loopback


def read_settings(environ: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env")) -> Settings:
    """Settings from the environment, else the `.env` file, else the defaults.

    Creates the data folder, and in it (SQLite only) the secret key on first start.
    Raises SettingError.
    """
    values = {**_read_dotenv(dotenv), **(os.environ if environ is None else environ)}
    unknown = sorted(name for name in values if name.startswith(PREFIX) and name not in KNOWN | FOR_TESTS)
    if unknown:
        raise SettingError(unknown[0].removeprefix(PREFIX), "there is no such setting; .env.example lists them")
    # An empty value counts as not set: "RIS_PACS_SMTP_URL=" in a file switches it off.
    given = {key.removeprefix(PREFIX): value for key, value in values.items() if key in KNOWN and value != ""}

    data_dir = _data_dir(given)
    database_url = given.get("DATABASE_URL", f"sqlite:///{data_dir / 'ris_pacs.db'}")
    _check_database_url(database_url)
    bind = _bind(given)
    http_port = _port(given, "HTTP_PORT", 8080)
    _check_certificates(given)
    return Settings(
        data_dir=data_dir,
        database_url=database_url,
        storage_url=_storage_url(given, data_dir),
        bind=bind,
        http_port=http_port,
        dicom_port=_port(given, "DICOM_PORT", 11112),
        hl7_port=_port(given, "HL7_PORT", 2575),
        ae_title=_ae_title(given),
        secret_key=given.get("SECRET_KEY") or _own_secret_key(data_dir, database_url),
        public_url=_url(given, "PUBLIC_URL", ("http", "https"))
        or f"{'https' if 'TLS_CERT' in given else 'http'}://127.0.0.1:{http_port}",
        dicom_tls_port=_port(given, "DICOM_TLS_PORT", 0) if "DICOM_TLS_PORT" in given else None,
        tls_cert=_file(given, "TLS_CERT"),
        tls_key=_file(given, "TLS_KEY"),
        tls_ca=_file(given, "TLS_CA"),
        tls_client_certificate=_choice(given, "TLS_CLIENT_CERTIFICATE", ("optional", "required")),
        smtp_url=_url(given, "SMTP_URL", ("smtp", "smtps")),
        trusted_proxies=_networks(given),
        uid_root=_uid_root(given),
        log_format=_choice(given, "LOG_FORMAT", ("text", "json")),
    )


def _read_dotenv(path: Path | None) -> dict[str, str]:
    if path is None or not path.is_file():
        return {}
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals:
            raise SettingError("*", f"{path.name} line {number} is not NAME=value")
        found[name.strip()] = value.strip().strip("\"'")
    return found


def _data_dir(given: Mapping[str, str]) -> Path:
    path = Path(given.get("DATA_DIR", "var")).expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as problem:
        raise SettingError("DATA_DIR", f"cannot make the folder {path}: {problem.strerror}") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise SettingError("DATA_DIR", f"the folder {path} is not writable")
    return path


def _check_database_url(url: str) -> None:
    scheme = url.partition(":")[0]
    if scheme not in ("sqlite", "postgresql+psycopg"):
        raise SettingError("DATABASE_URL", "must begin with sqlite:/// or postgresql+psycopg://")
    if scheme == "sqlite" and not re.match(r"sqlite:///.", url):
        raise SettingError("DATABASE_URL", "names no file: sqlite:///relative.db or sqlite:////absolute.db")


def _storage_url(given: Mapping[str, str], data_dir: Path) -> str:
    url = given.get("STORAGE_URL", f"file://{data_dir / 'archive'}")
    if not url.startswith("file://"):
        raise SettingError("STORAGE_URL", "must begin with file:// (object stores come with a later release)")
    if not url.removeprefix("file://").startswith("/"):
        raise SettingError("STORAGE_URL", "needs an absolute path: file:///srv/archive")
    return url


def _bind(given: Mapping[str, str]) -> str:
    bind = given.get("BIND", "127.0.0.1")
    if bind != "localhost":
        try:
            ip_address(bind)
        except ValueError:
            raise SettingError("BIND", f"{bind!r} is not an IP address of this machine") from None
    return bind


def _port(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        raise SettingError(name, f"{text!r} is not a port number between 0 and 65535")
    return int(text)


def _ae_title(given: Mapping[str, str]) -> str:
    title = given.get("AE_TITLE", "RISPACS").strip()
    # PS3.5 6.2, VR AE: 16 characters of the default repertoire without backslash and control characters.
    if not re.fullmatch(r"[ -\[\]-~]{1,16}", title):
        raise SettingError("AE_TITLE", "needs 1 to 16 ASCII characters without a backslash")
    return title


def _own_secret_key(data_dir: Path, database_url: str) -> str:
    if not database_url.startswith("sqlite"):
        raise SettingError("SECRET_KEY", "must be given with PostgreSQL: all machines need the same one")
    path = data_dir / "secret_key"
    if not path.exists():
        fresh = data_dir / f".secret_key.{os.getpid()}"
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(48), encoding="ascii")
        try:
            os.link(fresh, path)  # Two processes starting at once: the first key stays.
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text(encoding="ascii").strip()


def _url(given: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str | None:
    if name not in given:
        return None
    parts = urlsplit(given[name])
    if parts.scheme not in schemes or not parts.hostname:
        raise SettingError(name, f"must look like {schemes[0]}://host")
    return given[name].rstrip("/")


def _file(given: Mapping[str, str], name: str) -> Path | None:
    if name not in given:
        return None
    path = Path(given[name]).expanduser()
    if not path.is_file():
        raise SettingError(name, f"there is no file {path}")
    return path


def _check_certificates(given: Mapping[str, str]) -> None:
    for name, other in (("TLS_CERT", "TLS_KEY"), ("TLS_KEY", "TLS_CERT"), ("TLS_CA", "TLS_CERT")):
        if name in given and other not in given:
            raise SettingError(name, f"needs {PREFIX}{other} too")
    if given.get("TLS_CLIENT_CERTIFICATE") == "required" and "TLS_CA" not in given:
        raise SettingError("TLS_CLIENT_CERTIFICATE", f"needs the authority that they come from: {PREFIX}TLS_CA")
    if "DICOM_TLS_PORT" in given and "TLS_CERT" not in given:
        raise SettingError("DICOM_TLS_PORT", f"needs a certificate: {PREFIX}TLS_CERT and {PREFIX}TLS_KEY")


def _networks(given: Mapping[str, str]) -> tuple[str, ...]:
    found = tuple(given.get("TRUSTED_PROXIES", "").replace(",", " ").split())
    for text in found:
        try:
            ip_network(text)
        except ValueError:
            raise SettingError("TRUSTED_PROXIES", f"{text!r} is not an address or network") from None
    return found


def _uid_root(given: Mapping[str, str]) -> str | None:
    root = given.get("UID_ROOT")
    # Room for ".<milliseconds>.<random>" must remain below the 64 characters of PS3.5 9.1.
    if root is not None and (len(root) > 30 or not re.fullmatch(r"[0-2](\.(0|[1-9][0-9]*))+", root)):
        raise SettingError("UID_ROOT", f"{root!r} is not a UID root of at most 30 characters")
    return root


def _choice(given: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = given.get(name, allowed[0])
    if value not in allowed:
        raise SettingError(name, f"must be one of {', '.join(allowed)}")
    return value
