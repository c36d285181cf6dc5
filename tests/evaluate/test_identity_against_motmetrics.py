"""IDF1 and swaps are those of py-motmetrics, an independent implementation, on random namings of random people."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnect_lite.evaluate.identity import idf1, swaps

motmetrics = pytest.importorskip("motmetrics")


def random_frames(rng: np.random.Generator, unmatched: float):
    """Frames of up to four people under up to five names that change now and then, some unfound, some ghosts."""
    names = {person: person + 10 for person in range(4)}
    there, given_names, matches = [], [], []
    for _ in range(int(rng.integers(2, 12))):
        if rng.random() < 0.4:
            a, b = rng.choice(4, 2, replace=False).tolist()
            names[a], names[b] = names[b], names[a]
        if rng.random() < 0.2:
            names[int(rng.integers(4))] = int(rng.integers(20, 30))
        people = [person for person in range(4) if rng.random() < 0.9]
        found, taken = [], set()
        for person in people:
            if rng.random() > unmatched and names[person] not in taken:
                found.append((person, names[person]))
                taken.add(names[person])
        ghosts = [99] if rng.random() < 0.2 else []
        there.append(people)
        given_names.append([name for _, name in found] + ghosts)
        matches.append(found)
    return there, given_names, matches


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.2, 0.5]))
def test_the_same_as_motmetrics(seed, unmatched):
    """Both see the same pairs: those at one place are at distance 0, all others cannot be paired."""
    there, given_names, matches = random_frames(np.random.default_rng(seed), unmatched)
    accumulator = motmetrics.MOTAccumulator(auto_id=True)
    for people, names, pairs in zip(there, given_names, matches, strict=True):
        distances = np.full((len(people), len(names)), np.nan)
        for person, name in pairs:
            distances[people.index(person), names.index(name)] = 0.0
        accumulator.update(people, names, distances)
    theirs = motmetrics.metrics.create().compute(accumulator, metrics=["idf1", "num_switches"], return_dataframe=False)
    if any(map(len, matches)):
        assert idf1(there, given_names, matches) == pytest.approx(theirs["idf1"])
    assert swaps(matches) == theirs["num_switches"]


def test_by_hand():
    """One of two people changes names half way: of 20 detections 15 agree with the best naming."""
    matches = [[("a", 1), ("b", 2)]] * 5 + [[("a", 1), ("b", 3)]] * 5
    there, names = [["a", "b"]] * 10, [[1, 2]] * 5 + [[1, 3]] * 5
    assert idf1(there, names, matches) == pytest.approx(15 / 20) and swaps(matches) == 1
