"""Limbs joined to the right partner, in hand-drawn fields of one limb."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xnect_lite.config import GroupingConfig
from xnect_lite.evaluate.association import LimbScore
from xnect_lite.skeleton import INDEX, LIMBS, NUM_JOINTS, NUM_LIMBS
from xnect_lite.types import Letterbox, Maps

FOREARM = LIMBS.index((INDEX["l_elbow"], INDEX["l_wrist"]))


def maps(*drawn: tuple[tuple[int, int], tuple[int, int]], limb: int = FOREARM) -> Maps:
    """A field of one limb type, 40 x 20 cells at stride 8, unit vectors along the lines drawn (in cells)."""
    pafs = torch.zeros(2 * NUM_LIMBS, 20, 40)
    for a, b in drawn:
        a, b = np.array(a, float), np.array(b, float)
        unit = (b - a) / np.linalg.norm(b - a)
        for t in np.linspace(0, 1, 80):
            x, y = (a + t * (b - a)).round().astype(int)
            pafs[2 * limb : 2 * limb + 2, y - 1 : y + 2, x - 1 : x + 2] = torch.tensor(unit, dtype=torch.float32)[:, None, None]
    empty = torch.zeros(NUM_JOINTS, 20, 40)
    return Maps(empty, empty[0], pafs, torch.zeros(72, 20, 40), empty[0], 8, Letterbox.fit(320, 160, 320, 160))


def people(*forearms: tuple[tuple[int, int] | None, tuple[int, int] | None]) -> np.ndarray:
    """(T, 24, 2) source pixels of people with a left elbow and wrist at these cells; None = unknown."""
    out = np.full((len(forearms), NUM_JOINTS, 2), np.nan)
    for t, ends in enumerate(forearms):
        for name, cell in zip(("l_elbow", "l_wrist"), ends, strict=True):
            if cell is not None:
                out[t, INDEX[name]] = (np.array(cell) + 0.5) * 8 - 0.5
    return out


ONE, TWO = ((5, 5), (12, 5)), ((5, 12), (12, 12))
CROSSED = ((5, 5), (12, 12)), ((5, 12), (12, 5))


@pytest.mark.parametrize(
    ("truth", "drawn", "limbs", "joined", "crowded", "crowded_joined"),
    [
        ([ONE], [ONE], 1, 1, 0, 0),  # alone: nobody to be joined to but oneself
        ([ONE], [], 1, 0, 0, 0),  # an empty field joins nothing
        ([ONE], [TWO], 1, 0, 0, 0),  # nor does one elsewhere
        ([ONE], [ONE[::-1]], 1, 0, 0, 0),  # nor one that points the other way
        ([ONE, TWO], [ONE, TWO], 2, 2, 2, 2),
        ([ONE, TWO], [ONE], 2, 1, 2, 1),
        ([ONE, TWO], CROSSED, 2, 0, 2, 0),  # the field says that the arms cross
        ([ONE, (None, (12, 12))], [ONE], 1, 1, 1, 1),  # somebody's wrist alone is a rival, not a limb
        ([ONE, (None, (12, 12))], [((5, 5), (12, 12)), ONE], 1, 1, 1, 1),
        ([ONE, (None, (12, 12))], [((5, 5), (12, 12))], 1, 0, 1, 0),  # and may win
        ([(None, None)], [ONE], 0, 0, 0, 0),
        ([], [ONE], 0, 0, 0, 0),
    ],
)  # fmt: skip
def test_limbs_by_hand(truth, drawn, limbs, joined, crowded, crowded_joined):
    score = LimbScore()
    score.add(maps(*drawn), people(*truth), GroupingConfig())
    assert (score.limbs, score.joined, score.crowded, score.crowded_joined) == (limbs, joined, crowded, crowded_joined)


def test_figures_are_shares():
    figures = LimbScore(limbs=4, joined=3, crowded=2, crowded_joined=1).figures()
    assert figures == {"limbs_joined": 0.75, "limbs_joined_crowded": 0.5}
    assert all(np.isnan(value) for value in LimbScore().figures().values())
