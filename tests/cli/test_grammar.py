"""The command line as a whole: which verbs there are, which words they share, and what it costs to ask for help."""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from xnect_lite.cli import main as cli
from xnect_lite.cli.parsers.app import app_parser
from xnect_lite.cli.parsers.later import Later

GRAMMAR = {
    "run": [], "process": [],
    "take": ["show", "finish", "score", "steadiness", "swap", "merge", "cut", "rename", "delete", "trim", "undo", "redo",
             "export"],
    "train": ["stage1", "refine", "lift", "single", "prune", "quantise"],
    "eval": ["photos", "synthetic", "clips", "multiview", "mpii", "mupots", "3dhp", "coco", "lsp", "backbones", "peers",
             "ponder", "report", "imagenet"],
    "bench": ["pipeline", "networks", "data", "soak"],
    "data": ["pack", "vote", "trust", "show", "check"],
    "synth": ["render", "demo", "mupots-like", "bake"],
    "export": [], "weights": [], "devices": [], "arch": ["show", "prune"],
}  # fmt: skip
"""What ``--help`` lists: verbs, and what each can be asked for."""

OLDER = {"benchmark": "bench", "timing": "bench networks", "imagenet": "eval imagenet", "train stage2": "train lift"}
HEAVY = (
    "torch",
    "numpy",
    "scipy",
    "cv2",
    "av",
    "PIL",
    "yaml",
    "PyQt6",
    "openvino",
    "tqdm",
    "xnect_lite.stages",
    "xnect_lite.data",
)
MOST_MODULES = 45  # of our own: the help of one verb takes a fifth of a second with them
MOST_INNER_IMPORTS = 40
ROOT = Path(__file__).parents[2]


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Every parser by its words, those that no help lists as well."""
    found: dict[str, argparse.ArgumentParser] = {}

    def visit(parser: argparse.ArgumentParser, words: str) -> None:
        found[words] = parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for name, child in action.choices.items():
                    visit(child, f"{words} {name}".strip())

    visit(cli._parser(), "")
    return found


PARSERS = parsers()
LEAVES = [words for words, parser in PARSERS.items() if "run" in parser._defaults]


def listed(parser: argparse.ArgumentParser) -> list[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return [choice.dest for choice in action._choices_actions]
    return []


def test_help_lists_one_grammar():
    assert {verb: listed(PARSERS[verb]) for verb in listed(PARSERS[""])} == GRAMMAR


@pytest.mark.parametrize("words", LEAVES)
def test_what_a_verb_names_is_there(words):
    parser = PARSERS[words]
    ends = [parser._defaults["run"], *(a.const for a in parser._actions if isinstance(a.const, Later))]
    assert all(callable(end.function()) for end in ends)


@pytest.mark.parametrize(("older", "today"), OLDER.items(), ids=list(OLDER))
def test_older_names_are_understood(older, today):
    """The same options, and the same is run."""

    def meaning(words: str) -> dict[str, object]:
        below = [leaf for leaf in LEAVES if f"{leaf} ".startswith(f"{words} ")]
        return {
            leaf[len(words) :]: (sorted(PARSERS[leaf]._option_string_actions), PARSERS[leaf]._defaults["run"]) for leaf in below
        }

    assert meaning(older) == meaning(today) != {}


@pytest.mark.parametrize("words", [*LEAVES, "app.py"])
def test_the_same_thing_has_the_same_name(words):
    """What is written is -o, --output; labelled photographs are --photos, weights --weights. Older words are not listed."""
    parser = app_parser() if words == "app.py" else PARSERS[words]
    names = {name for action in parser._actions for name in action.option_strings}
    marks = {"--out"} if "--in" in names else set()  # in and out of an excerpt
    assert not names & ({"--out", "--page", "--takes"} - marks)
    assert ("-o" in names) == ("--output" in names)
    assert "--calibration" not in names or words == "eval multiview"  # there it is the cameras'
    assert ("--model-weights" in names) <= ("--weights" in names)


def test_help_of_everything_imports_next_to_nothing():
    words = [["--help"], *([*leaf.split(), "--help"] for leaf in LEAVES)]
    program = (
        "import contextlib, io, sys\nfrom xnect_lite.cli.main import main\nfrom xnect_lite.cli.parsers.app import app_parser\n"
        f"for words in {words!r}:\n    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "        main(words)\n"
        "app_parser()\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    modules = done.stdout.split()
    assert [m for m in HEAVY if m in modules] == []
    assert len([m for m in modules if m.startswith("xnect_lite")]) <= MOST_MODULES


@pytest.mark.parametrize("door", [cli.main, cli.train_pose], ids=["xnect-lite", "train_pose.py"])
def test_interrupted_is_130_whatever_was_running(door, monkeypatch, capsys):
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt("one of two is kept")

    monkeypatch.setattr(Later, "__call__", interrupted)
    assert door(["weights", "list"] if door is cli.main else ["stage1"]) == 130
    assert capsys.readouterr().err == "interrupted; one of two is kept\n"


def test_words_of_a_training_are_keys_of_its_configuration(monkeypatch):
    """--photos, --weights and -o count more than --set, and a name is a name even where YAML would see something else."""
    from xnect_lite.cli import train

    seen = []
    monkeypatch.setattr(train, "train_stage1", lambda config, resume: seen.append((config, resume)))
    monkeypatch.setattr(train, "train_refiner", lambda config: seen.append((config, False)) or {"pck": 0.5})
    words = ["--photos", "it's: here", "--weights", "1.0", "-o", "runs/a", "--set", "out=b"]
    assert cli.train_pose(["stage1", *words, "--set", "steps=3", "--resume"]) == cli.main(["train", "refine", *words]) == 0
    (stage1, resume), (refine, _) = seen
    assert (stage1.data.photos, stage1.init, stage1.out, stage1.steps, resume) == ("it's: here", "1.0", "runs/a", 3, True)
    assert (refine.data.photos, refine.network.weights, refine.init, refine.out) == ("it's: here", "1.0", "", "runs/a")


def inner_imports(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    lines = {node.lineno for f in functions for node in ast.walk(f) if isinstance(node, (ast.Import, ast.ImportFrom))}
    for line in sorted(lines):
        yield f"{path.relative_to(ROOT)}:{line}"


def test_imports_stand_at_the_top():
    """Inside functions only what is optional, or what a window must not wait for."""
    inner = [
        place for folder in ("xnect_lite", "models") for path in (ROOT / folder).rglob("*.py") for place in inner_imports(path)
    ]
    assert len(inner) <= MOST_INNER_IMPORTS, "\n".join(inner)
