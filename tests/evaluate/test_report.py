"""Results of evaluations: kept, read back, printed, and put on one page beside what others published."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from xnect_lite.cli import main as cli
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.published import PUBLISHED
from xnect_lite.evaluate.report import PROTOCOLS, report
from xnect_lite.evaluate.results import Result, load_result, number, result, save_result

ONE = Result(
    "Keypoint AP and AR", "COCO keypoints val2017: 5,000 pictures", "", {"ap": 41.25, "pictures": 5000, "ap_large": np.nan},
    {"Keypoint AP and AR": {"selecsls60": {"ap": 41.25}}}, {"weights": {"w.safetensors": "0123456789ab"}, "device": "CPU"},
    "xnect-lite eval coco --root COCO", "2026-11-27", "a processor, 2 cores",
)  # fmt: skip


def test_a_result_is_read_back_as_it_was(tmp_path):
    save_result(tmp_path / "r.json", ONE)
    back = load_result(tmp_path / "r.json")
    assert back == dataclasses.replace(ONE, figures={**ONE.figures, "ap_large": None})


def test_the_page_says_how_every_figure_came_about():
    page = report([ONE])
    for words in ("| selecsls60 | 41.2 |", "COCO keypoints val2017: 5,000 pictures.", "`xnect-lite eval coco --root COCO`"):
        assert words in page
    assert "2026-11-27, a processor, 2 cores" in page and "w.safetensors `0123456789ab`" in page
    measured, others = page.split("## Published by others")
    assert "XNect" in others and "XNect" not in measured.split("## Measured")[1]


def test_what_was_not_measured_stays_empty_and_says_how_to_measure_it():
    page = report([])
    for name, command in PROTOCOLS.items():
        if command:
            assert f"### {name}\n\nNot measured yet: `{command}`" in page


def test_a_part_is_called_one_everywhere():
    part = dataclasses.replace(ONE, part="12 of 5,000 pictures")
    assert (
        part.as_text().startswith("PART ONLY, 12 of 5,000 pictures: Keypoint AP and AR") and "AR (PART ONLY)" in part.as_text()
    )
    assert "**Part only: 12 of 5,000 pictures.**" in report([part]) and "AR (part only)" in report([part])


def test_published_figures_have_a_source_and_a_place_on_the_page():
    page = report([])
    assert {one.protocol for one in PUBLISHED} <= PROTOCOLS.keys()
    for one in PUBLISHED:
        assert one.source in page and all(system in page for system in one.rows)


def test_the_page_in_the_documentation_is_the_one_that_the_command_makes():
    """Of the results kept beside it."""
    docs = Path(__file__).parents[2] / "docs"
    kept = [load_result(path) for path in sorted((docs / "results").glob("*.json"))]
    assert (docs / "results.md").read_text(encoding="utf-8") == report(kept), (
        "eval report docs/results/*.json -o docs/results.md"
    )


def test_the_command_line_is_part_of_a_result(monkeypatch):
    monkeypatch.setattr("sys.argv", ["xnect-lite", "eval", "coco", "--root", "my folder"])
    made = result("name", "data", "", {}, {}, {})
    assert made.command == "xnect-lite eval coco --root 'my folder'" and made.hardware and len(made.date) == 10


NUMBERS = [
    (3, "3"),
    (5000, "5,000"),
    (3.0, "3.0"),
    (41.25, "41.2"),
    (0.5, "0.500"),
    (float("nan"), ""),
    (None, ""),
    (0.0, "0.0"),
]


@pytest.mark.parametrize(("value", "text"), NUMBERS, ids=[str(n[0]) for n in NUMBERS])
def test_numbers(value, text):
    assert number(value) == text


def test_the_command(tmp_path, capsys):
    save_result(tmp_path / "r.json", ONE)
    assert cli.main(["eval", "report", str(tmp_path / "r.json"), "-o", str(tmp_path / "page.md")]) == 0
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == report([load_result(tmp_path / "r.json")])
    assert cli.main(["eval", "report"]) == 0 and capsys.readouterr().out == report([])


def test_other_files_are_no_results(tmp_path, capsys):
    for text in ("{", "[]", json.dumps({"schema_version": 7}), json.dumps({"schema_version": 1, "name": "x"})):
        (tmp_path / "r.json").write_text(text)
        with pytest.raises(XnectError, match=r"r\.json"):
            load_result(tmp_path / "r.json")
    assert cli.main(["eval", "report", str(tmp_path / "none.json")]) == 2
    assert "none.json: is no result of an evaluation" in capsys.readouterr().err
