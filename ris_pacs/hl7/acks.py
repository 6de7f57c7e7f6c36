"""Acknowledgements (HL7 2.5.1 chapter 2, 2.9.2 original mode, 2.9.3 enhanced mode).

Original mode: one answer, AA, AE or AR. Enhanced mode, chosen by the sender through MSH-15 and MSH-16: an
accept acknowledgement (CA, CE, CR) says whether we keep the message, an application acknowledgement what
became of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from ris_pacs.hl7 import charsets
from ris_pacs.hl7.build import Er7, Field, Header, Row, new_control_id, write
from ris_pacs.hl7.er7 import Message, parse
from ris_pacs.hl7.err_segments import code_of, err_rows
from ris_pacs.hl7.escapes import Syntax
from ris_pacs.hl7.faults import Condition, FieldFault
from ris_pacs.hl7.reading import ParseFailure

VERSIONS = ("2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8")
FALLBACK_VERSION = "2.5.1"
MSA3_LENGTH = 80
HEAD_BYTES = 64 * 1024

_EVENT = re.compile(r"[A-Z0-9]{1,8}")

# What answers an order message when the application speaks; everything else gets a plain ACK.
RESPONSES = {"ORM^O01": "ORR^O02", "OMI^O23": "ORI^O24", "OMG^O19": "ORG^O20", "NMQ^N01": "NMR^N01"}


class Mode(Enum):
    ORIGINAL = "original"
    ENHANCED = "enhanced"


@dataclass(frozen=True)
class Verdict:
    """What became of a message: MSA-1 of the application (AA, AE, AR) and of the accept answer (CA, CE, CR).

    text: for the person at the sender; where faults are given their own words are used.
    """

    application: str
    accept: str
    faults: tuple[FieldFault, ...] = ()
    text: str = ""


ACCEPTED = Verdict("AA", "CA")


def refused(*faults: FieldFault, text: str = "") -> Verdict:
    """The content is at fault: sending it again will not help (AE, CE)."""
    return Verdict("AE", "CE", faults, text)


def rejected(*faults: FieldFault, text: str = "") -> Verdict:
    """The message is of a kind or form that we do not take (AR, CR)."""
    return Verdict("AR", "CR", faults, text)


def try_later(text: str) -> Verdict:
    """Trouble of ours, such as a full disk: the sender keeps the message and sends it again (AR, CE)."""
    return Verdict("AR", "CE", (FieldFault("", "", text, Condition.INTERNAL_ERROR),))


@dataclass(frozen=True)
class Due:
    """Which acknowledgements the sender has asked for, given what became of its message."""

    accept: bool
    application: bool


@dataclass(frozen=True)
class Answers:
    """now: what goes back on the connection, None for nothing. later: the application's answer when an accept
    acknowledgement has taken its place; it is sent as a message of its own."""

    now: Message | None
    later: Message | None = None


def mode_of(message: Message) -> Mode:
    asked = message.at("MSH-15").has_value or message.at("MSH-16").has_value
    return Mode.ENHANCED if asked else Mode.ORIGINAL


def due(message: Message, verdict: Verdict) -> Due:
    """MSH-15 and MSH-16 against the verdict: AL always, NE (and nothing) never, ER on error, SU on success.

    After CE or CR the exchange is over: no application answer follows an accept answer that says so.
    """
    if mode_of(message) is Mode.ORIGINAL:
        return Due(accept=False, application=True)
    accept = _wanted(message.get("MSH-15"), verdict.accept == "CA")
    application = _wanted(message.get("MSH-16"), verdict.application == "AA")
    return Due(accept, application and (verdict.accept == "CA" or not accept))


def answers(
    message: Message, verdict: Verdict, at: datetime, body: Sequence[Row] = (), *, general: bool = False
) -> Answers:
    """Every acknowledgement that is due. body, general: see `acknowledge`; they concern the application's answer."""
    wanted = due(message, verdict)
    application = None
    if wanted.application:
        alone = wanted.accept
        application = acknowledge(message, verdict.application, verdict, at, body, general=general, alone=alone)
    if not wanted.accept:
        return Answers(application)
    return Answers(acknowledge(message, verdict.accept, verdict, at), application)


def acknowledge(
    message: Message,
    code: str,
    verdict: Verdict,
    at: datetime,
    body: Sequence[Row] = (),
    *,
    general: bool = False,
    alone: bool = False,
) -> Message:
    """One acknowledgement of a message, in its version, its delimiters and its character set.

    code: MSA-1. body: segments of an order response after MSA and ERR (PID, ORC, OBR …). general: an ACK even
    where an order response exists. alone: it is sent as a message of its own and asks for an accept answer.
    """
    version = message.version if message.version in VERSIONS else FALLBACK_VERSION
    header = Header(
        kind=_response_kind(message, general or code.startswith("C")),
        sender=(_copied(message, "MSH-5"), _copied(message, "MSH-6")),
        receiver=(_copied(message, "MSH-3"), _copied(message, "MSH-4")),
        at=at,
        control_id=Er7(new_control_id()),
        version=version,
        processing=_copied(message, "MSH-11"),
        accept="AL" if alone else "",
        application="NE" if alone else "",
    )
    faults = () if code in ("AA", "CA") else verdict.faults
    if not faults and verdict.text and code not in ("AA", "CA"):
        faults = (FieldFault("", "", verdict.text, Condition.INTERNAL_ERROR),)
    words = verdict.text or "; ".join(str(fault) for fault in faults)
    msa = _msa(message, code, words, faults, version)
    return _in_its_character_set(message, header, [msa, *err_rows(faults, version), *body])


def answer_unreadable(raw: bytes, fault: FieldFault, at: datetime) -> Message | None:
    """What to say to bytes that are no message: AR (CR), with whatever of an MSH can be read in them.

    None when the sender wants no such answer.
    """
    verdict = rejected(fault)
    head = read_head(raw)
    if head is None:
        head = parse(f"MSH|^~\\&|||||||ACK||P|{FALLBACK_VERSION}\r")
    return answers(head, verdict, at).now


def read_head(raw: bytes) -> Message | None:
    """The MSH segment alone, from the beginning of a message that may be cut off or broken further on."""
    start = raw[:HEAD_BYTES].lstrip(b"\x0b\r\n \t")
    line = start.replace(b"\n", b"\r").split(b"\r", 1)[0]
    try:
        return parse(line)
    except ParseFailure:
        pass
    separator = line[3:4]
    if not line.startswith(b"MSH") or not separator or separator in b"^~\\&":
        return None
    try:  # the delimiters may be what is broken: read with the usual ones
        return parse(separator.join([b"MSH", b"^~\\&", *line.split(separator)[2:40]]))
    except ParseFailure:
        return None


def header_faults(message: Message) -> list[FieldFault]:
    """What is wrong with MSH: type, control id, processing id, version. All of them call for `rejected`."""
    faults = [
        FieldFault(path, "", "is missing", Condition.REQUIRED_FIELD_MISSING)
        for path in ("MSH-9", "MSH-10")
        if not message.at(path).has_value
    ]
    processing = message.get("MSH-11.1")
    if processing not in ("P", "T", "D"):
        faults.append(FieldFault("MSH-11", processing, "is not P, T or D", Condition.UNSUPPORTED_PROCESSING_ID))
    if message.version not in VERSIONS:
        detail = f"versions {VERSIONS[0]} to {VERSIONS[-1]} are"
        faults.append(
            FieldFault(
                "MSH-12", message.version, "is not a version that is taken", Condition.UNSUPPORTED_VERSION, detail
            )
        )
    return faults


def fault_of(failure: ParseFailure) -> FieldFault:
    """A parse failure as a fault for an ERR segment."""
    if failure.location.startswith("MSH-"):
        return FieldFault(failure.location, "", failure.reason, Condition.DATA_TYPE)
    return FieldFault("", "", str(failure), Condition.SEGMENT_SEQUENCE)


def _wanted(condition: str, good: bool) -> bool:
    return {"AL": True, "ER": not good, "SU": good}.get(condition.strip().upper(), False)


def _response_kind(message: Message, plain: bool) -> str:
    if not plain and message.kind in RESPONSES:
        return RESPONSES[message.kind]
    event = message.get("MSH-9.2")
    return f"ACK^{event}" if _EVENT.fullmatch(event) else "ACK"


def _copied(message: Message, path: str) -> Er7:
    """A field as sent; what a stray line end has appended to it stays behind."""
    return Er7((message.at(path).raw or "").split("\n", 1)[0])


def _msa(message: Message, code: str, words: str, faults: tuple[FieldFault, ...], version: str) -> list[Field]:
    """MSA-3 (text) and MSA-6 (error condition) belong to the versions in which ERR could not say it yet."""
    row: list[Field] = ["MSA", code, _copied(message, "MSH-10")]
    if version < "2.7":
        row.append(words[:MSA3_LENGTH])
    if version < "2.5" and faults:
        row += [None, None, code_of(faults[0].code)]
    return row


def _in_its_character_set(message: Message, header: Header, rows: Sequence[Row]) -> Message:
    """Written as the message was, so that what is copied from it comes back byte for byte."""
    wide = message.codec.startswith("utf_16")  # not allowed on MLLP
    codec, declared = ("utf_8", charsets.UTF8_NAME) if wide else (message.codec, message.at("MSH-18").raw or "")
    syntax = _able_to_escape(message.syntax)
    text = write(header, rows, Er7(""), syntax)
    if not text.isascii():
        text = write(header, rows, Er7(declared.split("\n", 1)[0]), syntax)
    return parse(text.encode(codec, "replace"), message.default_charset)


def _able_to_escape(syntax: Syntax) -> Syntax:
    """The sender's delimiters; where it has no escape character, one that it does not use otherwise."""
    if syntax.escape:
        return syntax
    return replace(syntax, escape=next(sign for sign in "\\!%*@$" if sign not in syntax.letters()))
