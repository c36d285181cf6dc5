"""A take, or a part of it, into the files of other programs: `export_files`, its formats and its presets."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xnect_lite.errors import XnectError
from xnect_lite.record.finish import clip_names, recorded_options, with_floor_of, write_clips
from xnect_lite.record.formats.coco import write_coco
from xnect_lite.record.formats.files import library, new_file
from xnect_lite.record.formats.gltf import write_glb
from xnect_lite.record.formats.markers import write_c3d, write_trc
from xnect_lite.record.formats.tables import write_csv, write_json, write_npz
from xnect_lite.record.formats.view3d import write_view3d
from xnect_lite.record.people import PersonSummary
from xnect_lite.record.presence import Presence, spans
from xnect_lite.record.shot import Shot, excerpt, shot_of
from xnect_lite.record.take_folder import load_take, refused

SIDECAR = "export.json"


def _write_bvh(shot: Shot, folder: Path) -> list[Path]:
    return [path for person in shot.people for path in write_clips(folder, person, shot.clips(person))]


@dataclasses.dataclass(frozen=True, slots=True)
class Format:
    """A kind of file.

    what:    in a few words.
    names:   of its files.
    write:   writes them into a folder, and says where they are.
    package: that has to be installed for it; "" = none.
    """

    what: str
    names: str
    write: Callable[[Shot, Path], list[Path]]
    package: str = ""


FORMATS: dict[str, Format] = {
    "bvh": Format("motion for animators, one file per person", "person02.bvh", _write_bvh),
    "glb": Format(
        "glTF: skeleton, animation and bones to look at, one file per person", "person02.glb", write_glb, "pygltflib"
    ),
    "csv": Format("joints as a table, a row per person and frame", "joints.csv", write_csv),
    "json": Format("joints as JSON", "joints.json", write_json),
    "npz": Format("joints as NumPy arrays", "joints.npz", write_npz),
    "trc": Format("markers for OpenSim, one file per person", "person02.trc", write_trc),
    "c3d": Format("markers for biomechanics, one file per person", "person02.c3d", write_c3d, "ezc3d"),
    "coco": Format("2D keypoints as COCO has them", "keypoints.json", write_coco),
    "video": Format("a video of the 3D view", "view3d.mp4", write_view3d),
}

PRESETS: dict[str, dict[str, Any]] = {
    "blender": {"euler": "ZXY", "bounded": True},
    "motionbuilder": {"euler": "ZXY", "bounded": True, "t_pose_first": True},
    "unreal": {"euler": "ZYX", "bounded": True},
    "unity": {"euler": "YXZ", "bounded": True},
    "rokoko": {"euler": "ZXY", "bounded": True, "t_pose_first": True},
    "mixamo": {"euler": "ZYX", "bounded": True, "spine": "mixamo", "t_pose_first": True},
}
"""Name -> what it sets of `bvh.BvhOptions`; docs/bvh.md has the recipe of each tool."""


@dataclasses.dataclass(frozen=True, slots=True)
class ExportOptions:
    """What to write of a take.

    formats:   names of `FORMATS`.
    people:    all, main, or ids.
    fps:       frames per second; None = as the take was recorded, and its own frames in CSV, JSON and NPZ.
    in_s, out_s: first and last second, by the take's clock; None = all of it.
    preset:    a name of `PRESETS`; None = the take's own options.
    changes:   further fields of `BvhOptions`, which win over the preset's.
    min_person_s: who is seen for less gets no file; None = as the take was recorded.
    """

    formats: Sequence[str] = ("bvh",)
    people: str | Sequence[int] = "all"
    fps: float | None = None
    in_s: float | None = None
    out_s: float | None = None
    preset: str | None = None
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    min_person_s: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Exported:
    """What was written: ``files`` whole paths, of which the last is the sidecar; ``notes`` what the user should know."""

    folder: Path
    files: tuple[Path, ...]
    notes: tuple[str, ...]


def prepare(folder: str | Path, options: ExportOptions) -> Shot:
    """What the files of this export are made of. Raises XnectError for anything that cannot be."""
    for name in options.formats:
        if name not in FORMATS:
            raise XnectError(f"format {name}", "is not known", f"Choose {', '.join(FORMATS)}")
    if options.preset is not None and options.preset not in PRESETS:
        raise XnectError(f"preset {options.preset}", "is not known", f"Choose {', '.join(PRESETS)}")
    take = load_take(folder, on_disk=True)
    if not len(take.every_frame_t_s):
        raise XnectError(str(folder), "holds no frames", "Choose another take")
    take = excerpt(take, options.in_s, options.out_s)
    changes = {**PRESETS.get(options.preset or "", {}), **options.changes}
    if options.fps is not None:
        changes["fps"] = options.fps
    bvh = with_floor_of(take, dataclasses.replace(recorded_options(take.info), **changes))
    min_s = float(take.info.get("min_person_s", 0.5)) if options.min_person_s is None else options.min_person_s
    shot = shot_of(take, bvh, min_person_s=min_s, people=options.people)
    return shot if options.fps is None else dataclasses.replace(shot, data_times_s=shot.times_s)


def planned_files(shot: Shot, formats: Sequence[str]) -> list[str]:
    """Names of the files that an export would write, but for those of further stays where absences are cut out."""
    names = []
    for form in formats:
        name = FORMATS[form].names
        own = [name.replace("02", f"{person.id:02d}", 1) for person in shot.people] if name.startswith("person") else [name]
        names += own
    return [*names, SIDECAR]


def export_files(
    folder: str | Path, out: str | Path | None, options: ExportOptions, progress: Callable[[str], None] | None = None
) -> Exported:
    """Write a take's files into ``out``, which is made if it is missing; by default a folder ``export`` in the take's.

    progress: is told the name of each format before it is written.
    Raises XnectError for anything that cannot be; what was whole by then stays.
    """
    for name in options.formats:
        if name in FORMATS and (package := FORMATS[name].package):
            library(package, name.upper())
    shot = prepare(folder, options)
    out = Path(folder) / "export" if out is None else Path(out)
    if out.resolve() == Path(folder).resolve() and "bvh" in options.formats:
        raise XnectError(str(out), "holds the BVH files that are the take's own", "Choose another folder with -o")
    if not shot.people:
        reasons = "; ".join(f"id {p.id}: {p.skipped}" for p in shot.every if p.skipped) or "nobody was seen"
        raise XnectError(str(folder), f"has nobody to be written ({reasons})", "Choose other people, or a longer part")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refused(out, error) from error
    files: list[Path] = []
    for name in dict.fromkeys(options.formats):
        if progress:
            progress(name)
        files += FORMATS[name].write(shot, out)
    with new_file(out / SIDECAR) as file:
        file.write((json.dumps(_sidecar(shot, options, files), indent=1, allow_nan=False) + "\n").encode())
    return Exported(out, (*files, out / SIDECAR), tuple(_notes(shot)))


def _notes(shot: Shot) -> list[str]:
    """What is in the files that was not seen."""
    notes = []
    for person in shot.people:
        if person.first_frame:
            notes.append(f"id {person.id} comes in frame {person.first_frame}, at {person.first_t_s:.2f} s")
        inside = [
            (a, b) for a, b, kind in person.spans if kind != "bridged" and person.first_frame < a <= b < person.last_frame
        ]
        if away := sum(last - first + 1 for first, last in inside):
            notes.append(f"id {person.id}: {away} of {len(shot.take.every_frame_t_s)} frames in absences ({shot.options.gaps})")
    notes += [f"id {p.id} left out: {p.skipped}" for p in shot.every if p.skipped]
    return notes


def _sidecar(shot: Shot, options: ExportOptions, files: Sequence[Path]) -> dict[str, Any]:
    """What the files are, and which of their frames nobody measured."""
    people = []
    has_clips = not {"bvh", "glb"}.isdisjoint(options.formats)
    for person in shot.people:
        parts = shot.outline(person) if has_clips else []
        names = clip_names(person, len(parts)) if "bvh" in options.formats else [""] * len(parts)
        clips = [_about_clip(*part, name, shot) for part, name in zip(parts, names, strict=True)]
        people.append(_about(person) | ({"clips": clips} if clips else {}))
    return {
        "format": "xnect_lite export", "version": 1, "take": shot.take.folder.name, "fps": shot.options.fps,
        "preset": options.preset, "in_s": options.in_s, "out_s": options.out_s,
        "start_s": float(shot.times_s[0]), "frames": len(shot.times_s),
        "gaps": shot.options.gaps, "max_gap_s": shot.options.max_gap_s, "euler": shot.options.euler,
        "floor_cm": float(shot.scene.shift_cm[1]), "files": [path.name for path in files], "people": people,
        "left_out": [{"id": person.id, "why": person.skipped} for person in shot.every if person.skipped],
    }  # fmt: skip


def _about(person: PersonSummary) -> dict[str, Any]:
    """Frames of the take, as recorded."""
    kept = ("id", "name", "first_t_s", "last_t_s", "first_frame", "measured", "bridged", "held", "absent")
    return {name: getattr(person, name) for name in kept} | {"spans": [list(span) for span in person.spans]}


def _about_clip(first_frame: int, presence: np.ndarray, name: str, shot: Shot) -> dict[str, Any]:
    """Frames of a file, from 0, its rest pose included. ``start_s``: of its first frame that is no rest pose."""
    rest = int(shot.options.t_pose_first)
    unmeasured = [s for s in spans(presence) if s.presence is not Presence.MEASURED]
    return {
        "file": name, "frames": len(presence) + rest, "rest_frames": rest, "first_frame": first_frame,
        "start_s": float(shot.times_s[0] + first_frame / shot.options.fps),
        "spans": [[s.first + rest, s.last + rest, s.presence.name.lower()] for s in unmeasured],
    }  # fmt: skip
