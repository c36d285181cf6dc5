"""Leeds Sports Poses, and its extended training set: ``joints.mat`` and the pictures in ``images/``.

One person per picture is annotated. LSP has 2,000 pictures (the first 1,000 train), LSPET 10,000 (all train). LSP's flag
says that a joint is hidden, LSPET's that it is labelled; and their matrices are turned against each other. The neck of
both lies higher than ours and is left out. Positions are used as they are in the file. High-resolution re-releases, which
number their pictures otherwise, are not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xnect_lite.data.readers.assemble import SOME_LABELLED, make_sample, person
from xnect_lite.data.readers.matfile import read_mat
from xnect_lite.data.readers.origin import Origin
from xnect_lite.data.readers.photokit import is_validation
from xnect_lite.data.sample import Sample
from xnect_lite.data.tally import Tally
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import LSP14

LSP = Origin("Leeds Sports Poses", "https://sam.johnson.io/research/lsp.html")
LSPET = Origin("Leeds Sports Poses Extended Training", "https://sam.johnson.io/research/lspet.html")
_JOINTS = len(LSP14.names)
_LSP_TRAIN = 1000


@dataclass(frozen=True, slots=True)
class LspJoints:
    """All people of the set.

    joints_px  (N, 14, 2) as in the file; meaningless where not labelled.
    labelled   (N, 14) bool.
    visible    (N, 14) bool.
    """

    joints_px: np.ndarray
    labelled: np.ndarray
    visible: np.ndarray


def read_joints(path: Path, extended: bool) -> LspJoints:
    """Read ``joints.mat`` of LSP (3 x 14 x N) or LSPET (``extended``, 14 x 3 x N). Raises XnectError if it is another file."""
    joints = read_mat(path).get("joints")
    shape = getattr(joints, "shape", ())
    expected = (_JOINTS, 3) if extended else (3, _JOINTS)
    if joints is None or len(shape) != 3 or shape[:2] != expected:
        raise XnectError(
            str(path),
            f"holds no joints of {expected[0]} x {expected[1]} x N (found {shape})",
            f"Get it from {(LSPET if extended else LSP).page}",
        )
    if joints.dtype.kind not in "biuf":
        raise XnectError(str(path), f"holds joints that are no numbers ({joints.dtype})", f"Get it from {LSP.page}")
    values = np.asarray(joints, np.float32).transpose((2, 0, 1) if extended else (2, 1, 0))
    flag = values[..., 2] > 0.5
    return LspJoints(values[..., :2], flag if extended else np.ones_like(flag), flag if extended else ~flag)


def read_lsp(folder: Path, split: str, tally: Tally) -> Iterator[Sample]:
    """Samples of LSP: the first 1,000 pictures train, the others are ``val``."""
    joints = read_joints(LSP.find(folder, "joints.mat"), extended=False)
    rows = range(_LSP_TRAIN) if split == "train" else range(_LSP_TRAIN, len(joints.labelled))
    yield from samples(LSP, joints, folder, "im{:04d}", [i for i in rows if i < len(joints.labelled)], tally)


def read_lspet(folder: Path, split: str, tally: Tally) -> Iterator[Sample]:
    """Samples of LSPET, which has no validation split: those pictures are held back that the photo kit holds back of it."""
    joints = read_joints(LSPET.find(folder, "joints.mat"), extended=True)
    rows = [i for i in range(len(joints.labelled)) if is_validation(f"im{i + 1:05d}.webp") == (split == "val")]
    yield from samples(LSPET, joints, folder, "im{:05d}", rows, tally)


def samples(origin: Origin, joints: LspJoints, folder: Path, pattern: str, rows: list[int], tally: Tally) -> Iterator[Sample]:
    """Samples of these rows; picture i + 1 belongs to row i."""
    images = folder / "images"
    if not images.is_dir():
        raise origin.missing("the folder images of pictures", folder)
    for i in rows:
        path = images / f"{pattern.format(i + 1)}.jpg"
        one = person(LSP14, joints.joints_px[i], joints.labelled[i], joints.visible[i], without=("neck",))
        provenance = f"{'lsp' if origin is LSP else 'lspet'} {path.name}"
        sample = make_sample(path, [one], tally, provenance=provenance, negative_weight=SOME_LABELLED)
        if sample is not None:
            yield sample
