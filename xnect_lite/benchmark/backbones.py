"""Backbones side by side: accuracy, latency, memory, parameters and multiply-accumulates of Stage I, in one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from xnect_lite.benchmark.candidate import FORMS, Candidate
from xnect_lite.benchmark.candidates import build_network
from xnect_lite.benchmark.clock import REFERENCE
from xnect_lite.benchmark.measure import Plan, measure
from xnect_lite.benchmark.pose_engines import INT8
from xnect_lite.benchmark.table import title
from xnect_lite.config import GroupingConfig, NetworkConfig
from xnect_lite.data.sample import Sample
from xnect_lite.evaluate.photos import score_photos
from xnect_lite.inference.weights import int8_of
from xnect_lite.models.compress import count
from xnect_lite.models.xnect import XNect
from xnect_lite.stages.detector import Detector
from xnect_lite.stages.network import Predictor


@dataclass(frozen=True)
class Row:
    """A backbone in one form. int8: as OpenVINO runs it; its accuracy is that of the shipped int8 file.

    candidate: how it is timed, with weights or without.
    """

    candidate: Candidate
    int8: bool = False

    @property
    def name(self) -> str:
        """In print; what was built from random weights says so."""
        words = title(self.candidate.network) + FORMS[self.candidate.form] + (" int8" if self.int8 else "")
        return words if self.candidate.weights else f"{words}, untrained"


def rows_of(
    weights: Mapping[str, str], engine: str, precision: str, size: tuple[int, int], gamma_threshold: float,
    networks: Sequence[str] = ("selecsls60", REFERENCE),
) -> list[Row]:  # fmt: skip
    """SelecSLS-60 as it is, pruned, and in int8 where OpenVINO runs it; then the others as they are.

    ``weights``: network -> file, '' or absent = none.
    """
    rows = []
    for network in networks:
        plain = Candidate(
            network, *size, form="fused", engine=engine, pose=True, precision=precision,
            weights=weights.get(network, ""), gamma_threshold=gamma_threshold,
        )  # fmt: skip
        rows.append(Row(plain))
        if network == "selecsls60":
            rows.append(Row(replace(plain, form="pruned")))
            rows += [Row(replace(plain, engine=INT8), int8=True)] if engine == "openvino" else []
    return rows


def compare(
    rows: Sequence[Row], device: torch.device, plan: Plan, samples: Sequence[Sample], grouping: GroupingConfig,
    on_step: Callable[[], object] = lambda: None, progress: bool = False,
) -> dict[str, dict[str, float]]:  # fmt: skip
    """Row's name -> figures; NaN where nothing could be measured: accuracy without weights or without ``samples``.

    Accuracy is of network and grouping alone: a refiner belongs to the weights it was trained with.
    """
    timings = measure([row.candidate for row in rows], device, plan, on_step)
    reference = next((t.median_ms for t in timings if t.candidate.network == REFERENCE and t.median_ms), np.nan)
    table = {}
    for row, timing in zip(rows, timings, strict=True):
        net = build_network(row.candidate)
        cost = count(net, torch.zeros(1, 3, row.candidate.height, row.candidate.width))
        ms = timing.median_ms if timing.median_ms is not None else np.nan
        table[row.name] = {
            **_accuracy(row, net, device, samples, grouping, progress),
            "ms": ms, "resnet50_ms / ms": reference / ms, "peak_mib": np.nan if timing.peak_mib is None else timing.peak_mib,
            "m_parameters": cost.parameters / 1e6, "gmacs": cost.macs / 1e9,
        }  # fmt: skip
    return table


def _accuracy(
    row: Row, net: torch.nn.Module, device: torch.device, samples: Sequence[Sample], grouping: GroupingConfig, progress: bool
) -> dict[str, float]:
    nothing = {"pck": np.nan, "recall_100": np.nan, "ap": np.nan}
    predictor = _predictor(row, net, device) if samples and row.candidate.weights else None
    if predictor is None:
        return nothing
    figures = score_photos(Detector(predictor, grouping), samples, progress=progress).figures()
    return {name: 100.0 * figures[name] for name in nothing}


def _predictor(row: Row, net: torch.nn.Module, device: torch.device) -> Predictor | None:
    """The network as it is timed; None if there is no int8 file made of these weights."""
    one = row.candidate
    sides: dict[str, Any] = {"long_side_net_px": max(one.width, one.height), "short_side_net_px": min(one.width, one.height)}
    if row.int8:
        quantised = int8_of(Path(one.weights))
        return Predictor(NetworkConfig(one.network, weights=str(quantised), device="cpu", **sides)) if quantised else None
    words: dict[str, Any] = {"backend": one.engine, "precision": one.precision}  # checked as it is opened
    config = NetworkConfig(one.network, device=str(device), **words, **sides)
    return Predictor(config, net=cast(XNect, net))
