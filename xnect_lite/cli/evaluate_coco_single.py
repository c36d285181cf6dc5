"""``xnect-lite eval coco --model-file FILE``: a single-person network in annotated or detected boxes."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from xnect_lite.cli.evaluate_benchmarks import report
from xnect_lite.data.crops.coco import annotated_people, detected_people
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.coco import CocoSet, write_results
from xnect_lite.evaluate.coco_single import coco_records
from xnect_lite.evaluate.results import result
from xnect_lite.evaluate.single import SinglePredictor, find_single
from xnect_lite.inference.devices import channels_last, choose_device, choose_precision, device_title, precision_name
from xnect_lite.inference.single import load_single, weights_of_run
from xnect_lite.models.fabric.count import cost

_COLUMNS = ("ap", "ap_50", "ap_75", "ap_medium", "ap_large", "ar")


def run_evaluate(options: argparse.Namespace) -> int:
    """Find, score, print."""
    data, folder = CocoSet(Path(options.root), options.limit), Path(options.root)
    path = weights_of_run(options.model_file)
    net = load_single(path)
    if net.arch["joints"] != "coco17":
        raise XnectError(str(path), f"finds joints '{net.arch['joints']}', not coco17", "Give a network trained on COCO")
    margin = float(net.arch.get("margin_to_border", 1.25))
    boxes = detected_people(folder, Path(options.boxes), margin) if options.boxes else annotated_people(folder, "val", margin)
    wanted = data.picture_ids()
    boxes = [box for box in boxes if box.picture in wanted]
    device = choose_device(options.device or "auto")
    dtype = choose_precision(options.precision or "fp32", device)
    width, height = net.arch["size"]
    costs = cost(net, torch.zeros(1, 3, height, width))
    predictor = SinglePredictor.of(channels_last(net.to(device)), device, dtype, "plain" if options.flip_test else "none")
    found, scores = find_single(predictor, [box.person for box in boxes])
    records = coco_records(boxes, found, scores)
    if options.results:
        write_results(Path(options.results), records)
    made_by = {
        "system": f"xnect-lite {net.arch['network']}", "weights": str(path), "boxes": options.boxes or "annotated",
        "device": device_title(device), "precision": precision_name(dtype), "flip_test": options.flip_test,
    }  # fmt: skip
    figures = data.score(records)
    counted = {"m_parameters": costs.parameters / 1e6, "gmacs_per_person": costs.macs / 1e9, "boxes": len(boxes)}
    title = "Keypoint AP and AR of a single-person network"
    table = {path.stem: {name: figures[name] for name in _COLUMNS}}
    return report(options, result(title, data.data, data.part, {**figures, **counted}, {title: table}, made_by))
