"""The house: a room imports only rooms above it, pure rooms touch nothing outside, and modules say what lives there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import graph

ROOT = Path(__file__).parents[2]

ROOMS = (
    ("graph.errors", "graph.model"),
    ("graph.resolve", "graph.traits", "graph.social", "graph.lines", "graph.ids", "graph.simulate"),
    ("graph.views", "graph.operations"),
    ("graph.store.keys",),
    ("graph.store.in_force", "graph.store.ports", "graph.store.gate", "graph.store.reading"),
    ("graph.store.sqlite", "graph.store.neo4j", "graph.store.past"),
    ("graph.store",),
    (
        "graph.evidence",
        "graph.relink",
        "graph.rename",
        "graph.settle",
        "graph.judging",
        "graph.outcome",
        "graph.planning",
        "graph.undo",
        "graph.withdrawing",
    ),
    ("graph.audit", "graph.erased", "graph.ruled"),
    ("graph.forget", "graph.rereading"),
    (
        "graph.ingest",
        "graph.curate",
        "graph.interactions",
        "graph.profiles",
        "graph.check",
        "graph.conflicts",
        "graph.explain",
        "graph.previews",
        "graph.applying",
        "graph.jobs",
        "graph.rehearse",
    ),
    ("graph",),
    ("service",),
)
"""From the top down; a module belongs to the longest name that fits it. Rooms in one row may import each other."""

PURE = ("graph.resolve", "graph.traits", "graph.social", "graph.model", "graph.errors", "graph.views")
OUTSIDE = re.compile(
    r"(asyncio|contextvars|io|logging|neo4j|os|pathlib|pydantic|random|secrets|socket|sqlite3|starlette|strawberry|subprocess|tempfile|threading|time|uuid|uvicorn)(\.|$)"
)


def modules(*packages: str) -> Iterator[tuple[str, Path]]:
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(name: str, tree: ast.Module) -> Iterator[str]:
    """What a module imports, by full name; `from graph import model` is graph.model."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relative to itself"
            module = node.module or ""
            for alias in node.names:
                whole = f"{module}.{alias.name}"
                yield (
                    whole
                    if (ROOT / whole.replace(".", "/")).with_suffix(".py").exists() or (ROOT / whole.replace(".", "/")).is_dir()
                    else module
                )


def row_of(name: str) -> int:
    fitting = [(len(room), row) for row, rooms in enumerate(ROOMS) for room in rooms if name == room or name.startswith(f"{room}.")]
    return max(fitting)[1]


def wrong_imports(name: str, tree: ast.Module) -> list[str]:
    """Imports of a room that is not above, of what is behind the front door, or of the world outside by a pure room."""
    wrong = []
    for imported in imports(name, tree):
        if imported.split(".")[0] in ("graph", "service"):
            behind = name.startswith("service") and imported.startswith("graph.") and imported not in graph.FRONT_DOOR
            if row_of(imported) > row_of(name) or behind:
                wrong.append(imported)
        elif name.startswith(PURE) and OUTSIDE.match(imported):
            wrong.append(imported)
    return wrong


@pytest.mark.parametrize(("name", "path"), list(modules("graph", "service")), ids=lambda value: value if isinstance(value, str) else "")
def test_a_module_keeps_the_house(name: str, path: Path) -> None:
    source = path.read_text()
    tree = ast.parse(source)

    assert wrong_imports(name, tree) == []
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", source)
    assert path.stem != "utils"
    if source.strip():
        assert ast.get_docstring(tree), "a module opens with what lives there"
        public = [n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and n.name[0] != "_"]
        listed = any(isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__" for node in tree.body)
        assert listed or not public, "public names stand in __all__"


@pytest.mark.parametrize(
    ("name", "source", "wrong"),
    [
        ("graph.resolve.links", "from graph.settle import settle", ["graph.settle"]),
        ("graph.resolve.links", "import time", ["time"]),
        ("graph.ingest", "from service.app import create_app", ["service.app"]),
        ("graph.model", "from graph import FRONT_DOOR", ["graph"]),
        ("service.app", "from graph.store.sqlite.store import SqliteStore", ["graph.store.sqlite.store"]),
        ("service.app", "from graph.store import open_store", []),
        ("graph.settle", "from graph.store.ports import Delta", []),
    ],
)
def test_the_house_rules_catch_what_breaks_them(name: str, source: str, wrong: list[str]) -> None:
    assert wrong_imports(name, ast.parse(source)) == wrong
