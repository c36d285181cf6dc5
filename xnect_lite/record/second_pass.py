"""What a recording gains from knowing the future: every person's motion filtered backwards as well, so that nothing lags.

Where a skeleton was fitted, its rotations and its place are filtered, and the bones of the last, best calibrated frame hold
for the whole take; where none was, the joints are. Then feet that stand are held, past and future known.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.spatial.transform import Rotation

from xnect_lite.config import FilterConfig, PipelineConfig
from xnect_lite.record.take_folder import Take
from xnect_lite.stages.filtering import cutoff_factor, second_pass, torso_length_px
from xnect_lite.stages.fitting.feet_over_time import hold_feet_over_time
from xnect_lite.stages.fitting.tree import UPRIGHT, place_joints

_USUAL_FOCAL_PX = 1000.0  # of takes that do not say theirs
_ARM_MM = 500.0  # what turns by one radian moves its end by about this


def second_pass_of(config: PipelineConfig) -> Callable[[Take], Take] | None:
    """The second pass that suits what a pipeline of this configuration recorded; None if it wants none."""
    if not (config.filtering.enabled and config.filtering.second_pass):
        return None
    return partial(filter_backwards, config=config.filtering, foot_lock=config.fitting.enabled and config.fitting.foot_lock)


def filter_backwards(take: Take, config: FilterConfig, foot_lock: bool = False) -> Take:
    """``take`` with the motion of every identity filtered backwards in time, and with ``foot_lock`` their feet held."""
    factor = cutoff_factor(config.smoothing)
    if not config.enabled or np.isinf(factor):
        return take
    focal_px = float(take.info.get("focal_px") or max(take.info.get("size") or [_USUAL_FOCAL_PX]))
    names = ("joints_px", "joints_mm", "root_cam_mm", "rotations", "bone_lengths_mm")
    columns = {name: getattr(take, name).copy() for name in names}
    for identity in take.ids:
        rows = np.flatnonzero(take.id == identity)
        rows = rows[np.argsort(take.t_s[rows], kind="stable")]
        person = {name: columns[name][rows].astype(np.float64) for name in names}
        person |= _person(person, take.t_s[rows], config, factor)
        if foot_lock:
            person |= _with_feet_held(person, take.t_s[rows], focal_px)
        for name in names:
            columns[name][rows] = person[name]
    return dataclasses.replace(take, **columns)


def _person(seen: dict[str, np.ndarray], t_s: np.ndarray, c: FilterConfig, k: float) -> dict[str, np.ndarray]:
    """The new columns of one person, from the old ones (F, ...) in order of time."""
    size_px = float(np.median(torso_length_px(seen["joints_px"])))
    out = {
        "joints_px": second_pass(seen["joints_px"], t_s, k * c.min_cutoff_2d_hz, k * c.beta_2d, 1 / size_px),
        "root_cam_mm": second_pass(seen["root_cam_mm"], t_s, k * c.min_cutoff_root_hz, k * c.beta_root, 1e-3),
    }
    fitted = np.isfinite(seen["rotations"]).all((1, 2, 3))
    joints_mm = second_pass(seen["joints_mm"], t_s, k * c.min_cutoff_3d_hz, k * c.beta_3d, 1e-3)
    if fitted.any():
        speed = 2e-3 * _ARM_MM  # a quaternion turns half as fast as what it stands for
        turned = second_pass(_quaternions(seen["rotations"][fitted]), t_s[fitted], k * c.min_cutoff_3d_hz, k * c.beta_3d, speed)
        rotations = Rotation.from_quat(turned.reshape(-1, 4)).as_matrix().reshape(*turned.shape[:2], 3, 3)
        lengths_mm = seen["bone_lengths_mm"][fitted][-1]
        joints_mm[fitted] = place_joints(rotations, lengths_mm) * UPRIGHT
        out["rotations"], out["bone_lengths_mm"] = seen["rotations"].copy(), seen["bone_lengths_mm"].copy()
        out["rotations"][fitted], out["bone_lengths_mm"][fitted] = rotations, lengths_mm
    return out | {"joints_mm": joints_mm}


def _with_feet_held(person: dict[str, np.ndarray], t_s: np.ndarray, focal_px: float) -> dict[str, np.ndarray]:
    """The new columns of one person whose feet are held, from columns (F, ...) in order of time."""
    fitted = np.isfinite(person["rotations"]).all((1, 2, 3)) & np.isfinite(person["root_cam_mm"]).all(1)
    if not fitted.any():
        return {}
    out = {name: person[name].copy() for name in ("rotations", "joints_mm", "root_cam_mm")}
    lengths_mm, rays = person["bone_lengths_mm"][fitted], person["joints_px"][fitted] / focal_px
    root = person["root_cam_mm"][fitted] * UPRIGHT
    rotations, root = hold_feet_over_time(person["rotations"][fitted], lengths_mm, root, rays, t_s[fitted])
    out["rotations"][fitted], out["root_cam_mm"][fitted] = rotations, root * UPRIGHT
    out["joints_mm"][fitted] = place_joints(rotations, lengths_mm) * UPRIGHT
    return out


def _quaternions(rotations: np.ndarray) -> np.ndarray:
    """(F, J, 4) of matrices (F, J, 3, 3), of each pair that means the same turn the one nearer to the frame before."""
    quaternions = Rotation.from_matrix(rotations.reshape(-1, 3, 3)).as_quat().reshape(*rotations.shape[:2], 4)
    opposed = (quaternions[1:] * quaternions[:-1]).sum(-1) < 0
    sign = np.concatenate([np.ones((1, rotations.shape[1])), np.cumprod(np.where(opposed, -1.0, 1.0), axis=0)])
    return quaternions * sign[..., None]
