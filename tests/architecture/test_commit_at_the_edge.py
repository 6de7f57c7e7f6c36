"""A unit of work is opened at an edge, and only kernel/uow.py ends it with a commit.

import-linter contract 5 guards the first half at import level; this reads the syntax trees,
so it also sees a commit called, passed on, or spelled as SQL.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "ris_pacs"
UOW = f"{PACKAGE}.kernel.uow"

EDGES = {"forms", "views", "dimse", "dicomweb", "hl7", "fhir", "deliveries"}
# The demo practice is played by a program that acts as the people of the practice would (docs/adr/0004).
OPENERS = {"cli", "worker", "demo"}
# Packages that hold no slice: a views.py in one of these is not an edge.
NOT_SLICES = {"kernel", "web", "dicom", "imaging", "hl7", "documents"}
# The frame around every page reads (sites, counts, topics) in read-only units of its own, and bootstrap builds
# the System that they share: both may name these and nothing else of the unit of work (docs/adr/0004).
READERS = {"web", "bootstrap"}
FOR_READERS = {"System", "UnitOfWork", "GroupCommit", "read_only"}


def sources() -> Iterator[tuple[str, bool, str]]:
    """(dotted module name, is it a package, text) of app.py and everything in the package."""
    for path in [ROOT / "app.py", *sorted((ROOT / PACKAGE).rglob("*.py"))]:
        parts = path.relative_to(ROOT).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        yield name, is_package, path.read_text(encoding="utf-8")


def may_open(module: str) -> bool:
    parts = module.split(".")
    if f"{module}.".startswith(f"{UOW}.") or (parts[0] == PACKAGE and parts[1:2] and parts[1] in OPENERS):
        return True
    return len(parts) > 2 and parts[1] not in NOT_SLICES and parts[2] in EDGES


def is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    """Every node below, but for the bodies of "if TYPE_CHECKING:"."""
    yield node
    if isinstance(node, ast.If) and is_type_checking(node.test):
        children = iter(node.orelse)
    else:
        children = ast.iter_child_nodes(node)
    for child in children:
        yield from at_run_time(child)


def imported_names(node: ast.AST, module: str, is_package: bool) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if not isinstance(node, ast.ImportFrom):
        return set()
    base = node.module or ""
    if node.level:
        parts = module.split(".")
        home = parts[: len(parts) - node.level + is_package]
        base = ".".join([*home, base] if base else home)
    return {base} | {f"{base}.{alias.name}" for alias in node.names}


def opened_elsewhere(module: str, is_package: bool, text: str) -> list[str]:
    """Run-time imports of kernel.uow by a module that is no edge."""
    if may_open(module):
        return []
    reader = module.split(".")[1:2] and module.split(".")[1] in READERS
    return [
        f"{module}:{node.lineno} imports {UOW}"
        for node in at_run_time(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and not (reader and only_reads(node))
        and any(f"{name}.".startswith(f"{UOW}.") for name in imported_names(node, module, is_package))
    ]


def only_reads(node: ast.Import | ast.ImportFrom) -> bool:
    """`from ris_pacs.kernel.uow import System, read_only` and the like."""
    return isinstance(node, ast.ImportFrom) and node.module == UOW and {a.name for a in node.names} <= FOR_READERS


def commits(module: str, text: str) -> list[str]:
    """`x.commit` called or passed on, getattr(x, "commit"), text("COMMIT"), and the blocks
    of sessions and engines that commit on leaving: `x.begin()`. A savepoint is begin_nested()."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and node.attr == "commit":
            found.append(f"{module}:{node.lineno} .commit")
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr == "begin":
                found.append(f"{module}:{node.lineno} .begin()")
            found += [
                f"{module}:{node.lineno} {arg.value!r}"
                for arg in node.args
                if isinstance(arg, ast.Constant)
                and isinstance(arg.value, str)
                and arg.value.strip(" ;\n").upper() == "COMMIT"
            ]
    return found


def test_only_edges_cli_and_worker_open_a_unit_of_work():
    found = [line for source in sources() for line in opened_elsewhere(*source)]
    assert not found, "Take the unit of work as a parameter:\n" + "\n".join(found)


def test_only_the_unit_of_work_commits():
    by_module = {module: commits(module, text) for module, _, text in sources()}
    home = [m for m in by_module if f"{m}.".startswith(f"{UOW}.")]
    assert any([by_module.pop(m) for m in home]), f"{UOW} commits nowhere: has it moved?"  # noqa: C419, each pops
    found = [line for lines in by_module.values() for line in lines]
    assert not found, "Leave the commit to the unit of work:\n" + "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "from ris_pacs.kernel.uow import unit_of_work",
        "from ris_pacs.kernel import clock, uow as u",
        "import ris_pacs.kernel.uow as u",
        "from ..kernel.uow import unit_of_work",
        "from ..kernel import uow",
        "def late():\n    from ris_pacs.kernel.uow import unit_of_work",
        "if TYPE_CHECKING:\n    pass\nelse:\n    from ris_pacs.kernel import uow",
    ],
)
def test_an_opening_outside_the_edges_is_seen(text):
    assert opened_elsewhere("ris_pacs.orders.service", False, text)
    assert not opened_elsewhere("ris_pacs.orders.views", False, text)


@pytest.mark.parametrize(
    "text",
    [
        "from ris_pacs.kernel.uow import read_only, unit_of_work",
        "from ris_pacs.kernel import uow",
        "import ris_pacs.kernel.uow",
    ],
)
@pytest.mark.parametrize("module", ["ris_pacs.web.shell", "ris_pacs.bootstrap"])
def test_the_frame_of_pages_only_reads(module, text):
    assert opened_elsewhere(module, False, text)
    assert not opened_elsewhere(module, False, "from ris_pacs.kernel.uow import System, read_only")


@pytest.mark.parametrize(
    ("module", "is_package", "text"),
    [
        (
            "ris_pacs.orders.service",
            False,
            "if TYPE_CHECKING:\n    from ris_pacs.kernel.uow import UnitOfWork",
        ),
        (
            "ris_pacs.orders.service",
            False,
            "if typing.TYPE_CHECKING:\n    from ..kernel import uow",
        ),
        ("ris_pacs.orders.service", False, "from ris_pacs.kernel import clock"),
        ("ris_pacs.orders.hl7", True, "from ...kernel import uow"),
        ("ris_pacs.cli.commands", False, "from ris_pacs.kernel import uow"),
        ("ris_pacs.worker", True, "from ..kernel import uow"),
    ],
)
def test_a_lawful_import_is_left_alone(module, is_package, text):
    assert not opened_elsewhere(module, is_package, text)


@pytest.mark.parametrize("module", ["ris_pacs", "ris_pacs.kernel", "ris_pacs.web.views", "ris_pacs.bootstrap", "app"])
def test_these_are_no_edges(module):
    assert not may_open(module)


@pytest.mark.parametrize(
    "text",
    [
        "session.commit()",
        "uow.session.commit()",
        "after(session.commit)",
        "getattr(session, 'commit')()",
        "session.execute(text('commit;'))",
        "with Session.begin() as s: ...",
    ],
)
def test_a_commit_is_seen(text):
    assert commits("m", text)


@pytest.mark.parametrize(
    "text", ["session.flush()", "with s.begin_nested(): ...", "storage_commitment()", "booking.begin", "# .commit()"]
)
def test_what_is_no_commit_is_left_alone(text):
    assert not commits("m", text)
