"""``xnect-lite process``: videos into takes."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xnect_lite.cli.pipeline_options import add_pipeline_options, pipeline_config
from xnect_lite.errors import XnectError

if TYPE_CHECKING:
    from xnect_lite.runners.batch import Job, Outcome


def add(verbs: argparse._SubParsersAction) -> None:
    """Register the verb."""
    process = verbs.add_parser("process", help="videos into takes: poses, one BVH per person, overlay video")
    process.add_argument(
        "source", nargs="+", help="video files; or an image folder or pattern, stream URL, camera, 'synthetic'"
    )
    process.add_argument(
        "-o", "--output", default="takes", metavar="TAKES", help="folder that takes are put in (default: takes)"
    )
    process.add_argument("--start", type=float, metavar="S", help="skip the first S seconds")
    process.add_argument("--end", type=float, metavar="S", help="stop at second S")
    process.add_argument(
        "--quality", choices=("fast", "normal", "best"),
        help="fast: filtered backwards; normal (default): sides and identities chosen over the whole clip; best: looks at the "
        "mirrored picture as well, at twice the time",
    )  # fmt: skip
    process.add_argument("--no-overlay", action="store_true", help="do not write overlay.mp4")
    process.add_argument("--again", action="store_true", help="process files again that have a finished take already")
    process.add_argument("--jobs", type=int, default=1, metavar="N", help="files at a time (default 1)")
    process.add_argument(
        "--engine", choices=("processes", "ray"), default="processes",
        help="what runs several files: processes (default) or a Ray cluster, $RAY_ADDRESS or a local one",
    )  # fmt: skip
    process.add_argument("--json", action="store_true", help="print the summary as JSON")
    add_pipeline_options(process)
    process.set_defaults(run=_process)


def _process(options: argparse.Namespace) -> int:
    if options.jobs < 1:
        raise XnectError(f"--jobs {options.jobs}", "is less than 1", "Give 1 or more")
    config = pipeline_config(options)
    from xnect_lite.runners.batch import Outcome, make_jobs, takes_of

    jobs = make_jobs(
        options.source, options.output, config, start_s=options.start, end_s=options.end, overlay=not options.no_overlay
    )
    earlier = {} if options.again else takes_of(options.output)
    is_done = {job: bool(job.key) and earlier.get(job.key, ("", False))[1] for job in jobs}
    outcomes = [Outcome(job.shown, "recognised", str(earlier[job.key][0])) for job in jobs if is_done[job]]
    for outcome in outcomes:
        print(f"{outcome.source}: done already, {outcome.folder} (--again does it anew)", file=sys.stderr)
    rest = [job for job in jobs if not is_done[job]]
    missing = {} if options.engine == "ray" else _missing(rest)  # a cluster may see other folders than this machine
    if rest := [job for job in rest if job not in missing]:
        outcomes += _run(rest, options)
    outcomes += missing.values()
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if options.json:
        print(json.dumps(_summary(outcomes), indent=2))
    else:
        for outcome in outcomes:
            if outcome.report:
                _print_report(outcome.report)
    for outcome in failed:  # last, so that nobody scrolls for them
        print(outcome.details + outcome.error, file=sys.stderr)
    return 2 if failed else 0


def _missing(jobs: list[Job]) -> dict[Job, Outcome]:
    """What has no source, found out before the network is loaded."""
    from xnect_lite.capture import check_source
    from xnect_lite.runners.batch import Outcome

    outcomes = {}
    for job in jobs:
        try:
            check_source(job.source)
        except XnectError as error:
            outcomes[job] = Outcome(job.shown, "failed", error=str(error))
    return outcomes


def _run(jobs: list[Job], options: argparse.Namespace) -> list[Outcome]:
    from xnect_lite.progress import progress_bar
    from xnect_lite.runners.engines import run_here, run_in_processes, run_on_ray

    outcomes = []
    with progress_bar(total=0, unit="frame", dynamic_ncols=True) as bar:

        def progress(frames: int, total: int | None) -> None:
            bar.total = (bar.total or 0) + (total or 0) or None
            bar.update(frames)

        count = min(options.jobs, len(jobs))
        if options.engine == "ray":
            running = run_on_ray(jobs, progress, count)
        elif count > 1:
            running = run_in_processes(jobs, progress, count)
        else:
            running = run_here(jobs, progress, lambda pipeline: bar.write(_ran_on(pipeline), file=sys.stderr))
        with contextlib.closing(running):  # at once after an interrupt: its workers have something to save
            for outcome in running:
                outcomes.append(outcome)
                bar.set_postfix_str(f"{len(outcomes)} of {len(jobs)} files")
                if outcome.report and outcome.report["warning"]:
                    bar.write(f"{outcome.source}: {outcome.report['warning']}", file=sys.stderr)
    return outcomes


def _ran_on(pipeline: Any) -> str:
    return f"{pipeline.backbone} on {pipeline.device_name}, {pipeline.backend}, {pipeline.precision}"


def _summary(outcomes: list[Outcome]) -> dict[str, Any]:
    counts = {status: sum(o.status == status for o in outcomes) for status in ("done", "recognised", "failed")}
    return {**counts, "sources": [outcome.as_dict() for outcome in outcomes]}


def _print_report(report: dict[str, Any]) -> None:
    print(report["take"]["folder"])
    for file in report["files"]:
        print(f"  {Path(file).name}")
    print(f"{report['frames']} frames, {report['frames_with_people']} with people, {report['frames_per_s']:.1f} frames/s")
    ran_on = ", ".join(report[name] for name in ("backbone", "device", "backend", "precision"))
    print(f"{'stage':<12}{'median ms':>10}{'p95 ms':>10}   {ran_on}")
    for name, row in report["stages"].items():
        print(f"{name:<12}{row['p50_ms']:>10.1f}{row['p95_ms']:>10.1f}")
