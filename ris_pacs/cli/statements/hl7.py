"""The HL7 profile: messages, fields, answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ris_pacs.cli.statements.hl7_tables import FIELDS, RULES, SENT, WORK
from ris_pacs.cli.statements.markdown import table
from ris_pacs.hl7.acks import RESPONSES, VERSIONS
from ris_pacs.hl7.faults import Condition
from ris_pacs.hl7.field_names import field_kind
from ris_pacs.hl7.handlers import Limits
from ris_pacs.messages.subscribers import ORDER_STATUS
from ris_pacs.orders.rules import WORDS

PING = "NMQ^N01"


def statement(kinds: Mapping[str, object], controls: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    """Lines of Markdown. kinds: the messages that are handled; controls: ORC-1 and both of its answers."""
    limits = Limits()
    yield from ("# HL7 v2 conformance", "", "Written by `make docs` from what the program registers.", "")
    yield from ("## Transport", "")
    yield from table(
        ("", ""),
        (
            ("Protocol", "MLLP, release 1; over TLS when certificates are set"),
            ("Versions (MSH-12)", ", ".join(VERSIONS)),
            ("Encoding", "ER7, any delimiters that MSH names"),
            ("Processing id (MSH-11)", "P, T, D"),
            ("Longest message", f"{limits.frame_bytes:,} bytes"),
            ("Connections at once", limits.connections),
            ("Silence that ends a connection", f"{limits.idle_seconds:.0f} s"),
            ("Time for a frame that has begun", f"{limits.frame_seconds:.0f} s"),
        ),
    )
    yield from ("## Messages taken", "")
    kept = {**{kind: WORK[kind] for kind in sorted(kinds)}, PING: WORK[PING]}
    yield from table(
        ("Message", "Does", "Answer"), ((f"`{k}`", v, f"`{RESPONSES.get(k, 'ACK')}`") for k, v in kept.items())
    )
    yield from _orders(controls)
    yield from _fields()
    yield from _answers()
    yield from _sent()


def _orders(controls: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    yield from ("## Order control", "")
    yield from table(
        ("ORC-1", "Does", "Answered when done", "when not possible"),
        ((f"`{one}`", WORK[one], f"`{done}`", f"`{unable}`") for one, (done, unable) in controls.items()),
    )


def _fields() -> Iterator[str]:
    yield from (
        "## Fields read",
        "",
        "R: required. C: required in orders that are new. O: read when it is there. Every other field is ignored.",
        "",
    )
    yield from table(
        ("Field", "Name", "", "Meaning here"),
        ((f"{one.segment}-{one.field}", _name(one.segment, one.field), one.usage, one.words) for one in FIELDS),
    )
    yield from (f"- {line}" for line in RULES)
    yield ""


def _name(segment: str, field: int) -> str:
    kind = field_kind("2.5.1", segment, field)
    return kind.name if kind else "Study Instance UID"  # ZDS is IHE's own (RAD TF-2 4.4.4.1.2.6).


def _answers() -> Iterator[str]:
    yield from ("## Acknowledgements", "")
    yield from table(
        ("Original mode", "Enhanced mode, accept", "When"),
        (
            ("AA", "CA", "done and committed"),
            ("AE", "CE", "the content cannot be taken; nothing was done"),
            ("AR", "CR", "a message type, version or sender that is not taken, or no message"),
            ("AR", "CE", "trouble of ours, such as a full disk; send it again"),
        ),
    )
    yield from (
        "Enhanced mode is chosen by MSH-15 or MSH-16 (AL, NE, ER, SU). The application's answer",
        "then goes out as a message",
        "of its own to the partner's address. Conditions in ERR-3 (HL7 table 0357):",
        "",
    )
    yield from table(("Code", "Text"), ((int(one), one.words) for one in Condition if one is not Condition.ACCEPTED))


def _sent() -> Iterator[str]:
    yield from (
        "## Messages sent",
        "",
        "A partner with an address is told where the exams stand that it ordered: `ORM^O01` with",
        "ORC-1 `SC`, in order for",
        "each order, at least once, until it is acknowledged.",
        "",
    )
    yield from table(
        ("ORC-5", "State of the exam"), ((f"`{code}`", WORDS[state]) for state, code in ORDER_STATUS.items())
    )
    yield from table(("Segment", "Fields"), SENT)
