"""``--help`` of verbs and their actions: each says what it is for, and names its options."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from xnect_lite.cli.main import main


@pytest.mark.parametrize(
    ("verb", "begins"),
    [
        (["devices"], "Cameras, processors, and what 'auto' chooses."),
        (["take", "finish"], "Complete a take whose program was killed: BVH files, videos."),
        (["data", "vote"], "What the network itself finds on photographs, kept if it makes labels better."),
        (["eval", "photos"], "The photo kit's validation split."),
        (["bench", "networks"], "Times forward passes of all networks side by side:"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_help_begins_with_what_the_verb_is_for(verb, begins, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as end:
        main([*verb, "--help"])
    usage, what, *_ = capsys.readouterr().out.split("\n\n")
    assert end.value.code == 0 and usage.startswith(f"usage: xnect-lite {' '.join(verb)} ") and what.startswith(begins)


def test_what_others_wrote_is_printed_without_control_characters(tmp_path, monkeypatch, capsys):
    entry = '{"licence": "free\\u001b[2J\\u0007", "sources": ["\\u202ex"]}'
    (tmp_path / "manifest.json").write_text(f'{{"files": {{"w.safetensors": {entry}}}}}')
    (tmp_path / "w.safetensors").write_bytes(b"x")
    monkeypatch.setenv("XNECT_WEIGHTS", str(tmp_path))
    assert main(["weights", "list"]) == 0
    listed = capsys.readouterr().out
    assert "free\\x1b[2J\\x07" in listed and all(line.isprintable() for line in listed.splitlines())


def test_names_that_are_no_text_are_printed_all_the_same(tmp_path):
    program = (
        "from xnect_lite.cli import main as cli\n"
        "class Printing:\n"
        "    def parse_args(self, arguments):\n        return self\n"
        "    def run(self, options):\n        print('caf\\udce9')\n        return 0\n"
        "cli._parser = Printing\ncli.main([])"
    )
    utf8 = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, env=utf8)
    assert done.returncode == 0 and done.stdout.strip() == b"caf\\udce9", done.stderr
