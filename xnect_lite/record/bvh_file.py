"""BVH files as text: one skeleton per file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xnect_lite.errors import XnectError, next_step_of
from xnect_lite.files.whole_file import whole_file
from xnect_lite.record.bvh import DECIMALS, BvhClip
from xnect_lite.record.bvh_skeleton import BvhSkeleton
from xnect_lite.stages.fitting.tree import TREE


def bvh_text(clip: BvhClip) -> str:
    """The whole file as text."""
    channels = np.concatenate([clip.root_world_cm, clip.angles_deg.reshape(len(clip), -1)], axis=1)
    if not np.isfinite(channels).all():
        raise ValueError("a BVH clip must be finite")
    lines = ["HIERARCHY", *_joint_lines(clip.skeleton, 0, 0)]
    lines += ["MOTION", f"Frames: {len(clip)}", f"Frame Time: {1 / clip.fps:.10f}"]
    form = " ".join([f"%.{DECIMALS}f"] * channels.shape[1])
    lines += [form % tuple(row) for row in (np.round(channels, DECIMALS) + 0.0).tolist()]  # + 0 turns -0 into 0
    return "\n".join(lines) + "\n"


def write_bvh(path: str | Path, clip: BvhClip) -> Path:
    """Write ``clip``, whole or not at all. Raises XnectError where the file cannot be written."""
    path = Path(path)
    text = bvh_text(clip).encode("ascii")
    try:
        with whole_file(path) as file:
            file.write(text)
    except OSError as error:
        raise XnectError(str(path), f"cannot be written ({error.strerror})", next_step_of(error)) from error
    return path


def _joint_lines(skeleton: BvhSkeleton, index: int, depth: int) -> list[str]:
    """The HIERARCHY block of a joint and what hangs on it."""
    pad = "\t" * depth
    joint = TREE[index]

    def offset(values: np.ndarray) -> str:
        return "OFFSET " + " ".join(f"{v + 0.0:.{DECIMALS}f}" for v in np.round(values, DECIMALS))

    place = "3" if joint.parent >= 0 else "6 Xposition Yposition Zposition"
    lines = [f"{pad}{'JOINT' if joint.parent >= 0 else 'ROOT'} {joint.name}", f"{pad}{{"]
    lines += [f"{pad}\t{offset(skeleton.offsets_cm[index])}", f"{pad}\tCHANNELS {place} Zrotation Xrotation Yrotation"]
    for child, other in enumerate(TREE):
        if other.parent == index:
            lines += _joint_lines(skeleton, child, depth + 1)
    end = skeleton.end_offsets_cm[index]
    if np.isfinite(end).all():
        lines += [f"{pad}\tEnd Site", f"{pad}\t{{", f"{pad}\t\t{offset(end)}", f"{pad}\t}}"]
    return [*lines, f"{pad}}}"]
