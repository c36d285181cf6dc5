"""A seeded fuzzer for everything that reads files from elsewhere: a documented error or a result, within seconds, never more.

A hundred cases each, or as many as fit into ``--attack-minutes N``; how many were tried is printed at the end.
"""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from parsers import PARSERS

from xnect_lite.errors import XnectError

_CASES = {"mat v5": 25}  # of others a hundred; of these every tenth ends its reader, which is then started anew
_LONGEST_S, _LATEST_S = 20.0, 180.0  # of one case: of this process's own time, and by the clock of a busy machine

_TOKENS = (
    b"1e999", b"-1", b"NaN", b"null", b"[]", b"{}", b'"x"', b"9" * 400, b"[" * 300, b"\0", b"\xff\xfe", b"*a", b"&a ", b"!!x ",
    b"\x1b[31m", b"2001-99-99", b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff", b"../../x", b"\xed\xa0\x80",
)  # fmt: skip
_KINDS = ("flip", "set", "cut", "drop", "insert", "repeat", "token")
_edit = st.tuples(st.sampled_from(_KINDS), st.floats(0, 1), st.floats(0, 0.2), st.integers(0, 255), st.sampled_from(_TOKENS))
edits = st.lists(_edit, min_size=1, max_size=5)


def mutated(whole: bytes, changes: list) -> bytes:
    """``whole`` after these changes: bits, bytes and spans changed, lost, repeated, or made what parsers stumble over."""
    data = bytearray(whole)
    for kind, place, share, value, token in changes:
        at = int(place * len(data))
        end = min(len(data), at + 1 + int(share * share * len(data)))
        if kind == "flip" and at < len(data):
            data[at] ^= 1 << value % 8
        elif kind == "set" and at < len(data):
            data[at] = value
        elif kind == "cut":
            del data[at:]
        elif kind == "drop":
            del data[at:end]
        elif kind == "insert":
            data[at:at] = bytes([value])
        elif kind == "repeat":
            data[at:at] = data[at:end]
        else:
            data[at : at + value % 6] = token
    return bytes(data)


def attack(name: str, folder: Path, examples: int, number: int) -> int:
    """Try so many changed files; returns how many. Everything but a documented error is raised."""
    parser, count = PARSERS[name], 0
    path = folder / parser.name
    whole = path.read_bytes()

    @seed(number)
    @settings(max_examples=examples, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(changes=edits)
    def one(changes):
        nonlocal count
        count += 1
        path.write_bytes(mutated(whole, changes))
        begin, begin_own = time.perf_counter(), time.process_time()
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                parser.read(folder)
        except XnectError as error:
            assert str(error).isprintable() and len(str(error)) < 1700
        except ValueError as error:
            assert type(error) is ValueError and name in ("png", "jpeg", "webp", "tiff")
        assert time.process_time() - begin_own < _LONGEST_S and time.perf_counter() - begin < _LATEST_S

    one()
    return count


@pytest.mark.parametrize("name", PARSERS)
def test_whatever_becomes_of_a_file_it_is_read_or_refused(name, tmp_path, attack_minutes, attack_counts):
    if name == "mat v7.3":
        pytest.importorskip("h5py", reason="needs the extra 'datasets'")
    PARSERS[name].make(tmp_path)
    end = time.monotonic() + 60 * attack_minutes
    number = 0
    while number == 0 or time.monotonic() < end:
        attack_counts[name] += attack(name, tmp_path, _CASES.get(name, 100), number)
        number += 1
