"""Who may import whom: a floor may use those below it, never one above, and no two modules need each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "xnect_lite"
MODELS = PACKAGE.parent / "models"
FLOORS = (
    ("cli",),
    ("gui", "train"),  # the window needs nothing of training, training nothing of the window
    ("benchmark",),
    ("export",),
    ("evaluate",),
    ("synth",),
    ("data",),
    ("runners",),
    ("record", "capture"),
    ("pipeline",),
    ("stages",),
    ("inference",),
    ("camera",),
    ("models",),
    ("types", "skeleton", "config", "errors", "timer", "progress", "signals", "files", "__init__"),  # the ground
)
"""From the roof down: folders of the package, and its modules outside folders."""

HEIGHT = {name: -height for height, names in enumerate(FLOORS) for name in names}
MOST_LOOSE_MODULES = 8

pytestmark = pytest.mark.skipif(not (PACKAGE / "stages").is_dir(), reason="the floors are not built yet")


def _files() -> Iterator[tuple[str, Path]]:
    """Every module as folder.module, below the package."""
    for root, prefix in ((PACKAGE, ()), (MODELS, ("models",))):
        for path in sorted(root.rglob("*.py")):
            parts = (*prefix, *path.relative_to(root).with_suffix("").parts)
            yield ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts), path


MODULES = dict(_files())


def _imports(path: Path) -> Iterator[tuple[str, bool]]:
    """What of the package a file imports, and whether at once. What only a type checker reads is left out."""

    def visit(node: ast.AST, at_once: bool) -> Iterator[tuple[str, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
                continue
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield alias.name, at_once
            elif isinstance(child, ast.ImportFrom) and child.module:
                for alias in child.names:
                    whole = f"{child.module}.{alias.name}"
                    yield (whole if whole.removeprefix("xnect_lite.") in MODULES else child.module), at_once
            yield from visit(child, at_once and not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)))

    for name, at_once in visit(ast.parse(path.read_text(encoding="utf-8")), True):
        if name == "xnect_lite":
            yield "__init__", at_once
        elif name.startswith("xnect_lite."):
            yield name.removeprefix("xnect_lite."), at_once


def _floor(module: str) -> str:
    return module.split(".")[0]


def test_every_module_has_a_floor():
    assert {_floor(module) for module in MODULES} - set(HEIGHT) == set()


def test_only_a_few_modules_are_loose():
    loose = {module for module in MODULES if "." not in module and (PACKAGE / f"{module}.py").is_file()} - {"__init__"}
    assert len(loose) <= MOST_LOOSE_MODULES, f"find a folder for one of {sorted(loose)}"


@pytest.mark.parametrize("module", [m for m in MODULES if m != "__init__"])  # the package's own front door opens to all floors
def test_nothing_is_imported_from_above_or_beside(module):
    own = _floor(module)
    wrong = {used for used, _ in _imports(MODULES[module]) if _floor(used) != own and HEIGHT[_floor(used)] >= HEIGHT[own]}
    if HEIGHT[own] == HEIGHT["__init__"]:
        wrong = {used for used in wrong if HEIGHT[_floor(used)] > HEIGHT[own]}  # the ground is one floor
    assert not wrong


def test_nobody_needs_each_other():
    """Modules that wait for each other while they are imported, however long the way round."""
    needs = {
        module: {used for used, at_once in _imports(path) if at_once and used in MODULES} for module, path in MODULES.items()
    }
    needs["__init__"] = set()
    for module in list(needs):
        needs[module] -= {module}
    while free := {module for module, used in needs.items() if not used & needs.keys()}:
        needs = {module: used for module, used in needs.items() if module not in free}
    assert not needs
