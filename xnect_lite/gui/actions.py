"""Everything the user can do, in one table: menus, toolbar, shortcuts and the shortcut help are made from it. No Qt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do.

    name:         what handlers are found by.
    menu, title:  where it stands, and as what; "" = a rule before the next entry.
    shortcuts:    keys, as QKeySequence spells them; the first is shown.
    tip:          what it does, for tooltip and status bar.
    is_toggle, is_on:  has a tick, and whether it starts ticked.
    in_toolbar:   also a button.
    """

    name: str
    menu: str
    title: str
    shortcuts: tuple[str, ...] = ()
    tip: str = ""
    is_toggle: bool = False
    is_on: bool = False
    in_toolbar: bool = False


ACTIONS: tuple[Action, ...] = (
    Action(
        "open", "File", "Open video…", ("Ctrl+O",), "Play a video file; you may also drop one on the window", in_toolbar=True
    ),
    Action("takes", "File", "Show takes folder", (), "Open the folder that takes are saved in"),
    Action("quit", "File", "Quit", ("Ctrl+Q",), "Finish a running take and leave"),
    Action("camera", "Capture", "Camera", (), "Choose a camera by its name", in_toolbar=True),
    Action("run", "Capture", "Start", ("Space",), "Start or stop the camera or the clip", in_toolbar=True),
    Action("record", "Capture", "Record", ("R",), "Record a take: one BVH file per person", is_toggle=True, in_toolbar=True),
    Action("overlay", "View", "2D skeletons", ("1",), "Skeletons drawn over the picture", is_toggle=True, is_on=True),
    Action("ids", "View", "Identities", ("2",), "Everyone's number, in the picture and in 3D", is_toggle=True, is_on=True),
    Action("latency", "View", "Latency", ("L",), "How long each stage takes", is_toggle=True, is_on=True, in_toolbar=True),
    Action("front", "View", "Front", ("F",), "3D seen from where the camera stands", in_toolbar=True),
    Action("side", "View", "Side", ("S",), "3D seen from the right", in_toolbar=True),
    Action("top", "View", "Top", ("T",), "3D seen from above", in_toolbar=True),
    Action("home", "View", "Reset view", ("Home",), "Everyone in view again", in_toolbar=True),
    Action("fullscreen", "View", "Full screen", ("F11",), "Hide everything but the window", is_toggle=True),
    Action("shortcuts", "Help", "Shortcuts", ("?", "F1"), "All keys at a glance"),
    Action("about", "Help", "About", (), "Version and licences"),
)


def menus() -> list[tuple[str, list[Action]]]:
    """(menu title, its actions), in the order of the table."""
    found: dict[str, list[Action]] = {}
    for action in ACTIONS:
        found.setdefault(action.menu, []).append(action)
    return list(found.items())
