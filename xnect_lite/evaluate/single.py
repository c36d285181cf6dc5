"""Single-person networks over people whose boxes are given: places, and how many are right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from xnect_lite.data.crops.geometry import crop_matrix, cut, inverse, moved
from xnect_lite.data.crops.maps import network_input, peaks
from xnect_lite.data.crops.person import CropPerson, mirror_order
from xnect_lite.models.single import SingleNetwork
from xnect_lite.skeleton import JOINT_MAPS, LIMB_JOINTS_12, MPII16, JointMap

FlipTest = Literal["none", "plain", "shifted"]
"""Average over a crop and its mirror image: not at all, map on map, or with the mirror's map moved by a cell."""


_CPU = torch.device("cpu")


@dataclass(frozen=True)
class SinglePredictor:
    """A network with what its crops need: size (width, height), colour order, joint list; and the device it is on."""

    net: SingleNetwork
    size: tuple[int, int]
    bgr: bool = False
    joints: JointMap = MPII16
    device: torch.device = _CPU
    dtype: torch.dtype = torch.float32
    flip_test: FlipTest = "none"
    offset_px: float = 0.0  # added to a joint's place in the crop

    @classmethod
    def of(
        cls, net: SingleNetwork, device: torch.device, dtype: torch.dtype = torch.float32, flip_test: FlipTest = "none"
    ) -> SinglePredictor:
        """As ``net.arch`` says."""
        width, height = net.arch["size"]
        offset = float(net.arch.get("decode_offset_px", 0.0))
        return cls(
            net, (width, height), bool(net.arch["bgr"]), JOINT_MAPS[net.arch["joints"]], device, dtype, flip_test, offset
        )

    @torch.inference_mode()
    def maps(self, crops: Tensor) -> Tensor:
        """(B, H, W, 3) uint8 RGB -> heat maps (B, J, h, w)."""
        image = network_input(crops.to(self.device), self.bgr).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            found = self.net(image)[-1].float()
            if self.flip_test == "none":
                return found
            other = self.net(image.flip(-1))[-1].float().flip(-1)[:, torch.from_numpy(mirror_order(self.joints))]
        if self.flip_test == "shifted":
            other = torch.cat([other[..., :1], other[..., :-1]], -1)
        return (found + other) / 2

    def places(self, crops: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """(B, H, W, 3) uint8 RGB -> joints (B, J, 2) in crop pixels and the heights of their peaks (B, J)."""
        cells, score = peaks(self.maps(crops))
        return cells.cpu().numpy() * self.net.stride + self.offset_px, score.cpu().numpy()


def find_single(predictor: SinglePredictor, people: Sequence[CropPerson], batch: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Joints (N, J, 2) in picture pixels and their scores (N, J)."""
    found, scores = [], []
    for crops, matrices in batches(people, predictor.size, batch):
        places, score = predictor.places(crops)
        found += [moved(inverse(matrix), one) for matrix, one in zip(matrices, places, strict=True)]
        scores.append(score)
    count = len(predictor.joints.names)
    return np.array(found).reshape(-1, count, 2), np.concatenate(scores) if scores else np.zeros((0, count), np.float32)


def batches(people: Sequence[CropPerson], size: tuple[int, int], batch: int) -> Iterator[tuple[Tensor, list[np.ndarray]]]:
    """Crops (B, H, W, 3) uint8 RGB with their matrices, picture to crop."""
    for i in range(0, len(people), batch):
        some = people[i : i + batch]
        matrices = [crop_matrix(one.centre_px, one.box_px, size) for one in some]
        crops = [cut(one.read_image(), matrix, size) for one, matrix in zip(some, matrices, strict=True)]
        yield torch.from_numpy(np.stack(crops)), matrices


def share_right(found_px: np.ndarray, people: Sequence[CropPerson], joints: JointMap, threshold: float = 0.2) -> float:
    """Share of the 12 limb joints that are within ``threshold`` units of the truth; NaN if none can be scored."""
    chosen = [k for k, ours in enumerate(joints.xnect) if ours in LIMB_JOINTS_12]
    truth = np.array([one.truth_px for one in people]).reshape(*found_px.shape)
    unit = np.array([one.unit_px for one in people])
    away = np.linalg.norm(found_px - truth, axis=-1)[:, chosen] / unit[:, None]
    counted = ~np.isnan(away)
    return float((away[counted] <= threshold).mean()) if counted.any() else np.nan
