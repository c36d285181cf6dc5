"""Which side a limb is on, chosen over a whole clip: a walker seen in profile does not change legs.

Of somebody seen from the side, left and right are told apart by little, and every frame chooses anew. What moves smoothly if
sides are as read in some frames and exchanged in others was read wrongly in one of the two.
"""

from __future__ import annotations

import numpy as np

from xnect_lite.skeleton import INDEX, NUM_JOINTS
from xnect_lite.stages.filtering import torso_length_px

GROUPS = tuple(
    np.array([[INDEX[f"{side}_{name}"] for name in names] for side in "lr"])
    for names in (("knee", "ankle", "toe"), ("elbow", "wrist", "hand"))
)
"""(2, N) joints that change sides together: those of the left limb and those of the right."""
_EXCHANGED = 0.05  # what an exchange costs in a frame, in torso lengths of surely found joints: a reading is more often right
_JUMP = 0.5  # torso lengths: a joint that moves farther off its course than this is wrong anyway, and costs no more
_LOOSE = 0.02  # torso lengths that joints tremble by, and that are no sign of anything
_HOLE_S = 0.3  # after a longer absence the reading counts as it is


def exchanged_sides(joints_px: np.ndarray, score: np.ndarray, t_s: np.ndarray) -> np.ndarray:
    """(F, 24) whether a joint of one person is that of the other side, from joints (F, 24, 2) as read, scored (F, 24), NaN or
    0 = not found, at increasing times ``t_s`` (F,)."""
    out = np.zeros((len(t_s), NUM_JOINTS), bool)
    length_px = torso_length_px(joints_px)
    for part in np.split(np.arange(len(t_s)), np.flatnonzero(np.diff(t_s) > _HOLE_S) + 1):
        size = float(np.median(length_px[part]))
        for group in GROUPS:
            places = joints_px[part][:, group] / size  # (f, 2, N, 2)
            found = (score[part][:, group] > 0) & np.isfinite(places).all(-1)
            out[np.ix_(part, group.ravel())] = _best_course(places, np.where(found, score[part][:, group], 0.0))[:, None]
    return out


def _best_course(places: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(F,) bool, the exchanges after which limbs at ``places`` (F, 2, N, 2), weighted (F, 2, N), move most evenly.

    Dynamic programming over pairs of frames, for an even motion is one of three.
    """
    frames = len(places)
    if frames < 3:
        return np.zeros(frames, bool)
    both = np.stack([places, places[:, ::-1]])  # as read, exchanged
    trust = np.stack([weight, weight[:, ::-1]])
    own = _EXCHANGED * weight.sum((1, 2))
    # cost[a, b]: of the best course that ends with state a in the frame before, b in this
    cost = np.array([[0.0, own[1]], [own[0], own[0] + own[1]]])
    came = np.zeros((frames, 2, 2), int)
    for f in range(2, frames):
        straight = 2 * both[:, f - 1][None, :] - both[:, f - 2][:, None]  # (a, b): where a in f - 2 and b in f - 1 lead to
        off = np.linalg.norm(both[:, f][None, None] - straight[:, :, None], axis=-1)  # (a, b, c, 2, N)
        sure = np.minimum(trust[:, f - 2][:, None, None], trust[:, f - 1][None, :, None])
        sure = np.minimum(sure, trust[:, f][None, None])
        off = np.clip(np.nan_to_num(off) - _LOOSE, 0.0, _JUMP)
        total = cost[:, :, None] + (off * sure).sum((-1, -2)) + np.array([0.0, own[f]])
        came[f] = total.argmin(0)
        cost = total.min(0)
    out = np.zeros(frames, bool)
    before, last = divmod(int(cost.argmin()), 2)
    for f in range(frames - 1, 0, -1):
        out[f] = bool(last)
        before, last = (int(came[f, before, last]), before) if f > 1 else (0, before)
    out[0] = bool(last)
    return out
