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
from xnect_lite.record.bvh import BvhClip, BvhOptions
from xnect_lite.record.bvh_file import write_bvh
from xnect_lite.record.journal import JournalWriter
from xnect_lite.record.names import checked_name
from xnect_lite.record.people import PersonSummary, bvh_name
from xnect_lite.record.shot import shot_of
from xnect_lite.record.source_video import VIDEO_FILE, SourceVideo, mend_video
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
    read_info,
    refused,
    remove_take,
    rewrite_poses,
    secure_journal,
    write_info,
)
from xnect_lite.skeleton import JOINTS
from xnect_lite.types import Floor, Frame, PoseResult

__all__ = ["PersonSummary", "Take", "TakeRecorder", "TakeSummary", "export_take", "load_take", "new_take_folder"]


OVERLAY_FILE = "overlay.mp4"
_SAME_UP = float(np.cos(np.radians(1.0)))  # cosine of a tilt too small to be written while recording


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


class TakeRecorder:
    """Records poses into a folder; a killed program loses nothing that was added.

        with TakeRecorder(new_take_folder("takes", "dance"), source="camera 0", config=config) as recorder:
            for result in results:
                recorder.add(result)
        print(recorder.summary.files)

    ``add`` and ``close`` may be called from different threads.

    Args:
        folder: made if missing; must not hold a take already. Where recording cannot begin, it is not left behind.
        source: what was filmed, for take.json.
        fps: the source's nominal frame rate, None = unknown. The BVH frame rate is ``bvh.fps``.
        config: dataclass or mapping, saved in take.json.
        bvh: how clips are made.
        min_person_s: people seen for less get no BVH file.
        started: when; the present moment without it.
        job: what of a batch this take is, for take.json.
        video: keep the source's frames as well, those that are handed to `add_video`, in video.mp4.
        names: id -> name.
        people: who gets BVH files: all, main, or ids; see `shot.shot_of`.

    Raises:
        XnectError: where the folder or the disk refuses.
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
        video: bool = False,
        names: Mapping[int, str] | None = None,
        people: str | Sequence[int] = "all",
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
            **({"names": {str(identity): checked_name(name) for identity, name in names.items()}} if names else {}),
            **({} if people == "all" else {"wanted": people if isinstance(people, str) else list(people)}),
        }
        self._video: SourceVideo | None = None
        self._video_told = False
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
            if video:
                self._video = SourceVideo(self.folder / VIDEO_FILE, fps)
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
            self._tell_video()
            if self._info["size"] is None:
                self._info |= {"size": list(result.frame.size), "focal_px": float(result.focal_px)}
                write_info(self.folder, self._info)

    def add_video(self, frame: Frame) -> None:
        """Keep a frame in the film, whether or not it is ever looked at; never waits, may be called from any thread.

        Without ``video``, or once the take is closed, nothing happens.
        """
        if self._video is not None:
            self._video.add(frame)

    @property
    def video_lost(self) -> int:
        """Frames that are missing in the film so far, because encoding did not keep up or the disk refused."""
        return 0 if self._video is None else self._video.lost

    def _tell_video(self) -> None:
        """Where the film begins is known with its first frame; a take whose program is killed must say it."""
        if self._video is not None and not self._video_told and self._video.start_s is not None:
            self._video_told = True
            self._info["video"] = {"file": VIDEO_FILE, "start_s": self._video.start_s}
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
                if self._video is not None:
                    self._video.close()
                    self._info["video"] = self._video.about()
                    if self._video.error:
                        self.log(str(self._video.error))
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


def _floor_info(floor: Floor) -> dict[str, Any]:
    return {"up_cam": floor.up_cam.tolist(), "height_mm": float(floor.height_mm)}


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
