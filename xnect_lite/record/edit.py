"""Mending a take after the fact: into a new folder, or in place with steps that can be taken back.

In place, take.json holds ``steps`` (what was done, in order), ``undone`` (what was taken back and can be done again), and
poses.npz is never touched: every earlier version of the take is kept by keeping what it was made from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from xnect_lite.errors import XnectError
from xnect_lite.record.finish import TakeSummary, export_take
from xnect_lite.record.names import names_of
from xnect_lite.record.steps import (
    Step,
    apply_step,
    cut_id,
    delete_id,
    merge_ids,
    rename_id,
    step_words,
    swap_ids,
    trim_take,
)
from xnect_lite.record.take_folder import (
    JOURNAL_FILE,
    Take,
    load_take,
    log,
    new_take_folder,
    read_info,
    refused,
    remove_take,
    write_info,
    write_poses,
)

__all__ = [
    "Edit", "Step", "apply_step", "cut_id", "delete_id", "edit_in_place", "edit_take", "free_id", "merge_ids", "redo_edit",
    "rename_id", "step_words", "swap_ids", "trim_take", "undo_edit",
]  # fmt: skip

Edit = Callable[[Take], Take]


def edit_in_place(take: Take, step: Step) -> Take:
    """``take`` after ``step``, which its folder remembers from now on. What was undone before can no longer be done again.

    Files such as person01.bvh are not written anew: `record.take.export_take` does that, whenever it suits.
    Raises XnectError where the edit cannot be, the take was edited by somebody else meanwhile, or the folder refuses.
    """
    edited = apply_step(take, step)
    info = _finished(take.folder)
    _is_still(take, info)
    info |= {"steps": [*info.get("steps", []), dict(step)], "undone": []}
    write_info(take.folder, info)
    log(take.folder, step_words(step))
    return _with_info(edited, info)


def undo_edit(folder: str | Path) -> Take:
    """The take without its last step. Raises XnectError if there is none."""
    info = _finished(Path(folder))
    if not info.get("steps"):
        raise XnectError(str(folder), "has no edit to take back", "Nothing needs to be done")
    *steps, last = info["steps"]
    return _rewritten(Path(folder), info | {"steps": steps, "undone": [*info.get("undone", []), last]}, "took back: ", last)


def redo_edit(folder: str | Path) -> Take:
    """The take with the step that was last taken back. Raises XnectError if there is none."""
    info = _finished(Path(folder))
    if not info.get("undone"):
        raise XnectError(str(folder), "has no edit that was taken back", "Nothing needs to be done")
    *undone, last = info["undone"]
    return _rewritten(Path(folder), info | {"steps": [*info.get("steps", []), last], "undone": undone}, "again: ", last)


def free_id(take: Take) -> int:
    """An id that nobody in the take has or ever had, also before its edits."""
    made = [int(step["new"]) for kind in ("steps", "undone") for step in take.info.get(kind, []) if step["op"] == "cut"]
    return max([*take.recorded_ids, *take.ids, *made, 0]) + 1


def edit_take(folder: str | Path, edit: Edit, what: str, out: str | Path | None = None) -> TakeSummary:
    """Write what ``edit`` makes of a take into a new folder, BVH files and all.

    what: the edit in words, for take.json and the log.
    out:  the new folder; by default one beside the take, named after it.
    Raises XnectError for a folder that is no take, an edit that cannot be, or a folder that exists or cannot be written.
    """
    folder = Path(folder)
    take = load_take(folder)
    if not len(take.every_frame_t_s):
        raise XnectError(str(folder), "holds no frames", "Choose another take")
    edited = edit(take)
    try:
        if out is None:
            out = _beside(folder)
        else:
            out = Path(out)
            out.mkdir(parents=True, exist_ok=False)
    except FileExistsError as error:
        raise XnectError(str(out), "exists already", "Choose a new folder with -o") from error
    except OSError as error:
        raise refused(Path(str(out)), error) from error
    try:
        return _write_edited(take, edited, what, out)
    except BaseException:
        remove_take(out)
        raise


def _write_edited(take: Take, edited: Take, what: str, out: Path) -> TakeSummary:
    try:
        write_poses(out, edited)
    except OSError as error:
        raise refused(out, error) from error
    history = [*take.info.get("edits", []), *({"edit": step_words(step)} for step in take.info.get("steps", []))]
    history.append({"from": str(take.folder), "edit": what})
    left_out = ("job", "steps", "undone")  # it is no longer what that job made, and its poses hold the steps
    info = {key: value for key, value in take.info.items() if key not in left_out}
    names = {str(identity): name for identity, name in edited.names.items()}
    wish = edited.wanted if isinstance(edited.wanted, str) else list(edited.wanted)
    write_info(out, {**info, "people": [], "edits": history, "names": names, **({"wanted": wish} if "wanted" in info else {})})
    log(out, f"{what}, of {take.folder}")
    return export_take(out)


def _beside(folder: Path) -> Path:
    return new_take_folder(folder.resolve().parent, f"{folder.resolve().name[20:] or 'take'}_edited")


def _finished(folder: Path) -> dict[str, Any]:
    info = read_info(folder)
    if not info and not (folder / JOURNAL_FILE).exists():
        raise XnectError(str(folder), "is not a take: it has no take.json", "Check the folder")
    if info.get("state") != "finished":
        raise XnectError(str(folder), "is not finished", f"Finish it first: xnect-lite take finish {folder}")
    return info


def _is_still(take: Take, info: dict[str, Any]) -> None:
    if info.get("steps", []) != take.info.get("steps", []) or names_of(info) != names_of(take.info):
        raise XnectError(str(take.folder), "was edited elsewhere meanwhile", "Open it again, and repeat the edit")


def _rewritten(folder: Path, info: dict[str, Any], how: str, step: Step) -> Take:
    write_info(folder, info)
    log(folder, how + step_words(step))
    return load_take(folder)


def _with_info(take: Take, info: dict[str, Any]) -> Take:
    return replace(take, info=info)
