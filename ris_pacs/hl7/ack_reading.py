"""What a partner answered to a message of ours."""

from __future__ import annotations

from dataclasses import dataclass

from ris_pacs.hl7.er7 import Message, parse
from ris_pacs.hl7.reading import ParseFailure


@dataclass(frozen=True)
class Acknowledgement:
    """code: MSA-1. control_id: MSA-2, of the message that is answered. text: what the partner says, for a person."""

    code: str
    control_id: str
    text: str = ""

    @property
    def accepted(self) -> bool:
        return self.code in ("AA", "CA")

    @property
    def worth_retrying(self) -> bool:
        """The partner could not, rather than would not, take it: AR and CE."""
        return self.code in ("AR", "CE")


def read_acknowledgement(raw: bytes) -> Acknowledgement:
    """Raises ParseFailure for bytes that are no message, or one without MSA."""
    message = parse(raw)
    if "MSA" not in message:
        raise ParseFailure("answer", f"is {message.kind or 'a message'} without an MSA segment")
    return Acknowledgement(message.get("MSA-1").strip().upper(), message.at("MSA-2").whole, _words(message))


def _words(message: Message) -> str:
    """MSA-3, and of each ERR its user message, or else its code's text and place."""
    said = [message.at("MSA-3").whole]
    for err in message["ERR"]:
        place = "-".join(part for part in (err.get("2.1"), err.get("2.3")) if part)
        coded = err.get("3.9") or err.get("3.2") or err.get("1.4.2")
        old_place = "-".join(part for part in (err.get("1.1"), err.get("1.3")) if part)
        said.append(err.at("8").whole or " ".join(part for part in (place or old_place, coded) if part))
    return "; ".join(dict.fromkeys(text.strip() for text in said if text.strip()))
