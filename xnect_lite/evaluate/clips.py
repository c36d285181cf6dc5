"""Clips with the truth of every frame: of ``synth demo``, and MuPoTS-3D's sequences, real or of ``synth mupots-like``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from xnect_lite.capture import Source, open_source
from xnect_lite.data.bodies import Intrinsics
from xnect_lite.data.readers.mupots import MupotsSequence, sequences
from xnect_lite.data.tally import Tally
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import MUPOTS17
from xnect_lite.synth.demo import TRUTH, VIDEO
from xnect_lite.synth.truth import Truth, load_truths


@dataclass(frozen=True)
class Clip:
    """A video, or a folder of pictures, whose frame i is ``truths[i]``; and its calibration file, where there is one."""

    path: Path
    truths: Sequence[Truth]
    intrinsics: Path | None = None

    @property
    def focal_px(self) -> float:
        """Focal length of its camera."""
        return self.truths[0].focal_px

    def open(self) -> Source:
        """Its frames."""
        return open_source(self.path)


def find_clips(folder: str | Path) -> list[Clip]:
    """The clips in ``folder``. Raises XnectError if there is none, or a file is something else."""
    folder = Path(folder)
    if (folder / TRUTH).is_file():
        truths = [truth for _, truth in load_truths(folder / TRUTH)]
        return [Clip(folder / VIDEO, truths)] if truths else []
    if not any(folder.glob("TS*")):
        make = "Make one with xnect-lite synth demo or synth mupots-like"
        raise XnectError(str(folder), f"holds neither {TRUTH} nor sequences TS1 ...", make)
    return [_of_mupots(one, one.camera) for one in sequences(folder, Tally()) if one.camera and len(one)]


def _of_mupots(sequence: MupotsSequence, camera: Intrinsics) -> Clip:
    picture = cv2.imread(str(sequence.images[0]))
    if picture is None:
        raise XnectError(str(sequence.images[0]), "is missing or no picture", "Get the data set's pictures as well")
    nobody = np.broadcast_to(np.int16(0), picture.shape[:2])  # whose which pixel is, is not known
    truths = [
        Truth(
            joints_px=MUPOTS17.to_xnect(sequence.annot2[f]),
            joints_cam_mm=MUPOTS17.to_xnect(sequence.annot3[f]),
            visible=MUPOTS17.to_xnect(~sequence.occluded[f][..., None], fill=0.0)[..., 0] > 0,
            mask_px=np.where(sequence.valid[f], picture.shape[0] * picture.shape[1], 0),
            ident=nobody,
            focal_px=camera.focal_px,
            ground=np.full(4, np.nan),
        )
        for f in range(len(sequence))
    ]
    return Clip(sequence.images[0].parent, truths)
