"""All that is worked out of a take before it is shown; of a long one it takes a second, so it may be done aside. No Qt."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from xnect_lite.errors import XnectError
from xnect_lite.gui.player.editor import TakeEditor
from xnect_lite.gui.player.frames import TakeFrames
from xnect_lite.gui.player.lanes import Lane, build_lanes
from xnect_lite.record.take_folder import JOURNAL_FILE, POSES_FILE

_SHORT_BYTES, _SHORT_ROWS = 3_000_000, 4000  # read and worked out in well under a tenth of a second


@dataclasses.dataclass(frozen=True)
class Reading:
    """A take ready to be shown. ``meets``: identity -> who is ever in view with them."""

    editor: TakeEditor
    frames: TakeFrames
    lanes: list[Lane]
    meets: dict[int, set[int]]
    floor_m: float


def read_take(folder: Path) -> Reading:
    """The take in a folder. Raises XnectError where it cannot be shown."""
    editor = TakeEditor(folder)
    if not len(editor.take.every_frame_t_s):
        raise XnectError(str(folder), "holds no frames", "Choose another take")
    return _reading(editor)


def read_after(editor: TakeEditor, edit: Callable[[TakeEditor], object]) -> Reading:
    """The take after an edit. Raises XnectError, and changes nothing, where that cannot be."""
    edit(editor)
    return _reading(editor)


def is_short(folder: Path) -> bool:
    """Whether a take is read so soon that nobody need wait for it."""
    files = (folder / POSES_FILE, folder / JOURNAL_FILE)
    try:
        return sum(file.stat().st_size for file in files if file.exists()) < _SHORT_BYTES
    except OSError:
        return True


def is_soon_worked_out(editor: TakeEditor) -> bool:
    """Whether an edit is shown so soon that nobody need wait for it."""
    return len(editor.take.t_s) < _SHORT_ROWS


def _reading(editor: TakeEditor) -> Reading:
    frames = TakeFrames(editor.take)
    return Reading(editor, frames, build_lanes(frames), frames.meetings(), frames.floor_m)
