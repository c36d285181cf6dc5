"""``xnect-lite run``: live results on the console, or the app."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from xnect_lite.capture import Source, check_source, open_source
from xnect_lite.cli.pipeline_options import pipeline_config
from xnect_lite.record.vmc import VmcSender, parse_osc
from xnect_lite.runners.application import open_pipeline
from xnect_lite.runners.track import track
from xnect_lite.types import PoseResult

_WARNING_S = 0.2  # how long a warning may wait
_LINES_PER_S = 5  # for people; programs get every result


def run_live(options: argparse.Namespace) -> int:
    config = pipeline_config(options)
    check_source(options.source)
    sender = None if options.osc is None else _open_sender(options.osc)
    pipeline = open_pipeline(config)
    print(pipeline.runs_on, file=sys.stderr)
    source = open_source(options.source, start_s=options.start, end_s=options.end)
    results = track(source, pipeline=pipeline, newest=not options.every_frame)
    if sender is not None:
        results = _sent(results, sender)
    try:
        with _warnings_of(source):
            if options.json:
                for result in results:
                    print(json.dumps(result_as_dict(result)), flush=True)
            else:
                _print_lines(results)
    except BrokenPipeError:  # whoever read our lines has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _open_sender(address: str) -> VmcSender:
    sender = VmcSender(*parse_osc(address))
    print(f"OSC (VMC) to {sender.host}, port {sender.port} for id 1 and so on", file=sys.stderr)
    return sender


def _sent(results: Iterator[PoseResult], sender: VmcSender) -> Iterator[PoseResult]:
    """The same results, each sent on as OSC."""
    told = ""
    with contextlib.closing(sender):
        for result in results:
            sender.send(result)
            if sender.error and sender.error != told:
                told = sender.error
                print(told, file=sys.stderr, flush=True)
            yield result


@contextlib.contextmanager
def _warnings_of(source: Source) -> Iterator[None]:
    """What the source has to say goes to standard error as it comes: a stream may be lost for longer than a frame."""
    ended = threading.Event()
    told: list[str] = []

    def tell() -> None:
        if source.warning and source.warning not in told[-1:]:
            told.append(source.warning)
            print(source.warning, file=sys.stderr, flush=True)

    def watch() -> None:
        while not ended.wait(_WARNING_S):
            tell()

    watcher = threading.Thread(target=watch, name="warnings of the source", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        tell()


def _print_lines(results: Any) -> None:
    printed_s = -1.0
    for result in results:
        if time.monotonic() - printed_s >= 1 / _LINES_PER_S:
            printed_s = time.monotonic()
            print(_line(result), flush=True)


def _line(result: PoseResult) -> str:
    people = result.people.take(result.people.ids.argsort())
    places = " · ".join(
        f"{identity}: {x:+.2f} {y:+.2f} {z:.2f} m"
        for identity, (x, y, z) in zip(people.ids.tolist(), (people.root_cam_mm / 1000).tolist(), strict=True)
    )
    total_ms = sum(result.timings_ms.values())
    return f"{result.frame.t_s:8.2f} s  {total_ms:4.0f} ms  {places or 'nobody'}"


def result_as_dict(result: PoseResult) -> dict[str, Any]:
    """One frame's result as plain values; what is not known is null. Units and axes are in the names, as in `types.People`."""
    people = result.people
    rows = [
        {
            "id": int(people.ids[p]),
            "score": _plain(people.person_score[p]),
            "root_cam_mm": _plain(people.root_cam_mm[p]),
            "joints_px": _plain(people.joints_px[p]),
            "joint_score": _plain(people.joint_score[p]),
            "joints_mm": _plain(people.joints_mm[p]),
        }
        for p in range(len(people))
    ]
    timings = {name: round(ms, 2) for name, ms in result.timings_ms.items()}
    return {"t_s": round(result.frame.t_s, 6), "frame": result.frame.index, "people": rows, "timings_ms": timings}


def _plain(values: Any) -> Any:
    """Rounded to thousandths; NaN, which JSON does not have, becomes null."""
    rounded = np.round(np.asarray(values, np.float64), 3)
    plain = np.array(rounded, dtype=object)
    plain[~np.isfinite(rounded)] = None
    return plain.tolist()
