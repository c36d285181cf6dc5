"""``xnect-lite eval clips``: what each stage of the pipeline brings, on clips with truth."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Mapping, Sequence

from xnect_lite.cli.figures import without_nan
from xnect_lite.cli.pipeline_options import pipeline_config
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.clips import find_clips
from xnect_lite.evaluate.stages import score_stages
from xnect_lite.progress import progress_bar
from xnect_lite.runners.application import open_predictor

_COLUMNS = (  # figure, title, decimals
    ("ap", "AP", 3), ("found", "found", 3), ("pck3d_150", "3DPCK@150", 3), ("mpjpe_mm", "MPJPE mm", 0),
    ("root_mm", "root mm", 0),
    ("idf1", "IDF1", 3), ("swaps", "swaps", 0), ("root_jitter_mm_s2", "root jitter mm/s2", 0),
    ("joint_jitter_mm_s2", "joint jitter mm/s2", 0), ("foot_slide_mm_s", "foot slide mm/s", 0),
)  # fmt: skip


def run_evaluate(options: argparse.Namespace) -> int:
    config = pipeline_config(options)
    clips = [clip for folder in options.data for clip in find_clips(folder)]
    if not clips:
        raise XnectError(" ".join(options.data), "hold no frame with truth", "Make clips with xnect-lite synth demo")
    predictor = open_predictor(config.network)
    with progress_bar(total=sum(len(clip.truths) for clip in clips), unit="frame", disable=None) as bar:
        scores = score_stages(clips, config, predictor, bar.update)
    ran_on = {
        "clips": len(clips), "frames": sum(len(clip.truths) for clip in clips), **dataclasses.asdict(predictor.runs_on),
    }  # fmt: skip
    if options.json:
        rows = {name: score.figures() for name, score in scores.items()}
        print(json.dumps({"stages": without_nan(rows), **ran_on}, indent=2))
    else:
        print_stages({name: score.figures() for name, score in scores.items()}, ran_on, _COLUMNS)
    return 0


def print_stages(
    rows_of_figures: Mapping[str, Mapping[str, float]], ran_on: Mapping[str, object], columns: Sequence[tuple[str, str, int]]
) -> None:
    """A table that Markdown understands as well, a row for each name. ``columns``: (figure, title, decimals)."""
    print(", ".join(f"{name} {value}" for name, value in ran_on.items()))
    widths = [max(map(len, rows_of_figures)), *(max(5, len(title)) for _, title, _ in columns)]
    rows = [["", *(title for _, title, _ in columns)]]
    for name, figures in rows_of_figures.items():
        cells = ("" if figures[key] != figures[key] else f"{figures[key]:,.{digits}f}" for key, _, digits in columns)
        rows.append([name, *cells])
    rows.insert(1, ["-" * width for width in widths])
    for row in rows:
        print(
            "| " + " | ".join(f"{cell:<{widths[0]}}" if not i else f"{cell:>{widths[i]}}" for i, cell in enumerate(row)) + " |"
        )
