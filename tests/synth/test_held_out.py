"""Nothing that validation shows is trained on, whatever there is to divide."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnect_lite.data.readers.photokit import is_validation
from xnect_lite.errors import XnectError
from xnect_lite.synth.held_out import is_held_out, share
from xnect_lite.synth.picture import Backgrounds


@given(st.integers(0, 200), st.integers(1, 20))
def test_shares_divide_everything(count, one_in):
    items = list(range(count))
    train, held = share(items, False, one_in), share(items, True, one_in)
    assert train + held == items
    assert len(held) == (0 if count < 2 else max(count // one_in, 1))


def test_about_one_name_in_eight_is_held_out():
    names = [f"walk_{i}" for i in range(4000)]
    assert np.mean([is_held_out(name) for name in names]) == pytest.approx(1 / 8, abs=0.02)


@pytest.fixture
def folder(tmp_path):
    """Four panoramas and forty photographs, each of one grey of its own."""
    names = [f"hdri_{i}.png" for i in range(4)] + [f"coco_{i:02d}.png" for i in range(40)]
    for grey, name in enumerate(names):
        cv2.imwrite(str(tmp_path / name), np.full((8, 16, 3), 2 * grey, np.uint8))
    return tmp_path, names


def greys(folder, names, held_out, prefixes=("hdri", "coco")) -> set[str]:
    """The pictures that a hundred patches were cut from."""
    backgrounds, rng = Backgrounds(folder, prefixes, held_out), np.random.default_rng(0)
    shown = {round(float(backgrounds.patch((4, 4), rng).mean()) * 255 / 2) for _ in range(400)}
    return {names[grey] for grey in shown}


def test_backgrounds_are_divided_as_the_photo_kit_divides_them(folder):
    path, names = folder
    train, held = greys(path, names, False), greys(path, names, True)
    photographs = [n for n in names if n.startswith("coco")]
    assert held == {n for n in photographs if is_validation(n)} != set()
    assert train == {n for n in photographs if not is_validation(n)}


def test_open_backgrounds_are_panoramas_only(folder):
    path, names = folder
    assert greys(path, names, False, ("hdri",)) == {f"hdri_{i}.png" for i in range(3)}
    assert greys(path, names, True, ("hdri",)) == {"hdri_3.png"}


def test_a_folder_without_usable_backgrounds_is_an_error(tmp_path):
    with pytest.raises(XnectError, match="holds no background that may be used"):
        Backgrounds(tmp_path)
