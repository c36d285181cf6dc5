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
from typing import TYPE_CHECKING, Any

from xnect_lite.cli.pipeline_options import add_pipeline_options, pipeline_config
from xnect_lite.errors import XnectError

if TYPE_CHECKING:
    from xnect_lite.capture import Source
    from xnect_lite.config import PipelineConfig
    from xnect_lite.types import PoseResult

_WARNING_S = 0.2  # how long a warning may wait
_LINES_PER_S = 5  # for people; programs get every result


def add(verbs: argparse._SubParsersAction) -> None:
    """Register the verb."""
    run = verbs.add_parser("run", help="live: print everybody's positions, one JSON line per frame, or show the app")
    run.add_argument("source", help="camera number or name, stream URL, video file, image folder, 'synthetic'")
    run.add_argument("--json", action="store_true", help="one JSON line per frame")
    run.add_argument("--show", action="store_true", help="show the app instead")
    run.add_argument("--every-frame", action="store_true", help="a file: no frame is dropped, however long it takes")
    run.add_argument("--start", type=float, metavar="S", help="a file: skip the first S seconds")
    run.add_argument("--end", type=float, metavar="S", help="stop at second S")
    add_pipeline_options(run)
    run.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    config = pipeline_config(options)
    if options.show:
        return _show(options, config)
    from xnect_lite.capture import check_source, open_source
    from xnect_lite.runners.application import open_pipeline
    from xnect_lite.runners.track import track

    check_source(options.source)
    pipeline = open_pipeline(config)
    print(f"{pipeline.backbone} on {pipeline.device_name}, {pipeline.backend}, {pipeline.precision}", file=sys.stderr)
    source = open_source(options.source, start_s=options.start, end_s=options.end)
    results = track(source, pipeline=pipeline, newest=not options.every_frame)
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
    import numpy as np

    rounded = np.round(np.asarray(values, np.float64), 3)
    plain = np.array(rounded, dtype=object)
    plain[~np.isfinite(rounded)] = None
    return plain.tolist()


def _show(options: argparse.Namespace, config: PipelineConfig) -> int:
    if options.json or options.every_frame or options.start is not None or options.end is not None:
        raise XnectError("--show", "goes with none of --json, --every-frame, --start, --end", "Leave them out")
    from xnect_lite.gui.application import start
    from xnect_lite.gui.options import Options

    return start(Options(config, options.source))
