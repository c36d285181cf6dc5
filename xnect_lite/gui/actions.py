"""Everything the user can do, in one table: menus, toolbar, shortcuts and the shortcut help are made from it. No Qt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do.

    name:         what handlers are found by.
    menu, title:  where it stands, and as what.
    shortcuts:    keys, as QKeySequence spells them; the first is shown.
    tip:          what it does, for tooltip and status bar.
    icon:         of `icons.ICONS`; "" = none.
    needs:        what must be there for it: a "take" open, a "person" chosen in it, something to "undo" or "redo", a "file" in
                  work; "" = nothing.
    is_toggle, is_on:  has a tick, and whether it starts ticked.
    is_menu:      opens a menu whose entries are known only then.
    in_toolbar:   also a button.
    starts_group: a rule before it.
    """

    name: str
    menu: str
    title: str
    shortcuts: tuple[str, ...] = ()
    tip: str = ""
    icon: str = ""
    needs: str = ""
    is_toggle: bool = False
    is_on: bool = False
    is_menu: bool = False
    in_toolbar: bool = False
    starts_group: bool = False


ACTIONS: tuple[Action, ...] = (
    Action("open", "File", "Open video…", ("Ctrl+O",), "A video, to be processed frame by frame; or drop it on the window",
           icon="open", in_toolbar=True),
    Action("open_take", "File", "Open take…", ("Ctrl+T",), "A take's folder, to be seen and mended"),
    Action("recent", "File", "Recent", (), "Files and takes opened last", is_menu=True),
    Action("demo", "File", "Play the demo", (), "The built-in clip: three people, no camera needed"),
    Action("export", "File", "Export…", ("Ctrl+E",), "Write the take for other programs", icon="export", needs="take",
           in_toolbar=True, starts_group=True),
    Action("close_take", "File", "Close take", ("Ctrl+W",), "Back to the camera", needs="take"),
    Action("takes", "File", "Show takes folder", (), "Open the folder that takes are saved in"),
    Action("settings", "File", "Settings…", ("Ctrl+,",), "Camera, network, motion, recording, looks", icon="settings",
           starts_group=True),
    Action("quit", "File", "Quit", ("Ctrl+Q",), "Finish a running take and leave", starts_group=True),
    Action("camera", "Capture", "Camera", (), "Choose a camera by its name", icon="camera", is_menu=True, in_toolbar=True),
    Action("run", "Capture", "Start", ("Space",), "Start or stop the camera, play or pause", in_toolbar=True),
    Action("record", "Capture", "Record", ("R",), "Record a take; press again to end it", is_toggle=True, in_toolbar=True),
    Action("cancel", "Capture", "Cancel processing", ("Esc",), "Stop here; what is done is kept as a take", needs="file"),
    Action("mirror", "Capture", "Mirror preview", ("Ctrl+M",), "Show the picture as a mirror does; recordings are not mirrored",
           is_toggle=True, starts_group=True),
    Action("step_back", "Take", "Frame back", ("Left",), "One frame back", "previous", "take"),
    Action("step_forward", "Take", "Frame forward", ("Right",), "One frame forward", "next", "take"),
    Action("jump_back", "Take", "One second back", ("Shift+Left",), "A second back", needs="take"),
    Action("jump_forward", "Take", "One second forward", ("Shift+Right",), "A second forward", needs="take"),
    Action("first", "Take", "To the begin", ("Ctrl+Left",), "To the in mark, or the first frame", "first", "take"),
    Action("last", "Take", "To the end", ("Ctrl+Right",), "To the out mark, or the last frame", "last", "take"),
    Action("slower", "Take", "Slower", ("-",), "Play at half the speed", needs="take", starts_group=True),
    Action("faster", "Take", "Faster", ("+", "="), "Play at twice the speed", needs="take"),
    Action("loop", "Take", "Loop", ("Ctrl+L",), "Start again at the end", "loop", "take", is_toggle=True),
    Action("mark_in", "Take", "Mark in", ("I",), "Play and export from this frame on", "in", "take", starts_group=True),
    Action("mark_out", "Take", "Mark out", ("O",), "Play and export up to this frame", "out", "take"),
    Action("clear_marks", "Take", "Clear marks", ("Shift+I",), "The whole take again", needs="take"),
    Action("again", "Take", "Process its film again…", (), "With other settings, or no frame lost", needs="take"),
    Action("trim", "Take", "Trim to marks", (), "Leave out what is not between the marks; can be undone", needs="take"),
    Action("undo", "People", "Undo", ("Ctrl+Z",), "Take back the last edit", "undo", "undo"),
    Action("redo", "People", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "Do again what was taken back", "redo", "redo"),
    Action("swap", "People", "Swap from here with", ("X",), "From this frame on, two people change places", needs="person",
           is_menu=True, starts_group=True),
    Action("merge", "People", "Merge into", ("M",), "The chosen person and another are one", needs="person", is_menu=True),
    Action("cut", "People", "Cut from here", ("C",), "From this frame on, the chosen person is somebody else", needs="person"),
    Action("rename", "People", "Rename…", ("F2",), "Give the chosen person a name", needs="person"),
    Action("delete", "People", "Delete from take", ("Del",), "Leave the chosen person out; can be undone", needs="person"),
    Action("hide", "People", "Hide or show", ("H",), "The chosen person in the views; the take does not change", needs="person",
           starts_group=True),
    Action("main_only", "People", "Main people only", ("Shift+H",), "Show and export only those who are there most",
           needs="take", is_toggle=True),
    Action("next_person", "People", "Choose next", ("N",), "Choose the next person", needs="take"),
    Action("overlay", "View", "2D skeletons", ("1",), "Skeletons drawn over the picture", is_toggle=True, is_on=True),
    Action("ids", "View", "Names and numbers", ("2",), "Everyone's name or number, in the picture and in 3D", is_toggle=True,
           is_on=True),
    Action("ponder", "View", "Where it computes", ("3",), "Of a network with masks: dark where it skipped", is_toggle=True),
    Action("latency", "View", "Latency", ("L",), "How long each stage takes", "latency", is_toggle=True, in_toolbar=True),
    Action("side_panels", "View", "Takes and people", ("P",), "The lists at the side", is_toggle=True, is_on=True),
    Action("front", "View", "Front", ("F",), "3D seen from where the camera stands", starts_group=True),
    Action("side", "View", "Side", ("S",), "3D seen from the right"),
    Action("top", "View", "Top", ("T",), "3D seen from above"),
    Action("home", "View", "Reset view", ("Home",), "Everyone in view again"),
    Action("accept", "View", "Do what the message offers", ("Ctrl+Return",), "Press the first button of the newest message",
           starts_group=True),
    Action("dismiss", "View", "Hide messages", ("Ctrl+Backspace",), "Take all messages away"),
    Action("fullscreen", "View", "Full screen", ("F11",), "Hide everything but the views", is_toggle=True, starts_group=True),
    Action("shortcuts", "Help", "Shortcuts", ("?", "F1"), "All keys at a glance"),
    Action("about", "Help", "About", (), "Version and licences"),
)  # fmt: skip


def menus() -> list[tuple[str, list[Action]]]:
    """(menu title, its actions), in the order of the table."""
    found: dict[str, list[Action]] = {}
    for action in ACTIONS:
        found.setdefault(action.menu, []).append(action)
    return list(found.items())
