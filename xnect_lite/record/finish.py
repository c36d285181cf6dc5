"""Finish a take: its BVH files, and what take.json says of it in the end. Also after a killed program, and after edits."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xnect_lite.record.bvh import BvhClip, BvhOptions
from xnect_lite.record.bvh_file import write_bvh
from xnect_lite.record.people import PersonSummary, bvh_name
from xnect_lite.record.shot import shot_of
from xnect_lite.record.source_video import VIDEO_FILE, mend_video
from xnect_lite.record.take_folder import (
    INFO_FILE,
    JOURNAL_FILE,
    LOG_FILE,
    POSES_FILE,
    SCHEMA_VERSION,
    Take,
    load_take,
    log,
    read_info,
    refused,
    secure_journal,
    write_info,
)

OVERLAY_FILE = "overlay.mp4"


@dataclasses.dataclass(frozen=True, slots=True)
class TakeSummary:
    """What lies in a take folder after closing or exporting.

    files:   those written, whole paths.
    remarks: what the user should know, in sentences: frames that were dropped, and what to do about it.
    """

    folder: Path
    files: tuple[Path, ...]
    people: tuple[PersonSummary, ...]
    frames: int
    duration_s: float
    remarks: tuple[str, ...] = ()


def export_take(
    folder: str | Path,
    out_folder: str | Path | None = None,
    *,
    options: BvhOptions | None = None,
    min_person_s: float | None = None,
    ids: Sequence[int] | None = None,
) -> TakeSummary:
    """(Re)write the BVH files of a take.

    Into the take's own folder this also finishes a take whose recorder was killed, and brings take.json up to date.
    All files of a take share frame 0 (its first frame), frame rate and frame count.

    Args:
        folder: of the take.
        out_folder: where to write; the take's own folder without it.
        options: how clips are made; as the take was recorded without it.
        min_person_s: people seen for less get no file; as the take was recorded without it.
        ids: whose files are written; everybody's without it.

    Raises:
        XnectError: for an unknown id, a folder that is still being recorded or cannot be written.
    """
    folder = Path(folder)
    out = folder if out_folder is None else Path(out_folder)
    own = out.resolve() == folder.resolve()
    if own and (folder / JOURNAL_FILE).exists():
        _mend_videos(folder)
        secure_journal(folder)
    take = load_take(folder, on_disk=True)
    options = options or recorded_options(take.info)
    if min_person_s is None:
        min_person_s = float(take.info.get("min_person_s", 0.5))
    shot = shot_of(take, with_floor_of(take, options), min_person_s=min_person_s, people=wanted(take) if ids is None else ids)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refused(out, error) from error
    written = {person.id: write_clips(out, person, shot.clips(person)) for person in shot.people}
    files = [path for paths in written.values() for path in paths]
    people = tuple(_with_file(person, written.get(person.id), is_chosen=ids is not None) for person in shot.every)
    times = take.every_frame_t_s
    summary = TakeSummary(
        folder=out,
        files=tuple(files),
        people=people,
        frames=len(times),
        duration_s=float(np.ptp(times)) if len(times) else 0.0,
    )
    if own:
        _remove_stale(take, people, files)
        outcome = dict(take.info) | _outcome(take, summary, shot.options, min_person_s)
        write_info(folder, outcome)
        log(folder, f"{summary.frames} frames, {summary.duration_s:.2f} s")
        for p in people:
            log(folder, f"id {p.id}: {p.file or 'no BVH, ' + p.skipped}")
        kept = [folder / name for name in (INFO_FILE, POSES_FILE, LOG_FILE)]
        kept += [folder / VIDEO_FILE] if (folder / VIDEO_FILE).is_file() else []
        remarks = tuple(words for words in (dropped_words(outcome), lost_words(outcome)) if words)
        summary = dataclasses.replace(summary, files=(*kept, *files), remarks=remarks)
    return summary


def wanted(take: Take) -> str | list[int]:
    """Who of a take is to get files by the wish it was recorded with; ids that nobody has are left out."""
    return take.wanted if isinstance(take.wanted, str) else [identity for identity in take.wanted if identity in take.ids]


def _mend_videos(folder: Path) -> None:
    """Make what a killed program left of its films playable; of one that was ended as it should be nothing is lost."""
    if read_info(folder).get("video", {}).get("frames") is None:
        for name in (VIDEO_FILE, OVERLAY_FILE):
            path = folder / name
            if path.is_file() and not path.is_symlink():
                log(folder, f"{name}: {'mended' if mend_video(path) else 'nothing of it can be read'}")


def _with_file(person: PersonSummary, paths: list[Path] | None, *, is_chosen: bool) -> PersonSummary:
    """What is said of a person's files: of several the first, or why there is none.

    is_chosen: only some people were written now; whoever else has a file keeps it.
    """
    if paths:
        return dataclasses.replace(person, file=paths[0].name)
    if person.file is None or (paths is None and is_chosen):
        return person
    why = "not among the people wished for" if paths is None else "no stay is long enough"
    return dataclasses.replace(person, file=None, skipped=why)


def write_clips(out: Path, person: PersonSummary, clips: Sequence[BvhClip]) -> list[Path]:
    """The BVH files of one person; of several each has its number: person02_1.bvh. Raises XnectError."""
    return [write_bvh(out / name, clip) for name, clip in zip(clip_names(person, len(clips)), clips, strict=True)]


def clip_names(person: PersonSummary, count: int) -> list[str]:
    """Names of the BVH files of a person who has so many."""
    stem = Path(bvh_name(person.id)).stem
    return [f"{stem}.bvh"] if count == 1 else [f"{stem}_{number}.bvh" for number in range(1, count + 1)]


def dropped_words(info: Mapping[str, Any]) -> str:
    """What take.json says of frames that were lost, and what to do about it; "" if none were."""
    frames = info.get("frames", {})
    dropped, recorded = frames.get("dropped") or 0, frames.get("recorded") or 0
    if not dropped:
        return ""
    share = f"{dropped} of {dropped + recorded} frames were dropped"
    video = info.get("video") or {}
    if video.get("file"):
        return f"{share}, but its video has them: xnect-lite process with this folder makes a take of every frame"
    return f"{share}: the pipeline was slower than the source. Process the film itself, or choose a faster back end"


def lost_words(info: Mapping[str, Any]) -> str:
    """What take.json says of frames that are missing in the film; "" if none are."""
    video = info.get("video") or {}
    lost, frames = video.get("lost") or 0, video.get("frames") or 0
    if not lost:
        return ""
    why = "the processor did not keep up with encoding" if not video.get("error") else "it could not be written"
    return f"{lost} of {lost + frames} frames are missing in the film: {why}"


def with_floor_of(take: Take, options: BvhOptions) -> BvhOptions:
    """``options`` with the tilt that was found while recording, unless they name one."""
    if options.up_cam is None and "floor" in take.info:
        return dataclasses.replace(options, up_cam=tuple(take.info["floor"]["up_cam"]))
    return options


def _outcome(take: Take, summary: TakeSummary, options: BvhOptions, min_person_s: float) -> dict[str, Any]:
    """What take.json gains once the take is finished."""
    first, last = (int(take.every_frame_index.min()), int(take.every_frame_index.max())) if summary.frames else (0, -1)
    return {
        "schema_version": SCHEMA_VERSION,
        "state": "finished",
        "measured_fps": 1 / take.frame_s if take.frame_s > 0 else None,  # the usual step: pauses do not count
        "min_person_s": min_person_s,
        "bvh": dataclasses.asdict(options),
        "duration_s": summary.duration_s,
        "frames": {
            "recorded": summary.frames,
            "dropped": max(last - first + 1 - summary.frames, 0),
            "first": first,
            "last": last,
        },
        "people": [dataclasses.asdict(person) for person in summary.people],
    }


def _remove_stale(take: Take, people: Sequence[PersonSummary], written: list[Path]) -> None:
    """Delete files of an earlier export that are no longer anybody's, or belong to somebody else by now."""
    listed = {str(person.get("file")) for person in take.info.get("people", [])}
    current = {str(person.file) for person in people}
    stems = "|".join(
        re.escape(Path(name).stem.split("_")[0]) for name in listed if re.fullmatch(r"person\d+(_\d+)?\.bvh", name)
    )
    for path in take.folder.glob("person*.bvh") if stems else ():
        its_number = re.fullmatch(rf"({stems})(_\d+)?\.bvh", path.name)
        was_written_anew = any(other.stem.split("_")[0] == path.stem.split("_")[0] for other in written)
        if its_number and path not in written and (was_written_anew or f"{its_number[1]}.bvh" not in current):
            path.unlink(missing_ok=True)


def recorded_options(info: Mapping[str, Any]) -> BvhOptions:
    """The options that a take was recorded or last written with."""
    known = {field.name for field in dataclasses.fields(BvhOptions)}
    stored = {key: value for key, value in info.get("bvh", {}).items() if key in known}
    if stored.get("up_cam") is not None:
        stored["up_cam"] = tuple(stored["up_cam"])
    return BvhOptions(**stored)
