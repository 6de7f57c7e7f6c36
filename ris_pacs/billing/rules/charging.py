"""From an exam to its charges, by a table of rules, with the reason in words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ris_pacs.billing.errors import CannotCharge
from ris_pacs.kernel.errors import Invalid
from ris_pacs.orders.rules import ExamState


class Part(StrEnum):
    """technical: the room, the machine, the technologist. professional: the reading. global: both, by one entity."""

    TECHNICAL = "technical"
    PROFESSIONAL = "professional"
    GLOBAL = "global"


COMPONENTS = {"split": "Both parts", "technical": "Technical part only", "professional": "Professional part only"}
SIDE_MODIFIERS = {"R": "RT", "L": "LT", "B": "50"}
PART_MODIFIERS = {Part.TECHNICAL: "TC", Part.PROFESSIONAL: "26", Part.GLOBAL: ""}
BROKEN_OFF = {"52": "Reduced: part of it was done", "53": "Stopped for the patient's sake"}
_SIDES = {"R": "right", "L": "left", "B": "both sides"}
_PERFORMED = frozenset({ExamState.PERFORMED, ExamState.TO_READ, ExamState.READING, ExamState.PRELIMINARY})


@dataclass(frozen=True)
class ExamFacts:
    """What charges depend on. laterality: "", R, L or B."""

    procedure_code: str
    procedure_name: str
    modality: str
    laterality: str


@dataclass(frozen=True)
class Rule:
    """A line of the table; see models.ChargeRule."""

    id: int
    name: str
    code: str
    procedure_code: str = ""
    modality: str = ""
    component: str = "split"
    modifiers: tuple[str, ...] = ()
    side_modifier: bool = True
    units: int = 1
    adds: bool = False

    def fits(self, exam: ExamFacts) -> bool:
        return self.procedure_code in ("", exam.procedure_code) and self.modality in ("", exam.modality)


@dataclass(frozen=True)
class NewCharge:
    """A line to charge. cents: for all units."""

    part: Part
    code: str
    modifiers: tuple[str, ...]
    units: int
    cents: int
    rule_id: int
    why: str


# (code, "" | TC | 26) → cents, on the day of the exam.
Fees = Mapping[tuple[str, str], int]


def parts_due(state: str, one_entity: bool) -> tuple[Part, ...]:
    """Which parts an exam in this state is charged for: technical once performed, professional once final, never from a
    preliminary report; where one entity bills both, all of it once final.
    """
    if state == ExamState.FINAL:
        return (Part.GLOBAL,) if one_entity else (Part.TECHNICAL, Part.PROFESSIONAL)
    if state in _PERFORMED and not one_entity:
        return (Part.TECHNICAL,)
    return ()


def charges_for(
    exam: ExamFacts, part: Part, rules: Sequence[Rule], fees: Fees, extra: tuple[str, ...] = ()
) -> list[NewCharge]:
    """The lines of one part of an exam: the first base rule that fits, and every one that adds.

    extra: modifiers that a person adds to all, 52 or 53. Raises CannotCharge: no rule fits, or a code has no fee.
    """
    base = next((rule for rule in rules if rule.fits(exam) and not rule.adds), None)
    if base is None:
        raise CannotCharge(f"No charge rule fits {exam.procedure_name} ({exam.procedure_code}).")
    chosen = [base, *(rule for rule in rules if rule.fits(exam) and rule.adds)]
    return [_charge(exam, part, rule, fees, extra) for rule in chosen if _belongs(rule, part)]


def _belongs(rule: Rule, part: Part) -> bool:
    return part is Part.GLOBAL or rule.component in ("split", part)


def _charge(exam: ExamFacts, part: Part, rule: Rule, fees: Fees, extra: tuple[str, ...]) -> NewCharge:
    part_modifier = PART_MODIFIERS[part] if rule.component == "split" else ""
    side = SIDE_MODIFIERS.get(exam.laterality, "") if rule.side_modifier else ""
    priced = fees.get((rule.code, part_modifier))
    if priced is None:
        what = f"{rule.code} with {part_modifier}" if part_modifier else rule.code
        raise CannotCharge(f"{what} has no fee on the day of the exam (rule “{rule.name}”).")
    sides = 2 if side == "50" else 1
    modifiers = tuple(one for one in (part_modifier, *rule.modifiers, side, *extra) if one)
    if len(modifiers) > 4:
        raise CannotCharge(f"{rule.code} would have {len(modifiers)} modifiers; a claim has room for four.")
    cents = priced * rule.units * sides
    return NewCharge(part, rule.code, modifiers, rule.units, cents, rule.id, _why(exam, part, rule))


def _why(exam: ExamFacts, part: Part, rule: Rule) -> str:
    """Rule “MR knee”: MRKNEE, right; global, one entity bills both parts."""
    because = {
        Part.GLOBAL: "both parts, for one entity bills them",
        Part.TECHNICAL: "technical part, from performed",
        Part.PROFESSIONAL: "professional part, from the final report",
    }[part]
    side = f", {_SIDES[exam.laterality]}" if exam.laterality else ""
    twice = ", twice the fee of one side" if exam.laterality == "B" and rule.side_modifier else ""
    return f"Rule “{rule.name}”: {exam.procedure_code}{side}; {because}{twice}"


def check_code(text: str) -> str:
    """The shape of a code of a procedure code set, five places; the codes are the practice's own. Raises Invalid."""
    code = text.strip().upper()
    if not re.fullmatch(r"[A-Z0-9]{5}", code):
        raise Invalid("A charge code has five letters and digits.", "code")
    return code


def check_modifiers(text: str) -> tuple[str, ...]:
    """Up to four modifiers of two places, however they are separated. Raises Invalid."""
    found = tuple(re.findall(r"[^\s,;:]+", text.upper()))
    if len(found) > 4 or any(not re.fullmatch(r"[A-Z0-9]{2}", one) for one in found):
        raise Invalid("Modifiers have two letters or digits each, and there are four at most.", "modifiers")
    if len(set(found)) != len(found):
        raise Invalid("A modifier stands there twice.", "modifiers")
    return found


def cents_of(text: str) -> int:
    """Cents of an amount as people type it: 248, 248.00, $1,204.50. Raises Invalid."""
    plain = text.strip().lstrip("$").replace(",", "").strip()
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,2})?", plain):
        raise Invalid("An amount looks like 248 or 248.00.", "amount")
    whole, _, part = plain.partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0") or 0)
