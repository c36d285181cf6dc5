"""Clothes in MakeHuman's format, on a body of four vertices."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from xnect_lite.errors import XnectError
from xnect_lite.synth.clothes import read_garment

REST = np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 2.0]])

MHCLO = """# a comment
name patch
tag Female
tag Casual
x_scale 0 1 1.0
y_scale 0 2 4.0
z_scale 0 3 2.0
verts 0
0 1 2 0.5 0.25 0.25 1.0 1.0 1.0
3
2

delete_verts
0 2 - 3
"""
OBJ = """v 0 0 0
v 1 0 0
v 0 1 0
vt 0 0
vt 1 0
vt 0 1
f 1/1 2/2 3/3
"""


@pytest.fixture
def patch(tmp_path):
    path = tmp_path / "patch.mhclo"
    path.write_text(MHCLO)
    path.with_suffix(".obj").write_text(OBJ)
    cv2.imwrite(str(tmp_path / "diffuse.png"), np.zeros((2, 2, 3), np.uint8))
    return path


def test_a_garment_by_hand(patch):
    """Row 1: half of vertex 0, quarters of 1 and 2 = (.5, .5, 0), plus the offset times 2/1, 2/4 and 2/2."""
    garment = read_garment(patch)
    assert (garment.name, garment.tags) == ("patch", {"female", "casual"})
    np.testing.assert_allclose(garment.fit(REST), [[2.5, 1.0, 1.0], REST[3], REST[2]])
    np.testing.assert_array_equal(garment.hidden, [0, 2, 3])
    np.testing.assert_array_equal(garment.part.triangles, [[0, 1, 2]])
    np.testing.assert_array_equal(garment.part.uv, [[0, 0], [1, 0], [0, 1]])


def test_offsets_grow_with_the_body(patch):
    garment = read_garment(patch)
    np.testing.assert_allclose(garment.fit(3 * REST), 3 * garment.fit(REST))


def test_skinning_weights_are_mixed_in_the_same_shares(patch):
    np.testing.assert_allclose(read_garment(patch).weights(np.eye(4)[:, :3])[0], [0.5, 0.25, 0.25])


def test_quads_become_two_triangles(patch):
    patch.with_suffix(".obj").write_text(OBJ.replace("f 1/1 2/2 3/3", "f 1/1 2/2 3/3 1/2"))
    np.testing.assert_array_equal(read_garment(patch).part.triangles, [[0, 1, 2], [0, 2, 3]])


BROKEN = {
    "no such file": lambda p: p.unlink(),
    "no mesh": lambda p: p.with_suffix(".obj").unlink(),
    "no picture": lambda p: (p.parent / "diffuse.png").unlink(),
    "fewer rows than vertices": lambda p: p.write_text(MHCLO.replace("3\n2\n", "3\n")),
    "a row cut short": lambda p: p.write_text(MHCLO.replace(" 1.0 1.0 1.0\n", " 1.0\n")),
    "words for numbers": lambda p: p.write_text(MHCLO.replace("0.5 0.25", "a b")),
    "empty": lambda p: p.write_text(""),
    "a mesh of text": lambda p: p.with_suffix(".obj").write_text("f a/b c/d e/f\n"),
    "a mesh without faces": lambda p: p.with_suffix(".obj").write_text("v 0 0 0\n"),
}


@pytest.mark.parametrize("harm", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_garment_is_named(patch, harm):
    harm(patch)
    with pytest.raises(XnectError, match=r"patch\.mhclo: cannot be read .* Check the folder given to --makehuman"):
        read_garment(patch)
