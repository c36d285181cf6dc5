"""``xnect-lite eval ponder``: where a Stage I with masks computes, on a picture, a clip or labelled pictures; and its times."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from xnect_lite.capture import open_source
from xnect_lite.capture.images import IMAGE_SUFFIXES
from xnect_lite.capture.source import Source
from xnect_lite.cli.evaluate import held_out
from xnect_lite.cli.figures import print_figures
from xnect_lite.cli.pipeline_options import pipeline_config
from xnect_lite.config import NetworkConfig
from xnect_lite.data.sample import evenly
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.ponder import score_ponder, time_by_share
from xnect_lite.evaluate.results import hardware, markdown
from xnect_lite.inference.choose import open_backend
from xnect_lite.inference.sparse import SparseBackend
from xnect_lite.inference.weights import find_weights, load_network
from xnect_lite.record.overlay import OverlayWriter
from xnect_lite.record.ponder import draw_ponder, effort_words, ponder_in_picture
from xnect_lite.stages.network import Predictor
from xnect_lite.timer import StageTimer
from xnect_lite.types import Effort, Frame, People, PoseResult

_SHARES = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0)


def run_evaluate(options: argparse.Namespace) -> int:
    if bool(options.source) + bool(options.photos) + options.curve != 1:
        raise XnectError("eval ponder", "takes one of a source, --photos and --curve", "Give a picture or a clip to be painted")
    config = pipeline_config(options).network
    if options.curve:
        return _curve(options, config)

    config = replace(config, backend="sparse")
    backend = open_backend(config)
    assert isinstance(backend, SparseBackend)
    predictor = Predictor(config, backend=backend)
    if options.photos:
        return _score(options, predictor, backend)
    return _paint(Path(options.source), options.output, predictor)


def _score(options: argparse.Namespace, predictor: Predictor, backend: SparseBackend) -> int:

    samples = evenly(held_out(Path(options.photos), synthetic=False), options.limit)
    if not samples:
        raise XnectError(options.photos, "holds no validation pictures", "Give the photo kit's folder, or a pack of it")
    figures = score_ponder(predictor, backend, samples).figures()
    print_figures({**figures, **dataclasses.asdict(predictor.runs_on)}, options.json, digits=3)
    return 0


def _curve(options: argparse.Namespace, config: NetworkConfig) -> int:

    net = load_network(find_weights(config.backbone, config.weights), config.backbone)
    if net.ledger is None:
        raise XnectError(config.weights or "the weights", "have no masks", "Train some with dynamic.target, and give --weights")
    size = (config.short_side_net_px, config.long_side_net_px)
    rows = time_by_share(net, _SHARES, size, options.repeats)
    names = ["dense", *(f"{share:.0%} active" for share in _SHARES)]
    table = {name: {"ms": row["ms"], "times faster": row["times_faster"]} for name, row in zip(names, rows, strict=True)}
    if options.json:
        print_figures({name: row["ms"] for name, row in table.items()}, True, digits=3)
    else:
        print(f"{size[1]} x {size[0]}, torch fp32, {hardware()}\n\n{markdown(table)}")
    return 0


def _paint(source: Path, output: str | None, predictor: Predictor) -> int:

    with contextlib.closing(open_source(str(source))) as frames:
        if source.suffix.lower() in IMAGE_SUFFIXES:
            path = Path(output) if output else source.with_name(f"{source.stem}_ponder.png")
            words = _paint_picture(frames, path, predictor)
        else:
            path = Path(output) if output else source.with_name(f"{source.stem}_ponder.mp4")
            words = _paint_clip(frames, path, predictor)
    print(f"{path}: {words}")
    return 0


def _paint_picture(source: Source, path: Path, predictor: Predictor) -> str:

    frame = source.read()
    assert frame is not None
    painted, effort = _painted(frame, predictor)
    written, data = cv2.imencode(".png", cv2.cvtColor(painted, cv2.COLOR_RGB2BGR))
    assert written
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise XnectError(str(path), f"cannot be written ({error.strerror})", "Choose another file with -o") from error
    return effort_words(effort)


def _paint_clip(source: Source, path: Path, predictor: Predictor) -> str:

    executed, every, frames = 0, 0, 0
    with contextlib.closing(OverlayWriter(path, source.fps or 30.0)) as writer:
        while (frame := source.read()) is not None:
            painted, effort = _painted(frame, predictor)
            writer.add(PoseResult(dataclasses.replace(frame, image=painted), People.empty(), float(max(frame.size))))
            executed, every, frames = executed + effort.executed_macs, every + effort.dense_macs, frames + 1
    return f"{frames} frames, {executed / max(1, every):.0%} of the multiply-adds"


def _painted(frame: Frame, predictor: Predictor) -> tuple[np.ndarray, Effort]:

    maps = predictor(frame, StageTimer())
    assert maps.effort is not None
    return draw_ponder(frame.image, ponder_in_picture(maps.effort, frame.size)), maps.effort
