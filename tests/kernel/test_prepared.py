"""Prepared statements take and give what the session would."""

from __future__ import annotations

import pytest
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError, ProgrammingError

from ris_pacs.kernel.errors import Busy, Invalid
from ris_pacs.kernel.prepared import Prepared
from ris_pacs.kernel.tables import Job, Mark
from ris_pacs.kernel.uow import read_only, unit_of_work

ADD = Prepared(insert(Job), ("kind", "payload", "key", "state", "run_at", "attempts", "made_at"))
FIND = Prepared(select(Job.kind, Job.payload, Job.run_at).where(Job.key == bindparam("wanted")))
ADD_MARK = Prepared(insert(Mark), ("name", "value"))


def job(uow, key: str):
    return {
        "kind": "a kind",
        "payload": {"b": [1, 2], "ä": None},
        "key": key,
        "state": "queued",
        "run_at": uow.now,
        "attempts": 0,
        "made_at": uow.now,
    }


def test_values_of_every_kind_come_back_as_they_went_in(system):
    with unit_of_work(system) as uow:
        assert uow.run(ADD, job(uow, "one")) == []
        assert uow.run(FIND, {"wanted": "one"}) == [("a kind", {"b": [1, 2], "ä": None}, uow.now)]
        assert uow.session.scalars(select(Job.payload)).one() == {"b": [1, 2], "ä": None}
        assert uow.run(FIND, {"wanted": "two"}) == []


def test_columns_of_an_answer_have_names(system):
    with unit_of_work(system) as uow:
        uow.run(ADD, job(uow, "one"))
        assert uow.run(FIND, {"wanted": "one"})[0].kind == "a kind"


def test_many_rows_at_once(system):
    with unit_of_work(system) as uow:
        ADD_MARK.run_many(uow.connection, [{"name": "m1", "value": 1}, {"name": "m2", "value": 2}])
        ADD_MARK.run_many(uow.connection, [])
    with read_only(system) as uow:
        found = select(Mark.name, Mark.value).where(Mark.name.in_(["m1", "m2"])).order_by(Mark.name)
        assert uow.session.execute(found).all() == [("m1", 1), ("m2", 2)]


def test_trouble_has_the_names_that_it_has_everywhere(system):
    with unit_of_work(system) as uow:
        uow.run(ADD_MARK, {"name": "there", "value": 1})
        with pytest.raises(IntegrityError), uow.savepoint():
            uow.run(ADD_MARK, {"name": "there", "value": 1})
    with pytest.raises(Busy), unit_of_work(system) as uow:
        uow.run(ADD_MARK, {"name": "there", "value": 1})
    with pytest.raises(Invalid, match="NUL"), unit_of_work(system) as uow:
        uow.run(ADD_MARK, {"name": "a\0b", "value": 1})


def test_a_value_that_is_missing_is_told(system):
    with pytest.raises((KeyError, ProgrammingError), match="value"), unit_of_work(system) as uow:
        uow.run(ADD_MARK, {"name": "half"})


def test_a_statement_whose_text_depends_on_its_values_is_refused(system):
    wanted = Prepared(update(Mark).where(Mark.name.in_(bindparam("names", expanding=True))).values(value=1))
    with pytest.raises(ValueError, match="depends on the values"), unit_of_work(system) as uow:
        uow.run(wanted, {"names": ["a"]})
