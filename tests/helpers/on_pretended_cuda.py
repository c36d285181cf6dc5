"""Everything of Stage I that can be pretended, on a pretended CUDA device and on the CPU: prints a report as JSON.

Arguments: the compiled guard, and a folder to write to.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pretended_cuda
import pytest
import small_network
import torch
from crowd import crowd_picture

from xnect_lite.data.archives.packed import pack
from xnect_lite.data.canvases.config import AugmentConfig
from xnect_lite.data.canvases.sampler import CanvasSampler
from xnect_lite.data.contact_sheet import save_contact_sheet
from xnect_lite.data.targets import Targets, encode
from xnect_lite.inference.weights import save_weights
from xnect_lite.train.checkpoint import Ema
from xnect_lite.train.stage1.config import LossConfig, ValidationConfig
from xnect_lite.train.stage1.losses import stage1_losses
from xnect_lite.train.stage1.teacher import answered
from xnect_lite.train.stage1.validate import validate

SIZE = (128, 96)
_SHARES = [f.name for f in fields(AugmentConfig) if f.type == "Share" and f.name != "fill"]
EVERYTHING = AugmentConfig(**dict.fromkeys(_SHARES, 1.0) | {"mosaic": 0.3, "background": 0.2, "whole_picture": 0.3})
"""All that happens to a canvas happens to all of them; of ways to make one, all occur."""


def data_path(device: torch.device) -> Callable[[], tuple]:
    """Batches on a device: image, labels and targets."""
    packed = pack([crowd_picture(seed) for seed in range(16)], device, workers=1)
    sampler = CanvasSampler(packed, EVERYTHING, 8, np.random.default_rng(0))

    def batch(count: int = 6) -> tuple[torch.Tensor, Targets]:
        image, labels = sampler.batch(count, *SIZE)
        return image, encode(labels, 8, *SIZE)

    return batch


def step_of(net: torch.nn.Module, batch: Callable, ema: Ema, precision: str, device: str) -> tuple:
    """What a step does without gradients, learning from a teacher included."""
    image, targets = batch()
    bf16 = torch.autocast(device, dtype=torch.bfloat16) if precision == "bf16" else contextlib.nullcontext()
    with torch.no_grad(), bf16:
        maps = net(image.contiguous(memory_format=torch.channels_last))
    taught = stage1_losses(maps, answered(maps, targets), LossConfig())
    terms = stage1_losses(maps, targets, LossConfig()) | {f"taught_{name}": term for name, term in taught.items()}
    ema.update()
    return image, targets, maps, terms


WAITING: dict[str, Callable[[torch.Tensor], object]] = {
    "a number": lambda image: float(image.sum()),
    "an array": lambda image: image[0].cpu().numpy(),
    "a list as index": lambda image: image[[0, 1]],
    "a mask as index": lambda image: image[image > 0],
    "numbers sent": lambda image: torch.tensor([1.0], device=image.device),
    "a copy": lambda image: torch.zeros(3).to(image.device),
}
"""What must be counted as a wait."""


def waits_for(act: Callable[[torch.Tensor], object], image: torch.Tensor) -> int:
    pretended_cuda.WAITS.clear()
    act(image)
    return sum(pretended_cuda.WAITS.values())


def operations(act: Callable[[], object]) -> int:
    """How many the device is given."""
    pretended_cuda.STARTED.clear()
    act()
    return sum(pretended_cuda.STARTED.values())


def main(guard: Path, out: Path) -> None:
    torch.set_num_threads(1)
    net = small_network.small_network().train()
    batch, ema = data_path(torch.device("cpu")), Ema(net, 0.9)
    expected = [step_of(net, batch, ema, "fp32", "cpu") for _ in range(2)]

    pretended_cuda.install(guard)
    twin = pretended_cuda.moved(small_network.small_network()).train()
    report: dict = {}
    with pretended_cuda.PretendedCuda():
        cuda = torch.device("cuda:0")
        batch, ema = data_path(cuda), Ema(twin, 0.9)
        pretended_cuda.WAITS.clear()
        found = [step_of(twin, batch, ema, "fp32", "cuda") for _ in range(2)]
        image, targets, maps, terms = step_of(twin, batch, ema, "bf16", "cuda")
        report["waits"] = dict(pretended_cuda.WAITS)
        report["maps"] = [str(maps["heatmaps"].device), str(maps["heatmaps"].dtype)]
        report["operations"] = [operations(lambda count=count: batch(count)) for count in (6, 48)]
        report["finite"] = all(np.isfinite(float(term)) for term in terms.values())
        report["caught"] = {name: waits_for(act, image) for name, act in WAITING.items()}
        save_contact_sheet(out / "sheet.jpg", image, targets, maps)
        with pretended_cuda.modules_stay():
            config = ValidationConfig(width_net_px=128, height_net_px=96)
            report["validation"] = validate(twin.eval(), [crowd_picture(seed) for seed in (1, 2)], [], config, cuda, "bf16")
        save_weights(out / "last.safetensors", ema.values, twin.arch)
        with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
            image + torch.zeros(3, 1, 1)
    largest = {"image": 0.0, "targets": 0.0, "losses": 0.0}
    for one, other in zip(expected, found, strict=True):
        pairs = {
            "image": [(one[0], other[0])],
            "targets": [(getattr(one[1], f.name), getattr(other[1], f.name)) for f in fields(Targets)],
            "losses": [(one[3][name], other[3][name]) for name in one[3]],
        }
        for name, values in pairs.items():
            differences = [float((a - pretended_cuda.real(b)).abs().max()) for a, b in values]
            largest[name] = max(largest[name], *differences)
    report["largest_difference"] = largest
    print(json.dumps(report))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
