"""Reading .npz files that are none: said in a few words, and nothing in them is executed."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest
from bomb import Bomb

from xnect_lite.files.npz import read_npz


def npz(**arrays) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


WHOLE = npz(a=np.arange(1000), b=np.ones(2))
NONE = [
    ("text", b"hello\n"),
    ("nothing", b""),
    ("the beginning of one", WHOLE[:200]),
    ("one with a byte turned", WHOLE[:100] + bytes([WHOLE[100] ^ 0xFF]) + WHOLE[101:]),
    ("a single array", npy()),
    ("a pickle", pickle.dumps([1, 2])),
]


def test_all_or_some_arrays(tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(WHOLE)
    assert sorted(read_npz(path)) == ["a", "b"] and read_npz(path)["a"].sum() == 499500
    assert list(read_npz(path, ["b"])) == ["b"]
    with pytest.raises(ValueError, match=r"^lacks c$"):
        read_npz(path, ["a", "c"])


@pytest.mark.parametrize(("case", "content"), NONE, ids=[n[0] for n in NONE])
def test_what_is_none(tmp_path, case, content):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"^it is no \.npz file, or not a whole one$"):
        read_npz(path)


def test_what_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"^No such file or directory$"):
        read_npz(tmp_path / "none.npz")


def test_objects_in_an_npz_are_not_unpickled(tmp_path):
    path, marker = tmp_path / "a.npz", tmp_path / "executed"
    bomb = np.empty(1, object)
    bomb[0] = Bomb(marker)
    np.savez(path, a=bomb)
    with pytest.raises(ValueError, match=r"no \.npz file"):
        read_npz(path)
    assert not marker.exists()
