"""``xnect-lite train``: what there is to train, in the order in which each needs the one before."""

from __future__ import annotations

import argparse
from typing import Any

from xnect_lite.cli.parsers.later import Later
from xnect_lite.cli.parsers.words import add_output, add_photos

_HELP = """Train the networks.

    xnect-lite train stage1 --photos PHOTOS --set minutes=60 -o runs/first
    xnect-lite train stage1 --config configs/stage1_cpu.yaml --resume
    xnect-lite train stage1 --photos PHOTOS --set backbone=resnet50 -o runs/resnet50
    torchrun --nproc-per-node 4 -m xnect_lite.cli train stage1 --config configs/stage1_gpu.yaml
    xnect-lite train refine --photos PHOTOS --weights runs/first/best.safetensors
    xnect-lite train lift --photos PHOTOS --weights runs/first/best.safetensors
    xnect-lite train single --config configs/dynconv/s025.yaml --set data.mpii=MPII
    xnect-lite train prune --photos PHOTOS --weights runs/first/best.safetensors --set minutes=30
    xnect-lite train quantise --photos PHOTOS --weights runs/prune/pruned.safetensors -o runs/int8/xnect_int8.xml

In a checkout, python train_pose.py stands for xnect-lite train.

A run's folder holds state.pt (everything a resume needs), last.safetensors and best.safetensors (EMA weights, half
precision), log.jsonl, config.json, contact sheets and a TensorBoard log. Press Ctrl-C once: the state is saved and the run
ends. A resume takes learning-rate shares and weight decay from the state, everything else from the configuration.
"""


def add(verbs: argparse._SubParsersAction) -> None:
    """Register the verb."""
    train = verbs.add_parser(
        "train", help="Stage I, the refiner, the lifter; smaller and faster networks", description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    stages = train.add_subparsers(dest="stage", required=True, metavar="STAGE")
    _add(stages, "stage1", "backbone, 2D and 3D maps", "init", "core or whole Stage I to start from", resumable=True)
    _add(stages, "refine", "the refiner, on Stage I's own maps", "network.weights", "Stage I's")
    _add(stages, "lift", "the lifting network, on Stage I's own answers", "network.weights", "Stage I's")
    _add(stages, "stage2", "", "network.weights", "Stage I's", does="train.run_lift")  # what 'lift' was called before
    _add(stages, "single", "a single-person network, on crops", "init", "of the same network, to start from", resumable=True)
    _add(
        stages, "prune", "make channels vanish, cut them out, tune what is left", "init", "Stage I to prune", resumable=True
    )  # fmt: skip
    _add(
        stages,
        "quantise",
        "int8 for CPUs (OpenVINO)",
        "network.weights",
        "Stage I's",
        does="train_quantise.run_quantise",
    )


def _add(
    stages: argparse._SubParsersAction, name: str, text: str, weights_key: str, weights: str, *, does: str = "",
    resumable: bool = False,
) -> None:  # fmt: skip
    """One network. weights_key: the configuration's key that ``--weights`` stands for; does: what runs, if called otherwise."""
    listed: dict[str, Any] = {"help": text} if text else {}
    stage = stages.add_parser(name, **listed)
    add_photos(stage, "folder of the photo kit's sets; as --set data.photos=")
    stage.add_argument("--weights", metavar="FILE", help=f"{weights} (default: none, or the shipped ones)")
    add_output(stage, "what the run writes, a folder or for int8 the .xml; as --set out=", metavar="PATH")
    stage.add_argument("--config", metavar="FILE", help="YAML file of overrides")
    stage.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one value; may be repeated")
    if resumable:
        stage.add_argument("--resume", action="store_true", help="continue the run in its folder exactly where it stopped")
    stage.set_defaults(run=Later(does or f"train.run_{name}"), weights_key=weights_key)
