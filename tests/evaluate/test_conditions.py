"""Who is cut by the border, small or seen from behind, and what is counted of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from kit import write_kit

from xnect_lite.cli import main as cli
from xnect_lite.evaluate.conditions import ConditionScore, conditions
from xnect_lite.evaluate.keypoints import extent
from xnect_lite.evaluate.photos import without_colour
from xnect_lite.skeleton import FLIP, INDEX, JOINTS, NUM_JOINTS

NAN = float("nan")
FIGURE = {
    "nose": (0, -30), "shoulder": (20, 0), "elbow": (30, 30), "wrist": (30, 60),
    "hip": (12, 60), "knee": (12, 110), "ankle": (12, 160),
}  # fmt: skip


def person(scale: float = 1.0, at: tuple[float, float] = (200, 100), without: tuple[str, ...] = ()) -> np.ndarray:
    """(24, 2) somebody facing the camera, 190 px from nose to ankle; their right is on the picture's left."""
    out = np.full((NUM_JOINTS, 2), NAN)
    for name, j in INDEX.items():
        part = name.split("_")[-1] if name[:2] in ("r_", "l_") else name
        if part in FIGURE and part not in without:
            x, y = FIGURE[part]
            out[j] = at[0] + scale * x * (-1 if name.startswith("r_") else 1), at[1] + scale * y
    return out


CASES = {
    "in the middle of a large picture": (person(), (400, 400), 1.0, set()),
    "the picture ends below the wrists, legs labelled beyond it": (person(), (400, 168), 1.5, {"cut_by_border"}),
    "no legs labelled, and the picture ends there": (person(without=("knee", "ankle")), (400, 165), 1.5, {"cut_by_border"}),
    "no legs labelled, but much picture below: hidden, not cut": (person(without=("knee", "ankle")), (400, 400), 1.5, set()),
    "190 px in the picture, 95 as the network sees it": (person(), (400, 400), 0.5, {"small"}),
    "mirrored names: seen from behind": (person()[FLIP], (400, 400), 1.0, {"from_behind"}),
    "upside down: right and left say nothing": (person()[FLIP] * (1, -1) + (0, 380), (400, 400), 1.0, set()),
    "from the side: shoulders in one place": (person() * (0.1, 1) + (180, 0), (400, 400), 1.0, set()),
    "nothing known": (np.full((NUM_JOINTS, 2), NAN), (400, 400), 1.0, set()),
}


@pytest.mark.parametrize(("joints", "size", "net_scale", "expected"), CASES.values(), ids=CASES.keys())
def test_which_conditions_hold(joints, size, net_scale, expected):
    assert {
        name for name, holds in conditions(joints[None], size, extent(joints[None])[:, 1] * net_scale).items() if holds[0]
    } == expected


def test_nobody_is_nobody():
    assert all(holds.shape == (0,) for holds in conditions(np.zeros((0, len(JOINTS), 2)), (10, 10), np.zeros(0)).values())


def test_people_are_counted_under_each_condition():
    """Two small people, one found and with two of three human joints hit, one not; nobody from behind."""
    score = ConditionScore()
    hits = np.full((2, 12), NAN)
    hits[0, :3] = (1, 1, 0)
    score.add({"small": np.array([True, True]), "from_behind": np.array([False, False])}, np.array([0.7, 0.2]), hits)
    figures = score.figures()
    assert figures["small"] == {"people": 2, "found": 0.5, "pck": pytest.approx(2 / 3), "pck_people": 1}
    assert figures["from_behind"]["people"] == 0 and np.isnan(figures["from_behind"]["found"])


def test_grey_is_without_colour_and_as_bright():
    image = np.array([[[255, 0, 0], [10, 200, 30]]], np.uint8)
    grey = without_colour(image)
    assert (np.ptp(grey, axis=-1) == 0).all() and grey[0, 0, 0] == 76


@pytest.mark.parametrize(("more", "grey"), [([], True), (["--no-grey"], False)])
def test_the_command_prints_a_row_for_each(tmp_path, capsys, more, grey):
    root = write_kit(tmp_path / "kit", sets=("lspet", "ccp", "har15", "capston"), train=1, val=1)
    small = ["--set", "network.long_side_net_px=128", "--set", "network.short_side_net_px=96", "--backend", "torch"]
    assert cli.main(["eval", "photos", "--data", str(root), "--json", *small, *more]) == 0
    rows = json.loads(capsys.readouterr().out)["conditions"]
    assert set(rows) == {"cut_by_border", "small", "from_behind"} | ({"grey"} if grey else set())
