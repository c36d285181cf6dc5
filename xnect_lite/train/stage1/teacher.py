"""What a trained network says of the same canvases, as targets: distillation for a smaller or a pruned one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from xnect_lite.data.targets import Targets
from xnect_lite.errors import XnectError
from xnect_lite.inference.devices import channels_last
from xnect_lite.inference.weights import find_weights, load_network, read_weights

_ON_A_LIMB = 0.3  # length of the teacher's PAF from which on a cell lies on a limb


class Teacher:
    """A whole Stage I, from a .safetensors file with its ``arch``, that answers as in use and does not learn."""

    def __init__(self, weights: str, stride: int, device: torch.device) -> None:
        path = find_weights("", weights)
        net = load_network(path, str(read_weights(path)[1].get("backbone")))
        if net.stride != stride:
            raise XnectError(
                weights, f"has a map of stride {net.stride}, the network to be trained one of {stride}",
                "Give teacher weights of the same stride",
            )  # fmt: skip
        self.net: nn.Module = channels_last(net.to(device)).eval().requires_grad_(False)

    @torch.no_grad()
    def targets(self, image: Tensor, labels: Targets) -> Targets:
        """``labels`` with the teacher's answer on ``image`` (B, 3, H, W) wherever it has one."""
        return answered(self.net(image), labels)


def answered(maps: Mapping[str, Tensor], labels: Targets) -> Targets:
    """Targets in place of ``labels``: the teacher's ``maps``, as XNect returns them.

    Heatmaps and PAFs count everywhere, where labels know nothing too. Locations and depth mean something on people only:
    they count in the cells that the labels supervise.
    """
    heat = torch.cat([maps["heatmaps"], maps["centre"]], 1).float().sigmoid()
    pafs = maps["pafs"].float().unflatten(1, (-1, 2))
    return replace(
        labels, heat=heat, heat_weight=torch.ones_like(heat), pafs=pafs, paf_weight=torch.ones_like(labels.paf_weight),
        paf_on=(pafs.norm(dim=2) > _ON_A_LIMB).float(), locations=maps["locations"].float().unflatten(1, (3, -1)),
        depth=maps["depth"][:, 0].float(),
    )  # fmt: skip
