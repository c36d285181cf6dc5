"""What the options of a verb that runs the pipeline come to."""

from __future__ import annotations

import argparse
import json

from xnect_lite.config import PipelineConfig, load_config
from xnect_lite.errors import XnectError


def pipeline_config(options: argparse.Namespace) -> PipelineConfig:
    """What the options of `add_pipeline_options`, or of `add_network_options` alone, describe."""
    flags = {
        "network.backbone": options.backbone, "network.weights": options.weights, "network.device": options.device,
        "network.precision": options.precision, "network.backend": options.backend, "grouping.max_people": options.max_people,
    }  # fmt: skip
    if hasattr(options, "stature"):
        flags |= _of_the_whole_pipeline(options)
    overrides = [f"{key}={json.dumps(value)}" for key, value in flags.items() if value is not None]
    return load_config(PipelineConfig, options.config, [*options.set, *overrides])


def _of_the_whole_pipeline(options: argparse.Namespace) -> dict[str, object]:
    return {
        "camera.intrinsics": options.intrinsics, "camera.focal_px": options.focal, "camera.fov_deg": options.fov,
        "camera.pitch_deg": options.pitch, "camera.roll_deg": options.roll, "camera.height_m": options.camera_height,
        "camera.floor": None if options.pitch is None and options.roll is None else "given",
        "filtering.smoothing": options.smoothing, "fitting.enabled": False if options.no_fit else None,
        "fitting.foot_lock": options.foot_lock, "whole_clip.quality": getattr(options, "quality", None),
        **_statures(options.stature),
    }  # fmt: skip


def _statures(given: list[str]) -> dict[str, object]:
    """``1.70`` is everybody's height, ``2=1.20`` that of identity 2; of several the last counts."""
    flags: dict[str, object] = {}
    people: dict[int, float] = {}
    for item in given:
        identity, separator, metres = item.rpartition("=")
        try:
            if separator:
                people[int(identity)] = float(metres)
            else:
                flags["camera.stature_m"] = float(metres)
        except ValueError as error:
            raise XnectError(f"--stature {item}", "is neither metres nor ID=metres", "Write 1.70, or 2=1.20") from error
    return flags | ({"camera.stature_of": [list(pair) for pair in people.items()]} if people else {})
