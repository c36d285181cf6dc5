"""How steady a take is, without any truth: trembling, bones that change their length, standing feet that slide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xnect_lite.record.take_folder import Take
from xnect_lite.skeleton import INDEX, NUM_JOINTS, ROOT
from xnect_lite.stages.fitting.calibrate import bone_lengths

_FEET = np.array([INDEX[f"{side}_{joint}"] for side in "rl" for joint in ("ankle", "toe")])
_BONES = np.delete(np.arange(NUM_JOINTS), ROOT)
_STANDS_M_S = 0.25  # a foot that moves less than this across the picture is taken for one that stands
_OVER_S = 0.2  # measured over this time, for single frames tremble


@dataclass(frozen=True, slots=True)
class Steadiness:
    """One person of a take; NaN = could not be measured.

    root_jitter_mm_s2, joint_jitter_mm_s2  mean length of the second difference over time, of the root in camera space and of
                                           the joints about it. True motion is in it: compare takes of the same clip.
    bone_spread_mm                         standard deviation of each bone's length over time, mean over bones.
    foot_slide_mm_s                        mean speed in space of ankles and toes that stand still in the picture.
    """

    identity: int
    frames: int
    root_jitter_mm_s2: float
    joint_jitter_mm_s2: float
    bone_spread_mm: float
    foot_slide_mm_s: float


def steadiness(take: Take, identity: int) -> Steadiness:
    """Measure one person; frames next to a hole in time are left out."""
    rows = np.flatnonzero(take.id == identity)
    rows = rows[np.argsort(take.t_s[rows], kind="stable")]
    t_s = take.t_s[rows]
    body, root = take.joints_mm[rows].astype(np.float64), take.root_cam_mm[rows].astype(np.float64)
    interval = np.diff(t_s)
    usual = float(np.median(interval)) if len(interval) else np.nan
    even = np.abs(interval - usual) < 0.25 * usual
    pairs = even[1:] & even[:-1]
    lengths = bone_lengths(body)[:, _BONES]
    lengths = lengths[:, np.isfinite(lengths).any(0)]
    spread = np.nanstd(lengths, axis=0) if lengths.size else np.array([np.nan])
    focal = float(take.info.get("focal_px") or np.nan)
    return Steadiness(
        identity, len(rows), _jitter(root, pairs, usual), _jitter(body, pairs, usual), float(np.nanmean(spread)),
        _slide(body + root[:, None], take.joints_px[rows] * np.nanmedian(root[:, 2]) / focal, t_s, even),
    )  # fmt: skip


def _jitter(points: np.ndarray, pairs: np.ndarray, interval_s: float) -> float:
    return _mean(np.linalg.norm(np.diff(points, 2, axis=0), axis=-1)[pairs]) / interval_s**2


def _slide(joints_mm: np.ndarray, picture_mm: np.ndarray, t_s: np.ndarray, even: np.ndarray) -> float:
    """``picture_mm`` (F, 24, 2): where joints are in the picture, in millimetres at the person's distance."""
    reach = max(1, round(_OVER_S / 2 / float(np.median(np.diff(t_s))))) if len(t_s) > 1 else 1
    if len(t_s) <= 2 * reach:
        return float("nan")
    over = np.linalg.norm(picture_mm[2 * reach :, _FEET] - picture_mm[: -2 * reach, _FEET], axis=-1)
    stands = np.zeros((len(t_s), len(_FEET)), bool)
    stands[reach:-reach] = over / (t_s[2 * reach :] - t_s[: -2 * reach])[:, None] < 1000 * _STANDS_M_S
    speed = np.linalg.norm(np.diff(joints_mm[:, _FEET], axis=0), axis=-1) / np.diff(t_s)[:, None]
    return _mean(speed[stands[1:] & stands[:-1] & even[:, None]])


def _mean(values: np.ndarray) -> float:
    return float(values[np.isfinite(values)].mean()) if np.isfinite(values).any() else float("nan")
