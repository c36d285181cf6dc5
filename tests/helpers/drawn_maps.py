"""Standing figures and their maps, drawn here by hand (not by the training targets)."""

from __future__ import annotations

import numpy as np
import torch

from xnect_lite.skeleton import INDEX, LIMBS, NUM_JOINTS, NUM_LIMBS, PARENTS
from xnect_lite.types import Letterbox, Maps

WIDTH, HEIGHT = 64, 40

# A person who stands upright and faces the camera, in units of a cell for a height of about 26 cells, pelvis at 0, 0.
STANDING = np.zeros((NUM_JOINTS, 2))
for _name, _xy in {
    "pelvis": (0, 0), "spine": (0, -4), "neck": (0, -8), "head": (0, -10.5), "head_top": (0, -12.5), "nose": (0.3, -10),
    "ear": (1, -10.6), "shoulder": (3, -8), "elbow": (4.4, -3.5), "wrist": (5.2, 0.5), "hand": (5.4, 2),
    "hip": (1.6, 0.2), "knee": (2, 6.5), "ankle": (2.2, 12.5), "toe": (3.2, 13.6),
}.items():  # fmt: skip
    for _side, _sign in (("", 1), ("r_", -1), ("l_", 1)):
        if _side + _name in INDEX:
            STANDING[INDEX[_side + _name]] = (_sign * _xy[0], _xy[1])


def person(x: float, y: float, size: float = 1.0, without: tuple[str, ...] = ()) -> np.ndarray:
    """(24, 2) the standing figure with its pelvis at map cell (x, y); joints ``without`` are NaN."""
    joints = STANDING * size + (x, y)
    joints[[INDEX[n] for n in without]] = np.nan
    return joints


def bones_of(number: int) -> np.ndarray:
    """(24, 3) made-up bones, different for every joint and person."""
    return np.random.default_rng(number).normal(0, 0.2, (NUM_JOINTS, 3))


def draw(people: list[np.ndarray], strength: float = 0.9, sigma: float = 1.0, box: Letterbox | None = None) -> Maps:
    """Maps of people given as (24, 2) map cells: bells at joints, unit vectors along limbs, bones around both ends."""
    ys, xs = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    heat, pafs = np.full((NUM_JOINTS, HEIGHT, WIDTH), 1e-4), np.zeros((NUM_LIMBS, 2, HEIGHT, WIDTH))
    locations, centre = np.zeros((3, NUM_JOINTS, HEIGHT, WIDTH)), np.full((HEIGHT, WIDTH), 1e-4)
    for number, joints in enumerate(people):
        bones = bones_of(number)
        for j in np.flatnonzero(np.isfinite(joints[:, 0])):
            distance2 = (xs - joints[j, 0]) ** 2 + (ys - joints[j, 1]) ** 2
            heat[j] = np.maximum(heat[j], strength * np.exp(-0.5 * distance2 / sigma**2))
            near = distance2 <= 2.5**2
            for bone in [j, *np.flatnonzero(j == PARENTS)]:
                locations[:, bone, near] = bones[bone][:, None]
        trunk = joints[[INDEX[n] for n in ("r_shoulder", "l_shoulder", "r_hip", "l_hip")]]
        if np.isfinite(trunk[:2]).any() and np.isfinite(trunk[2:]).any():
            x, y = np.nanmean(trunk, axis=0)
            centre = np.maximum(centre, strength * np.exp(-0.5 * ((xs - x) ** 2 + (ys - y) ** 2) / sigma**2))
        for k, (a, b) in enumerate(LIMBS):
            if np.isfinite(joints[[a, b]]).all():
                start, line = joints[a], joints[b] - joints[a]
                share = np.clip(((xs - start[0]) * line[0] + (ys - start[1]) * line[1]) / (line @ line), 0, 1)
                on = np.hypot(xs - start[0] - share * line[0], ys - start[1] - share * line[1]) <= 1
                pafs[k, :, on] = line / np.linalg.norm(line)

    def send(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array.astype(np.float32))

    box = box or Letterbox.fit(WIDTH * 8, HEIGHT * 8, WIDTH * 8, HEIGHT * 8)
    return Maps(
        send(heat), send(centre), send(pafs).flatten(0, 1), send(locations).flatten(0, 1),
        torch.zeros(HEIGHT, WIDTH), 8, box,
    )  # fmt: skip


def to_px(joints_map: np.ndarray) -> np.ndarray:
    """Map cells -> pixels of a source that has the network's size."""
    return (joints_map + 0.5) * 8 - 0.5


def check(people, expected: list[np.ndarray], atol_px: float = 0.8) -> list[int]:
    """Assert that exactly these people (map cells) were found; returns the row of each."""
    assert len(people) == len(expected)
    rows = []
    for joints in expected:
        away = np.linalg.norm(people.joints_px - to_px(joints), axis=-1)
        row = int(np.nanmean(away, axis=1).argmin())
        np.testing.assert_array_equal(np.isnan(people.joints_px[row, :, 0]), np.isnan(joints[:, 0]))
        np.testing.assert_allclose(people.joints_px[row], to_px(joints), atol=atol_px)
        rows.append(row)
    assert len(set(rows)) == len(rows)
    return rows
