"""Options that every verb that runs the pipeline shares, the app included."""

from __future__ import annotations

import argparse
import json

from xnect_lite.models.names import BACKBONE_NAMES
from xnect_lite.runtime.backends.names import BACKENDS


def add_pipeline_options(parser: argparse.ArgumentParser) -> None:
    """The options every verb that runs the pipeline shares."""
    group = parser.add_argument_group("pipeline")
    group.add_argument("--backbone", default=None, metavar="NAME", help=f"{', '.join(BACKBONE_NAMES)} (default: selecsls60)")
    group.add_argument(
        "--weights", default=None, metavar="FILE", help="Stage I weights: .safetensors, or exported .onnx or .xml"
    )
    group.add_argument("--device", default=None, help="auto (default), cpu, cuda or cuda:N")
    group.add_argument("--backend", default=None, help=f"auto (default: the fastest that is there), {', '.join(BACKENDS)}")
    group.add_argument("--precision", default=None, help="auto (default), fp32, fp16 or bf16")
    group.add_argument("--max-people", type=int, default=None, metavar="N", help="track at most N people (default 10)")
    group.add_argument(
        "--stature", type=float, default=None, metavar="M", help="assumed height of a person, metres (default 1.70)"
    )
    group.add_argument(
        "--focal", type=float, default=None, metavar="PX", help="focal length in source pixels (default: longer side)"
    )
    group.add_argument("--config", default=None, metavar="FILE", help="YAML file of overrides")
    group.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one value; may be repeated")


def pipeline_config(options: argparse.Namespace):
    """The PipelineConfig that the options of `add_pipeline_options` describe."""
    from xnect_lite.config import PipelineConfig, check_pipeline, load_config

    flags = {
        "network.backbone": options.backbone, "network.weights": options.weights, "network.device": options.device,
        "network.precision": options.precision, "network.backend": options.backend, "grouping.max_people": options.max_people,
        "camera.stature_m": options.stature, "camera.focal_px": options.focal,
    }  # fmt: skip
    overrides = [f"{key}={json.dumps(value)}" for key, value in flags.items() if value is not None]
    return check_pipeline(load_config(PipelineConfig, options.config, [*options.set, *overrides]))
