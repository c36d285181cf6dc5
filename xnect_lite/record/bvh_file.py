"""BVH files as text: one skeleton per file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from xnect_lite.errors import XnectError, next_step_of
from xnect_lite.files.whole_file import whole_file
from xnect_lite.record.bvh import DECIMALS, BvhClip
from xnect_lite.record.rig import RigJoint, rig_of

_BLOCK = 1000  # lines written at a time


def bvh_text(clip: BvhClip) -> str:
    """The whole file as text."""
    return "".join(_blocks(clip))


def write_bvh(path: str | Path, clip: BvhClip) -> Path:
    """Write ``clip``, whole or not at all. Raises XnectError where the file cannot be written."""
    path = Path(path)
    try:
        with whole_file(path) as file:
            for block in _blocks(clip):
                file.write(block.encode("ascii"))
    except OSError as error:
        raise XnectError(str(path), f"cannot be written ({error.strerror})", next_step_of(error)) from error
    return path


def _blocks(clip: BvhClip) -> Iterator[str]:
    rig = rig_of(clip.skeleton, clip.spine)
    head = ["HIERARCHY", *_joint_lines(rig, clip.euler, 0, 0)]
    yield "\n".join([*head, "MOTION", f"Frames: {len(clip)}", f"Frame Time: {1 / clip.fps:.10f}", ""])
    turns = [joint.turns_as for joint in rig]
    form = " ".join([f"%.{DECIMALS}f"] * (3 + 3 * len(rig))) + "\n"
    for first in range(0, len(clip), _BLOCK):
        angles_deg = clip.angles_deg[first : first + _BLOCK][:, turns]
        angles_deg[:, [i for i, turned in enumerate(turns) if turned < 0]] = 0.0
        channels = np.concatenate([clip.root_world_cm[first : first + _BLOCK], angles_deg.reshape(len(angles_deg), -1)], axis=1)
        if not np.isfinite(channels).all():
            raise ValueError("a BVH clip must be finite")
        rounded = np.round(channels, DECIMALS) + 0.0  # + 0 turns -0 into 0
        yield "".join([form % tuple(row) for row in rounded.tolist()])


def _joint_lines(rig: list[RigJoint], euler: str, index: int, depth: int) -> list[str]:
    """The HIERARCHY block of a joint and what hangs on it."""
    pad = "\t" * depth
    joint = rig[index]

    def offset(values: np.ndarray) -> str:
        return "OFFSET " + " ".join(f"{v + 0.0:.{DECIMALS}f}" for v in np.round(values, DECIMALS))

    place = "3" if joint.parent >= 0 else "6 Xposition Yposition Zposition"
    turn = " ".join(f"{axis}rotation" for axis in euler)
    lines = [f"{pad}{'JOINT' if joint.parent >= 0 else 'ROOT'} {joint.name}", f"{pad}{{"]
    lines += [f"{pad}\t{offset(joint.offset_cm)}", f"{pad}\tCHANNELS {place} {turn}"]
    for child, other in enumerate(rig):
        if other.parent == index:
            lines += _joint_lines(rig, euler, child, depth + 1)
    if joint.end_cm is not None:
        lines += [f"{pad}\tEnd Site", f"{pad}\t{{", f"{pad}\t\t{offset(joint.end_cm)}", f"{pad}\t}}"]
    return [*lines, f"{pad}}}"]
