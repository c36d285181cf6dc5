"""How well identities are kept: IDF1 and the number of swaps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment


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
