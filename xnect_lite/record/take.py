"""Record a take, and write the BVH files of one. What lies in the folder: see `take_folder`.

While recording, poses go to a journal that survives a killed program; a take that was cut off is finished by `export_take`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from xnect_lite.config import as_dict
from xnect_lite.errors import XnectError, shown_address
from xnect_lite.record.bvh import BvhOptions, build_clips
from xnect_lite.record.bvh_file import write_bvh
from xnect_lite.record.journal import JournalWriter
from xnect_lite.record.presence import counts, presence_of
from xnect_lite.record.take_folder import (
    INFO_FILE,
    JOURNAL_FILE,
    LOG_FILE,
    POSES_FILE,
    SCHEMA_VERSION,
    Take,
    load_take,
    log,
    new_take_folder,
    refused,
    remove_take,
    rewrite_poses,
    secure_journal,
    write_info,
)
from xnect_lite.skeleton import JOINTS
from xnect_lite.types import Floor, PoseResult

__all__ = ["PersonSummary", "Take", "TakeRecorder", "TakeSummary", "export_take", "load_take", "new_take_folder"]


_MOST_STRETCHED, _ALWAYS_FRAMES = 10, 100_000  # of a BVH file: so many for each frame of the take, and some besides
_NEARLY = 0.99  # of the least time in view: 15 frames at 30.01 a second are half a second, too
_PAUSE_S = 0.25  # a frame that stands for longer is followed by a pause
_SAME_UP = float(np.cos(np.radians(1.0)))  # cosine of a tilt too small to be written while recording


@dataclasses.dataclass(frozen=True, slots=True)
class PersonSummary:
    """One identity of a take.

    file:    person02.bvh is id 2; None = no file was made, ``skipped`` says why.
    seen_s:  time in view; first_t_s .. last_t_s may hold absences.
    frames:  in which the person was seen.
    measured, bridged, held, absent: the frames of the take, as `presence` counts them.
    """

    id: int
    name: str
    file: str | None
    skipped: str
    first_t_s: float
    last_t_s: float
    seen_s: float
    frames: int
    measured: int
    bridged: int
    held: int
    absent: int


@dataclasses.dataclass(frozen=True, slots=True)
class TakeSummary:
    """What lies in a take folder after closing or exporting. ``files``: those written, whole paths."""

    folder: Path
    files: tuple[Path, ...]
    people: tuple[PersonSummary, ...]
    frames: int
    duration_s: float


class TakeRecorder:
    """Records poses into a folder; a killed program loses nothing that was added.

        with TakeRecorder(new_take_folder("takes", "dance"), source="camera 0", config=config) as recorder:
            for result in results:
                recorder.add(result)
        print(recorder.summary.files)

    folder:       made if missing; must not hold a take already. Where recording cannot begin, it is not left behind.
    source:       what was filmed, for take.json.
    fps:          the source's nominal frame rate, None = unknown. The BVH frame rate is ``bvh.fps``.
    config:       dataclass or mapping, saved in take.json.
    min_person_s: people seen for less get no BVH file.
    job:          what of a batch this take is, for take.json.

    ``add`` and ``close`` may be called from different threads. Raises XnectError where the folder or the disk refuses.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        source: str = "",
        fps: float | None = None,
        config: Any = None,
        bvh: BvhOptions | None = None,
        min_person_s: float = 0.5,
        started: datetime | None = None,
        job: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.summary: TakeSummary | None = None
        """Set by `close`."""
        self._lock = threading.Lock()
        self._floor: Floor | None = None
        self._info: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "state": "recording",
            "source": shown_address(source),
            "started": (started or datetime.now()).astimezone().isoformat(timespec="milliseconds"),
            "fps": fps,
            "size": None,
            "focal_px": None,
            "joint_names": list(JOINTS),
            "min_person_s": min_person_s,
            "bvh": dataclasses.asdict(bvh or BvhOptions()),
            "config": as_dict(config) if dataclasses.is_dataclass(config) else dict(config or {}),
            **({} if job is None else {"job": dict(job)}),
        }
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for name in (INFO_FILE, POSES_FILE, JOURNAL_FILE):
                if (self.folder / name).exists():
                    raise XnectError(str(self.folder), f"holds a take already ({name})", "Record into a new folder")
        except OSError as error:
            raise refused(self.folder, error) from error
        try:
            self._journal = JournalWriter(self.folder / JOURNAL_FILE)
        except XnectError:
            with contextlib.suppress(OSError):
                self.folder.rmdir()
            raise
        try:
            write_info(self.folder, self._info)
            self.log(f"recording {source}".rstrip())
        except BaseException:
            self._discard()
            raise

    def add(self, result: PoseResult) -> None:
        """Record one frame. Raises XnectError where the disk is full; what was added before is safe."""
        with self._lock:
            if self.summary is not None:
                raise RuntimeError("this take is closed")
            self._journal.append(result)
            self._keep(result.floor)
            if self._info["size"] is None:
                self._info |= {"size": list(result.frame.size), "focal_px": float(result.focal_px)}
                write_info(self.folder, self._info)

    def _discard(self) -> None:
        with contextlib.suppress(XnectError):
            self._journal.close()
        remove_take(self.folder)

    def _keep(self, floor: Floor | None) -> None:
        """What take.json says of the floor follows its tilt: a take whose program is killed is levelled, too."""
        if floor is None:
            return
        self._floor = floor
        known = self._info.get("floor")
        if known is None or np.dot(known["up_cam"], floor.up_cam) < _SAME_UP:
            self._info["floor"] = _floor_info(floor)
            write_info(self.folder, self._info)

    def log(self, message: str) -> None:
        """Add a line to log.txt."""
        log(self.folder, message)

    def close(self, second_pass: Callable[[Take], Take] | None = None) -> TakeSummary:
        """Write poses.npz, take.json and the BVH files. Calling it again returns the same summary.

        second_pass: what to make of the take once all of it is known, before anything is written.
        """
        with self._lock:
            if self.summary is None:
                self._journal.close()
                if self._floor is not None:
                    self._info["floor"] = _floor_info(self._floor)
                self._info["second_pass"] = second_pass is not None
                write_info(self.folder, self._info)
                if second_pass is not None:
                    secure_journal(self.folder)
                    rewrite_poses(self.folder, second_pass)
                self.summary = export_take(self.folder)
            return self.summary

    def __enter__(self) -> TakeRecorder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            with contextlib.suppress(XnectError):  # a full disk takes no line either, and must not keep us from closing
                self.log(f"stopped by {error!r}")
        self.close()


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
    ``options`` and ``min_person_s`` default to those the take was recorded with; ``ids`` limits the files written.
    All files of a take share frame 0 (its first frame), frame rate and frame count.
    Raises XnectError for an unknown id, a folder that is still being recorded or cannot be written.
    """
    folder = Path(folder)
    out = folder if out_folder is None else Path(out_folder)
    own = out.resolve() == folder.resolve()
    if own and (folder / JOURNAL_FILE).exists():
        secure_journal(folder)
    take = load_take(folder)
    options = options or _recorded_options(take.info)
    if options.up_cam is None and "floor" in take.info:
        options = dataclasses.replace(options, up_cam=tuple(take.info["floor"]["up_cam"]))
    if min_person_s is None:
        min_person_s = float(take.info.get("min_person_s", 0.5))
    if unknown := set(ids or ()) - set(take.ids):
        raise XnectError(str(folder), f"has no person {min(unknown)}", f"Its people are {take.ids}")
    people = summarise(take, min_person_s, presence_of(take, options.max_gap_s))
    numbered = [person for person in people if person.file]

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refused(out, error) from error
    files: list[Path] = []
    if numbered:
        start_s, end_s = float(take.every_frame_t_s.min()), float(take.every_frame_t_s.max())
        _check_span(take, options.fps * (end_s - start_s))
        clips = build_clips([take.track(p.id) for p in numbered], options, start_s=start_s, end_s=end_s)
        for person, clip in zip(numbered, clips, strict=True):
            if ids is None or person.id in ids:
                files.append(write_bvh(out / str(person.file), clip))
    times = take.every_frame_t_s
    summary = TakeSummary(
        folder=out,
        files=tuple(files),
        people=tuple(people),
        frames=len(times),
        duration_s=float(np.ptp(times)) if len(times) else 0.0,
    )
    if own:
        _remove_stale(take, people, files)
        write_info(folder, dict(take.info) | _outcome(take, summary, options, min_person_s))
        log(folder, f"{summary.frames} frames, {summary.duration_s:.2f} s")
        for p in people:
            log(folder, f"id {p.id}: {p.file or 'no BVH, ' + p.skipped}")
        kept = [folder / name for name in (INFO_FILE, POSES_FILE, LOG_FILE)]
        summary = dataclasses.replace(summary, files=(*kept, *files))
    return summary


def _check_span(take: Take, frames: float) -> None:
    """Raises XnectError if BVH files would have far more frames than the take: hours for seconds, from a damaged time."""
    most = _MOST_STRETCHED * len(take.every_frame_t_s) + _ALWAYS_FRAMES
    if frames > most:
        cause = f"has {len(take.every_frame_t_s)} frames, but their times would make {frames:,.0f} frames of a BVH file"
        raise XnectError(str(take.folder), cause, f"At most {most:,} are written: mend its times, or give a lower frame rate")


def _floor_info(floor: Floor) -> dict[str, Any]:
    return {"up_cam": floor.up_cam.tolist(), "height_mm": float(floor.height_mm)}


def summarise(take: Take, min_person_s: float, presence: Mapping[int, np.ndarray]) -> list[PersonSummary]:
    """Who is in a take, in order of first appearance. ``presence``: of each, as `presence.presence_of` has it."""
    lengths_s = _frame_lengths_s(take.every_frame_t_s)
    return [_summarise(take, identity, min_person_s, counts(presence[identity]), lengths_s) for identity in take.ids]


def _summarise(take: Take, identity: int, min_s: float, frames: dict[str, int], lengths_s: np.ndarray) -> PersonSummary:
    rows = take.id == identity
    times = np.unique(take.t_s[rows])
    seen_s = float(lengths_s[np.isin(take.every_frame_t_s, times)].sum())
    skipped = ""
    if seen_s < _NEARLY * min_s:
        skipped = f"seen for less than {min_s:g} s"
    elif not np.isfinite(take.joints_mm[rows]).all(axis=2).any():
        skipped = "no 3D pose"
    file = None if skipped else bvh_name(identity)
    name = take.names.get(identity, "")
    return PersonSummary(identity, name, file, skipped, float(times[0]), float(times[-1]), seen_s, len(times), **frames)


def _frame_lengths_s(every_frame_t_s: np.ndarray) -> np.ndarray:
    """(N,) seconds that each frame stands for: up to the next, where that comes without a pause."""
    if len(every_frame_t_s) < 2:
        return np.zeros(len(every_frame_t_s))
    order = np.argsort(every_frame_t_s, kind="stable")
    steps_s = np.diff(every_frame_t_s[order])
    usual_s = float(np.median(steps_s))
    out = np.empty(len(order))
    out[order] = np.minimum(np.append(steps_s, usual_s), max(_PAUSE_S, 1.5 * usual_s))
    return out


def bvh_name(identity: int) -> str:
    """The BVH file of the person with this id."""
    return f"person{identity:02d}.bvh"


def _outcome(take: Take, summary: TakeSummary, options: BvhOptions, min_person_s: float) -> dict[str, Any]:
    """What take.json gains once the take is finished."""
    first, last = (int(take.every_frame_index.min()), int(take.every_frame_index.max())) if summary.frames else (0, -1)
    return {
        "schema_version": SCHEMA_VERSION,
        "state": "finished",
        "measured_fps": (summary.frames - 1) / summary.duration_s if summary.duration_s > 0 else None,
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


def _remove_stale(take: Take, people: list[PersonSummary], written: list[Path]) -> None:
    """Delete files of an earlier export that are no longer anybody's, or belong to somebody else by now."""
    current = {person.file: person.id for person in people}
    for person in take.info.get("people", []):
        name = str(person.get("file"))
        path = take.folder / name
        if re.fullmatch(r"person\d+\.bvh", name) and path not in written and current.get(name) != person.get("id"):
            path.unlink(missing_ok=True)


def _recorded_options(info: Mapping[str, Any]) -> BvhOptions:
    known = {field.name for field in dataclasses.fields(BvhOptions)}
    stored = {key: value for key, value in info.get("bvh", {}).items() if key in known}
    if stored.get("up_cam") is not None:
        stored["up_cam"] = tuple(stored["up_cam"])
    return BvhOptions(**stored)
