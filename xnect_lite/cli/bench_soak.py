"""``xnect-lite bench soak``: whether anything grows while the pipeline runs for long."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict

from xnect_lite.benchmark.soak import soak, trends
from xnect_lite.capture import check_source
from xnect_lite.cli.pipeline_options import pipeline_config
from xnect_lite.errors import XnectError, shown_address
from xnect_lite.progress import progress_bar
from xnect_lite.runners.application import open_pipeline


def run_soak(options: argparse.Namespace) -> int:
    if not 0 < options.minutes < math.inf:
        raise XnectError(f"--minutes {options.minutes:g}", "is no time", "Give more than 0")
    config = pipeline_config(options)
    check_source(options.source)
    pipeline = open_pipeline(config)
    every_s = max(0.2, min(5.0, 60 * options.minutes / 40))
    with progress_bar(unit="sample", disable=None) as bar:
        samples = soak(options.source, pipeline, options.minutes, every_s, lambda _: bar.update(1))
    found = trends(samples)
    if options.json:
        figures = {"source": shown_address(options.source), "minutes": round(samples[-1].at_s / 60, 2), "samples": len(samples)}
        print(json.dumps({**figures, "trends": [asdict(trend) for trend in found]}, indent=2))
        return 0
    print(f"{samples[-1].at_s / 60:.1f} minutes, {len(samples)} samples, {pipeline.runs_on}")
    print(f"{'':<12}{'first quarter':>15}{'last quarter':>15}{'slope per hour':>16}")
    for trend in found:
        print(f"{trend.name:<12}{trend.first:>15.1f}{trend.last:>15.1f}{trend.per_hour:>16.1f}")
    return 0
