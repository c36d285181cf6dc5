"""Train xnect_lite.

    python train_pose.py stage1 --set data.photos=PHOTOS --set minutes=60 --set out=runs/first
    python train_pose.py stage1 --config configs/stage1_cpu.yaml --resume
    python train_pose.py stage1 --set backbone=resnet50 --set out=runs/resnet50
    torchrun --nproc-per-node 4 train_pose.py stage1 --config configs/stage1_gpu.yaml
    python train_pose.py stage2 --set data.photos=PHOTOS --set network.weights=runs/first/best.safetensors
    python train_pose.py refine --set data.photos=PHOTOS --set network.weights=runs/first/best.safetensors
    python train_pose.py single --config configs/dynconv/s025.yaml --set data.mpii=MPII
    python train_pose.py prune --set data.photos=PHOTOS --set init=runs/first/best.safetensors --set minutes=30
    python train_pose.py quantise --set data.photos=PHOTOS --set network.weights=runs/prune/pruned.safetensors

A run's folder holds state.pt (everything a resume needs), last.safetensors and best.safetensors (EMA weights, half
precision), log.jsonl, config.json, contact sheets and a TensorBoard log. Press Ctrl-C once: the state is saved and the run
ends. A resume takes learning-rate shares and weight decay from the state, everything else from the configuration.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable

from xnect_lite.config import load_config
from xnect_lite.errors import XnectError
from xnect_lite.train.lifter.config import Stage2Config
from xnect_lite.train.lifter.run import train_stage2
from xnect_lite.train.prune.config import PruneConfig
from xnect_lite.train.prune.run import train_pruned
from xnect_lite.train.quantise import QuantiseConfig, quantise_stage1
from xnect_lite.train.refiner.config import RefineConfig
from xnect_lite.train.refiner.run import train_refiner
from xnect_lite.train.single.config import SingleConfig
from xnect_lite.train.single.run import train_single
from xnect_lite.train.stage1.config import Stage1Config
from xnect_lite.train.stage1.run import train_stage1


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    stages = parser.add_subparsers(dest="stage", required=True)
    _add(stages, "stage1", "backbone, 2D and 3D maps", _stage1, resumable=True)
    _add(stages, "refine", "the refiner, on Stage I's own maps", _refine)
    _add(stages, "stage2", "the lifting network, on Stage I's own answers", _stage2)
    _add(stages, "single", "a single-person network, on crops", _single, resumable=True)
    _add(stages, "prune", "make channels vanish, cut them out, tune what is left", _prune, resumable=True)
    _add(stages, "quantise", "int8 for CPUs (OpenVINO)", _quantise)
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except XnectError as error:
        rank = int(os.environ.get("RANK", "0"))
        print(f"process {rank}: {error}" if rank else error, file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"{error.filename or 'the disk'}: is full. Make room; then the same command with --resume", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # between two steps it is a request to stop; elsewhere nothing needs saving
        print("interrupted; checkpoints are as they were", file=sys.stderr)
        return 130
    return 0


def _stage1(options: argparse.Namespace) -> None:
    train_stage1(load_config(Stage1Config, options.config, options.set), options.resume)


def _refine(options: argparse.Namespace) -> None:
    best = train_refiner(load_config(RefineConfig, options.config, options.set))
    print(" ".join(f"{k} {v:.4g}" for k, v in best.items()))


def _stage2(options: argparse.Namespace) -> None:
    best = train_stage2(load_config(Stage2Config, options.config, options.set))
    print(" ".join(f"{k} {v:.4g}" for k, v in best.items()))


def _single(options: argparse.Namespace) -> None:
    train_single(load_config(SingleConfig, options.config, options.set), options.resume)


def _prune(options: argparse.Namespace) -> None:
    train_pruned(load_config(PruneConfig, options.config, options.set), options.resume)


def _quantise(options: argparse.Namespace) -> None:
    quantise_stage1(load_config(QuantiseConfig, options.config, options.set))


def _add(
    stages: argparse._SubParsersAction, name: str, does: str, run: Callable[[argparse.Namespace], None], resumable: bool = False
) -> None:
    stage = stages.add_parser(name, help=does)
    stage.add_argument("--config", help="YAML file of overrides")
    stage.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one value; may be repeated")
    if resumable:
        stage.add_argument("--resume", action="store_true", help="continue the run in its folder exactly where it stopped")
    stage.set_defaults(run=run)
