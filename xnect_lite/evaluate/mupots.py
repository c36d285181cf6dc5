"""The MuPoTS-3D folder as pictures to look at and truths to score against, and its result. The rules: `protocols.mupots`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from xnect_lite.data.archives.parts import MANIFEST
from xnect_lite.data.pictures import read_rgb
from xnect_lite.data.readers.mupots import ORIGIN, MupotsSequence, sequences
from xnect_lite.data.tally import Tally
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.finding import Picture
from xnect_lite.evaluate.predictions import Found
from xnect_lite.evaluate.protocols import mupots as rules
from xnect_lite.evaluate.results import Table

DATA_SET = "mupots"
_OFFICIAL = tuple(f"TS{number}" for number in range(1, 21))
_FPS = {**dict.fromkeys(_OFFICIAL[:5], 30.0), **dict.fromkeys(_OFFICIAL[5:], 60.0)}


class MupotsSet:
    """The sequences in a folder, or those of them that are ``chosen``, and of these every ``every``-th frame.

    ``title``: what it is; ``part``: '' if it is the whole set, else which part. Raises XnectError for what is missing.
    """

    def __init__(self, folder: Path, chosen: Sequence[str] = (), every: int = 1) -> None:
        self._folder, self._every = folder, every
        rendered = _manifest(folder)
        self.title = "MuPoTS-3D" if rendered is None else "renders in MuPoTS-3D's format"
        expected = _OFFICIAL if rendered is None else tuple(str(entry["name"]) for entry in rendered["sequences"])
        self._fps = None if rendered is None else float(rendered["config"]["fps"])
        tally = Tally()
        there = {one.name: one for one in sequences(folder, tally)}
        if tally.counts:
            reason, place = next(iter(tally.first.items()))
            raise XnectError(place, f"is damaged ({reason.value})", f"Get the data set again from {ORIGIN.page}")
        missing = [name for name in chosen or expected if name not in there]
        if missing:
            error = ORIGIN.missing(", ".join(f"{name}/annot.mat" for name in missing), folder)
            hint = "" if chosen else ", or score a part with --sequences"
            raise XnectError(error.thing, error.cause, error.next_step + hint)
        self.sequences = [there[name] for name in chosen or expected]
        for one in self.sequences:
            _check(one)
        left_out = [f"{len(self.sequences)} of {len(expected)} sequences"] if len(self.sequences) < len(expected) else []
        left_out += [f"1 frame in {every}"] if every > 1 else []
        self.part = ", ".join(left_out)

    @property
    def data(self) -> str:
        """What is scored, in words."""
        frames = sum(len(self._counted(one)) for one in self.sequences)
        return f"{self.title}: {len(self.sequences)} sequences, {frames:,} frames with annotated people"

    def clips(self, whole: bool) -> list[list[Picture]]:
        """Pictures of each sequence: those with annotated people, or all if ``whole``. Raises XnectError for missing ones."""
        return [self._pictures(one, range(len(one)) if whole else self._counted(one)) for one in self.sequences]

    def records(self) -> list[str]:
        """Names of the pictures that are scored."""
        return [_record(one, frame) for one in self.sequences for frame in self._counted(one)]

    def other_records(self) -> list[str]:
        """Names of the pictures that are not: nobody in them counts, or they were left out."""
        scored = set(self.records())
        names = (_record(one, frame) for one in self.sequences for frame in range(len(one)))
        return [name for name in names if name not in scored]

    def _counted(self, one: MupotsSequence) -> list[int]:
        return [frame for frame in np.flatnonzero(one.valid.any(1)).tolist() if frame % self._every == 0]

    def _pictures(self, one: MupotsSequence, frames: Sequence[int]) -> list[Picture]:
        absent = [one.images[frame] for frame in frames if not one.images[frame].is_file()]
        if absent:
            raise ORIGIN.missing(f"{len(absent)} pictures of {one.name}, the first {absent[0].name}", absent[0].parent)
        focal = one.camera.focal_px if one.camera else None
        fps = self._fps or _FPS.get(one.name, 30.0)
        return [
            Picture(_record(one, frame), partial(read_rgb, one.images[frame]), focal_px=focal, t_s=frame / fps)
            for frame in frames
        ]

    def score(self, found: Mapping[str, Found]) -> tuple[dict[str, float], dict[str, Table]]:
        """Figures and tables of people found in every one of `records`."""
        absolute = all(found[name].in_camera for name in self.records())
        errors = []
        for one in self.sequences:
            frames = self._counted(one)
            truths = [_truth(one, frame) for frame in frames]
            people = [found[_record(one, frame)] for frame in frames]
            errors.append(rules.sequence_errors(one.name, truths, [(p.joints_px, p.joints_mm) for p in people], absolute))
        figures = rules.totals(errors, absolute)
        columns = ("pck_all", "pck_matched", "auc_all", "auc_matched", "people", "found")
        rows = {name: {column: row[column] for column in columns} for name, row in rules.sequence_table(errors).items()}
        for name in ("sequences", "pooled"):
            label = "mean of sequences" if name == "sequences" else "pooled over people"
            rows[label] = {column: figures[f"{column}_{name}"] for column in columns[:4]}
        rows["pooled over people"] |= {"people": figures["people"], "found": figures["found"]}
        return figures, {
            "3DPCK at 150 mm and AUC, root-relative": rows,
            "3DPCK by joint, pooled": rules.group_table(errors),
        }


def _record(one: MupotsSequence, frame: int) -> str:
    return f"{one.name}/{one.images[frame].name}"


def _truth(one: MupotsSequence, frame: int) -> rules.Truth:
    people = one.valid[frame]
    return rules.Truth(
        one.annot2[frame][people], one.annot3[frame][people], one.univ_annot3[frame][people], one.occluded[frame][people]
    )


def _manifest(folder: Path) -> dict[str, Any] | None:
    """Of a set of ``synth mupots-like``; None of the data set itself."""
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if [entry["name"] for entry in manifest["sequences"]] and manifest["config"]["fps"] > 0:
            return manifest
        raise ValueError("no sequences")
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise XnectError(str(path), f"is no manifest of a benchmark ({error})", "Render it again") from error


def _check(one: MupotsSequence) -> None:
    """Raises XnectError if the sequence cannot be scored."""
    annotations = one.images[0].parent / "annot.mat" if one.images else Path(one.name)
    where = str(annotations) if annotations.is_file() else f"{one.name} of MuPoTS-3D.json"
    if not one.valid.any():
        raise XnectError(where, "has nobody in any frame who is to be found", f"Get it again from {ORIGIN.page}")
    if not annotations.is_file():
        cause = "has no height-normalised joints, which the score needs"
        raise XnectError(where, cause, f"Get the annot.mat files from {ORIGIN.page}")
    known = [np.isfinite(joints).all((2, 3)) for joints in (one.annot2, one.annot3, one.univ_annot3)]
    bad = np.argwhere(one.valid & ~np.logical_and.reduce(known))
    if len(bad):
        frame, person = bad[0]
        cause = f"holds joints that are not numbers: frame {frame}, person {person + 1}"
        raise XnectError(where, cause, f"Get it again from {ORIGIN.page}")
