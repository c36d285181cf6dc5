"""The flip test: a network's answers to a picture and to its mirror image, averaged."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from xnect_lite.skeleton import FLIP, LIMB_FLIP, NUM_JOINTS, NUM_LIMBS
from xnect_lite.stages.network import FrameNetwork
from xnect_lite.timer import StageTimer
from xnect_lite.types import Frame, Maps, RunsOn

_TO_THE_OTHER_SIDE = torch.tensor([-1.0, 1.0, 1.0])


def mirror(maps: Maps) -> Maps:
    """What the same network should have said of the mirrored picture: sides change, and what points right points left."""
    joints, limbs = torch.from_numpy(FLIP), torch.from_numpy(LIMB_FLIP)
    device = maps.heatmaps.device
    signs = _TO_THE_OTHER_SIDE.to(device)
    pafs = maps.pafs.unflatten(0, (NUM_LIMBS, 2))[limbs.to(device)] * signs[:2, None, None]
    locations = maps.locations.unflatten(0, (3, NUM_JOINTS))[:, joints.to(device)] * signs[:, None, None, None]
    return dataclasses.replace(
        maps,
        heatmaps=maps.heatmaps[joints.to(device)].flip(-1),
        centre=maps.centre.flip(-1),
        pafs=pafs.flatten(0, 1).flip(-1),
        locations=locations.flatten(0, 1).flip(-1),
        depth=maps.depth.flip(-1),
    )


def mean_of_mirrored(maps: Maps, of_mirror_image: Maps) -> Maps:
    """Maps of a picture, each the mean of the network's answer to it and of that to its mirror image, mirrored back."""
    back = mirror(of_mirror_image)
    names = ("heatmaps", "centre", "pafs", "locations", "depth")
    return dataclasses.replace(maps, **{name: (getattr(maps, name) + getattr(back, name)) / 2 for name in names})


class MirroredNetwork:
    """A network that looks at every picture and at its mirror image: the mean of both, at twice the time."""

    def __init__(self, network: FrameNetwork) -> None:
        self._network = network

    @property
    def runs_on(self) -> RunsOn:
        """Backbone, device, back end and precision of the network."""
        return self._network.runs_on

    def __call__(self, frame: Frame, timer: StageTimer) -> Maps:
        """The maps of one frame."""
        image = dataclasses.replace(frame, image=np.ascontiguousarray(frame.image[:, ::-1]))
        return mean_of_mirrored(self._network(frame, timer), self._network(image, timer))
