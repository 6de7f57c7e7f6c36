"""The PDUs that open, refuse and end an association, as values and as bytes (PS3.8 9.3).

P-DATA-TF is not here: `upper_layer` walks it in place, without an object for each.
Every decoder takes bytes that a stranger sent. It returns a value or raises InvalidPdu, and
skips the items it does not know, as PS3.8 9.3.1 asks.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"  # PS3.7 A.2.1
PROTOCOL_VERSION = 0x0001  # PS3.8 Table 9-11: bit 0 is version 1, the only one there is
MAX_CONTEXTS = 128  # odd identifiers from 1 to 255
MAX_TRANSFER_SYNTAXES = 256  # in one presentation context; the standard sets no limit
ASSUMED_MAX_PDU = 16384  # for a peer that leaves the item out, although PS3.7 D.3.3.1 demands it

_HEADER = struct.Struct(">BxL")
_ITEM = struct.Struct(">BxH")
_SHORT = struct.Struct(">H")
_LONG = struct.Struct(">L")
_FIXED = struct.Struct(">H2x64s")  # protocol version, titles and reserved bytes of RQ and AC


class PduType(IntEnum):
    """PS3.8 9.3.1."""

    A_ASSOCIATE_RQ = 0x01
    A_ASSOCIATE_AC = 0x02
    A_ASSOCIATE_RJ = 0x03
    P_DATA_TF = 0x04
    A_RELEASE_RQ = 0x05
    A_RELEASE_RP = 0x06
    A_ABORT = 0x07


class AbortSource(IntEnum):
    """PS3.8 Table 9-26, byte 9."""

    USER = 0
    PROVIDER = 2


class AbortReason(IntEnum):
    """PS3.8 Table 9-26, byte 10: why the provider aborts. A user's abort says NOT_SPECIFIED."""

    NOT_SPECIFIED = 0
    UNRECOGNIZED_PDU = 1
    UNEXPECTED_PDU = 2
    UNRECOGNIZED_PARAMETER = 4
    UNEXPECTED_PARAMETER = 5
    INVALID_PARAMETER = 6


class ContextResult(IntEnum):
    """PS3.8 Table 9-18: what became of a proposed presentation context."""

    ACCEPTED = 0
    USER_REJECTION = 1
    NO_REASON = 2
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
    TRANSFER_SYNTAXES_NOT_SUPPORTED = 4


class InvalidPdu(ValueError):
    """Bytes that are no PDU. `reason` is what an A-ABORT then says."""

    def __init__(self, detail: str, reason: AbortReason = AbortReason.INVALID_PARAMETER) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """A presentation context as the requestor proposes it (PS3.8 9.3.2.2)."""

    id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnsweredContext:
    """A presentation context as the acceptor answers it (PS3.8 9.3.3.2)."""

    id: int
    result: int
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class Role:
    """SCP/SCU role selection for one SOP class, seen from the requestor (PS3.7 D.3.3.4)."""

    scu: bool
    scp: bool


@dataclass(frozen=True, slots=True)
class UserIdentity:
    """Who the peer says is using it (PS3.7 D.3.3.7). The secondary field, a passcode, is not kept."""

    type: int
    response_requested: bool
    primary: bytes


@dataclass(frozen=True)
class UserInformation:
    """The user information item of a request or an answer (PS3.7 D.3.3).

    max_pdu: the longest P-DATA-TF the sender takes, in bytes behind the PDU header; 0 is no limit.
    operations_window: operations that may be invoked and performed at once; 0 is no limit.
    """

    max_pdu: int = ASSUMED_MAX_PDU
    implementation_uid: str = ""
    implementation_version: str = ""
    operations_window: tuple[int, int] | None = None
    roles: Mapping[str, Role] = field(default_factory=dict)
    extended: Mapping[str, bytes] = field(default_factory=dict)
    identity: UserIdentity | None = None

    def encode(self) -> bytes:
        parts = [_item(0x51, _LONG.pack(self.max_pdu))]
        if self.implementation_uid:
            parts.append(_item(0x52, self.implementation_uid.encode("ascii")))
        if self.operations_window:
            parts.append(_item(0x53, struct.pack(">HH", *self.operations_window)))
        for uid, role in self.roles.items():
            parts.append(_item(0x54, _prefixed(uid.encode("ascii")) + bytes((role.scu, role.scp))))
        if self.implementation_version:
            parts.append(_item(0x55, self.implementation_version.encode("ascii")))
        for uid, information in self.extended.items():
            parts.append(_item(0x56, _prefixed(uid.encode("ascii")) + information))
        return _item(0x50, b"".join(parts))

    @classmethod
    def decode(cls, body: bytes) -> UserInformation:
        max_pdu, uid, version, window, identity = ASSUMED_MAX_PDU, "", "", None, None
        roles: dict[str, Role] = {}
        extended: dict[str, bytes] = {}
        for kind, value in _items(body):
            if kind == 0x51:
                max_pdu = _LONG.unpack(_exactly(value, 4, "Maximum Length"))[0]
            elif kind == 0x52:
                uid = _uid(value)
            elif kind == 0x53:
                window = struct.unpack(">HH", _exactly(value, 4, "Asynchronous Operations Window"))
            elif kind == 0x54:
                name, rest = _split(value)
                _exactly(rest, 2, "Role Selection")
                roles[_uid(name)] = Role(scu=rest[0] == 1, scp=rest[1] == 1)
            elif kind == 0x55:
                version = _text(value)
            elif kind == 0x56:
                name, rest = _split(value)
                extended[_uid(name)] = rest
            elif kind == 0x58:
                identity = _user_identity(value)
        return cls(max_pdu, uid, version, window, roles, extended, identity)


@dataclass(frozen=True)
class AssociateRequest:
    """A-ASSOCIATE-RQ (PS3.8 9.3.2). Titles are without their padding.

    fixed: bytes 11 to 74 as received; the answer repeats them (PS3.8 Table 9-17).
    """

    calling: str
    called: str
    contexts: tuple[ProposedContext, ...]
    user: UserInformation = field(default_factory=UserInformation)
    application_context: str = APPLICATION_CONTEXT
    protocol_version: int = PROTOCOL_VERSION
    fixed: bytes = b""

    def encode(self) -> bytes:
        titles = self.called.encode("ascii").ljust(16) + self.calling.encode("ascii").ljust(16)
        if len(titles) != 32:
            raise ValueError("an application entity title has at most 16 characters")
        parts = [
            _FIXED.pack(self.protocol_version, self.fixed or titles),
            _item(0x10, self.application_context.encode("ascii")),
        ]
        for context in self.contexts:
            syntaxes = b"".join(_item(0x40, uid.encode("ascii")) for uid in context.transfer_syntaxes)
            abstract = _item(0x30, context.abstract_syntax.encode("ascii"))
            parts.append(_item(0x20, bytes((context.id, 0, 0, 0)) + abstract + syntaxes))
        parts.append(self.user.encode())
        return _pdu(PduType.A_ASSOCIATE_RQ, b"".join(parts))

    @classmethod
    def decode(cls, body: bytes) -> AssociateRequest:
        version, fixed = _fixed_fields(body)
        application_context, user = "", UserInformation()
        contexts: dict[int, ProposedContext] = {}
        for kind, value in _items(body, _FIXED.size):
            if kind == 0x10:
                application_context = _uid(value)
            elif kind == 0x20:
                context = _proposed_context(value)
                if context.id in contexts:
                    raise InvalidPdu(f"presentation context {context.id} is proposed twice")
                contexts[context.id] = context
            elif kind == 0x50:
                user = UserInformation.decode(value)
        called, calling = _text(fixed[:16]), _text(fixed[16:32])
        return cls(calling, called, tuple(contexts.values()), user, application_context, version, fixed)


@dataclass(frozen=True)
class AssociateAccept:
    """A-ASSOCIATE-AC (PS3.8 9.3.3). `fixed` is that of the request."""

    contexts: tuple[AnsweredContext, ...]
    user: UserInformation = field(default_factory=UserInformation)
    application_context: str = APPLICATION_CONTEXT
    protocol_version: int = PROTOCOL_VERSION
    fixed: bytes = b""

    def encode(self) -> bytes:
        parts = [
            _FIXED.pack(self.protocol_version, self.fixed),
            _item(0x10, self.application_context.encode("ascii")),
        ]
        for context in self.contexts:
            syntax = _item(0x40, context.transfer_syntax.encode("ascii"))
            parts.append(_item(0x21, bytes((context.id, 0, context.result, 0)) + syntax))
        parts.append(self.user.encode())
        return _pdu(PduType.A_ASSOCIATE_AC, b"".join(parts))

    @classmethod
    def decode(cls, body: bytes) -> AssociateAccept:
        version, fixed = _fixed_fields(body)
        application_context, user = "", UserInformation()
        contexts: dict[int, AnsweredContext] = {}
        for kind, value in _items(body, _FIXED.size):
            if kind == 0x10:
                application_context = _uid(value)
            elif kind == 0x21:
                context = _answered_context(value)
                contexts[context.id] = context
            elif kind == 0x50:
                user = UserInformation.decode(value)
        return cls(tuple(contexts.values()), user, application_context, version, fixed)


@dataclass(frozen=True, slots=True)
class AssociateReject:
    """A-ASSOCIATE-RJ (PS3.8 9.3.4)."""

    result: int
    source: int
    reason: int

    @property
    def words(self) -> str:
        """The standard's reason; "(transient)" where it may be otherwise later."""
        reason = _REASONS.get((self.source, self.reason), f"source {self.source}, reason {self.reason}")
        return f"{reason} (transient)" if self.result == 2 else reason

    def encode(self) -> bytes:
        return _pdu(PduType.A_ASSOCIATE_RJ, bytes((0, self.result, self.source, self.reason)))

    @classmethod
    def decode(cls, body: bytes) -> AssociateReject:
        return cls(*_exactly(body, 4, "A-ASSOCIATE-RJ")[1:])


@dataclass(frozen=True, slots=True)
class Abort:
    """A-ABORT (PS3.8 9.3.8)."""

    source: int = AbortSource.USER
    reason: int = AbortReason.NOT_SPECIFIED

    def encode(self) -> bytes:
        return _pdu(PduType.A_ABORT, bytes((0, 0, self.source, self.reason)))

    @classmethod
    def decode(cls, body: bytes) -> Abort:
        return cls(*_exactly(body, 4, "A-ABORT")[2:])


_REASONS = {  # PS3.8 Table 9-21: source, reason
    (1, 1): "no reason given",
    (1, 2): "application context name not supported",
    (1, 3): "calling AE title not recognized",
    (1, 7): "called AE title not recognized",
    (2, 1): "no reason given",
    (2, 2): "protocol version not supported",
    (3, 1): "temporary congestion",
    (3, 2): "local limit exceeded",
}
RELEASE_RQ = struct.pack(">BxL4x", PduType.A_RELEASE_RQ, 4)  # PS3.8 9.3.6
RELEASE_RP = struct.pack(">BxL4x", PduType.A_RELEASE_RP, 4)  # PS3.8 9.3.7


def _pdu(kind: PduType, body: bytes) -> bytes:
    return _HEADER.pack(kind, len(body)) + body


def _item(kind: int, body: bytes) -> bytes:
    return _ITEM.pack(kind, len(body)) + body


def _prefixed(value: bytes) -> bytes:
    return _SHORT.pack(len(value)) + value


def _items(body: bytes, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Items or sub-items: type, value (PS3.8 9.3.1)."""
    end = len(body)
    while start < end:
        if start + 4 > end:
            raise InvalidPdu("an item is cut off")
        kind, length = _ITEM.unpack_from(body, start)
        start += 4
        if start + length > end:
            raise InvalidPdu(f"item 0x{kind:02X} is longer than what holds it")
        yield kind, body[start : start + length]
        start += length


def _fixed_fields(body: bytes) -> tuple[int, bytes]:
    if len(body) < _FIXED.size:
        raise InvalidPdu("the PDU is shorter than its mandatory fields")
    version, fixed = _FIXED.unpack_from(body)
    return version, fixed


def _proposed_context(value: bytes) -> ProposedContext:
    abstract_syntax, transfer_syntaxes = "", []
    for kind, name in _items(_after_context_id(value), 4):
        if kind == 0x30:
            abstract_syntax = _uid(name)
        elif kind == 0x40:
            transfer_syntaxes.append(_uid(name))
            if len(transfer_syntaxes) > MAX_TRANSFER_SYNTAXES:
                raise InvalidPdu("a presentation context proposes too many transfer syntaxes")
    if not abstract_syntax or not transfer_syntaxes:
        raise InvalidPdu("a presentation context lacks its abstract or transfer syntax")
    return ProposedContext(value[0], abstract_syntax, tuple(transfer_syntaxes))


def _answered_context(value: bytes) -> AnsweredContext:
    body, result = _after_context_id(value), value[2]
    if result != ContextResult.ACCEPTED:  # what follows is then not significant (Table 9-18)
        return AnsweredContext(value[0], result, "")
    syntaxes = [_uid(name) for kind, name in _items(body, 4) if kind == 0x40]
    if len(syntaxes) != 1:
        raise InvalidPdu("an accepted presentation context has not exactly one transfer syntax")
    return AnsweredContext(value[0], result, syntaxes[0])


def _after_context_id(value: bytes) -> bytes:
    if len(value) < 4:
        raise InvalidPdu("a presentation context item is cut off")
    if not value[0] & 1:
        raise InvalidPdu(f"presentation context identifier {value[0]} is even")
    return value


def _user_identity(value: bytes) -> UserIdentity:
    if len(value) < 4:
        raise InvalidPdu("the user identity item is cut off")
    primary, _passcode = _split(value[2:])
    return UserIdentity(value[0], value[1] == 1, primary)


def _split(value: bytes) -> tuple[bytes, bytes]:
    """A value behind its two length bytes, and what follows it."""
    if len(value) < 2 or len(value) < 2 + _SHORT.unpack_from(value)[0]:
        raise InvalidPdu("a field is longer than the item that holds it")
    end = 2 + _SHORT.unpack_from(value)[0]
    return value[2:end], value[end:]


def _exactly(value: bytes, length: int, name: str) -> bytes:
    if len(value) != length:
        raise InvalidPdu(f"{name} has {len(value)} bytes, not {length}")
    return value


def _uid(value: bytes) -> str:
    """A UID; padding that PS3.8 Annex F forbids is common and taken off."""
    try:
        text = value.rstrip(b"\0 ").decode("ascii")
    except UnicodeDecodeError:
        raise InvalidPdu("a UID has bytes that are not ASCII") from None
    if len(text) > 64:
        raise InvalidPdu("a UID is longer than 64 characters")
    return text


def _text(value: bytes) -> str:
    """An application entity title or a version name, fit for a log line."""
    text = value.decode("ascii", "replace").strip(" \0")
    return "".join(letter if letter.isprintable() and letter.isascii() else "?" for letter in text)
