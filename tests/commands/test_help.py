"""``--help`` of verbs and their actions: each says what it is for, and names its options."""

from __future__ import annotations

import pytest

from xnect_lite.cli import main


@pytest.mark.parametrize(
    ("verb", "begins"),
    [
        (["devices"], "Cameras, processors, and what 'auto' chooses."),
        (["take", "finish"], "Write the BVH files of a take whose program was killed."),
        (["data", "vote"], "What the network itself finds on photographs, kept if it makes labels better."),
        (["eval", "photos"], "The photo kit's validation split."),
        (["timing"], "Times forward passes of all networks side by side:"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_help_begins_with_what_the_verb_is_for(verb, begins, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as end:
        main([*verb, "--help"])
    usage, what, *_ = capsys.readouterr().out.split("\n\n")
    assert end.value.code == 0 and usage.startswith(f"usage: xnect-lite {' '.join(verb)} ") and what.startswith(begins)
