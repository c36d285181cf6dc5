"""Crops of the maps around people: where a cell lies, what is read there, what lies in the picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from drawn_maps import HEIGHT, WIDTH, draw
from hypothesis import given, settings
from hypothesis import strategies as st

from xnect_lite.models.refiner import GRID, MAP_CHANNELS
from xnect_lite.skeleton import INDEX, NUM_JOINTS
from xnect_lite.stages.refining.crops import cells, crop_boxes, crop_maps, from_crop, inside_picture, joint_spots, to_crop
from xnect_lite.types import Letterbox, Maps


def flat_maps(box: Letterbox | None = None) -> Maps:
    """Maps of 64 x 40 cells on which nobody is."""
    return draw([], box=box)


def joints(**places: tuple[float, float]) -> np.ndarray:
    """(1, 24, 2) of one person; all other joints are not found."""
    out = np.full((1, NUM_JOINTS, 2), np.nan)
    for name, place in places.items():
        out[0, INDEX[name]] = place
    return out


def test_the_cells_of_a_crop_share_it_evenly():
    centres = cells()
    assert len(centres) == GRID and centres[0] == -0.5 + 0.5 / GRID and centres[-1] == 0.5 - 0.5 / GRID


PLACES = [
    # source size, source pixel, map cell: network pixels are 512 x 320, eight to a cell
    ((512, 320), (3.5, 3.5), (0, 0)),  # the middle of the first eight pixels
    ((512, 320), (11.5, 3.5), (1, 0)),
    ((1024, 640), (7.5, 7.5), (0, 0)),  # a picture twice the network's size
    ((640, 320), (4.5, -0.5), (0, 3.5)),  # scale .8; its upper edge lies below 32 rows of grey, 4 cells
]


@pytest.mark.parametrize(("size", "px", "cell"), PLACES)
def test_source_pixels_on_the_map(size, px, cell):
    maps = flat_maps(Letterbox.fit(*size, 512, 320))
    np.testing.assert_allclose(maps.to_cells(np.array(px)), cell, atol=1e-9)
    np.testing.assert_allclose(maps.to_source(np.array(cell, float)), px, atol=1e-9)


@given(
    width=st.integers(16, 4000), height=st.integers(16, 4000), x=st.floats(-500, 5000), y=st.floats(-500, 5000),
    side=st.floats(4, 100), centre=st.floats(-50, 100),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_there_and_back(width, height, x, y, side, centre):
    """Source -> map -> crop and back are inverse to each other, whatever the picture and the crop."""
    maps = flat_maps(Letterbox.fit(width, height, 512, 320))
    px, boxes = np.array([[[x, y], [np.nan, np.nan]]]), np.array([[centre, centre / 2, side]])
    at = maps.to_cells(px)
    np.testing.assert_allclose(maps.to_source(at), px, atol=1e-6)
    np.testing.assert_allclose(from_crop(to_crop(at, boxes), boxes), at, atol=1e-6)


BOXES = [
    # joints, centre and side of the crop
    ({"neck": (10, 10), "r_toe": (20, 40)}, (15, 25, 42)),  # the longer side of their box is 30
    ({"neck": (10, 10), "nose": (30, 12)}, (20, 11, 28)),  # lying down
    ({"neck": (10, 10)}, (10, 10, 4)),  # a single joint has no size: the least side
    ({"neck": (10, 10), "nose": (11, 10)}, (10.5, 10, 4)),
]


@pytest.mark.parametrize(("places", "box"), BOXES)
def test_boxes(places, box):
    found = crop_boxes(joints(**places))
    np.testing.assert_allclose(found, [box])
    at = to_crop(joints(**places), found)
    assert np.nanmax(np.abs(at)) <= 0.5 / 1.4 + 1e-9, "everybody keeps a margin"


def test_a_crop_of_maps_that_rise_evenly_reads_the_exact_value_at_every_cell():
    maps, rng = flat_maps(), np.random.default_rng(0)
    slope = rng.uniform(-0.05, 0.05, (MAP_CHANNELS, 3))  # at x, at y and everywhere
    slope[:NUM_JOINTS] = np.abs(slope[:NUM_JOINTS])  # of the heatmaps the root is read
    ys, xs = np.mgrid[:HEIGHT, :WIDTH]

    def value(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return slope[:, 0, None, None] * x + slope[:, 1, None, None] * y + slope[:, 2, None, None]

    whole = value(xs, ys)
    whole[:NUM_JOINTS] **= 2
    heat, pafs, locations = torch.from_numpy(whole.astype(np.float32)).split([24, 50, 72])
    maps = Maps(heat, maps.centre, pafs, locations, maps.depth, 8, maps.letterbox)
    boxes = np.array([[30.2, 20.7, 25.0], [20.0, 18.0, 7.3]])  # one larger, one smaller than its cells on the map
    read = crop_maps(maps, boxes)
    assert read.shape == (2, MAP_CHANNELS, GRID, GRID)
    for row, (x, y, side) in zip(read.numpy(), boxes, strict=True):
        at = (np.arange(GRID) + 0.5) / GRID - 0.5
        expected = value(x + side * at[None, :], y + side * at[:, None])
        tolerance = np.where(np.arange(MAP_CHANNELS) < NUM_JOINTS, 1e-2, 1e-4)[:, None, None]  # a root is read off as it bends
        assert (np.abs(row - expected) <= tolerance).all()


BEYOND = [
    # centre and side of the crop, which of its cells lie on the map of 64 x 40
    ((-40, 20, 8), lambda x, y: False),
    ((32, 100, 8), lambda x, y: False),
    ((-0.5, 19.5, 32), lambda x, y: x >= 16),  # its left half hangs over the edge
    ((63.5, 39.5, 32), lambda x, y: (x < 16) & (y < 16)),
]


@pytest.mark.parametrize(("box", "on_map"), BEYOND)
def test_beyond_the_map_there_is_nothing(box, on_map):
    maps = flat_maps()
    maps = Maps(*(torch.ones_like(m) for m in (maps.heatmaps, maps.centre, maps.pafs, maps.locations, maps.depth)),
                8, maps.letterbox)  # fmt: skip
    y, x = np.mgrid[:GRID, :GRID]
    expected = np.broadcast_to(np.where(on_map(x, y), 1.0, 0.0), (MAP_CHANNELS, GRID, GRID))
    np.testing.assert_allclose(crop_maps(maps, np.array([box], float))[0].numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("junk", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_counts_as_nothing(junk):
    maps = flat_maps()
    for values in (maps.heatmaps, maps.pafs, maps.locations):
        values[:] = junk
    assert (crop_maps(maps, np.array([[30.0, 20, 20]])) == 0).all()


@given(x=st.floats(5, 58), y=st.floats(5, 34), side=st.floats(12, 60), aside=st.floats(-0.4, 0.4))
@settings(max_examples=40, deadline=None)
def test_a_peak_stands_in_the_crop_where_its_place_is(x, y, side, aside):
    person = np.full((NUM_JOINTS, 2), np.nan)
    person[INDEX["nose"]] = x, y
    boxes = np.array([[x + aside * side, y - aside * side, side]])
    read = crop_maps(draw([person], sigma=2.0), boxes)[0, INDEX["nose"]]
    at = np.unravel_index(int(read.argmax()), read.shape)[::-1]
    cell = np.maximum(1.0, 32 / side)  # a crop finer than the map cannot tell more than the map can
    away = (cells().numpy()[list(at)] - to_crop(person[None], boxes)[0, INDEX["nose"]]) * GRID
    assert np.abs(away).max() <= 0.5 * cell + 0.51


SEEN = [
    # source size, centre and side of the crop in cells, which of its cells show the picture
    ((512, 320), (31.5, 19.5, 32), lambda x, y: True),  # no grey at all
    ((640, 320), (31.5, 3.5, 32), lambda x, y: y >= 16),  # grey above, to row 3.5 of the map
    ((640, 320), (31.5, 35.5, 32), lambda x, y: y < 16),  # and below
    ((320, 320), (11.5, 19.5, 32), lambda x, y: x >= 16),  # grey on the left, to column 11.5
    ((320, 320), (51.5, 19.5, 32), lambda x, y: x < 16),
    ((512, 320), (-0.5, -0.5, 32), lambda x, y: (x >= 16) & (y >= 16)),  # beyond the map
    ((512, 320), (-50, 0, 32), lambda x, y: False),
]


@pytest.mark.parametrize(("size", "box", "seen"), SEEN)
def test_which_cells_show_the_picture(size, box, seen):
    y, x = np.mgrid[:GRID, :GRID]
    found = inside_picture(flat_maps(Letterbox.fit(*size, 512, 320)), np.array([box], float))
    np.testing.assert_array_equal(found, np.broadcast_to(seen(x, y), (1, GRID, GRID)))


def test_spots_stand_where_joints_were_found():
    at, score = torch.full((1, NUM_JOINTS, 2), torch.nan), torch.zeros(1, NUM_JOINTS)
    at[0, 3], score[0, 3] = torch.stack([cells()[20], cells()[5]]), 0.64
    at[0, 4], score[0, 4] = torch.tensor([0.0, 0.0]), 0.0  # not shown
    spots = joint_spots(at, score)
    assert spots.shape == (1, NUM_JOINTS, GRID, GRID) and torch.isfinite(spots).all()
    assert int(spots[0, 3].argmax()) == 5 * GRID + 20
    assert float(spots[0, 3, 5, 20]) == pytest.approx(0.8)
    assert float(spots[0, 3, 6, 20]) == pytest.approx(0.8 * np.exp(-0.5 * (1 / GRID / 0.04) ** 2), rel=1e-4)
    assert (spots[0, [j for j in range(NUM_JOINTS) if j != 3]] == 0).all()
