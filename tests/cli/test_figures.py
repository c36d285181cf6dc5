"""Figures as programs and people read them: what could not be measured breaks neither."""

from __future__ import annotations

import json

from xnect_lite.cli.figures import print_figures

FIGURES = {"pck": float("nan"), "joints": {"nose": float("nan"), "hip": 0.25}, "rows": [1.0, float("nan")], "images": 3}


def test_json_has_null_for_what_could_not_be_measured(capsys):
    def refuse(constant: str) -> float:
        raise AssertionError(f"{constant} is no JSON")

    print_figures(FIGURES, as_json=True, digits=3)
    found = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert found == {"pck": None, "joints": {"nose": None, "hip": 0.25}, "rows": [1.0, None], "images": 3}


def test_people_get_a_line_each_with_rounded_floats(capsys):
    print_figures({"pck": 0.12345, "images": 3, "device": "CPU"}, as_json=False, digits=3)
    assert capsys.readouterr().out.splitlines() == ["pck    0.123", "images 3", "device CPU"]
