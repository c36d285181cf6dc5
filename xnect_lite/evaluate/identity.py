"""How well identities are kept: IDF1 and the number of swaps, of a take against the truth of a rendered clip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from xnect_lite.evaluate.keypoints import match
from xnect_lite.record.take_folder import Take

if TYPE_CHECKING:
    from xnect_lite.synth.truth import Truth

_LEAST_OKS = 0.3  # a detection farther off is nobody's


def idf1(truth: Sequence[Sequence[int]], given: Sequence[Sequence[int]], matches: Sequence[Sequence[tuple[int, int]]]) -> float:
    """Share of detections with the right identity, under the one-to-one naming of identities that makes it largest.

    Per frame: ``truth`` the people who are there, ``given`` the identities reported, ``matches`` the (true, given) pairs of
    which the positions agree. 2 IDTP / (2 IDTP + IDFP + IDFN), Ristani et al. 2016; 1 when there is nobody and nothing.
    """
    total = sum(map(len, truth)) + sum(map(len, given))
    if total == 0:
        return 1.0
    people = {name: i for i, name in enumerate(dict.fromkeys(t for frame in matches for t, _ in frame))}
    names = {name: i for i, name in enumerate(dict.fromkeys(g for frame in matches for _, g in frame))}
    together = np.zeros((len(people), len(names)))
    for frame in matches:
        for person, name in frame:
            together[people[person], names[name]] += 1
    rows, columns = linear_sum_assignment(together, maximize=True)
    return float(2 * together[rows, columns].sum() / total)


def swaps(matches: Sequence[Sequence[tuple[int, int]]]) -> int:
    """How often a person is found under another identity than when last found."""
    last: dict[int, int] = {}
    count = 0
    for frame in matches:
        for person, name in frame:
            count += last.get(person, name) != name
            last[person] = name
    return count


def score_take(take: Take, truths: Sequence[Truth]) -> dict[str, Any]:
    """Identities of a take against the truth of the clip, whose frame i is ``truths[i]`` and whose person i never changes.

    People of whom too little shows to be taught need not be found, and count neither way if they are. Returns frames, people
    of the truth in all frames, share of them found, idf1, swaps, and how many ids were given.
    """
    there, given, matches = [], [], []
    for index in np.unique(take.every_frame_index):
        if index >= len(truths):
            break
        rows = np.flatnonzero((take.frame_index == index) & (take.id > 0))
        truth = truths[index]
        hidden = truth.visible.any(1)[:, None] & ~truth.visible  # of people of whom nothing shows, all joints count
        joints_px = np.where(hidden[..., None], np.nan, truth.joints_px)
        whose = (
            match(joints_px, take.joints_px[rows], _LEAST_OKS) if len(joints_px) and len(rows) else np.full(len(joints_px), -1)
        )
        pairs = [(int(person), int(take.id[rows[row]])) for person, row in enumerate(whose) if row >= 0]
        unsure = set(np.flatnonzero(~truth.labelled).tolist())
        excused = {name for person, name in pairs if person in unsure}
        there.append([person for person in range(len(joints_px)) if person not in unsure])
        given.append([int(name) for name in take.id[rows] if name not in excused])
        matches.append([(person, name) for person, name in pairs if person not in unsure])
    people = sum(map(len, there))
    return {
        "frames": len(there),
        "people": people,
        "found": sum(map(len, matches)) / max(people, 1),
        "idf1": idf1(there, given, matches),
        "swaps": swaps(matches),
        "ids": len({name for frame in given for name in frame}),
    }
