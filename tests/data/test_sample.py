"""A part of a data set is at most as large as asked for, and spread over all of it."""

import pytest

from xnect_lite.data.sample import evenly


@pytest.mark.parametrize(
    ("count", "limit", "expected"),
    [
        (10, 0, list(range(10))),  # 0 means all
        (10, 10, list(range(10))),  # exactly all
        (10, 99, list(range(10))),  # more than there are
        (10, 5, [0, 2, 4, 6, 8]),  # every second
        (10, 6, [0, 2, 4, 6, 8]),  # never more than asked for
        (3, 1, [0]),  # a single one
    ],
)
def test_evenly(count, limit, expected):
    assert evenly(list(range(count)), limit) == expected
