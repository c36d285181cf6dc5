"""Identities of a take against the truth of a clip, on scenes small enough to count by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from people import walking_person

from xnect_lite.evaluate.identity import score_take
from xnect_lite.record.take import TakeRecorder, load_take
from xnect_lite.synth.truth import Truth
from xnect_lite.types import Frame, People, PoseResult

FRAMES = 10


def place(person: int) -> np.ndarray:
    """(24, 2) pixels of somebody who stands still, 200 px beside the next."""
    mm, _ = walking_person(np.zeros(1))
    return mm[0, :, :2] / 10 + (100 + 200 * person, 120)


def truth(people: int, shows: tuple[bool, ...]) -> Truth:
    joints = np.stack([place(p) for p in range(people)]).astype(np.float32)
    visible = np.repeat(np.array(shows)[:, None], 24, axis=1)
    mask_px = np.where(shows, 5000, 0)
    cam = np.zeros((people, 24, 3), np.float32)
    return Truth(joints, cam, visible, mask_px, np.zeros((4, 4), np.int16), 640.0, np.array([0.0, -1, 0, 1]))


def take_of(folder: Path, frames: list[dict[int, int]]):
    """A take in which, per frame, the person (key) was found under the id (value)."""
    with TakeRecorder(folder) as recorder:
        for number, found in enumerate(frames):
            people = People.empty(len(found))
            for row, (person, name) in enumerate(found.items()):
                people.joints_px[row], people.ids[row], people.joint_score[row] = place(person), name, 0.8
            recorder.add(PoseResult(Frame(np.zeros((480, 640, 3), np.uint8), number / 10, number), people, 640.0))
    return load_take(folder)


BOTH = (True, True)
CASES = [
    ("all right, other names", [{0: 5, 1: 3}] * 10, BOTH, {"found": 1.0, "idf1": 1.0, "swaps": 0, "ids": 2}),
    ("rows in any order", [{1: 3, 0: 5}] * 10, BOTH, {"idf1": 1.0, "swaps": 0}),
    ("swapped half way", [{0: 1, 1: 2}] * 5 + [{0: 2, 1: 1}] * 5, BOTH, {"found": 1.0, "idf1": 0.5, "swaps": 2}),
    ("one is missed", [{0: 1}] * 10, BOTH, {"found": 0.5, "idf1": 2 * 10 / 30, "swaps": 0, "ids": 1}),
    ("a ghost", [{0: 1, 1: 2, 2: 3}] * 10, BOTH, {"found": 1.0, "idf1": 2 * 20 / 50, "ids": 3}),
    ("nobody was found", [{}] * 10, BOTH, {"found": 0.0, "idf1": 0.0, "ids": 0}),
    ("one is hidden and not found", [{0: 1}] * 10, (True, False), {"people": 10, "found": 1.0, "idf1": 1.0}),
    ("one is hidden and found all the same", [{0: 1, 1: 2}] * 10, (True, False), {"found": 1.0, "idf1": 1.0, "ids": 1}),
]


@pytest.mark.parametrize(("case", "frames", "shows", "figures"), CASES, ids=[c[0] for c in CASES])
def test_by_hand(tmp_path, case, frames, shows, figures):
    score = score_take(take_of(tmp_path / "t", frames), [truth(2, shows)] * FRAMES)
    assert {name: score[name] for name in figures} == pytest.approx(figures), case
    assert score["frames"] == FRAMES


def test_frames_after_the_truth_are_left_out(tmp_path):
    score = score_take(take_of(tmp_path / "t", [{0: 1, 1: 2}] * FRAMES), [truth(2, BOTH)] * 4)
    assert score["frames"] == 4 and score["idf1"] == 1.0
