"""Peaks of heatmaps, and how well part affinity fields agree with the lines between them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from drawn_maps import HEIGHT, WIDTH

from xnect_lite.skeleton import INDEX, LIMBS, NUM_JOINTS, NUM_LIMBS
from xnect_lite.stages.grouping.peaks import Peaks, find_peaks, score_limbs


def _bells(*at: tuple[float, float], sigma: float = 1.0, top: float = 0.9) -> torch.Tensor:
    """(24, h, w) heatmaps, empty but for bells in joint 0's."""
    ys, xs = np.mgrid[:HEIGHT, :WIDTH]
    heat = np.zeros((NUM_JOINTS, HEIGHT, WIDTH), np.float32)
    for x, y in at:
        heat[0] = np.maximum(heat[0], top * np.exp(-0.5 * ((xs - x) ** 2 + (ys - y) ** 2) / sigma**2))
    return torch.from_numpy(heat)


@pytest.mark.parametrize(
    ("x", "y"),
    [(20, 10), (20.3, 10.4), (19.6, 9.51), (20.49, 9.99), (20.5, 10.0), (20.5, 10.5), (1, 1), (62, 38)],
    ids=lambda v: str(v),
)
@pytest.mark.parametrize("sigma", [0.7, 1.25, 2.0])
def test_a_bells_top_is_found_below_a_cell_and_once(x, y, sigma):
    peaks = find_peaks(_bells((x, y), sigma=sigma), 0.15, 20)
    assert (peaks.score[0] > 0).sum() == 1
    np.testing.assert_allclose(peaks.xy_map[0, 0], (x, y), atol=0.01)
    assert (peaks.score[1:] == 0).all()


@pytest.mark.parametrize(
    ("x", "y"), [(0, 20), (0.2, 20), (-0.3, 20), (63.2, 20), (30, 39.3), (0.3, -0.2)], ids=lambda v: str(v)
)
def test_at_the_border_the_outside_is_not_invented(x, y):
    """Half the bell is missing: the answer stays within a third of a cell."""
    peaks = find_peaks(_bells((x, y)), 0.15, 20)
    assert (peaks.score[0] > 0).sum() == 1
    np.testing.assert_allclose(peaks.xy_map[0, 0], (x, y), atol=0.34)


def test_peaks_come_best_first_and_only_so_many():
    heat = _bells((10, 10), (30, 10), (50, 10), top=0.5)
    heat[0, 10, 30] = 0.8
    heat[0, 10, 50] = 0.7
    peaks = find_peaks(heat, 0.15, 2)
    assert peaks.score[0].tolist() == pytest.approx([0.8, 0.7])
    np.testing.assert_allclose(peaks.xy_map[0, :, 0], (30, 50), atol=0.2)


@pytest.mark.parametrize(("top", "found"), [(0.16, 1), (0.14, 0)], ids=["above the threshold", "below"])
def test_the_threshold(top, found):
    assert (find_peaks(_bells((10, 10), top=top), 0.15, 20).score[0] > 0).sum() == found


def test_a_plateau_is_one_peak():
    """Coarse number formats make neighbouring cells equal."""
    heat = torch.zeros(NUM_JOINTS, HEIGHT, WIDTH)
    heat[0, 10:12, 20:22] = 0.75
    peaks = find_peaks(heat, 0.15, 20)
    assert (peaks.score[0] > 0).sum() == 1
    np.testing.assert_allclose(peaks.xy_map[0, 0], (20.5, 10.5), atol=0.01)


def _peaks(*xy: tuple[int, list[tuple[float, float]]]) -> Peaks:
    most = max(len(points) for _, points in xy)
    at, score = torch.zeros(NUM_JOINTS, most, 2), torch.zeros(NUM_JOINTS, most)
    for joint, points in xy:
        for i, point in enumerate(points):
            at[joint, i], score[joint, i] = torch.tensor(point, dtype=torch.float32), 1.0
    return Peaks(at, score)


ELBOW, WRIST = INDEX["l_elbow"], INDEX["l_wrist"]
FOREARM = LIMBS.index((ELBOW, WRIST))


@pytest.mark.parametrize(
    ("field", "to", "low", "high"),
    [
        ((1, 0), (20, 10), 0.99, 1.0),
        ((-1, 0), (20, 10), -1.0, 0.0),
        ((0, 1), (20, 10), -0.01, 0.01),
        ((1, 0), (10, 20), -0.01, 0.01),
        ((0.7071, 0.7071), (20, 20), 0.99, 1.01),
    ],
    ids=["along", "against", "across", "the line across the field", "diagonal"],
)
def test_agreement_of_field_and_line(field, to, low, high):
    pafs = torch.zeros(2 * NUM_LIMBS, HEIGHT, WIDTH)
    pafs[2 * FOREARM], pafs[2 * FOREARM + 1] = field
    scores = score_limbs(pafs, _peaks((ELBOW, [(10, 10)]), (WRIST, [to])), 10)
    assert scores.shape == (NUM_LIMBS, 1, 1) and low <= scores[FOREARM, 0, 0] <= high
    others = np.arange(NUM_LIMBS) != FOREARM
    assert (scores[others] == 0).all()


def test_a_line_half_of_which_lies_on_no_limb_scores_less_than_half():
    pafs = torch.zeros(2 * NUM_LIMBS, HEIGHT, WIDTH)
    pafs[2 * FOREARM, :, :20] = 1
    score = score_limbs(pafs, _peaks((ELBOW, [(10, 10)]), (WRIST, [(30, 10)])), 10)[FOREARM, 0, 0]
    assert 0.2 < score < 0.35


def test_padded_peaks_pair_with_nobody():
    pafs = torch.full((2 * NUM_LIMBS, HEIGHT, WIDTH), 0.7)
    scores = score_limbs(pafs, _peaks((ELBOW, [(10, 10), (10, 12)]), (WRIST, [(20, 20)])), 10)
    assert (scores[FOREARM, :, 0] > 0.5).all() and (scores[FOREARM, :, 1] == 0).all()
