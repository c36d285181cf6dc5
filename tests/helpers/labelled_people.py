"""Pictures of walkers whose 2D and 3D joints are known exactly, and writers of MATLAB files, for the tests of readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
from kit import draw_person
from people import walking_person
from scipy.io import savemat

from xnect_lite.data.sample import Sample
from xnect_lite.skeleton import CANONICAL_LEG_ARM_M, INDEX, NUM_JOINTS, ROOT

SIZE = (320, 240)
FX, FY, CX, CY = 300.0, 303.0, 165.0, 112.0  # not the picture's middle, not quite square pixels


@dataclass(frozen=True)
class Scene:
    """joints_cam_mm (P, 24, 3), joints_px (P, 24, 2) of people who stand in a picture of `SIZE`."""

    joints_cam_mm: np.ndarray
    joints_px: np.ndarray


def scene(people: int = 2, seed: int = 0) -> Scene:
    """People side by side, each of another stature and facing."""
    rng = np.random.default_rng(seed)
    cam = []
    for p in range(people):
        x = 1600.0 * ((p + 0.5) / people - 0.5)
        mm, root = walking_person(
            rng.uniform(0, 5, 1),
            facing_deg=rng.uniform(-60, 60),
            start_cam_mm=(x, rng.uniform(3200, 4200)),
            scale=0.85 + 0.1 * p,
        )
        cam.append(mm[0] + root[0])
    cam = np.array(cam).reshape(people, NUM_JOINTS, 3)
    return Scene(cam, cam[..., :2] / cam[..., 2:] * (FX, FY) + (CX, CY))


def write_picture(path: Path, shown: Scene | None = None, size: tuple[int, int] = SIZE) -> None:
    """A grey picture with the people drawn on it; the suffix says in which format."""
    image = np.full((size[1], size[0], 3), 70, np.uint8)
    for xy in shown.joints_px if shown is not None else ():
        draw_person(image, xy)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def bone_m(joints: np.ndarray, a: str, b: str) -> float:
    return float(np.linalg.norm(joints[INDEX[a]] - joints[INDEX[b]])) / 1000


def assert_contract(sample: Sample) -> None:
    """What holds for every sample of every reader."""
    people, image = sample.people, sample.read_image()
    count = len(people)
    assert image.shape == (sample.size[1], sample.size[0], 3) and image.dtype == np.uint8
    assert sample.read_encoded is not None and sample.provenance
    assert people.joints_px.shape == people.human_px.shape == (count, NUM_JOINTS, 2)
    assert people.joints_ray_mm.shape == (count, NUM_JOINTS, 3) and people.root_cam_mm.shape == (count, 3)
    assert people.weight_2d.shape == people.weight_3d.shape == people.visible.shape == (count, NUM_JOINTS)
    assert people.visible.dtype == bool and sample.ignore_xyxy.shape[1:] == (4,)
    np.testing.assert_array_equal(np.isfinite(people.joints_px).all(-1), people.weight_2d > 0)
    np.testing.assert_array_equal(np.isfinite(people.joints_ray_mm).all(-1), people.weight_3d > 0)
    assert not (people.visible & (people.weight_2d == 0)).any()
    assert ((people.weight_2d >= 0) & (people.weight_2d <= 1)).all()
    assert np.isfinite(sample.ignore_xyxy).all() and (sample.ignore_xyxy[:, 2:] > sample.ignore_xyxy[:, :2]).all()
    assert (sample.ignore_xyxy >= 0).all() and (sample.ignore_xyxy <= [*sample.size, *sample.size]).all()
    known = (people.weight_3d > 0).any(1)
    assert not (np.isfinite(people.root_cam_mm).all(-1) & ~known).any()
    for body in people.joints_ray_mm[known]:
        assert np.abs(body[ROOT]).max() < 1e-3
        sides = ("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")
        total = sum(bone_m(body, f"{s}_{a}", f"{s}_{b}") / 2 for s in "rl" for a, b in sides)
        assert abs(total - CANONICAL_LEG_ARM_M) < 1e-3


# -- MATLAB files -------------------------------------------------------------------------------------------------------


def cell(members: Sequence[Any], shape: tuple[int, ...] | None = None) -> np.ndarray:
    """A cell array, a row unless ``shape`` says otherwise."""
    out = np.empty(len(members), object)
    for i, member in enumerate(members):
        out[i] = member
    return out.reshape(shape or (1, -1))


def struct(records: Sequence[dict[str, Any]]) -> np.ndarray:
    """A 1 x N struct array. As in MATLAB all members have all fields; what a record lacks is []."""
    fields = list(dict.fromkeys(name for record in records for name in record))
    out = np.empty((1, len(records)), [(name, object) for name in fields])
    for i, record in enumerate(records):
        for name in fields:
            out[name][0, i] = record.get(name, np.zeros((0, 0)))
    return out


def write_mat5(path: Path, variables: dict[str, Any]) -> None:
    """A file as MATLAB up to v7 writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, variables)


def write_mat73(path: Path, variables: dict[str, Any]) -> None:
    """A file as MATLAB's ``save -v7.3`` writes it: HDF5 behind a text header, axes reversed, cells and structs by reference."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        store = file.create_group("#refs#")
        for name, value in variables.items():
            _write_node(file, name, value, store)
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512, b" "))


def _write_node(parent: Any, name: str, value: Any, store: Any) -> Any:
    def refer(members: np.ndarray) -> np.ndarray:
        out = np.empty(members.T.shape, h5py.ref_dtype)
        for at in np.ndindex(members.T.shape):
            out[at] = _write_node(store, f"r{len(store)}", members.T[at], store).ref
        return out

    if isinstance(value, str):
        codes = np.array([ord(c) for c in value], np.uint16)[:, None]
        node = parent.create_dataset(name, data=codes if value else np.array([0, 0], np.uint64))
        node.attrs["MATLAB_class"] = np.bytes_("char")
        if not value:
            node.attrs["MATLAB_empty"] = np.uint8(1)
        return node
    value = np.atleast_2d(np.asarray(value))
    if value.dtype.names:
        node = parent.create_group(name)
        for field in value.dtype.names:
            if value.size == 1:
                _write_node(node, field, value[field].ravel()[0], store)
            else:
                node.create_dataset(field, data=refer(value[field]), dtype=h5py.ref_dtype)
        node.attrs["MATLAB_class"] = np.bytes_("struct")
        return node
    kind = "cell" if value.dtype == object else "double"
    if value.size == 0:
        node = parent.create_dataset(name, data=np.array(value.shape, np.uint64))
        node.attrs["MATLAB_empty"] = np.uint8(1)
    elif kind == "cell":
        node = parent.create_dataset(name, data=refer(value), dtype=h5py.ref_dtype)
    else:
        node = parent.create_dataset(name, data=value.T)
    node.attrs["MATLAB_class"] = np.bytes_(kind)
    return node
