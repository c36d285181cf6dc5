"""Record a take. What lies in its folder: see `take_folder`; what closing it writes: see `finish`.

While recording, poses go to a journal that survives a killed program; a take that was cut off is finished by `export_take`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from xnect_lite.config import as_dict
from xnect_lite.errors import XnectError, shown_address
from xnect_lite.record.bvh import BvhOptions
from xnect_lite.record.finish import TakeSummary, export_take
from xnect_lite.record.journal import JournalWriter
from xnect_lite.record.names import checked_name
from xnect_lite.record.people import PersonSummary
from xnect_lite.record.source_video import VIDEO_FILE, SourceVideo
from xnect_lite.record.take_folder import (
    INFO_FILE,
    JOURNAL_FILE,
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
from xnect_lite.types import Floor, Frame, PoseResult

__all__ = ["PersonSummary", "Take", "TakeRecorder", "TakeSummary", "export_take", "load_take", "new_take_folder"]


_SAME_UP = float(np.cos(np.radians(1.0)))  # cosine of a tilt too small to be written while recording


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


def _floor_info(floor: Floor) -> dict[str, Any]:
    return {"up_cam": floor.up_cam.tolist(), "height_mm": float(floor.height_mm)}
