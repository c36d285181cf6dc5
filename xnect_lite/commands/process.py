"""``xnect-lite process``: a video into a take."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from xnect_lite.commands.pipeline_options import add_pipeline_options, pipeline_config


def add(verbs: argparse._SubParsersAction) -> None:
    """Register the verb."""
    process = verbs.add_parser("process", help="a video into a take: poses, one BVH per person, overlay video")
    process.add_argument("source", help="video file, image folder or pattern, stream URL or camera")
    process.add_argument(
        "-o", "--output", default="takes", metavar="TAKES", help="folder that takes are put in (default: takes)"
    )
    process.add_argument("--start", type=float, metavar="S", help="skip the first S seconds")
    process.add_argument("--end", type=float, metavar="S", help="stop at second S")
    process.add_argument("--no-overlay", action="store_true", help="do not write overlay.mp4")
    process.add_argument("--json", action="store_true", help="print the summary as JSON")
    add_pipeline_options(process)
    process.set_defaults(run=_process)


def _process(options: argparse.Namespace) -> int:
    config = pipeline_config(options)
    from tqdm import tqdm

    from xnect_lite.capture import open_source
    from xnect_lite.record.take_folder import new_take_folder
    from xnect_lite.runtime.application import open_pipeline
    from xnect_lite.runtime.offline import process_source

    with open_source(options.source, start_s=options.start, end_s=options.end) as source:
        pipeline = open_pipeline(config)
        print(f"{pipeline.backbone} on {pipeline.device_name}, {pipeline.backend}, {pipeline.precision}", file=sys.stderr)
        folder = new_take_folder(options.output, Path(options.source).stem)
        with tqdm(total=source.frame_count, unit="frame", desc=Path(options.source).name) as bar:
            report = process_source(source, pipeline, folder, overlay=not options.no_overlay, on_frame=lambda _: bar.update())
    if report.warning:
        print(f"{options.source}: {report.warning}", file=sys.stderr)
    if options.json:
        print(json.dumps(report.as_dict(), indent=2))
    else:
        _print_report(report)
    return 0


def _print_report(report) -> None:
    print(f"{report.take.folder}")
    for file in report.files:
        print(f"  {file.name}")
    print(f"{report.frames} frames, {report.frames_with_people} with people, {report.frames_per_s:.1f} frames/s")
    ran_on = f"{report.backbone}, {report.device}, {report.backend}, {report.precision}"
    print(f"{'stage':<12}{'median ms':>10}{'p95 ms':>10}   {ran_on}")
    for name, row in report.stages.items():
        print(f"{name:<12}{row.p50_ms:>10.1f}{row.p95_ms:>10.1f}")
