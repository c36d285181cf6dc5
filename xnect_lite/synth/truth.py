"""What is exactly true of a rendered picture, and the same as training labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from xnect_lite.data.bodies import canonical_body, leg_arm_length
from xnect_lite.data.sample import LabelledPeople, Sample
from xnect_lite.data.silhouettes import Silhouette
from xnect_lite.errors import XnectError
from xnect_lite.files.npz import read_npz
from xnect_lite.skeleton import CANONICAL_LEG_ARM_M, NUM_JOINTS
from xnect_lite.synth.renderer import Rendering
from xnect_lite.synth.scene import Person
from xnect_lite.synth.view import View
from xnect_lite.synth.visibility import visible_joints

SCHEMA_VERSION = 1
_LEAST_VISIBLE = 3
_LEAST_MASK_PX = 40
_HIDDEN_WEIGHT = 0.5
_IDENT_ZERO = 32768


@dataclass(frozen=True)
class Truth:
    """One picture's truth. P people, in the order of the scene.

    joints_px (P, 24, 2); joints_cam_mm (P, 24, 3) camera space; visible (P, 24) bool; mask_px (P,) visible pixels;
    ident (H, W) int16, person i is i + 1, 0 background, < 0 objects; focal_px; ground (4,) floor plane in camera space, mm.
    """

    joints_px: np.ndarray
    joints_cam_mm: np.ndarray
    visible: np.ndarray
    mask_px: np.ndarray
    ident: np.ndarray
    focal_px: float
    ground: np.ndarray

    @property
    def labelled(self) -> np.ndarray:
        """(P,) bool: enough of the person shows to be taught; the others become ignore boxes."""
        return (self.visible.sum(1) >= _LEAST_VISIBLE) & (self.mask_px >= _LEAST_MASK_PX)

    def ignore_xyxy(self) -> np.ndarray:
        """(K, 4) boxes of people of whom too little shows."""
        boxes = []
        for i in np.flatnonzero(~self.labelled):
            y, x = np.nonzero(self.ident == i + 1)
            if len(x):
                boxes.append([x.min(), y.min(), x.max() + 1, y.max() + 1])
        return np.array(boxes, np.float32).reshape(-1, 4)

    def people(self) -> LabelledPeople:
        """The labelled people. All is exact; hidden joints count half in 2D, as they can only be guessed from the picture.

        Unknown in 2D are joints behind the camera and those farther outside the picture than its longer side.
        """
        kept = self.labelled
        px, cam = self.joints_px[kept], self.joints_cam_mm[kept]
        count, size = len(px), np.array(self.ident.shape[::-1])
        with np.errstate(invalid="ignore"):
            near = ((px >= -size.max()) & (px <= size + size.max())).all(-1)
        px = np.where(near[..., None], px, np.nan)
        inside = near & ((px >= -0.5) & (px <= size - 0.5)).all(-1)
        bodies = [canonical_body(cam[i], px[i], None) for i in range(count)]
        if not all(isinstance(body, tuple) for body in bodies):
            raise ValueError("a synthetic person cannot be labelled in 3D")
        return LabelledPeople(
            joints_px=px.astype(np.float32),
            joints_ray_mm=np.array([body[0] for body in bodies], np.float32).reshape(-1, NUM_JOINTS, 3),
            root_cam_mm=np.array([body[1] for body in bodies], np.float32).reshape(-1, 3),
            weight_2d=np.where(near, np.where(self.visible[kept], 1.0, _HIDDEN_WEIGHT), 0.0).astype(np.float32),
            weight_3d=np.ones((count, NUM_JOINTS), np.float32),
            visible=self.visible[kept],
            human_px=np.where((inside & self.visible[kept])[..., None], px, np.nan).astype(np.float32),
        )

    def silhouettes(self) -> tuple[Silhouette | None, ...]:
        """Of the labelled people, what shows of them."""
        return tuple(Silhouette.of(self.ident == i + 1) for i in np.flatnonzero(self.labelled))


def measure(people: tuple[Person, ...], view: View, drawn: Rendering) -> Truth:
    """The truth of a drawn scene."""
    joints_m = np.stack([p.joints_m() for p in people]) if people else np.zeros((0, NUM_JOINTS, 3))
    px, cam = view.to_px(joints_m), view.to_camera_mm(joints_m)
    sizes = leg_arm_length(cam) / (1000 * CANONICAL_LEG_ARM_M)
    seen = [visible_joints(px[i], cam[i], drawn.ident, drawn.depth_mm, i + 1, float(sizes[i])) for i in range(len(people))]
    return Truth(
        joints_px=px,
        joints_cam_mm=cam,
        visible=np.array(seen, bool).reshape(-1, NUM_JOINTS),
        mask_px=np.array([(drawn.ident == i + 1).sum() for i in range(len(people))], int),
        ident=drawn.ident,
        focal_px=view.focal_px,
        ground=view.ground_plane(),
    )


def save_truths(path: Path, names: Sequence[str], truths: Sequence[Truth]) -> None:
    """Keep the truth of many pictures of one size as .npz.

    Rows of people follow the pictures; ``ident_png`` are PNG files of ident + 32768 (uint16), one after the other.
    """
    masks = [cv2.imencode(".png", (t.ident.astype(np.int32) + _IDENT_ZERO).astype(np.uint16))[1].ravel() for t in truths]
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            schema_version=np.array(SCHEMA_VERSION),
            name=np.array(names),
            people_count=np.array([len(t.joints_px) for t in truths], np.int32),
            joints_px=np.concatenate([t.joints_px for t in truths]).astype(np.float32).reshape(-1, NUM_JOINTS, 2),
            joints_cam_mm=np.concatenate([t.joints_cam_mm for t in truths]).astype(np.float32).reshape(-1, NUM_JOINTS, 3),
            visible=np.concatenate([t.visible for t in truths]),
            mask_px=np.concatenate([t.mask_px for t in truths]).astype(np.int32),
            labelled=np.concatenate([t.labelled for t in truths]),
            focal_px=np.array([t.focal_px for t in truths]),
            ground=np.array([t.ground for t in truths]),
            ident_png=np.concatenate(masks),
            ident_png_bytes=np.array([len(m) for m in masks], np.int64),
        )


def load_truths(path: str | Path) -> list[tuple[str, Truth]]:
    """Name and truth of every picture that `save_truths` kept. Raises XnectError if the file is something else."""
    again = "Render it again with xnect-lite synth"
    try:
        a = read_npz(path)
        if int(a["schema_version"]) != SCHEMA_VERSION:
            raise XnectError(str(path), f"has version {a['schema_version']}, not {SCHEMA_VERSION}", again)
        people, masks = (np.concatenate([[0], np.cumsum(a[n])]) for n in ("people_count", "ident_png_bytes"))
        out = []
        for i, name in enumerate(a["name"].tolist()):
            who = slice(people[i], people[i + 1])
            ident = _decoded(a["ident_png"][masks[i] : masks[i + 1]])
            joints_px, joints_cam_mm, visible, mask_px = (
                a[n][who] for n in ("joints_px", "joints_cam_mm", "visible", "mask_px")
            )
            focal_px = float(a["focal_px"][i])
            out.append((name, Truth(joints_px, joints_cam_mm, visible, mask_px, ident, focal_px, a["ground"][i])))
        return out
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, cv2.error) as error:
        raise XnectError(str(path), f"holds no truth of rendered pictures ({error})", again) from error


def _decoded(png: np.ndarray) -> np.ndarray:
    """(H, W) int16 of who is where."""
    ident = cv2.imdecode(png, cv2.IMREAD_UNCHANGED)
    if ident is None:
        raise ValueError("a mask that is no PNG file")
    return (ident.astype(np.int32) - _IDENT_ZERO).astype(np.int16)


def with_silhouettes(samples: Sequence[Sample], paths: Sequence[Path]) -> list[Sample]:
    """The samples of a folder of renders with the silhouettes that ``paths``, its files of truth, tell.

    For folders made before archives held silhouettes. Raises XnectError if a truth is that of other pictures.
    """
    # File by file: outlines are small, whose every pixel is would be gigabytes.
    outlines = {name: truth.silhouettes() for path in paths for name, truth in load_truths(path)}
    out = []
    for sample in samples:
        found = outlines.get(sample.provenance, ())
        if len(found) != len(sample.people):
            raise XnectError(sample.provenance, "has no truth, or that of other people", "Render the folder again")
        out.append(replace(sample, silhouettes=found))
    return out
