"""Stage II at run time: the lifting network behind plain arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from xnect_lite.config import LiftingConfig
from xnect_lite.errors import XnectError
from xnect_lite.inference.weights import find_optional, load_state_into, read_weights, verify
from xnect_lite.models.heads import ENCODING_VERSION
from xnect_lite.models.lifter import Lifter, evidence
from xnect_lite.stages.lifting.folded import FoldedLifter
from xnect_lite.stages.lifting.lift import Lift, read_out
from xnect_lite.types import People

FILE_NAME = "lifter.safetensors"


class LiftNetwork:
    """Complete 3D poses from what grouping found; everyone of a frame at once, on the CPU.

    Ten people are one small matrix product: not worth a trip to a GPU.
    """

    def __init__(self, net: Lifter) -> None:
        self._net = FoldedLifter(net)

    def __call__(self, people: People) -> tuple[np.ndarray, np.ndarray]:
        """(P, 24, 3) joints and (P, 24) their expected error, metres of the canonical body, root-relative, viewing-ray axes."""
        joints_m, spread_m = self._net(people_evidence(people).numpy())
        return joints_m.astype(np.float64), spread_m.astype(np.float64)


def people_evidence(people: People) -> torch.Tensor:
    """(P, 24, EVIDENCE) of the joints that were detected."""
    joints = torch.from_numpy(np.ascontiguousarray(people.joints_px))
    score = torch.from_numpy(np.ascontiguousarray(people.joint_score))
    return evidence(joints, score, torch.from_numpy(people.locations_ray_m.reshape(*score.shape, -1)))


def load_lifter(path: Path) -> Lifter:
    """Build the lifting network that ``path`` holds and fill it. Raises XnectError if it holds none, or another encoding's."""
    verify(path)
    state, arch = read_weights(path)
    width = arch.get("lifter")
    if not isinstance(width, (int, float)) or not 0 < width <= 16 or arch.get("encoding") != ENCODING_VERSION:
        cause = f"holds {arch or 'an unnamed network'}, not a lifting network of encoding {ENCODING_VERSION}"
        raise XnectError(str(path), cause, "Choose another file, or train one with xnect-lite train lift")
    net = Lifter(float(width))
    load_state_into(net, state, path)
    return net.eval()


def open_lift(config: LiftingConfig) -> Lift:
    """What ``config`` asks for: the network where there are weights, else the raw read-out.

    Args:
        config: whether, and with which weights.

    Raises:
        XnectError: for a weight file that was named and is not there, or is another network's.
    """
    path = find_lifter(config.weights) if config.network else None
    return LiftNetwork(load_lifter(path)) if path else read_out


def find_lifter(given: str = "") -> Path | None:
    """The weight file to use: the one given, else the first found; None if there is none."""
    return find_optional(FILE_NAME, given, "lifting.weights")
