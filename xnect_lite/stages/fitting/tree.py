"""The kinematic tree that is fitted and written to BVH: which joint turns which bone, and the T-pose it rests in.

Rest axes: x to the person's left, y up, z forward. Every joint of `skeleton.BVH_NAMES` sits at its XNECT24 joint. Three
helpers have no joint of their own: ``LowerBack`` at the hips and ``LeftShoulder`` / ``RightShoulder`` at the neck. They let
the lower back sway and the collarbones lift, so that pelvis and chest are not rigid triangles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xnect_lite.skeleton import BVH_NAMES, INDEX, NUM_JOINTS, ORDER, PARENTS, TOES

_FOOT_SLOPE_RAD = np.deg2rad(25.0)  # a standing foot: the ankle is above the toes, so a level foot reads as no rotation


@dataclass(frozen=True, slots=True)
class TreeJoint:
    """One joint of the tree.

    name:    as written to BVH.
    parent:  index in `TREE`, -1 for the root.
    sits_at: XNECT24 index of the joint at the same place.
    bone:    XNECT24 index of the child end of the bone that gives the offset from the parent; -1 = no offset.
    end:     XNECT24 index of the joint at its End Site; -1 = a toe tip if it is a leaf, else no End Site.
    """

    name: str
    parent: int
    sits_at: int
    bone: int
    end: int = -1


def _tree() -> tuple[TreeJoint, ...]:
    joints: list[TreeJoint] = []
    index: dict[str, int] = {}

    def add(name: str, parent: str, sits_at: str, bone: str = "", end: str = "") -> None:
        index[name] = len(joints)
        joints.append(
            TreeJoint(name, index.get(parent, -1), INDEX[sits_at], INDEX[bone] if bone else -1, INDEX[end] if end else -1)
        )

    def chain(parent: str, *xnect: str, end: str = "") -> None:
        for name in xnect:
            add(BVH_NAMES[name], parent, name, name, end if name == xnect[-1] else "")
            parent = BVH_NAMES[name]

    hips, spine = BVH_NAMES["pelvis"], BVH_NAMES["spine"]
    add(hips, "", "pelvis")
    add("LowerBack", hips, "pelvis")
    chain("LowerBack", "spine")
    chain(spine, "neck", "head", end="head_top")
    for side, letter in (("Left", "l"), ("Right", "r")):
        add(f"{side}Shoulder", spine, "neck", "neck")
        chain(f"{side}Shoulder", f"{letter}_shoulder", f"{letter}_elbow", f"{letter}_wrist", end=f"{letter}_hand")
    for letter in "lr":
        chain(hips, f"{letter}_hip", f"{letter}_knee", f"{letter}_ankle", f"{letter}_toe")
    return tuple(joints)


TREE: tuple[TreeJoint, ...] = _tree()
"""The joints in the order of the BVH file: parents first, depth first."""
TREE_INDEX: dict[str, int] = {joint.name: i for i, joint in enumerate(TREE)}
NUM_TREE = len(TREE)


def _rest_directions() -> np.ndarray:
    rest = np.zeros((NUM_JOINTS, 3))
    for name in ("spine", "neck", "head", "head_top"):
        rest[INDEX[name]] = (0.0, 1.0, 0.0)
    for side, x in (("l", 1.0), ("r", -1.0)):
        for name in ("shoulder", "elbow", "wrist", "hand", "hip", "ear"):
            rest[INDEX[f"{side}_{name}"]] = (x, 0.0, 0.0)
        for name in ("knee", "ankle"):
            rest[INDEX[f"{side}_{name}"]] = (0.0, -1.0, 0.0)
        rest[INDEX[f"{side}_toe"]] = (0.0, -np.sin(_FOOT_SLOPE_RAD), np.cos(_FOOT_SLOPE_RAD))
    rest[INDEX["nose"]] = (0.0, 0.0, 1.0)  # the head joint lies between the ears
    return rest


REST_DIRECTIONS = _rest_directions()
"""(24, 3) unit direction of the bone parent(j) -> j in the T-pose; zero for the root."""


def _carriers() -> np.ndarray:
    carrier = np.full(NUM_JOINTS, -1)
    for joint in TREE:
        if joint.bone >= 0 and joint.name not in ("LeftShoulder", "RightShoulder"):  # these sit at the neck as Neck does
            carrier[joint.bone] = joint.parent
    for i, joint in enumerate(TREE):
        if joint.end >= 0:
            carrier[joint.end] = i
    for name in ("nose", "r_ear", "l_ear"):
        carrier[INDEX[name]] = TREE_INDEX[BVH_NAMES["head"]]
    return carrier


CARRIER = _carriers()
"""(24,) joint of `TREE` whose rotation turns the bone parent(j) -> j; -1 for the root."""

UPRIGHT = np.array([1.0, -1.0, -1.0])
"""Camera axes times this are upright axes, x right, y up, z towards the camera, and back."""

SITS_AT = np.array([joint.sits_at for joint in TREE])
TREE_PARENT = np.array([joint.parent for joint in TREE])


def _descent(parents: np.ndarray) -> np.ndarray:
    """(N, N) [i, j]: j is i or lies below it. Parents come first, and the root is its own parent or has -1."""
    below = np.eye(len(parents), dtype=bool)
    for j, parent in enumerate(parents):
        if parent >= 0 and parent != j:
            below[:, j] |= below[:, parent]
    return below


TREE_BELOW = _descent(TREE_PARENT)


def _reach() -> np.ndarray:
    """(24, 24) [j, k]: bone k lies on the way from the root to joint j."""
    way = np.zeros((NUM_JOINTS, NUM_JOINTS))
    for j in ORDER[1:]:
        way[j] = way[PARENTS[j]]
        way[j, j] = 1.0
    return way


BONES_TO = _reach()
"""(24, 24) joints = BONES_TO @ bones: the bones on the way from the root to each joint."""


def stature_of(lengths: np.ndarray) -> np.ndarray:
    """(...,) stature of bodies with these bones (..., 24), in their unit: from the head top down to the soles in the T-pose.

    The soles are where the toes are: the foot index and the toe tip lie on them.
    """
    height = (lengths * REST_DIRECTIONS[:, 1]) @ BONES_TO.T
    return height[..., INDEX["head_top"]] - height[..., TOES].min(-1)


MOVES = np.zeros((NUM_TREE, NUM_JOINTS), bool)
"""(J, 24) [i, j]: turning joint i of the tree moves XNECT24 joint j."""
for _i in range(NUM_TREE):
    MOVES[_i] = (BONES_TO[:, (CARRIER >= 0) & TREE_BELOW[_i, CARRIER]] > 0).any(1)

_depth = [int(TREE_BELOW[:, i].sum()) - 1 for i in range(NUM_TREE)]
LEVELS: tuple[np.ndarray, ...] = tuple(np.flatnonzero(np.array(_depth) == d) for d in range(1, max(_depth) + 1))
"""Joints of the tree by their distance from the root, which is left out: what can be turned at once."""


def world_rotations(local: np.ndarray) -> np.ndarray:
    """(..., J, 3, 3) rotations in their parents' axes -> in the root's."""
    world = np.array(local)
    for level in LEVELS:
        world[..., level, :, :] = world[..., TREE_PARENT[level], :, :] @ local[..., level, :, :]
    return world


def place_joints(local: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """(..., 24, 3) joints relative to the root, in its axes and the unit of ``lengths`` (..., 24): forward kinematics."""
    return joints_from_world(world_rotations(local), lengths)


def joints_from_world(world: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """As `place_joints`, of rotations (..., J, 3, 3) in the root's axes."""
    bones = np.einsum("...jab,jb->...ja", world[..., CARRIER, :, :], REST_DIRECTIONS) * lengths[..., None]
    return BONES_TO @ bones
