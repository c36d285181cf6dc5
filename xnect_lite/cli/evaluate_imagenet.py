"""``xnect-lite eval imagenet``: accuracy of a classifier; the published evaluate_imagenet.py."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys

import torch

from xnect_lite.benchmark.table import title
from xnect_lite.cli.classifiers import gpu_name, network_names
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.imagenet import Preprocessing, read_tree, score
from xnect_lite.inference.devices import channels_last, choose_device, choose_precision, device_title, precision_name
from xnect_lite.inference.published import load_classifier
from xnect_lite.models.compress import fuse, prune, simulate_pruning
from xnect_lite.progress import progress_bar

_NAMED = 10  # unreadable pictures that are named one by one


def run_imagenet(options: argparse.Namespace) -> int:
    name = _check(options)

    device = choose_device(gpu_name(options) or options.device or "auto")
    precision = choose_precision(options.precision, device)
    tree = read_tree(options.data, options.class_order)
    net, form = _in_form(load_classifier(name, options.model_weights), options)
    net = channels_last(net.to(device))
    preprocessing = Preprocessing(options.resize, options.crop, options.interpolation)
    workers = min(8, os.cpu_count() or 1) if options.workers is None else options.workers
    bar = lambda batches: progress_bar(batches, unit="batch", desc=title(name))  # noqa: E731
    result = score(net, tree, preprocessing, device, precision, options.batch, workers, bar)
    for path in result.unreadable[:_NAMED]:
        print(f"{path}: cannot be read, left out", file=sys.stderr)
    if len(tree.classes) < result.outputs and options.class_order is None:
        counts = f"{len(tree.classes)} class folders for {result.outputs} outputs"
        print(f"{options.data}: {counts}; taken for the first ones. --class-order FILE says which they are", file=sys.stderr)
    figures = {
        "network": title(name), "form": form, "weights": options.model_weights, "pictures": result.pictures,
        "unreadable": len(result.unreadable), "top1_error": result.top1_error, "top5_error": result.top5_error,
        "resize": options.resize, "crop": options.crop, "interpolation": options.interpolation,
        "device": device_title(device), "precision": precision_name(precision), "threads": torch.get_num_threads(),
        "torch": torch.__version__, "date": datetime.date.today().isoformat(),
    }  # fmt: skip
    if options.json:
        print(json.dumps(figures, indent=2))
        return 0
    print(f"Top-1 Error: {result.top1_error:.2f} Top-5 Error {result.top5_error:.2f}")
    print(
        "{network} ({form}), {pictures} pictures, {unreadable} unreadable, {resize}/{crop} {interpolation}; "
        "{device}, {precision}, {threads} CPU threads, torch {torch}, {date}".format(**figures)
    )
    return 0


def _check(options: argparse.Namespace) -> str:
    """The one network's name."""
    names = network_names(options)
    if len(names) != 1:
        raise XnectError("--model-config", "names no single network", f"Give one of: {', '.join(names)}")
    if not options.model_weights:
        raise XnectError("--model-weights", "is missing: a network without weights only guesses", "Give its weight file")
    if options.pruned_and_fused and options.simulate_pruning:
        raise XnectError("--pruned-and-fused and --simulate-pruning", "exclude each other", "Give one of them")
    for flag, least in (("resize", 1), ("crop", 1), ("batch", 1), ("workers", 0)):
        value = getattr(options, flag)
        if value is not None and value < least:
            raise XnectError(f"--{flag} {value}", "is too small", f"Use {least} or more")
    return names[0]


def _in_form(net, options: argparse.Namespace) -> tuple:
    """The network as it is, pruned or fused, or with small gammas set to zero; and what was done in words."""
    if options.simulate_pruning:
        return simulate_pruning(net, options.gamma_thresh), f"pruning simulated at {options.gamma_thresh:g}"
    if not options.pruned_and_fused:
        return net, "as loaded"
    if options.gamma_thresh < 0:
        return fuse(net), "fused"
    small, report = prune(net, torch.zeros(1, 3, options.crop, options.crop), options.gamma_thresh)
    print(report, file=sys.stderr)
    costs = f"{report.before.parameters / 1e6:.1f} -> {report.after.parameters / 1e6:.1f} M parameters"
    costs += f", {report.before.macs / 1e9:.2f} -> {report.after.macs / 1e9:.2f} GMACs"
    return small, f"pruned at {options.gamma_thresh:g}: {costs}"
