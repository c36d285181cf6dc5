"""``xnect-lite eval mpii --single``: a single-person network, its accuracy, what it computed, and its speed."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xnect_lite.cli.evaluate_benchmarks import report
from xnect_lite.config import load_config
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.mpii import part_of
from xnect_lite.evaluate.mpii_people import people_of
from xnect_lite.evaluate.mpii_single import crop_people, pckh_figures
from xnect_lite.evaluate.protocols import pckh
from xnect_lite.evaluate.results import result
from xnect_lite.evaluate.single import SinglePredictor, find_single
from xnect_lite.evaluate.single_speed import time_single
from xnect_lite.inference.devices import channels_last, choose_device, choose_precision, device_title, precision_name
from xnect_lite.inference.single import load_single
from xnect_lite.models.dynamic.counting import MacCount, counting
from xnect_lite.models.dynamic.hourglass import StackedHourglass
from xnect_lite.models.dynamic.sparse import sparse_hourglass
from xnect_lite.models.single import SingleNetwork, build_single
from xnect_lite.train.single.config import SingleConfig, arch_of

NO_WEIGHTS = "none"
_TITLE = "PCKh, official rule (at most)"
_NOTE = (
    "Published, DynConv s0125: mean 86.7, at 0.11 34.4, 1.706 GMACs; its table's head is head_top. "
    "Its 0.977 executed of 6.157 conditional GMACs and 0.747 dense ones make 1.724, not the 1.706 it prints."
)


def evaluate_single(options: argparse.Namespace) -> int:
    """Score, or time. Raises XnectError for what the user can mend."""
    if not options.model_file:
        raise XnectError("--single", "names no network", "Give --model-file FILE, or none for random weights with --config")
    if options.groups or options.predictions or options.save or options.split == "train":
        raise XnectError("--single", "goes with neither --groups, --predictions, --save nor --split train", "Leave them out")
    if options.batch < 1:
        raise XnectError(f"--batch {options.batch}", "must be at least 1", "Write --batch 32")

    folder = Path(options.root)
    everybody, split = people_of(folder, "val")
    chosen, part = part_of(everybody, options.limit)
    people = crop_people(chosen, folder)
    if not people:
        raise XnectError(options.root, "holds nobody to be found", "docs/datasets.md shows the folders expected")
    device = choose_device(options.device or "auto")
    dtype = choose_precision(options.precision or "fp32", device)
    net, parameters = _network(options, device)
    predictor = SinglePredictor.of(net, device, dtype, "plain" if options.flip_test else "none")
    made_by = {
        "system": f"xnect-lite {net.arch['network']}", "weights": options.model_file, "arch": net.arch,
        "device": device_title(device), "precision": precision_name(dtype), "flip_test": options.flip_test,
        "skips": device.type == "cpu" and not options.masked and bool(net.arch.get("dynamic", {}).get("target")),
    }  # fmt: skip
    if options.speed:
        timing = time_single(predictor, people, options.batch, with_loader=options.loader == "in")
        count, tables, figures = timing.count, {}, timing.figures()
    else:
        with counting(net) as count:
            found, _ = find_single(predictor, people, options.batch)
        figures = pckh_figures(found, people)
        columns = [*pckh.COLUMNS, "head_top", "mean", "mean_at_0.1", "mean_at_0.11"]
        tables = {_TITLE: {_name(options): {name: figures[name] for name in columns}}}
    costs = _costs(parameters, count)

    data = f"MPII Human Pose, {split}: {len(people):,} people"
    one = result("PCKh of a single-person network", data, part, {**figures, **costs}, tables, made_by)
    status = report(options, one)
    if not options.json:
        _print_shares(count)
        print(_NOTE)
    return status


def _network(options: argparse.Namespace, device: torch.device) -> tuple[SingleNetwork, int]:
    """The network asked for, on its device, that skips where this is possible and wanted; and how many parameters it has."""

    arch = _arch(options)
    if options.model_file == NO_WEIGHTS:
        if arch is None:
            raise XnectError("--model-file none", "does not say of which network", "Give its configuration with --config")
        torch.manual_seed(0)
        net = build_single(arch).eval()
    else:
        foreign = not options.model_file.endswith(".safetensors")
        net = load_single(options.model_file, {**arch, "bgr": True} if arch and foreign else arch)  # published files learnt BGR
    parameters = sum(p.numel() for p in net.parameters())
    if isinstance(net, StackedHourglass) and net.dynamic is not None and not options.masked and device.type == "cpu":
        net = sparse_hourglass(net)
    return channels_last(net.to(device)), parameters


def _arch(options: argparse.Namespace) -> dict[str, Any] | None:

    if not options.config:
        return None
    overrides = [*options.set, f"data.mpii={json.dumps(options.root)}"]
    return arch_of(load_config(SingleConfig, options.config, overrides))


def _name(options: argparse.Namespace) -> str:
    return Path(options.config or options.model_file).stem


def _costs(parameters: int, count: MacCount) -> dict[str, float]:
    pictures = max(1, count.pictures)
    return {
        "parameters": parameters,
        "gmacs_per_picture": count.total / pictures / 1e9, "gmacs_dense": count.dense / pictures / 1e9,
        "gmacs_conditional": count.conditional / pictures / 1e9, "gmacs_executed": count.executed / pictures / 1e9,
        "share_executed": count.executed / count.conditional if count.conditional else 1.0,
    }  # fmt: skip


def _print_shares(count: MacCount) -> None:
    """Which share of its multiply-adds each masked block used: mean and deviation over batches."""

    if not count.shares:
        print("no block has a mask: everything is computed")
        return
    print("share used, per block (mean, deviation over batches):")
    for name, shares in count.shares.items():
        print(f"  {name:<24} {np.mean(shares):.4f} {np.std(shares):.4f}")
