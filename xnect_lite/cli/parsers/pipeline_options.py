"""Options that every verb that runs the pipeline shares, the app included."""

from __future__ import annotations

import argparse

from xnect_lite.inference.names import BACKENDS
from xnect_lite.models.names import BACKBONE_NAMES


def add_network_options(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """The options of a verb that runs network and grouping on single pictures; returns their group."""
    group = parser.add_argument_group("pipeline")
    group.add_argument("--backbone", default=None, metavar="NAME", help=f"{', '.join(BACKBONE_NAMES)} (default: selecsls60)")
    group.add_argument(
        "--weights", default=None, metavar="FILE", help="Stage I weights: .safetensors, or exported .onnx or .xml"
    )
    group.add_argument("--device", default=None, help="auto (default), cpu, cuda or cuda:N")
    group.add_argument("--backend", default=None, help=f"auto (default: the fastest that is there), {', '.join(BACKENDS)}")
    group.add_argument("--precision", default=None, help="auto (default: the fastest), fp32, fp16 or bf16")
    group.add_argument(
        "--max-people", type=int, default=None, metavar="N", help="find at most N people (default 10, at most 100)"
    )
    group.add_argument("--config", default=None, metavar="FILE", help="YAML file of overrides")
    group.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one value; may be repeated")
    return group


def add_pipeline_options(parser: argparse.ArgumentParser) -> None:
    """The options every verb that runs the whole pipeline shares."""
    group = add_network_options(parser)
    group.add_argument(
        "--stature", action="append", default=[], metavar="M",
        help="height of the people in metres (default 1.70), or ID=M of one identity; may be repeated",
    )  # fmt: skip
    group.add_argument("--smoothing", type=float, default=None, metavar="S", help="0 = none to 1 = very steady (default 0.5)")
    group.add_argument("--no-fit", action="store_true", help="do not fit skeletons of constant bone lengths")
    group.add_argument(
        "--foot-lock", action=argparse.BooleanOptionalAction, help="hold feet that stand where they stand (default: yes)"
    )
    camera = parser.add_argument_group("camera")
    camera.add_argument(
        "--intrinsics", default=None, metavar="FILE", help="calibration, JSON or YAML: width height fx fy cx cy [distortion]"
    )
    camera.add_argument(
        "--focal", type=float, default=None, metavar="PX", help="focal length in source pixels (default: longer side)"
    )
    camera.add_argument("--fov", type=float, default=None, metavar="DEG", help="horizontal field of view, instead of --focal")
    camera.add_argument(
        "--pitch", type=float, default=None, metavar="DEG", help="how far the camera looks down (default: estimated)"
    )
    camera.add_argument(
        "--roll", type=float, default=None, metavar="DEG", help="how far it is turned clockwise (default: estimated)"
    )
    camera.add_argument(
        "--camera-height", type=float, default=None, metavar="M", help="above the floor; fixes sizes if no --stature does"
    )
