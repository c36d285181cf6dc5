"""Cameras by name and number, and what is said where there is none."""

from __future__ import annotations

import pytest

from xnect_lite.capture import CameraInfo, check_source, find_camera, list_cameras, open_source
from xnect_lite.errors import XnectError

CAMERAS = [
    CameraInfo(0, "Integrated Camera", "usb-1.1"),
    CameraInfo(2, "Studio Cam", "usb-1.2"),
    CameraInfo(4, "Studio Cam Pro", "usb-1.3"),
    CameraInfo(6, "Twin", "usb-2.1"),
    CameraInfo(8, "Twin", "usb-2.2"),
]


@pytest.mark.parametrize("spec", ["no/such/film.mp4", "webcam that nobody has"])
def test_nothing_of_that_name(spec):
    with pytest.raises(XnectError, match="no such file, folder or camera"):
        open_source(spec)


@pytest.mark.parametrize("spec", ["97", "camera:97", "/dev/video97"])
def test_no_camera_of_that_number(spec, capfd: pytest.CaptureFixture[str]):
    with pytest.raises(XnectError, match="camera 97: cannot be opened"):
        open_source(spec)
    assert capfd.readouterr().err == "", "OpenCV's own words would only confuse"


@pytest.mark.parametrize("spec", ["no/such/film.mp4", "webcam that nobody has", "camera:Zweites Gesicht 3000"])
def test_that_nothing_has_this_name_is_known_without_opening_anything(spec):
    with pytest.raises(XnectError, match=r"no such file, folder or camera|no camera of that name"):
        check_source(spec)


@pytest.mark.parametrize("spec", ["~nobody-of-this-name/film.mp4", "a" * 300, "nul\0byte", "", "  "])
def test_names_that_no_file_can_have_are_refused_like_any_other(spec):
    for look in (check_source, open_source):
        with pytest.raises(XnectError, match=r"no such file, folder or camera|the source: has no name"):
            look(spec)


@pytest.mark.parametrize("spec", ["0", "camera:97", "rtsp://nobody/there", "synthetic:2", "*.png", "integrated", __file__, "."])
def test_what_may_be_there_passes_the_check(spec, monkeypatch):
    monkeypatch.setattr("xnect_lite.capture.cameras.list_cameras", lambda: CAMERAS)
    check_source(spec)


def test_no_camera_of_that_name():
    with pytest.raises(XnectError, match="no camera of that name"):
        open_source("camera:Zweites Gesicht 3000")


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("Integrated Camera", 0),
        ("integrated", 0),  # part of one name only
        ("studio cam", 2),  # the whole name wins over a part
        ("USB-2.2", 8),  # the path tells twins apart
        ("Phone", None),
        ("", None),
    ],
)
def test_camera_by_name(text, index):
    found = find_camera(text, CAMERAS)
    assert (found.index if found else None) == index


@pytest.mark.parametrize("text", ["Twin", "studio"])
def test_camera_names_that_fit_several(text):
    with pytest.raises(XnectError, match="several cameras"):
        find_camera(text, CAMERAS)


def test_listing_cameras_opens_none_and_never_fails():
    assert all(isinstance(c, CameraInfo) for c in list_cameras())
