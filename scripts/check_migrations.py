"""The migrations have one head, and lead an empty database to what the models say.

.venv/bin/python scripts/check_migrations.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic.script import ScriptDirectory

from ris_pacs.cli import migrate
from ris_pacs.kernel.db import open_database


def faults() -> list[str]:
    heads = ScriptDirectory.from_config(migrate.config()).get_heads()
    if len(heads) != 1:
        return [f"There are {len(heads)} heads, let one follow the other: {', '.join(sorted(heads))}"]
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{Path(folder) / 'empty.db'}")
        migrate.upgrade(database)
        differing = migrate.differences(database)
        database.engine.dispose()
    if differing:
        return ['The models differ from the migrations, see scripts/new_migration.py "what changes":', *differing]
    return []


if __name__ == "__main__":
    found = faults()
    print("\n".join(found) or "One head, and it matches the models.")
    sys.exit(1 if found else 0)
