"""What a Stage I with masks computes on labelled pictures: its realised budget, and how much of it falls on people."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch

from xnect_lite.data.sample import Sample
from xnect_lite.inference.base import Backend
from xnect_lite.inference.sparse import SparseBackend
from xnect_lite.inference.torch_eager import TorchBackend
from xnect_lite.models.compress import fuse
from xnect_lite.models.xnect import XNect
from xnect_lite.progress import progress_bar
from xnect_lite.record.ponder import ponder_in_picture
from xnect_lite.stages.network import Predictor
from xnect_lite.timer import StageTimer
from xnect_lite.types import Frame


@dataclass
class PonderScore:
    """Sums over pictures. shares: executed over conditional multiply-adds of each; the others: mean share of blocks there."""

    shares: list[float] = field(default_factory=list)
    dense_shares: list[float] = field(default_factory=list)
    inside: list[float] = field(default_factory=list)
    outside: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        """Realised budget, and ponder cost inside people's silhouettes, outside, and their ratio."""
        inside, outside = (float(np.mean(v)) if v else np.nan for v in (self.inside, self.outside))
        return {
            "pictures": len(self.shares), "realised_share": float(np.mean(self.shares)) if self.shares else np.nan,
            "share_deviation": float(np.std(self.shares)) if self.shares else np.nan,
            "share_of_all_macs": float(np.mean(self.dense_shares)) if self.dense_shares else np.nan,
            "ponder_inside": inside, "ponder_outside": outside,
            "inside_to_outside": inside / outside if outside > 0 else np.nan, "pictures_with_silhouettes": len(self.inside),
        }  # fmt: skip


def score_ponder(predictor: Predictor, backend: SparseBackend, samples: Iterable[Sample]) -> PonderScore:
    """Run the network over whole pictures. ``backend`` is the predictor's. Outside: in no silhouette and no ignore box.

    Pictures with a person whose silhouette is not known count for the budget alone.
    """
    score, timer = PonderScore(), StageTimer()
    for sample in progress_bar(list(samples), desc="pondering", unit="image", disable=None):
        frame = Frame(sample.read_image(), 0.0, 0)
        maps = predictor(frame, timer)
        timer.finish_frame()
        assert maps.effort is not None
        score.shares.append(backend.realised_share())
        score.dense_shares.append(maps.effort.executed_macs / maps.effort.dense_macs)
        covered = silhouettes_of(sample)
        if covered is None:
            continue
        there = ponder_in_picture(maps.effort, frame.size)
        free = ~covered
        for x0, y0, x1, y1 in np.clip(sample.ignore_xyxy, 0, 1e5).astype(int):
            free[y0:y1, x0:x1] = False
        if free.any():
            score.inside.append(float(there[covered].mean()))
            score.outside.append(float(there[free].mean()))
    return score


def silhouettes_of(sample: Sample) -> np.ndarray | None:
    """(H, W) bool, covered by anybody; None if somebody's silhouette is not known, or nobody is there."""
    if not sample.silhouettes or any(one is None for one in sample.silhouettes):
        return None
    width, height = sample.size
    covered = np.zeros((height, width), bool)
    for one in sample.silhouettes:
        assert one is not None
        x0, y0, x1, y1 = (round(float(v)) for v in one.box_xyxy)
        if x1 <= x0 or y1 <= y0:
            continue
        mask = cv2.resize(one.decoded(), (x1 - x0, y1 - y0)) > 127
        left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
        covered[top:bottom, left:right] |= mask[top - y0 : bottom - y0, left - x0 : right - x0]
    return covered if covered.any() else None


def time_by_share(net: XNect, shares: Sequence[float], size: tuple[int, int], repeats: int) -> list[dict[str, float]]:
    """Milliseconds against the share of active pixels, all in one run, in turns: one row per share, the dense form first.

    size (height, width). Masks are rectangles of these shares (`models.dynamic.fixed`).
    """
    image = torch.randint(0, 256, (1, *size, 3), dtype=torch.uint8)
    sparse = SparseBackend(net, precision="fp32")
    dense = XNect(net.arch["backbone"], net.arch["stride"]).eval()  # of the same shape: what skipping has to beat
    backends: list[Backend] = [TorchBackend(fuse(dense), "cpu", "fp32"), *(sparse.at_share(share) for share in shares)]
    best = [np.inf] * len(backends)
    for turn in range(repeats + 1):  # the first warms up
        for i, backend in enumerate(backends):
            begin = time.perf_counter()
            backend(image)
            if turn:
                best[i] = min(best[i], 1e3 * (time.perf_counter() - begin))
    rows = [{"share": np.nan, "ms": best[0], "times_faster": 1.0}]
    return rows + [{"share": share, "ms": ms, "times_faster": best[0] / ms} for share, ms in zip(shares, best[1:], strict=True)]
