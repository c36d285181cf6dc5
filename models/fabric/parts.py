"""Groups of joints that share a fabric: the whole body, 3, 5 or 8 parts, for any list of joints.

Groupings and their names after Yang et al.; joints that their lists lack go with their nearest relative.
"""

from __future__ import annotations

from collections.abc import Sequence

from xnect_lite.errors import XnectError

_FACE = ("nose", "l_eye", "r_eye", "l_ear", "r_ear")
_HEAD = ("head_top", "upper_neck", "neck", "thorax", *_FACE, "head")


def _both(*names: str) -> tuple[str, ...]:
    return tuple(f"{side}_{name}" for name in names for side in "lr")


GROUPS: dict[int, dict[str, tuple[str, ...]]] = {
    3: {
        "upper_limb_part": _both("shoulder", "elbow", "wrist", "hand"),
        "head_part": _HEAD,
        "lower_limb_part": (*_both("hip", "knee", "ankle", "toe"), "pelvis", "spine"),
    },
    5: {
        "left_arm_part": ("l_elbow", "l_wrist", "l_hand"),
        "right_arm_part": ("r_elbow", "r_wrist", "r_hand"),
        "legs_part": _both("knee", "ankle", "toe"),
        "head_shoulder_part": (*_HEAD, *_both("shoulder")),
        "hips_part": ("pelvis", *_both("hip"), "spine"),
    },
    8: {
        "left_upper_arm_part": ("l_shoulder", "l_elbow"),
        "right_upper_arm_part": ("r_shoulder", "r_elbow"),
        "left_lower_arm_part": ("l_elbow", "l_wrist", "l_hand"),
        "right_lower_arm_part": ("r_elbow", "r_wrist", "r_hand"),
        "left_lower_leg_part": ("l_knee", "l_ankle", "l_toe"),
        "right_lower_leg_part": ("r_knee", "r_ankle", "r_toe"),
        "head_shoulder_part": (*_HEAD, *_both("shoulder")),
        "upper_legs_part": ("l_hip", "pelvis", "r_hip", "l_knee", "r_knee", "spine"),
    },
}
"""Number of parts -> name of each -> its joints. With 8, elbows, shoulders and knees are in two."""

PARTS_COUNTS = (1, *GROUPS)


def parts_of(joints: Sequence[str], count: int) -> dict[str, tuple[int, ...]]:
    """Part -> indices of its joints in the list ``joints``, each joint in one part at least.

    Raises XnectError for another number of parts, and for a joint that belongs to none.
    """
    if count not in PARTS_COUNTS:
        raise XnectError(f"{count} body parts", "is no grouping there is", f"Choose one of {', '.join(map(str, PARTS_COUNTS))}")
    if count == 1:
        return {"whole_body": tuple(range(len(joints)))}
    index = {name: i for i, name in enumerate(joints)}
    parts = {part: tuple(index[name] for name in names if name in index) for part, names in GROUPS[count].items()}
    parts = {part: members for part, members in parts.items() if members}
    left_out = set(range(len(joints))) - {i for members in parts.values() for i in members}
    if left_out:
        names = ", ".join(joints[i] for i in sorted(left_out))
        raise XnectError(f"joints {names}", f"belong to none of {count} parts", "Add them to a group in models/fabric/parts.py")
    return parts
