"""The ablation of docs/pipeline.md on synthetic people with truth: python tests/helpers/measure_fitting.py

Not a test: it prints what filtering, fitting, foot lock and the second pass do to the motions of tests/stages/fitting.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "stages/fitting"))
from fitting_scenes import CAMERA, jitter_mm_s2, observe, root_relative_error_mm, seconds, together
from people import walking_person
from test_fitter import MOTIONS, over_time

from xnect_lite.config import FilterConfig, FittingConfig
from xnect_lite.evaluate.steadiness import steadiness
from xnect_lite.record.second_pass import filter_backwards
from xnect_lite.record.take_folder import Take
from xnect_lite.stages.filtering import PoseFilter
from xnect_lite.stages.fitting.fitter import Fitter
from xnect_lite.types import People

_SETTLED = 70  # frames after which the skeleton is calibrated


def main() -> None:
    """Print the table, means over motions and two seeds."""
    rows: dict[str, list[list[float]]] = {}
    t_s = seconds(180)
    for _, mover in MOTIONS:
        joints_mm, root_cam_mm = mover(t_s)
        for seed in (0, 1):
            seen = observe(joints_mm, root_cam_mm, seed=seed)
            smooth = PoseFilter()
            filtered = [smooth.update(p, t) for p, t in zip(seen, t_s, strict=True)]
            stages = {"lifting, placed": seen, "+ filtering": filtered, "fitting, no filter": fit(seen, t_s)}
            stages |= {"+ filtering + fitting": fit(filtered, t_s), "  with foot lock": fit(filtered, t_s, foot_lock=True)}
            for name, people in stages.items():
                rows.setdefault(name, []).append(measure(as_take(people, t_s), joints_mm, root_cam_mm))
            for name in ("+ filtering", "+ filtering + fitting"):
                second = filter_backwards(as_take(stages[name], t_s), FilterConfig())
                rows.setdefault(f"{name} + second pass", []).append(measure(second, joints_mm, root_cam_mm))
    print(
        f"{'':<36}{'MPJPE mm':>10}{'root mm':>10}{'root jitter':>13}{'joint jitter':>14}{'bone spread':>13}{'foot slide':>12}"
    )
    for name, values in rows.items():
        print(f"{name:<36}" + "".join(f"{v:>{w}.{d}f}" for v, w, d in zip(
            np.nanmean(values, axis=0), (10, 10, 13, 14, 13, 12), (1, 0, 0, 0, 2, 0), strict=True)))  # fmt: skip
    for name in ("+ filtering + fitting", "  with foot lock"):  # MOTIONS begins with somebody who stands still, two seeds
        print(f"foot slide of somebody who stands, {name.strip(' +')}: {np.mean([v[-1] for v in rows[name][:2]]):.0f} mm/s")
    for people in (1, 10):
        print(f"fitting {people} people: {time_of(people):.2f} ms of processor time per person and frame")


def fit(frames: list[People], t_s: np.ndarray, **config) -> list[People]:
    """Everybody fitted, in order."""
    fitter = Fitter(FittingConfig(**config))
    return [fitter.update(p, CAMERA, t) for p, t in zip(frames, t_s, strict=True)]


def as_take(frames: list[People], t_s: np.ndarray) -> Take:
    """The first person of the frames, as a take that was never on disk."""
    count = np.arange(len(t_s))
    columns = ("ids", "person_score", "joints_px", "joint_score", "joints_mm", "root_cam_mm", "rotations", "bone_lengths_mm")
    person = [over_time(frames, name) for name in columns]
    stands = over_time(frames, "foot_stands").astype(bool)
    return Take(Path("-"), {"focal_px": CAMERA.fx}, t_s, count, t_s, count, person[0].astype(int), *person[1:], stands)


def measure(take: Take, joints_mm: np.ndarray, root_cam_mm: np.ndarray) -> list[float]:
    """Error and steadiness from the settled frames on; feet stand by the truth's picture."""
    late = slice(_SETTLED, None)
    pixels = CAMERA.project(joints_mm + root_cam_mm[:, None])
    columns = {name: getattr(take, name)[late] for name in Take.__slots__[2:]}
    s = steadiness(Take(take.folder, take.info, **columns | {"joints_px": pixels[late]}), 1)
    error = root_relative_error_mm(take.joints_mm[late], joints_mm[late])
    root = float(np.linalg.norm(take.root_cam_mm - root_cam_mm, axis=1)[late].mean())
    jitter = jitter_mm_s2(take.root_cam_mm[late], take.t_s[late])
    return [error, root, jitter, s.joint_jitter_mm_s2, s.bone_spread_mm, s.foot_slide_mm_s]


def time_of(count: int) -> float:
    """Median milliseconds per person and frame."""
    t_s = seconds(90)
    crowd = [
        observe(*walking_person(t_s, facing_deg=40 * i, start_cam_mm=(400 * i - 2000, 5000)), seed=i) for i in range(count)
    ]
    fitter, spent = Fitter(), []
    for f, t in enumerate(t_s):
        people = together(*(person[f] for person in crowd))
        begin = time.process_time()
        fitter.update(people, CAMERA, t)
        spent.append(time.process_time() - begin)
    return 1e3 * float(np.median(spent)) / count


if __name__ == "__main__":
    main()
