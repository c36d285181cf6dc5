"""``xnect-lite bench pipeline SOURCE``: milliseconds per stage of the whole pipeline on a source."""

from __future__ import annotations

import argparse
import itertools
import json
import time
from dataclasses import asdict
from typing import Any

from xnect_lite.capture import check_source
from xnect_lite.cli.figures import print_stages
from xnect_lite.cli.pipeline_options import pipeline_config
from xnect_lite.errors import XnectError, shown_address
from xnect_lite.runners.application import open_pipeline
from xnect_lite.runners.track import track
from xnect_lite.timer import TimingWindow


def run_pipeline(options: argparse.Namespace) -> int:
    for name in ("frames", "warm_up"):
        if getattr(options, name) < 0:
            raise XnectError(f"--{name.replace('_', '-')}", "is less than 0", "Give 0 or more")
    config = pipeline_config(options)
    check_source(options.source)
    results = track(options.source, pipeline=(pipeline := open_pipeline(config)), newest=False)
    window, total, people = TimingWindow(length=None, warm_up=0), TimingWindow(length=None, warm_up=0), 0
    count, begin_s, size = 0, 0.0, (0, 0)
    for count, result in enumerate(itertools.islice(results, options.warm_up + options.frames if options.frames else None)):
        size = result.frame.size
        if count < options.warm_up:
            begin_s = time.perf_counter()
            continue
        begin_s = begin_s or time.perf_counter() - sum(result.timings_ms.values()) / 1e3
        window.add(dict(result.timings_ms))
        total.add({"all stages": sum(result.timings_ms.values())})
        people += len(result.people)
    timed = max(0, count + 1 - options.warm_up)
    if not timed or not size[0]:
        raise XnectError(
            shown_address(options.source), f"has no frame after {options.warm_up} of warm-up", "Choose a longer source"
        )
    rows = window.statistics() | total.statistics()
    figures: dict[str, Any] = {
        "source": shown_address(options.source), "size": list(size), "frames": timed,
        "people_per_frame": round(people / timed, 2),
        "frames_per_s": round(timed / (time.perf_counter() - begin_s), 2), **asdict(pipeline.runs_on),
        "stages": {name: {"p50_ms": round(row.p50_ms, 2), "p95_ms": round(row.p95_ms, 2)} for name, row in rows.items()},
    }  # fmt: skip
    if options.json:
        print(json.dumps(figures, indent=2))
        return 0
    print(f"{size[0]}x{size[1]}, {timed} frames, {figures['people_per_frame']:g} people, {figures['frames_per_s']:g} frames/s")
    print_stages(figures["stages"], pipeline.runs_on)
    return 0
