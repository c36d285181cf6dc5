"""How far the joints of the tree turn: ranges of a supple adult, and how stiff what the joints' places do not show is.

A joint's rotation is measured from the middle of its range, as a rotation vector in the joint's own axes (x to the left,
y up, z forward in the T-pose). Degrees in the table, radians in the arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from xnect_lite.stages.fitting.tree import NUM_TREE, TREE_INDEX

FREE = 1e3  # degrees: no limit, no stiffness


@dataclass(frozen=True, slots=True)
class _Range:
    """middle: rotation vector of the middle. low, high: per axis, from there. stiff: spread of each axis about the middle
    where nothing is seen; axes without any turn (low == high) are locked."""

    middle: tuple[float, float, float]
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    stiff: tuple[float, float, float] = (FREE, FREE, FREE)

    def mirrored(self) -> _Range:
        """The same joint on the other side: turns about y and z change sign."""
        (mx, my, mz), (lx, ly, lz), (hx, hy, hz) = self.middle, self.low, self.high
        return _Range((mx, -my, -mz), (lx, -hy, -hz), (hx, -ly, -lz), self.stiff)


_MIDDLE: dict[str, _Range] = {
    "Hips": _Range((0, 0, 0), (-FREE,) * 3, (FREE,) * 3),
    "LowerBack": _Range((10, 0, 0), (-30, -10, -25), (40, 10, 25), (40, 8, 30)),
    "Spine": _Range((5, 0, 0), (-30, -45, -30), (40, 45, 30), (40, 45, 30)),
    "Neck": _Range((15, 0, 0), (-45, -45, -40), (45, 45, 40), (45, 20, 40)),
    "Head": _Range((0, 0, 0), (-50, -60, -40), (50, 60, 40), (45, 40, 40)),
}
_LEFT: dict[str, _Range] = {
    # Turning +z lifts what points to the left, -y brings it forward; -x lifts a thigh forward, +x bends a knee.
    "Shoulder": _Range((0, 0, 5), (-8, -30, -35), (8, 30, 40), (5, 30, 30)),
    "Arm": _Range((0, -40, -35), (-90, -115, -110), (90, 110, 115), (60, FREE, FREE)),
    "ForeArm": _Range((0, -75, 0), (0, -75, 0), (0, 77, 0)),
    "Hand": _Range((0, 0, 0), (-60, -60, -70), (60, 60, 70), (15, 50, 50)),
    "UpLeg": _Range((-45, 0, 10), (-90, -45, -45), (80, 45, 50), (FREE, 30, FREE)),
    "Leg": _Range((75, 0, 0), (-77, 0, 0), (80, 0, 0)),
    "Foot": _Range((0, 0, 0), (-35, -30, -25), (50, 30, 25), (35, 25, 12)),
    "ToeBase": _Range((0, 0, 0), (0, 0, 0), (0, 0, 0)),
}
_TABLE = _MIDDLE | {f"Left{n}": r for n, r in _LEFT.items()} | {f"Right{n}": r.mirrored() for n, r in _LEFT.items()}
_ROWS = [_TABLE[name] for name in TREE_INDEX]

MIDDLE = Rotation.from_rotvec([r.middle for r in _ROWS], degrees=True).as_matrix()
"""(J, 3, 3) middle of each joint's range."""
LOW = np.radians([r.low for r in _ROWS])
HIGH = np.radians([r.high for r in _ROWS])
"""(J, 3) ends of the range about the middle, radians."""
STIFFNESS = np.array([[0.0 if s >= FREE else 1 / np.radians(s) for s in r.stiff] for r in _ROWS])
"""(J, 3) pull towards the middle, per radian; 0 = none."""

JOINT_OF = np.array([i for i in range(NUM_TREE) for axis in range(3) if LOW[i, axis] < HIGH[i, axis]])
AXIS_OF = np.array([axis for i in range(NUM_TREE) for axis in range(3) if LOW[i, axis] < HIGH[i, axis]])
"""(A,) joint and axis of every turn that is free; hinges have one, the toes none."""
NUM_TURNS = len(JOINT_OF)
