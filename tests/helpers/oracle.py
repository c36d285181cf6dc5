"""A predictor that knows the labels of the pictures it is shown."""

from __future__ import annotations

from collections.abc import Callable

import torch

from xnect_lite.data.labels import Labels, bones_from_joints
from xnect_lite.data.sample import LabelledPeople, Sample
from xnect_lite.data.targets import encode
from xnect_lite.stages.network import to_maps
from xnect_lite.types import Frame, Letterbox, Maps, RunsOn


def oracle(samples: list[Sample], size: tuple[int, int], move_net_px: float = 0.0) -> Callable:
    """A predictor that answers the n-th frame with the n-th sample's labels, moved to the right."""
    answers = iter(samples)

    def predict(frame: Frame, _timer) -> Maps:
        people, box = next(answers).people, Letterbox.fit(*frame.size, *size)
        if not len(people):
            people = LabelledPeople.empty(1)
        width, height = size
        labels = Labels(
            joints_net_px=torch.from_numpy(box.to_net(people.joints_px)[None] + (move_net_px, 0)).float(),
            weight_2d=torch.from_numpy(people.weight_2d[None]),
            bones_m=torch.from_numpy(bones_from_joints(people.joints_ray_mm)[None] / 1000).float(),
            weight_3d=torch.from_numpy(people.weight_3d[None]),
            log_depth=torch.full((1, len(people)), torch.nan),
            present=torch.ones(1, len(people), dtype=torch.bool),
            ignore=torch.zeros(1, height // 8, width // 8, dtype=torch.bool),
            negative_weight=torch.ones(1, height // 8, width // 8),
        )
        targets = encode(labels, 8, width, height)
        outputs = {
            "heatmaps": torch.logit(targets.heat[:, :24], eps=1e-6),
            "centre": torch.logit(targets.heat[:, 24:], eps=1e-6),
            "pafs": targets.pafs.flatten(1, 2),
            "locations": targets.locations.flatten(1, 2),
            "depth": targets.depth[:, None],
        }
        return to_maps(outputs, box)

    predict.runs_on = RunsOn("oracle", "oracle", "oracle", "oracle")  # type: ignore[attr-defined]
    return predict
