"""What writing is helped by: templates to start from, and AutoText."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from ris_pacs.kernel.actor import Actor
from ris_pacs.kernel.errors import Forbidden, Missing
from ris_pacs.kernel.rights import Right, demand
from ris_pacs.reporting.errors import BadText
from ris_pacs.reporting.models import AutoText, ReportTemplate
from ris_pacs.reporting.rules.text import check_autotext, clean_sections

if TYPE_CHECKING:
    from ris_pacs.kernel.uow import UnitOfWork

TEMPLATES_FILE = Path(__file__).resolve().parents[3] / "seed_data" / "report_templates.json"


def load_templates(uow: UnitOfWork) -> int:
    """The starting templates and the shared AutoText, where there are no templates. Safe to run again."""
    if uow.session.scalar(select(func.count()).select_from(ReportTemplate)):
        return 0
    seed = json.loads(TEMPLATES_FILE.read_text(encoding="utf-8"))
    uow.session.add_all(
        ReportTemplate(**one | {"sections": clean_sections(one["sections"])}) for one in seed["templates"]
    )
    for name, text in seed["autotexts"].items():
        name, text = check_autotext(name, text)
        uow.session.add(AutoText(owner_id=None, name=name, text=text))
    uow.session.flush()
    return len(seed["templates"])


@dataclass(frozen=True)
class NewAutoText:
    """shared: everybody's; only who signs reports may write those."""

    name: str
    text: str
    shared: bool = False


def keep_autotext(uow: UnitOfWork, new: NewAutoText, actor: Actor) -> AutoText:
    """A name that is there already gets the new text. Raises BadText, Forbidden."""
    demand(actor, Right.REPORT_SIGN if new.shared else Right.REPORT_WRITE)
    if actor.kind != "user":
        raise Forbidden("Only a person has AutoText.")
    name, text = check_autotext(new.name, new.text)
    owner = None if new.shared else actor.id
    whose = AutoText.owner_id.is_not_distinct_from(owner)
    row = uow.session.scalar(select(AutoText).where(AutoText.name == name, whose))
    if row is None:
        own = uow.session.scalar(select(func.count()).select_from(AutoText).where(whose))
        if (own or 0) >= 500:
            raise BadText("You have 500 texts already; remove some first.", "name")
        row = AutoText(owner_id=owner, name=name)
        uow.session.add(row)
    row.text = text
    uow.session.flush()
    return row


def remove_autotext(uow: UnitOfWork, autotext_id: int, actor: Actor) -> AutoText:
    """Raises Missing, Forbidden."""
    demand(actor, Right.REPORT_WRITE)
    row = uow.session.get(AutoText, autotext_id)
    if row is None or row.owner_id not in (None, actor.id):
        raise Missing("There is no such text.")
    if row.owner_id is None:
        demand(actor, Right.REPORT_SIGN)
    uow.session.delete(row)
    uow.session.flush()
    return row
