"""How well identities are kept: IDF1 and the number of swaps, of a take against the truth of a rendered clip."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from scipy.optimize import linear_sum_assignment

from xnect_lite.evaluate.keypoints import match
from xnect_lite.files.npz import read_npz
from xnect_lite.record.take_folder import Take
from xnect_lite.synth.truth import load_truths

_LEAST_OKS = 0.3  # a detection farther off is nobody's
_LEAST_VISIBLE = 3  # joints of somebody who has to be found, where nothing else is known


class Truth(Protocol):
    """What has to be known of a frame: `synth.truth.Truth`, or `ShownJoints`.

    joints_px (P, 24, 2); visible (P, 24) bool; labelled (P,) bool, who has to be found.
    """

    @property
    def joints_px(self) -> np.ndarray: ...
    @property
    def visible(self) -> np.ndarray: ...
    @property
    def labelled(self) -> np.ndarray: ...


@dataclass(frozen=True)
class ShownJoints:
    """The truth of a frame in little: joints_px (P, 24, 2) and which of them show, (P, 24) bool."""

    joints_px: np.ndarray
    visible: np.ndarray

    @property
    def labelled(self) -> np.ndarray:
        """(P,) bool: enough of the person shows."""
        return self.visible.sum(1) >= _LEAST_VISIBLE


def read_truths(path: str | Path) -> Sequence[Truth]:
    """The truth of a clip, frame by frame: what 'synth demo' writes, or the joints of the clip in docs/.

    Raises XnectError for any other file.
    """
    try:
        little = read_npz(path, ["joints_px", "visible"])
    except ValueError:
        little = {}
    if little and little["joints_px"].ndim == 4 and little["joints_px"].shape[:3] == little["visible"].shape:
        pairs = zip(little["joints_px"].astype(float), little["visible"].astype(bool), strict=True)
        return [ShownJoints(joints_px, visible) for joints_px, visible in pairs]
    return [truth for _, truth in load_truths(path)]


Names = Sequence[Sequence[Hashable]]


def idf1(truth: Names, given: Names, matches: Sequence[Sequence[tuple[Hashable, Hashable]]]) -> float:
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


def swaps(matches: Sequence[Sequence[tuple[Hashable, Hashable]]]) -> int:
    """How often a person is found under another identity than when last found."""
    last: dict[Hashable, Hashable] = {}
    count = 0
    for frame in matches:
        for person, name in frame:
            count += last.get(person, name) != name
            last[person] = name
    return count


def matched_frames(take: Take, truths: Sequence[Truth]) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Frame by frame: its number, the take's rows in it, and (T,) which of these rows is each true person, -1 = not found.

    Frame i of the take is ``truths[i]``; frames beyond the truth are left out. Hidden joints do not count, except of people of
    whom nothing shows.
    """
    for index in np.unique(take.every_frame_index).tolist():
        if index >= len(truths):
            break
        rows = np.flatnonzero(take.frame_index == index)
        truth = truths[index]
        hidden = truth.visible.any(1)[:, None] & ~truth.visible
        joints_px = np.where(hidden[..., None], np.nan, truth.joints_px)
        nobody = np.full(len(joints_px), -1)
        whose = match(joints_px, take.joints_px[rows], _LEAST_OKS) if len(joints_px) and len(rows) else nobody
        yield index, rows, whose


@dataclass
class IdentityScore:
    """Adds up takes. Per frame: the people there, the identities given, and the pairs that are at one place."""

    there: list[list[Hashable]] = field(default_factory=list)
    given: list[list[Hashable]] = field(default_factory=list)
    matches: list[list[tuple[Hashable, Hashable]]] = field(default_factory=list)
    _takes: int = 0

    def add(self, take: Take, truths: Sequence[Truth]) -> None:
        """Count a take, whose frame i is ``truths[i]`` and whose true person i never changes; nobody is in two takes.

        People of whom too little shows to be taught need not be found, and count neither way if they are.
        """
        self._takes += 1
        take = take.rows(take.id > 0)
        for index, rows, whose in matched_frames(take, truths):
            sure = truths[index].labelled
            names = [(self._takes, name) for name in take.id[rows].tolist()]
            pairs = [(person, names[row]) for person, row in enumerate(whose.tolist()) if row >= 0]
            excused = {name for person, name in pairs if not sure[person]}
            self.there.append([(self._takes, person) for person in np.flatnonzero(sure).tolist()])
            self.given.append([name for name in names if name not in excused])
            self.matches.append([((self._takes, person), name) for person, name in pairs if sure[person]])

    def figures(self) -> dict[str, Any]:
        """frames, people of the truth in all frames, share of them found, idf1, swaps, and how many ids were given."""
        people = sum(map(len, self.there))
        return {
            "frames": len(self.there),
            "people": people,
            "found": sum(map(len, self.matches)) / max(people, 1),
            "idf1": idf1(self.there, self.given, self.matches),
            "swaps": swaps(self.matches),
            "ids": len({name for frame in self.given for name in frame}),
        }


def score_take(take: Take, truths: Sequence[Truth]) -> dict[str, Any]:
    """Identities of one take against the truth of the clip, see `IdentityScore`."""
    score = IdentityScore()
    score.add(take, truths)
    return score.figures()
