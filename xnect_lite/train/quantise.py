"""Stage I in int8 for CPUs, by way of `export.write`, and what it costs in accuracy on the validation photographs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from xnect_lite.config import NetworkConfig, checked
from xnect_lite.errors import XnectError
from xnect_lite.export.calibration import labelled_photographs
from xnect_lite.export.write import check_target, export
from xnect_lite.files.values import Count, CountOrAll, Range
from xnect_lite.inference.names import EXPORTED
from xnect_lite.inference.weights import find_weights, load_network
from xnect_lite.train.stage1.config import DataConfig
from xnect_lite.train.stage1.data import held_out, read_split


@dataclass(frozen=True)
class QuantiseConfig:
    """One quantisation. The network input is that of ``network``."""

    out: str = "runs/int8/xnect_int8.xml"  # an OpenVINO file; its .bin lies beside it
    calibration_images: Count = 300  # training photographs that the ranges are taken from
    check_images: CountOrAll = 0  # validation photographs scored before and after; 0 = all, as 300 can be off by two points
    max_drop: Annotated[float, Range(0, 100)] = 1.0  # points of PCK@0.2 that int8 may lose
    network: NetworkConfig = field(default_factory=NetworkConfig)  # network.weights: what to quantise, '' = the shipped ones
    data: DataConfig = field(default_factory=DataConfig)


def quantise_stage1(config: QuantiseConfig) -> None:
    """Write the int8 network, and ``.json`` beside it that says what it costs. Raises XnectError if it costs too much."""

    config = checked(config)
    path = Path(config.out)
    check_target("openvino-int8", path)
    weights = find_weights(config.network.backbone, config.network.weights)
    if weights.suffix.lower() in EXPORTED:
        raise XnectError(str(weights), "is an exported network already", "Give .safetensors with --set network.weights=")
    train = [sample for sample in read_split(config.data, "train") if not sample.synthetic and len(sample.people)]
    photographs = labelled_photographs(
        train, held_out(config.data, config.check_images)[0], config.network, config.calibration_images
    )
    net = load_network(weights, config.network.backbone)
    report = export(net, "openvino-int8", path, config.network, photographs, config.max_drop)
    path.with_suffix(".json").write_text(json.dumps(report.as_dict(), indent=1), encoding="utf-8")
    accuracy = report.accuracy
    if accuracy:
        print(f"{accuracy.measure}: {accuracy.before:.1f} in fp32, {accuracy.after:.1f} in int8 ({-accuracy.drop:+.2f} points)")
    print(f"{path}: {report.bytes / 1e6:.1f} MB", flush=True)
