"""``xnect-lite process``: videos into takes."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers.later import Later
from xnect_lite.cli.parsers.pipeline_options import add_pipeline_options
from xnect_lite.cli.parsers.words import add_output


def add(verbs: argparse._SubParsersAction) -> None:
    """Register the verb."""
    process = verbs.add_parser("process", help="videos into takes: poses, one BVH per person, overlay video")
    process.add_argument(
        "source", nargs="+",
        help="video files; or a take with its film, an image folder or pattern, stream URL, camera, 'synthetic'",
    )  # fmt: skip
    add_output(process, "folder that takes are put in (default: takes)", "TAKES", default="takes")
    process.add_argument("--start", type=float, metavar="S", help="skip the first S seconds")
    process.add_argument("--end", type=float, metavar="S", help="stop at second S")
    process.add_argument("--no-video", action="store_true", help="of a live source, do not keep the film beside the poses")
    process.add_argument(
        "--name", action="append", default=[], metavar="ID=NAME", help="what a person is called; may be repeated"
    )
    process.add_argument(
        "--people", default="all", metavar="WHO", help="who gets a BVH file: all, main (who is there most), or ids such as 1,3"
    )
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
    process.set_defaults(run=Later("process.run_process"))
