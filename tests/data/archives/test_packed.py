"""Pictures in one flat tensor: read out as OpenCV would, at both levels, and grey outside."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from xnect_lite.data.archives.packed import PackedSet, pack
from xnect_lite.data.sample import LabelledPeople, Sample

SIZES = [(40, 30), (33, 21), (8, 50), (1, 1)]  # width, height


def pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [cv2.GaussianBlur(rng.integers(0, 256, (h, w, 3), dtype=np.uint8), (3, 3), 0) for w, h in SIZES]


def packed_of(images: list[np.ndarray], people: tuple[int, ...] = (), ignore: tuple[int, ...] = ()) -> PackedSet:
    samples = []
    for i, image in enumerate(images):
        labels = LabelledPeople.empty(people[i] if people else 0)
        labels.joints_px[:] = i
        boxes = np.full((ignore[i] if ignore else 0, 4), i, np.float32)
        samples.append(Sample(lambda image=image: image, image.shape[1::-1], labels, boxes, 0.1 * i, provenance=f"picture {i}"))
    return pack(samples, workers=2)


def read(packed: PackedSet, image: int, level: int, xy: np.ndarray, fill: float = 114.0) -> np.ndarray:
    points = torch.from_numpy(np.asarray(xy, np.float32))
    at = torch.full(points.shape[:-1], image)
    return packed.images.gather(at, torch.full_like(at, level), points, fill).numpy()


def remap(image: np.ndarray, xy: np.ndarray) -> np.ndarray:
    xy = xy.astype(np.float32)
    return cv2.remap(
        image.astype(np.float32), xy[None, :, 0], xy[None, :, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )[0]


def points_inside(width: int, height: int, count: int = 500) -> np.ndarray:
    """Random positions on the picture in steps of 1/32 pixel, which is how finely cv2.remap reads."""
    xy = np.random.default_rng(1).uniform(0, 1, (count, 2)) * (width - 1, height - 1)
    corners = [(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)]
    return np.concatenate([np.round(xy * 32) / 32, corners])


@pytest.mark.parametrize("number", range(len(SIZES)), ids=[f"{w}x{h}" for w, h in SIZES])
def test_whole_pictures_are_read_as_opencv_reads_them(number):
    images = pictures()
    xy = points_inside(*SIZES[number])
    np.testing.assert_allclose(read(packed_of(images), number, 0, xy), remap(images[number], xy), atol=1e-3)


@pytest.mark.parametrize(("width", "height"), [(40, 30), (64, 32)])
def test_the_second_level_is_the_picture_at_half_size(width, height):
    image = np.random.default_rng(2).integers(0, 256, (height, width, 3), dtype=np.uint8)
    half = cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    packed = packed_of([image])
    assert packed.images.width.tolist() == [[width, width // 2]] and packed.images.height.tolist() == [[height, height // 2]]
    at_half = points_inside(width // 2, height // 2)
    np.testing.assert_allclose(read(packed, 0, 1, (at_half + 0.5) * 2 - 0.5), remap(half, at_half), atol=1e-3)


@pytest.mark.parametrize(("width", "height"), [(40, 30), (41, 31), (119, 61), (33, 30)])
def test_both_levels_show_the_same_place(width, height):
    """A ramp is the same ramp at both levels, of odd sizes too: labels fit either."""
    ys, xs = np.mgrid[:height, :width]
    packed = packed_of([np.stack([2 * xs, 2 * ys, 0 * xs], -1).astype(np.uint8)])
    xy = np.random.default_rng(3).uniform(1, (width - 3, height - 3), (300, 2))
    for level in (0, 1):
        np.testing.assert_allclose(read(packed, 0, level, xy)[:, :2] / 2, xy, atol=1e-4, err_msg=f"level {level}")
        last = read(packed, 0, level, np.array([[width - 1, height - 1]]))
        np.testing.assert_allclose(last[0, :2] / 2, (width - 1, height - 1), atol=0.6)


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize(
    ("x", "y", "inside"),
    [
        (-0.45, 5, True),
        (-0.55, 5, False),
        (39.45, 5, True),
        (39.55, 5, False),
        (5, 29.45, True),
        (5, 29.6, False),
        (5, -3, False),
        (900, 900, False),
    ],
)
def test_outside_is_the_fill_colour(x, y, inside, level):
    white = np.full((30, 40, 3), 250, np.uint8)
    packed = packed_of([white, white])  # a neighbour in memory must not shine through
    assert (read(packed, 0, level, np.array([[x, y]]), fill=9.0) == (250 if inside else 9)).all()


def test_pictures_and_levels_can_be_mixed_in_one_call():
    images = pictures()
    packed = packed_of(images)
    image, level = torch.tensor([[0, 1], [2, 0]]), torch.tensor([[0, 0], [0, 1]])
    xy = torch.tensor([[[3.0, 4.0], [10.0, 7.0]], [[2.0, 40.0], [12.5, 8.5]]])
    found = packed.images.gather(image, level, xy, 0.0)
    assert found.shape == (2, 2, 3)
    for index in np.ndindex(2, 2):
        alone = read(packed, int(image[index]), int(level[index]), xy[index][None].numpy())
        np.testing.assert_allclose(found[index], alone[0])


def test_labels_are_laid_out_picture_after_picture():
    packed = packed_of(pictures(), people=(2, 0, 1, 3), ignore=(0, 1, 2, 0))
    assert len(packed) == 4 and len(packed.images) == 4
    assert packed.people_start.tolist() == [0, 2, 2, 3, 6] and packed.ignore_start.tolist() == [0, 0, 1, 3, 3]
    assert packed.people.joints_px[:, 0, 0].tolist() == [0, 0, 2, 3, 3, 3]
    assert packed.ignore_xyxy[:, 0].tolist() == [1, 2, 2]
    np.testing.assert_allclose(packed.negative_weight, [0, 0.1, 0.2, 0.3])
    assert packed.provenance == ("picture 0", "picture 1", "picture 2", "picture 3")


def test_nothing_to_pack():
    packed = pack([])
    assert len(packed) == 0 and packed.people_start.tolist() == [0] and len(packed.people) == 0
