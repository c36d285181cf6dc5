"""Picture sizes from headers, and files that are not whole."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from labelled_people import write_picture

from xnect_lite.data.pictures import BadPicture, decodable, picture_size, read_rgb
from xnect_lite.data.sample import LabelledPeople, Sample
from xnect_lite.data.tally import Reason, Tally
from xnect_lite.errors import XnectError

# An Exif segment that says "turn me by 90 degrees"; FF FF before it is a fill byte.
EXIF = (
    b"\xff\xff\xe1\x00\x22Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"
    + bytes(4)
)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp"])
def test_the_size_of_a_whole_picture(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    write_picture(path, size=(70, 50))
    assert picture_size(path) == (70, 50)
    assert read_rgb(path).shape == (50, 70, 3)


def test_an_orientation_in_the_metadata_is_not_applied(tmp_path):
    """Labels are in the pixels as stored."""
    path = tmp_path / "turned.jpg"
    write_picture(path, size=(70, 50))
    data = path.read_bytes()
    path.write_bytes(data[:2] + EXIF + data[2:])
    assert cv2.imread(str(path)).shape[:2] == (70, 50), "OpenCV by itself does turn it"
    assert picture_size(path) == (70, 50) and read_rgb(path).shape == (50, 70, 3)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9])
def test_a_picture_cut_short_is_corrupt(tmp_path, suffix, share):
    path = tmp_path / f"a.{suffix}"
    noise = np.random.default_rng(0).integers(0, 255, (300, 200, 3)).astype(np.uint8)
    cv2.imwrite(str(path), noise)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(BadPicture) as caught:
        picture_size(path)
    assert caught.value.reason is Reason.PICTURE_CORRUPT


def test_no_picture_and_no_file(tmp_path):
    (tmp_path / "text.jpg").write_text("404 not found")
    with pytest.raises(BadPicture) as caught:
        picture_size(tmp_path / "text.jpg")
    assert caught.value.reason is Reason.PICTURE_CORRUPT
    with pytest.raises(BadPicture) as caught:
        picture_size(tmp_path / "nowhere.jpg")
    assert caught.value.reason is Reason.PICTURE_MISSING


def test_decodable_passes_on_what_decodes_to_the_size_it_claims():
    def broken() -> np.ndarray:
        raise XnectError("a.jpg", "is no picture", "Fetch it again")

    def sample(read, name: str) -> Sample:
        return Sample(read, (4, 3), LabelledPeople.empty(), provenance=name)

    tally = Tally()
    good = sample(lambda: np.zeros((3, 4, 3), np.uint8), "good")
    other = sample(lambda: np.zeros((4, 3, 3), np.uint8), "turned")
    assert list(decodable([sample(broken, "broken"), good, other], tally)) == [good]
    assert tally.first == {Reason.PICTURE_CORRUPT: "broken", Reason.PICTURE_SIZE: "turned"}
