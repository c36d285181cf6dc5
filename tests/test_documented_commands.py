"""Every command in README and docs is understood by the real parsers and configurations; the quick ones run."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from xnect_lite.cli import main as cli
from xnect_lite.cli.parsers.app import app_parser
from xnect_lite.cli.pipeline_options import pipeline_config
from xnect_lite.cli.train import overrides
from xnect_lite.config import load_config
from xnect_lite.record.take_folder import load_take
from xnect_lite.train.lifter.config import LifterConfig
from xnect_lite.train.prune.config import PruneConfig
from xnect_lite.train.quantise import QuantiseConfig
from xnect_lite.train.refiner.config import RefinerConfig
from xnect_lite.train.single.config import SingleConfig
from xnect_lite.train.stage1.config import Stage1Config

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
DOORS = {"xnect-lite": (), "train_pose.py": ("train",), "app.py": ("app.py",)}
CONFIGS = {
    "stage1": Stage1Config, "refine": RefinerConfig, "lift": LifterConfig, "single": SingleConfig, "prune": PruneConfig,
    "quantise": QuantiseConfig,
}  # fmt: skip
_COMMAND = re.compile(r"(?:^|[ ;&])(xnect-lite|train_pose\.py|app\.py) +([^\n]*)")


def commands() -> Iterator[tuple[str, str, bool]]:
    """(page, command, whether it is whole): of blocks whole unless something is left out; in running text seldom."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        indented = "\n".join(line[4:] for line in text.splitlines() if line.startswith("    "))
        fenced = "\n".join(re.findall(r"```(?:bash|sh|console)?\n(.*?)```", text, re.DOTALL))
        for line in re.sub(r"\\\n\s*", " ", f"{indented}\n{fenced}").splitlines():
            if (found := _COMMAND.search(line)) and not line.lstrip().startswith(("cp ", "mkdir ", "mv ")):
                yield page.name, f"{found[1]} {found[2]}", True
        for span in re.findall(r"`([^`\n]+)`", text):
            if found := re.match(r"(?:python )?(xnect-lite|train_pose\.py|app\.py) +(\S.*)", span):
                yield page.name, f"{found[1]} {found[2]}", False


def words_of(command: str) -> tuple[list[str], bool]:
    """Arguments of `main`, and whether something stands for what is left out."""
    is_choice = " | " in command
    command = re.sub(r"\s#.*|\s[|&>].*|\d> ?\S+", "", command)  # comments, alternatives and what a shell would do
    door, *words = shlex.split(command)
    before = ["", *words]
    kept = [word for word, last in zip(words, before, strict=False) if word not in ("…", "...") or last.startswith("--")]
    return [*DOORS[door], *(word.split("|")[0] for word in kept)], len(kept) < len(words) or is_choice


def lenient(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Nothing has to be given."""
    for action in parser._actions:
        action.required = False
        if action.nargs == "+":
            action.nargs = "*"
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                lenient(child)
    return parser


COMMANDS = list(dict.fromkeys(commands()))


def test_there_are_commands_in_the_documentation():
    assert len(COMMANDS) > 100 and sum(whole for *_, whole in COMMANDS) > 60


@pytest.mark.parametrize(
    ("page", "command", "whole"), COMMANDS, ids=[f"{page}: {command[:60]}" for page, command, _ in COMMANDS]
)
def test_a_command_is_understood(page, command, whole, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    words, cut_short = words_of(command)
    parser = app_parser() if words[0] == "app.py" else cli._parser()
    if not whole or cut_short or "VERB" in words:
        parser = lenient(parser)
    if words in (["--help"], ["VERB", "--help"]):
        return
    options = parser.parse_args(words[1:] if words[0] == "app.py" else words)
    if words[0] == "train" and getattr(options, "stage", None):
        config = CONFIGS[options.stage]
        data = [] if options.photos or any("data." in value for value in options.set) else ["data.photos=PHOTOS"]
        load_config(config, options.config, [*data, *overrides(options)])
    elif getattr(options, "single", False):
        load_config(SingleConfig, options.config, [*options.set, "data.photos=PHOTOS"])
    elif hasattr(options, "backend") and hasattr(options, "max_people"):
        pipeline_config(options)


@pytest.mark.slow
def test_the_quick_ones_do_what_they_say(tmp_path, monkeypatch, capsys):
    """Those of README, usage and identities that need no data, on the first frames of the demo, with the shipped weights."""
    monkeypatch.chdir(tmp_path)
    clip, short = str(ROOT / "docs" / "demo.mp4"), ("--end", "0.5")

    def run(command: str, *more: str) -> str:
        assert any(said.split("  ")[0].split(" #")[0].strip() == command for _, said, _ in COMMANDS), f"{command} is documented"
        words, _ = words_of(command)
        words = [clip if word == "YOUR_CLIP" else word for word in words]
        assert cli.main([*(str(take) if word in ("TAKE", "takes/TAKE") else word for word in words), *more]) == 0
        return capsys.readouterr().out

    take = None
    assert "person01.bvh" in run("xnect-lite process YOUR_CLIP -o takes", *short, "--no-overlay")
    (take,) = (tmp_path / "takes").iterdir()
    ids = load_take(take).ids
    assert len(ids) >= 2 and "from s" in run("xnect-lite take show TAKE")
    for command in ("xnect-lite take swap TAKE 1 2 --from 3.5", "xnect-lite take cut TAKE 2 --at 8"):
        assert any(said.startswith(command) for _, said, _ in COMMANDS)
    assert run("xnect-lite run YOUR_CLIP --json", *short, "--every-frame").count("\n") >= 3
    assert "all stages" in run("xnect-lite bench pipeline YOUR_CLIP", "--frames", "3", "--warm-up", "1")
    assert "auto" in run("xnect-lite devices")
    assert "licence" in run("xnect-lite weights list") and "as in the manifest" in run("xnect-lite weights verify")
