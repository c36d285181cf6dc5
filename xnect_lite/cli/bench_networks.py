"""``xnect-lite bench networks``: how long the networks take, side by side; the published evaluate_timing.py."""

from __future__ import annotations

import argparse
import json
import sys

import torch

from xnect_lite.benchmark.candidate import ENGINES, FORMS, Candidate
from xnect_lite.benchmark.candidates import build_network
from xnect_lite.benchmark.clock import with_ratios
from xnect_lite.benchmark.measure import Plan, measure, steps
from xnect_lite.benchmark.pose_engines import pose_engines
from xnect_lite.benchmark.table import as_rows, tables
from xnect_lite.cli.classifiers import gpu_name, network_names
from xnect_lite.errors import XnectError
from xnect_lite.inference.devices import check_precision, choose_device
from xnect_lite.models.compress import prune
from xnect_lite.progress import progress_bar

_POSE_NETWORKS = "selecsls60,resnet50,vovnet39"
_MAX_SIDE = 16384


def run_networks(options: argparse.Namespace) -> int:
    jobs = _jobs(options)
    plan = Plan(options.num_iter, options.warm_up, options.memory or options.train, options.largest_batch)
    timings = []
    with progress_bar(total=sum(steps(len(job[1]), plan) for job in jobs), unit="turn", desc="timing") as bar:
        for device, candidates in jobs:
            timings += measure(candidates, device, plan, on_step=bar.update)
    timings = with_ratios(timings)
    print(json.dumps(as_rows(timings), indent=2) if options.json else tables(timings))
    if all(t.median_ms is None for t in timings):
        raise XnectError("bench networks", "nothing could be measured", f"First cause: {timings[0].note}")
    return 0


def _jobs(options: argparse.Namespace) -> list:
    """(device, candidates of one size and batch) in the order of the published script: GPU before CPU, large before small."""
    _check(options)
    names = _networks(options)
    if options.precision == "auto":
        raise XnectError("--precision auto", "says not what is measured", "Use fp32, fp16 or bf16")
    check_precision(options.precision)
    sizes = _sizes(options)
    shared = {
        "pose": options.pose, "train": options.train, "precision": options.precision,
        "channels_last": not options.contiguous, "weights": options.model_weights or "",
        "gamma_threshold": options.gamma_thresh,
    }  # fmt: skip
    if options.model_weights:  # a file that does not fit is an error before anything is timed
        net = build_network(candidate := Candidate(names[0], *sizes[0], **shared))
        if options.pruned_and_fused and options.gamma_thresh >= 0:  # as published: what is cut of every layer
            print(prune(net, torch.zeros(1, 3, candidate.height, candidate.width), options.gamma_thresh)[1], file=sys.stderr)
    jobs = []
    for device in _devices(options):
        for width, height in sizes:
            for batch in _batches(options, device.type):
                candidates = [
                    Candidate(name, width, height, batch, form, engine, stride=stride, grouped=grouped, **shared)
                    for name, stride, grouped in _variants(options, names)
                    for form in _forms(options)
                    for engine in _engines(options, device)
                ]
                jobs.append((device, candidates))
    return jobs


def _check(options: argparse.Namespace) -> None:
    for flag, least in (("num_iter", 1), ("warm_up", 0)):
        if getattr(options, flag) < least:
            raise XnectError(f"--{flag.replace('_', '-')} {getattr(options, flag)}", "is too small", f"Use {least} or more")
    if options.train and options.model_weights:
        raise XnectError("--train", "takes as long with any weights", "Leave --model-weights out")


def _networks(options: argparse.Namespace) -> list[str]:
    if options.pose and options.model_config is None and options.model_class == "all":
        options.model_config = _POSE_NETWORKS
    names = network_names(options)
    if options.model_weights and len(names) > 1:
        raise XnectError("--model-weights", f"cannot fit {len(names)} networks", "Name one with --backbone")
    return names


def _variants(options: argparse.Namespace, names: list[str]) -> list[tuple[str, int, bool]]:
    """(network, stride, grouped) of all that is asked for."""
    strides = [int(stride) for stride in _chosen("--stride", options.stride, ["8", "4"])]
    if not options.pose and (strides != [8] or options.grouped):
        raise XnectError("--stride and --grouped", "are of Stage I", "Add --pose")
    if options.model_weights and (strides != [8] or options.grouped):
        raise XnectError("--stride and --grouped", "are said by the weight file", "Leave them out, or --model-weights")
    may_group = {name: options.grouped and name.startswith("selecsls") for name in names}
    return [(name, stride, grouped) for name in names for stride in strides for grouped in sorted({False, may_group[name]})]


def _devices(options: argparse.Namespace) -> list:
    gpu = gpu_name(options)
    if options.device:
        devices = [choose_device(options.device)]
    elif gpu is None and not torch.cuda.is_available():
        devices = [torch.device("cpu")]
    else:  # as published: one GPU, then the CPU
        devices = [choose_device(gpu or "cuda"), torch.device("cpu")]
    if options.largest_batch:
        devices = [d for d in devices if d.type == "cuda"]
        if not devices:
            cause = "needs a GPU: a CPU's memory ends with the program being killed"
            raise XnectError("--largest-batch", cause, "Use --device cuda where there is one, or --memory")
    return devices


def _sizes(options: argparse.Namespace) -> list[tuple[int, int]]:
    text = options.input_size or ("512x320" if options.pose else "512,400,224")
    sizes = []
    for part in text.split(","):
        sides = part.strip().lower().split("x")
        if len(sides) > 2 or not all(side.isdecimal() and 0 < int(side) <= _MAX_SIDE for side in sides):
            raise XnectError(f"--input-size {text}", f"'{part}' is no size", "Give sides in pixels, such as 512 or 512x320")
        width, height = int(sides[0]), int(sides[-1])
        if options.pose and (width % 16 or height % 16):
            raise XnectError(f"--input-size {part}", "is no multiple of 16, as Stage I needs", "Such as 512x320")
        sizes.append((width, height))
    return sizes


def _batches(options: argparse.Namespace, device_type: str) -> list[int]:
    text = options.batch or ("1,16" if device_type == "cuda" else "1")
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise XnectError(f"--batch {text}", "is no list of whole numbers from 1 up", "Such as 1,16")
    return [int(part) for part in parts]


def _forms(options: argparse.Namespace) -> list[str]:
    if options.train:
        return _chosen("--forms", options.forms or "plain", ["plain"])
    forms = _chosen("--forms", options.forms or ("plain,pruned" if options.pruned_and_fused else "plain,fused"), list(FORMS))
    # below 0 nothing is cut, only fused
    return forms if options.gamma_thresh >= 0 else list(dict.fromkeys(f.replace("pruned", "fused") for f in forms))


def _engines(options: argparse.Namespace, device) -> list[str]:
    if options.train:
        return _chosen("--engines", options.engines or "eager", ["eager"])
    if not options.pose:
        return _chosen("--engines", options.engines or ",".join(ENGINES), list(ENGINES))
    known = list(pose_engines(device))
    return _chosen("--engines", (options.engines or ",".join(known)).replace("eager", "torch"), known)


def _chosen(flag: str, text: str, known: list[str]) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        if part not in known:
            raise XnectError(f"{flag} {text}", f"'{part}' is unknown here", f"Known: {', '.join(known)}")
    return list(dict.fromkeys(parts))
