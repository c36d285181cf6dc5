"""``xnect-lite process``: videos into takes."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from xnect_lite.capture import check_source
from xnect_lite.cli.figures import print_stages
from xnect_lite.cli.pipeline_options import pipeline_config
from xnect_lite.errors import XnectError
from xnect_lite.progress import progress_bar
from xnect_lite.record.names import parse_names
from xnect_lite.record.people import parse_people
from xnect_lite.runners.batch import Job, Outcome, make_jobs, takes_of
from xnect_lite.runners.engines import run_here, run_in_processes, run_on_ray
from xnect_lite.types import RunsOn


def run_process(options: argparse.Namespace) -> int:
    if options.jobs < 1:
        raise XnectError(f"--jobs {options.jobs}", "is less than 1", "Give 1 or more")
    config = pipeline_config(options)
    jobs = make_jobs(
        options.source, options.output, config, start_s=options.start, end_s=options.end, overlay=not options.no_overlay,
        video=not options.no_video, names=parse_names(options.name), people=parse_people(options.people),
    )  # fmt: skip
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
    outcomes = {}
    for job in jobs:
        try:
            check_source(job.source)
        except XnectError as error:
            outcomes[job] = Outcome(job.shown, "failed", error=str(error))
    return outcomes


def _run(jobs: list[Job], options: argparse.Namespace) -> list[Outcome]:
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
            running = run_here(jobs, progress, lambda pipeline: bar.write(str(pipeline.runs_on), file=sys.stderr))
        with contextlib.closing(running):  # at once after an interrupt: its workers have something to save
            for outcome in running:
                outcomes.append(outcome)
                bar.set_postfix_str(f"{len(outcomes)} of {len(jobs)} files")
                if outcome.report and outcome.report["warning"]:
                    bar.write(f"{outcome.source}: {outcome.report['warning']}", file=sys.stderr)
    return outcomes


def _summary(outcomes: list[Outcome]) -> dict[str, Any]:
    counts = {status: sum(o.status == status for o in outcomes) for status in ("done", "recognised", "failed")}
    return {**counts, "sources": [outcome.as_dict() for outcome in outcomes]}


def _print_report(report: dict[str, Any]) -> None:
    print(report["take"]["folder"])
    for file in report["files"]:
        print(f"  {Path(file).name}")
    for remark in report["take"]["remarks"]:
        print(remark, file=sys.stderr)
    print(f"{report['frames']} frames, {report['frames_with_people']} with people, {report['frames_per_s']:.1f} frames/s")
    print_stages(report["stages"], RunsOn(*(report[field.name] for field in dataclasses.fields(RunsOn))))
