"""Pruning of a trained Stage I in one go: make channels vanish, cut them out, tune what is left, say what it brought.

Trained with Adam and L2 on everything, many channels end with a scale of almost zero (implicit sparsity: Mehta, Kim and
Theobalt, CVPR 2019). `models.compress` cuts them out exactly. The network that is left has no norms; at a low rate its
kernels and biases learn on.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from xnect_lite.benchmark.candidate import Candidate
from xnect_lite.benchmark.measure import Plan, measure
from xnect_lite.config import checked
from xnect_lite.data.archives.packed import pack
from xnect_lite.data.targets import Targets, encode
from xnect_lite.errors import XnectError
from xnect_lite.inference.devices import choose_device
from xnect_lite.inference.weights import find_weights, load_network, save_weights
from xnect_lite.models.compress import PruneReport, prune
from xnect_lite.models.xnect import XNect
from xnect_lite.progress import progress_bar
from xnect_lite.train.prune.config import PruneConfig
from xnect_lite.train.prune.importance import importance, without_least
from xnect_lite.train.stage1.config import Stage1Config
from xnect_lite.train.stage1.data import held_out, read_split
from xnect_lite.train.stage1.processes import Processes
from xnect_lite.train.stage1.run import train_stage1
from xnect_lite.train.stage1.slots import Slots
from xnect_lite.train.stage1.validate import validate

_THRESHOLDS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)


def train_pruned(config: PruneConfig, resume: bool = False) -> None:
    """Write ``pruned.safetensors`` and ``report.json`` into the run's folder. Stopped by a signal, it is resumable.

    Raises XnectError as `train_stage1` does, and for weights without norms.
    """
    config = checked(config)
    out = Path(config.out)
    start = find_weights(config.backbone, config.init)
    if load_network(start, config.backbone).arch.get("form") == "fused":
        raise XnectError(str(start), "has no norms left to prune by", "Give weights as they were trained with --set init=")
    sparse, tune = phases(config, start)
    if config.criterion == "sparsity" and not train_stage1(sparse, resume):
        return
    if _is_first():  # the others wait for it where the next run begins
        weights = Path(sparse.out) / "last.safetensors" if config.criterion == "sparsity" else start
        report = _cut(config, weights, Path(tune.init))
    if not train_stage1(tune, resume and (Path(tune.out) / "state.pt").exists()):
        return
    if _is_first():
        shutil.copyfile(result_of(Path(tune.out)), out / "pruned.safetensors")
        _report(config, start, report)


def result_of(run: Path) -> Path:
    """The weights of a finished training run: the best, or the last where nothing was scored."""
    best = run / "best.safetensors"
    return best if best.is_file() else run / "last.safetensors"


def phases(config: PruneConfig, start: Path) -> tuple[Stage1Config, Stage1Config]:
    """The two training runs: with L2 on everything from ``start``, and of what is left of the network.

    By importance there is no first one, and the second has the whole budget.
    """
    sparse_share = config.sparse_share if config.criterion == "sparsity" else 0.0
    out = Path(config.out)
    sparse = replace(
        config, out=str(out / "sparse"), init=str(start), optimizer="adam", learning_rate=config.sparse_rate,
        weight_decay=config.sparse_l2, minutes=config.minutes * sparse_share,
        steps=max(1, round(config.steps * sparse_share)),
    )  # fmt: skip
    tune = replace(
        config, out=str(out / "tune"), init=str(out / "cut.safetensors"), optimizer="adamw", learning_rate=config.tune_rate,
        minutes=config.minutes - sparse.minutes, steps=max(1, config.steps - round(config.steps * sparse_share)),
    )  # fmt: skip
    return sparse, tune


def _is_first() -> bool:
    """Whether this is the process that writes."""
    return os.environ.get("RANK", "0") == "0"


def _cut(config: PruneConfig, weights: Path, target: Path) -> PruneReport:
    """Cut channels out of ``weights``, those that vanished or the least important, and write the rest."""
    net = load_network(weights, config.backbone)
    if config.criterion == "sparsity":
        shares = ", ".join(f"{share:.0%} at {threshold:g}" for threshold, share in vanished(net).items())
        print(f"channels of at most so much |gamma|: {shares}", flush=True)
        small, report = prune(net, _picture(config), config.threshold, config.multiple)
    else:
        scores = importance(net, _batches(config, net.stride), config.loss)
        small, report = without_least(net, scores, _picture(config), config.keep_macs, config.multiple)
    save_weights(target, small.state_dict(), small.arch)
    print(report, flush=True)
    return report


def _batches(config: PruneConfig, stride: int) -> Iterator[tuple[Tensor, Targets]]:
    """Training canvases to rank channels on."""
    device = torch.device("cpu")  # the ranking is short; a network just read is there
    packed = pack(read_split(config.data, "train"), device, progress=True)
    slots = Slots(packed, config, stride, Processes("cpu"))
    for _ in progress_bar(range(config.ranking_steps), desc="ranking channels", unit="batch"):
        image, labels = slots.draw(0, finishing=False)
        yield image.contiguous(memory_format=torch.channels_last), encode(labels, stride, image.shape[3], image.shape[2])


def vanished(net: nn.Module) -> dict[float, float]:
    """Share of all channels with a norm whose |gamma| is at most some thresholds."""
    gammas = torch.cat([m.weight.detach().abs() for m in net.modules() if isinstance(m, nn.BatchNorm2d)])
    return {threshold: float((gammas <= threshold).float().mean()) for threshold in _THRESHOLDS}


def _report(config: PruneConfig, start: Path, report: PruneReport) -> None:
    """Accuracy at each stage, cost and latency before and after: on the terminal and in ``report.json``."""
    out = Path(config.out)
    files = {
        "before": start, "sparse": out / "sparse" / "last.safetensors", "cut": out / "cut.safetensors",
        "tuned": out / "pruned.safetensors",
    }  # fmt: skip
    files = {name: path for name, path in files.items() if path.is_file()}  # by importance, no network was made sparse
    networks = {name: load_network(path, config.backbone) for name, path in files.items()}
    accuracy = _accuracy(config, networks)
    latency = _latency(config, start, files["tuned"])
    values = {
        "weights": str(start), "threshold": config.threshold, "multiple": config.multiple,
        "vanished": vanished(networks["sparse"]) if "sparse" in networks else {},
        "criterion": config.criterion, "layers": report.layers, "before": asdict(report.before),
        "after": asdict(report.after), "accuracy": accuracy, "latency": latency,
    }  # fmt: skip
    (out / "report.json").write_text(json.dumps(values, indent=1), encoding="utf-8")
    for name, figures in accuracy.items():
        print(f"{name:<8}" + " ".join(f"{k} {v:.3f}" for k, v in figures.items() if k.endswith(("pck", "ap", "recall_100"))))
    for row in latency:
        print(f"{row['name']:<8}{row['median_ms']:.1f} ms (95th percentile {row['p95_ms']:.1f}) on {row['device']}")
    print(out / "pruned.safetensors", flush=True)


def _accuracy(config: PruneConfig, networks: dict[str, XNect]) -> dict[str, dict[str, float]]:
    device, held = choose_device(config.device), held_out(config.data, config.validation.images)
    return {
        name: validate(net.to(device), *held, config.validation, device, config.precision) for name, net in networks.items()
    }


def _latency(config: PruneConfig, before: Path, after: Path) -> list[dict[str, Any]]:
    """Of the fused network and the pruned one, in turns, one picture of the validation's size."""
    size = config.validation.width_net_px, config.validation.height_net_px
    candidates = [
        Candidate(config.backbone, *size, form=form, engine="torch", pose=True, precision=config.precision, weights=str(path))
        for path, form in ((before, "fused"), (after, "plain"))
    ]
    rows = measure(candidates, choose_device(config.device), Plan(config.latency_passes))
    return [
        {"name": name, "median_ms": row.median_ms, "p95_ms": row.p95_ms, **asdict(row.conditions)}
        for name, row in zip(("before", "tuned"), rows, strict=True)
    ]


def _picture(config: PruneConfig) -> torch.Tensor:
    return torch.zeros(1, 3, config.validation.height_net_px, config.validation.width_net_px)
