"""Statements for the busiest paths: compiled once for each database, run on the driver's own cursor.

    _NAME_OF = Prepared(select(Device.name).where(Device.id == bindparam("device")))
    rows = uow.run(_NAME_OF, {"device": 7})

Every image and every message asks the same few things; made, checked and wrapped anew each time, they take longer
than the database does. Types are converted and errors named as everywhere else.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Delete, Dialect, Executable, Insert, Select, Update
from sqlalchemy.types import TypeEngine

from ris_pacs.kernel.db import check_values, wrapped

Values = Mapping[str, Any]
_Convert = Callable[[Any], Any]


class Prepared:
    """A statement whose values have the names of its bind parameters, or of an INSERT's columns.

    statement: or what makes it for "sqlite" and "postgresql", where they differ.
    columns: of an INSERT that names no values: those that each row gives. Defaults of the model do not apply.
    """

    def __init__(self, statement: Executable | Callable[[str], Executable], columns: Sequence[str] = ()) -> None:
        self._statement = statement
        self._columns = list(columns) or None
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: Connection, values: Values) -> list[Any]:
        """The rows that it answers, with the columns as attributes; empty for a statement that answers none."""
        return self._for(connection).run(connection, [values])

    def run_many(self, connection: Connection, rows: Sequence[Values]) -> None:
        """Once for each row."""
        if rows:
            self._for(connection).run(connection, rows)

    def _for(self, connection: Connection) -> _Compiled:
        name = connection.dialect.name
        if name not in self._compiled:
            statement = self._statement(name) if callable(self._statement) else self._statement
            self._compiled[name] = _Compiled(statement, connection.dialect, self._columns)
        return self._compiled[name]


class _Compiled:
    def __init__(self, statement: Executable, dialect: Dialect, columns: list[str] | None) -> None:
        assert isinstance(statement, (Select, Insert, Update, Delete))
        compiled = statement.compile(dialect=dialect, column_keys=columns)
        if "POSTCOMPILE" in compiled.string or compiled.insert_prefetch or compiled.update_prefetch:
            raise ValueError(f"its text depends on the values, or a default is missing: {compiled.string}")
        self._sql = compiled.string
        self._names: list[str] | None = compiled.positiontup  # None: the driver takes values by name
        self._fixed = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        self._binds = [
            (name, convert)
            for name, bind in compiled.binds.items()
            if (convert := _bind_processor(bind.type, dialect)) is not None
        ]
        returned = (
            statement.column_descriptions if isinstance(statement, Select) else statement.returning_column_descriptions
        )
        self._row: Any = namedtuple("Row", [one["name"] for one in returned]) if returned else None
        self._results = [_result_processor(one["type"], dialect) for one in returned]
        if not any(self._results):
            self._results = []

    def run(self, connection: Connection, rows: Sequence[Values]) -> list[Any]:
        assert connection.in_transaction()  # The driver's cursor would not begin one.
        parameters = [self._parameters(row) for row in rows]
        check_values(parameters)
        cursor = connection.connection.cursor()
        try:
            if len(parameters) > 1:
                cursor.executemany(self._sql, parameters)
                return []
            cursor.execute(self._sql, parameters[0])
            found = cursor.fetchall() if self._row is not None else []
        except connection.dialect.loaded_dbapi.Error as problem:
            raise wrapped(connection, self._sql, parameters[0], problem) from problem
        finally:
            cursor.close()
        return [self._row._make(self._converted(one)) for one in found]

    def _parameters(self, values: Values) -> Any:
        full = {**self._fixed, **values}
        for name, convert in self._binds:
            full[name] = convert(full[name])
        return full if self._names is None else [full[name] for name in self._names]

    def _converted(self, row: Sequence[Any]) -> Sequence[Any]:
        if not self._results:
            return row
        return [value if convert is None else convert(value) for convert, value in zip(self._results, row, strict=True)]


def _bind_processor(kind: TypeEngine[Any], dialect: Dialect) -> _Convert | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _result_processor(kind: TypeEngine[Any], dialect: Dialect) -> _Convert | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)
