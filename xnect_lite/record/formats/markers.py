"""Joints as markers, for programs of biomechanics: TRC (OpenSim) and C3D. Millimetres, Y up, one file per person.

What was neither measured nor bridged is a missing marker: an empty field in TRC, a residual of -1 in C3D.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xnect_lite.record.formats.files import library, new_file, new_path, person_path, subject
from xnect_lite.record.people import PersonSummary
from xnect_lite.record.shot import Shot
from xnect_lite.skeleton import JOINTS

_ROW_END = "\t\n"  # OpenSim overlooks an empty field at the very end
_SIDES = {"l_": "L", "r_": "R"}


def marker_name(joint: str) -> str:
    """r_shoulder -> RShoulder, head_top -> HeadTop."""
    side = _SIDES.get(joint[:2], "")
    return side + "".join(part.capitalize() for part in (joint[2:] if side else joint).split("_"))


MARKERS = [marker_name(joint) for joint in JOINTS]


def write_trc(shot: Shot, folder: Path) -> list[Path]:
    """person02.trc and so on, as OpenSim's TRCFileAdapter reads them."""
    return [_write_trc(shot, person_path(folder, person, "trc"), shot.points(person, shot.times_s).points_mm)
            for person in shot.people]  # fmt: skip


def _write_trc(shot: Shot, path: Path, points_mm: np.ndarray) -> Path:
    count, fps = len(points_mm), shot.options.fps
    empty = "\t" * 2
    head = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{fps:.6f}\t{fps:.6f}\t{count}\t{len(MARKERS)}\tmm\t{fps:.6f}\t1\t{count}",
        "Frame#\tTime\t" + "".join(f"{marker}\t{empty}" for marker in MARKERS).rstrip("\t"),
        "\t\t" + "\t".join(f"X{n}\tY{n}\tZ{n}" for n in range(1, len(MARKERS) + 1)),
        "",
    ]
    form = "\t".join(["%.4f"] * (3 * len(MARKERS)))
    with new_file(path) as file:
        file.write(("\n".join(head) + "\n").encode())
        for number, row in enumerate((points_mm.reshape(count, -1) + 0.0).tolist()):
            fields = (form % tuple(row)).replace("nan", "")
            file.write(f"{number + 1}\t{number / fps:.6f}\t{fields}{_ROW_END}".encode())
    return path


def write_c3d(shot: Shot, folder: Path) -> list[Path]:
    """person02.c3d and so on."""
    return [_write_c3d(shot, person, person_path(folder, person, "c3d")) for person in shot.people]


def _write_c3d(shot: Shot, person: PersonSummary, path: Path) -> Path:
    """By the classes beneath ezc3d's own `c3d`, which loses 56 bytes per marker and frame with every file it writes: masks of
    cameras that are no float64 are converted, and what they were converted to is never freed."""
    ezc3d = library("ezc3d", "C3D").ezc3d
    file, points_mm = ezc3d.c3d(), shot.points(person, shot.times_s).points_mm
    for marker in MARKERS:
        file.point(marker)
    file.parameters().group(ezc3d.Group("SUBJECTS"))
    rate = ezc3d.Parameter("RATE")
    rate.set(ezc3d.VecDouble([float(shot.options.fps)]), [1])
    file.parameter("POINT", rate)
    texts = (
        ("POINT", "UNITS", "mm"), ("POINT", "X_SCREEN", "+X"), ("POINT", "Y_SCREEN", "+Y"),
        ("SUBJECTS", "NAMES", subject(person)),
    )  # fmt: skip
    for group, name, text in texts:
        parameter = ezc3d.Parameter(name)
        parameter.set(ezc3d.VecString([text]), [1])
        file.parameter(group, parameter)
    shape = len(MARKERS), len(points_mm)
    residuals = np.ascontiguousarray(np.where(np.isnan(points_mm).any(axis=2), -1.0, 0.0).T[None])
    data = np.ones((4, *shape))
    data[:3] = points_mm.transpose(2, 1, 0)
    del points_mm
    file.import_numpy_data(data, residuals, np.zeros((7, *shape)), np.zeros((1, 0, 0)), None)
    del data, residuals
    with new_path(path) as partial:
        file.write(str(partial))
    return path
