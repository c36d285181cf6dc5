"""What can be timed: a network in one of its forms, on one engine, at one size."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from xnect_lite.inference.devices import PRECISIONS

FORMS = {"plain": "", "fused": " (F)", "pruned": " (P)"}
"""Form of a network -> what its name gets in a table. Fused: norms folded away. Pruned: fused, weak channels cut out."""

ENGINES = ("eager", "torchscript", "compiled")
"""How torch runs a classifier."""


@dataclass(frozen=True)
class Candidate:
    """One thing to time, described well enough to build it again in another process.

    network: a classifier's name, or with ``pose`` the backbone's. Size in pixels. ``weights``: a file, or '' for random.
    stride, grouped: of Stage I, see models.xnect.XNect.
    """

    network: str
    width: int
    height: int
    batch: int = 1
    form: str = "plain"
    engine: str = "eager"
    pose: bool = False
    stride: int = 8
    grouped: bool = False
    train: bool = False
    precision: str = "fp32"
    channels_last: bool = True
    weights: str = ""
    gamma_threshold: float = 1e-3


def precision_of(candidate: Candidate, device: torch.device) -> torch.autocast:
    """A context that computes in the candidate's precision."""
    dtype = PRECISIONS[candidate.precision]
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32, cache_enabled=candidate.train)
