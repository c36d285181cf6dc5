"""Mending a take that is open: edits that its folder remembers at once, and that can be taken back. No Qt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xnect_lite.errors import XnectError
from xnect_lite.record.edit import edit_in_place, free_id, redo_edit, step_words, undo_edit
from xnect_lite.record.take_folder import Take, load_take, read_info

_CHANGED = "was edited elsewhere meanwhile"


class TakeEditor:
    """One take and its edits.

    take: as it is now, after every edit. poses.npz stays as recorded: all that was done stands in take.json, step by step.

    Every method raises XnectError, and changes nothing, where the edit cannot be or the folder refuses.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.take: Take = load_take(folder)
        self._written = self._steps

    @property
    def _steps(self) -> list[Any]:
        return list(self.take.info.get("steps", []))

    @property
    def is_stale(self) -> bool:
        """Files such as person01.bvh are not of the take as it is now."""
        return self._steps != self._written

    def mark_written(self) -> None:
        """The files are being written anew."""
        self._written = self._steps

    @property
    def undo_words(self) -> str:
        """What undo would take back; "" = nothing."""
        steps = self.take.info.get("steps", [])
        return step_words(steps[-1]) if steps else ""

    @property
    def redo_words(self) -> str:
        """What redo would do again; "" = nothing."""
        undone = self.take.info.get("undone", [])
        return step_words(undone[-1]) if undone else ""

    @property
    def is_changed_elsewhere(self) -> bool:
        """Whether another program has edited or finished the take since it was read."""
        try:
            now = read_info(self.folder)
        except XnectError:
            return True
        return any(now.get(key, []) != self.take.info.get(key, []) for key in ("steps", "undone"))

    def reload(self) -> None:
        """As it is in the folder now."""
        self.take = load_take(self.folder)

    def swap(self, one: int, other: int, from_s: float) -> None:
        """From ``from_s`` seconds on, two people change places."""
        self._do({"op": "swap", "one": one, "other": other, "from_s": from_s})

    def merge(self, into: int, other: int) -> None:
        """Two identities are one person, who keeps the number ``into``."""
        self._do({"op": "merge", "into": into, "other": other})

    def cut(self, person: int, at_s: float) -> int:
        """From ``at_s`` seconds on, somebody is a new person; returns their number."""
        new = free_id(self.take)
        self._do({"op": "cut", "person": person, "at_s": at_s, "new": new})
        return new

    def rename(self, person: int, name: str) -> None:
        """Give somebody a name; "" takes it away."""
        self._do({"op": "rename", "person": person, "name": name})

    def delete(self, person: int) -> None:
        """Leave somebody out of the take."""
        self._do({"op": "delete", "person": person})

    def trim(self, from_s: float, to_s: float) -> None:
        """Only what lies between these seconds, ends counted."""
        self._do({"op": "trim", "from_s": from_s, "to_s": to_s})

    def undo(self) -> None:
        """Take back the last edit."""
        self._check()
        self.take = undo_edit(self.folder)

    def redo(self) -> None:
        """Do again what was taken back last."""
        self._check()
        self.take = redo_edit(self.folder)

    def _do(self, step: dict[str, Any]) -> None:
        self._check_there()
        self.take = edit_in_place(self.take, step)

    def _check_there(self) -> None:
        if not self.folder.is_dir():
            raise XnectError(str(self.folder), "is not there any more", "Put it back, or close the take")

    def _check(self) -> None:
        self._check_there()
        if self.is_changed_elsewhere:
            raise XnectError(str(self.folder), _CHANGED, "Open it again, and repeat the edit")
