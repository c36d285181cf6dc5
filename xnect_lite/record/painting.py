"""Skeletons drawn over the picture they were found in: the app's 2D view and overlay videos use the same strokes."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from xnect_lite.skeleton import BONES, INDEX, NUM_JOINTS
from xnect_lite.types import People

# Okabe and Ito's colours, which the colour-blind tell apart; black is left out, and neighbours in the list differ most.
_PALETTE: tuple[tuple[int, int, int], ...] = (
    (86, 180, 233),  # sky blue
    (230, 159, 0),  # orange
    (0, 158, 115),  # bluish green
    (204, 121, 167),  # reddish purple
    (240, 228, 66),  # yellow
    (213, 94, 0),  # vermilion
    (0, 114, 178),  # blue
)
_NO_ID = (170, 170, 170)
_HALO = (20, 20, 20)
_OUTLINE = (255, 255, 255)
_INK = (0, 0, 0)

_REFERENCE_PX = 720.0  # shorter side of a picture in which bones are _BONE_PX wide
_BONE_PX = 5.0
_SUBPIXEL_BITS = 4  # cv2 draws at fractions of a pixel when coordinates carry this many binary places
_LABEL_JOINTS = [INDEX[name] for name in ("head_top", "head", "neck", "pelvis")]


def person_color(identity: int) -> tuple[int, int, int]:
    """(r, g, b) 0..255 of an identity: the same wherever the person is drawn; grey for 0, no identity yet."""
    return _PALETTE[(identity - 1) % len(_PALETTE)] if identity > 0 else _NO_ID


def draw_overlay(
    image: np.ndarray,
    people: People,
    *,
    skeletons: bool = True,
    ids: bool = True,
    color_of: Callable[[int], tuple[int, int, int]] = person_color,
    label_of: Callable[[int], str] | None = None,
    chosen: int = 0,
) -> np.ndarray:
    """A copy of ``image`` (H, W, 3) uint8 RGB with everyone's 2D skeleton and identity drawn on it.

    Joints that are NaN in ``people.joints_px`` are left out; those that were inferred rather than detected
    (``joint_score`` 0) are drawn thinner. Widths and letters grow with the picture.

    color_of, label_of: identity -> (r, g, b) 0..255 and the words in the box; by default of everybody's number.
    chosen:             the identity that is outlined; 0 = nobody.
    """
    canvas = np.array(image, np.uint8, order="C")
    scale = min(image.shape[:2]) / _REFERENCE_PX
    for person in range(len(people)):
        identity = int(people.ids[person])
        color = color_of(identity)
        joints_px = np.asarray(people.joints_px[person], np.float64)
        seen = np.asarray(people.joint_score[person]) > 0
        if skeletons:
            _draw_skeleton(canvas, joints_px, seen, color, scale, _OUTLINE if chosen and identity == chosen else _HALO)
        if ids:
            _draw_label(canvas, joints_px, (label_of or _label)(identity), color, scale)
    return canvas


def _draw_skeleton(
    canvas: np.ndarray,
    joints_px: np.ndarray,
    seen: np.ndarray,
    color: tuple[int, int, int],
    scale: float,
    around: tuple[int, int, int],
) -> None:
    """joints_px (24, 2), seen (24,) bool; ``around``: the colour of the halo."""
    known = _drawable(joints_px, canvas.shape[1], canvas.shape[0])
    points = _fixed_point(joints_px, known)
    thick, thin = max(2, round(_BONE_PX * scale)), max(1, round(_BONE_PX * scale / 3))
    halo = max(1, round(scale))
    bones = [(a, b, thick if seen[a] and seen[b] else thin) for a, b in BONES if known[a] and known[b]]
    # The halo of every bone first, or it would cut the bones it crosses.
    for a, b, width in bones:
        cv2.line(canvas, points[a], points[b], around, width + 2 * halo, cv2.LINE_AA, _SUBPIXEL_BITS)
    for a, b, width in bones:
        cv2.line(canvas, points[a], points[b], color, width, cv2.LINE_AA, _SUBPIXEL_BITS)
    for j in range(NUM_JOINTS):
        if known[j] and seen[j]:
            radius = round((0.5 * thick + halo) * 2**_SUBPIXEL_BITS)
            cv2.circle(canvas, points[j], radius + (halo << _SUBPIXEL_BITS), around, -1, cv2.LINE_AA, _SUBPIXEL_BITS)
            cv2.circle(canvas, points[j], radius, color, -1, cv2.LINE_AA, _SUBPIXEL_BITS)


def label_anchor_px(joints_px: np.ndarray, width: int, height: int) -> np.ndarray | None:
    """(2,) what the label of a person with these joints (24, 2) stands above; None where no joint is known."""
    known = _drawable(joints_px, width, height)
    if not known.any():
        return None
    anchor = next((joints_px[j] for j in _LABEL_JOINTS if known[j]), None)
    return joints_px[known][np.argmin(joints_px[known, 1])] if anchor is None else anchor


def _draw_label(canvas: np.ndarray, joints_px: np.ndarray, text: str, color: tuple[int, int, int], scale: float) -> None:
    """The identity in a box of its colour above the head, or above the highest joint if no head was found."""
    anchor = label_anchor_px(joints_px, canvas.shape[1], canvas.shape[0])
    if anchor is None:
        return
    font, size, width = cv2.FONT_HERSHEY_SIMPLEX, max(0.4, 0.7 * scale), max(1, round(2 * scale))
    (text_w, text_h), _ = cv2.getTextSize(text, font, size, width)
    pad = max(2, round(5 * scale))
    height, total = canvas.shape[:2]
    left = int(np.clip(anchor[0] - text_w / 2 - pad, 0, max(0, total - text_w - 2 * pad)))
    bottom = int(np.clip(anchor[1] - 8 * scale, text_h + 2 * pad, height - 1))
    cv2.rectangle(canvas, (left, bottom - text_h - 2 * pad), (left + text_w + 2 * pad, bottom), color, -1)
    cv2.putText(canvas, text, (left + pad, bottom - pad), font, size, _INK, width, cv2.LINE_AA)


def _label(identity: int) -> str:
    return str(identity) if identity > 0 else "?"


def _drawable(joints_px: np.ndarray, width: int, height: int) -> np.ndarray:
    """(24,) bool. Joints absurdly far outside are left out: cv2's integers would overflow."""
    limit = 10 * max(width, height)
    with np.errstate(invalid="ignore"):
        return np.isfinite(joints_px).all(-1) & (np.abs(joints_px) < limit).all(-1)


def _fixed_point(joints_px: np.ndarray, known: np.ndarray) -> list[tuple[int, int]]:
    fixed = np.round(np.where(known[:, None], joints_px, 0.0) * 2**_SUBPIXEL_BITS).astype(int)
    return [(int(x), int(y)) for x, y in fixed]
