"""Drawing: boxes whose pictures can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from offscreen import renderer

from xnect_lite.errors import XnectError
from xnect_lite.synth.mesh import Look, Mesh, box
from xnect_lite.synth.renderer import NOTHING_MM, Light, Renderer
from xnect_lite.synth.view import look

SIZE = (128, 80)
FOCAL = 64.0  # 90 degrees across 128 px
NOON = Light(np.array([0.0, 1.0, 0.0]), np.ones(3), np.full(3, 0.5), np.full(3, 0.5))


@pytest.fixture(scope="module")
def draw():
    one = renderer(SIZE)
    yield one.render
    one.close()


def block(centre, size=(1.0, 1.0, 1.0), ident=1, **colours) -> Mesh:
    points, normals, uv, triangles = box(np.array(size, float))
    shift = np.array(centre, float) - [0, size[1] / 2, 0]
    return Mesh(points + shift, normals, uv, triangles, Look(**colours), ident)


def straight_on(height: float = 0.5):
    return look(SIZE, 90.0, np.array([0.0, height, 0.0]), 0.0, 0.0)


def box_of(mask) -> list[int]:
    y, x = np.nonzero(mask)
    return [int(v) for v in (x.min(), y.min(), x.max(), y.max())]


def test_a_cube_straight_ahead(draw):
    """Front face 1 m wide at 4 m: 64 / 4 = 16 px square around the middle, between pixels 63 and 64."""
    drawn = draw([block((0, 0.5, 4.5))], straight_on(), NOON)
    assert box_of(drawn.ident == 1) == [56, 32, 71, 47] and (drawn.ident == 1).sum() == 256
    np.testing.assert_allclose(drawn.depth_mm[drawn.ident == 1], 4000, atol=1)
    assert (drawn.depth_mm[drawn.ident == 0] == np.float32(NOTHING_MM)).all()
    assert drawn.colour[40, 64, 3] == 1 and drawn.colour[0, 0, 3] == 0


@pytest.mark.parametrize(
    ("centre", "where"),
    [
        ((1.0, 0.5, 4.5), [40, 32, 55, 47]),  # the person's left, x, is the picture's left when the camera looks along z
        ((-1.0, 0.5, 4.5), [72, 32, 87, 47]),
        ((0.0, 1.5, 4.5), [56, 16, 71, 31]),  # up is up
    ],
)
def test_the_world_is_the_right_way_round(draw, centre, where):
    drawn = draw([block(centre)], straight_on(), NOON)
    face = np.abs(drawn.depth_mm - 4000) < 1
    assert box_of(face) == where


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_nearer_one_hides_the_other_whatever_is_drawn_first(draw, order):
    near, far = block((0, 0.5, 4.5), ident=1), block((0, 0.5, 8.5), (4, 4, 1), ident=2)
    drawn = draw([(near, far)[i] for i in order], straight_on(), NOON)
    assert drawn.ident[40, 64] == 1 and (drawn.ident == 1).sum() == 256
    assert drawn.ident[40, 52] == 2 and drawn.depth_mm[40, 52] == pytest.approx(8000, abs=1)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_drawn_lies_where_the_view_projects_it(draw, seed):
    rng = np.random.default_rng(seed)
    heading, pitch, roll = rng.uniform(-2, 2), rng.uniform(-0.4, 0.7), rng.uniform(-0.4, 0.4)
    view = look(SIZE, rng.uniform(40, 90), rng.uniform((-1, 1, -1), (1, 3, 1)), heading, pitch, roll)
    centre = view.position_m + view.rotation.T @ [rng.uniform(-1.5, 1.5), rng.uniform(-0.8, 0.8), 6.0]
    drawn = draw([block(centre, (0.4, 0.4, 0.4))], view, NOON)
    y, x = np.nonzero(drawn.ident == 1)
    np.testing.assert_allclose([x.mean(), y.mean()], view.to_px(centre), atol=0.7)
    assert drawn.depth_mm[drawn.ident == 1].min() == pytest.approx(view.to_camera_mm(centre)[2], abs=400)


def test_at_noon_the_shadow_lies_right_below(draw):
    """A block at 2 m height throws its own outline on the floor, however high it is."""
    view = look(SIZE, 90.0, np.array([0.0, 3.0, 0.0]), 0.0, 0.6)
    shadow = draw([block((0.3, 2.0, 5.0), (0.5, 0.5, 0.5))], view, NOON).shadow
    y, x = np.nonzero(shadow > 0.5)
    np.testing.assert_allclose([x.mean(), y.mean()], view.to_px(np.array([0.3, 0.0, 5.0])), atol=1)


def test_light_comes_from_the_sun(draw):
    """At noon the top of a block is brighter than its side."""
    view = look(SIZE, 60.0, np.array([0.0, 3.0, 0.0]), 0.0, 0.6)
    drawn = draw([block((0, 0.5, 4.5), matrix=np.eye(3) * 0.5)], view, NOON)
    top, side = (np.rint(view.to_px(np.array(p))).astype(int) for p in ([0, 1, 4.5], [0, 0.5, 4.0]))
    assert drawn.colour[top[1], top[0], 0] > 1.2 * drawn.colour[side[1], side[0], 0] > 0


def test_what_is_transparent_is_cut_away(draw):
    glass = np.full((2, 2, 4), 255, np.uint8)
    glass[..., 3] = 0
    drawn = draw([block((0, 0.5, 4.5), texture=glass)], straight_on(), NOON)
    assert (drawn.ident == 0).all() and (drawn.colour == 0).all()


def test_colours_are_those_of_the_look(draw):
    red = draw([block((0, 0.5, 4.5), matrix=np.diag([0.5, 0.0, 0.0]))], straight_on(), NOON).colour[40, 64]
    assert red[0] > 0.2 and red[1] == red[2] == 0


def test_a_view_of_another_size_is_a_mistake(draw):
    with pytest.raises(ValueError, match="draws"):
        draw([], look((64, 64), 60.0, np.ones(3), 0.0, 0.0), NOON)


def test_without_opengl_the_error_says_what_to_install(monkeypatch):
    moderngl = pytest.importorskip("moderngl")

    def fail(**_):
        raise OSError("libEGL.so is missing")

    monkeypatch.setattr(moderngl, "create_context", fail)
    with pytest.raises(XnectError, match=r"no OpenGL over EGL \(libEGL\.so is missing\)\. Install a driver, or libegl1"):
        Renderer(SIZE)


def test_without_moderngl_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "moderngl", None)
    with pytest.raises(XnectError, match=r"needs moderngl\. Run pip install -e '\.\[synth\]'"):
        Renderer(SIZE)
