"""Pictures from anywhere: their size is read from the header, and too much is refused before it is decoded."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from cases import ATTACKS, CASES, needs_cases

from xnect_lite.capture import open_source
from xnect_lite.data.pictures import BadPicture, picture_size, read_rgb
from xnect_lite.errors import XnectError
from xnect_lite.files.picture_file import decode, read_picture, size_of


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims a size, as whole as it need be to be begun."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(3 * 64))) + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    data = bytearray(cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def bmp(width: int, height: int) -> bytes:
    data = bytearray(cv2.imencode(".bmp", np.zeros((4, 4, 3), np.uint8))[1].tobytes())
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def netpbm(width: int, height: int) -> bytes:
    """A format that nobody asked for, behind any suffix."""
    return f"P6\n{width} {height}\n255\n".encode() + bytes(300)


@pytest.fixture
def no_decoder(monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))


@pytest.mark.parametrize("make", [png, jpeg, bmp, netpbm])
@pytest.mark.parametrize(("width", "height"), [(65_500, 65_500), (30_000, 30_000), (20_000, 5_001)])
def test_a_picture_that_claims_too_much_is_refused_by_its_header(make, width, height, tmp_path, no_decoder):
    path = tmp_path / "a.png"
    path.write_bytes(make(width, height))
    for read in (read_picture, lambda p: decode(p.read_bytes(), cv2.IMREAD_GRAYSCALE)):
        with pytest.raises(ValueError, match=r"100,000,000"):
            read(path)
    with pytest.raises(XnectError, match=r"a\.png: has .*100,000,000"):
        read_rgb(path)
    with pytest.raises(XnectError, match=r"no picture that can be decoded; a\.png has .*100,000,000"):
        open_source(path)
    if make in (png, jpeg):
        with pytest.raises(BadPicture):
            picture_size(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".tif"])
def test_pictures_of_every_kind_are_read(suffix):
    shown = np.full((40, 60, 3), (10, 200, 90), np.uint8)
    data = cv2.imencode(suffix, shown)[1].tobytes()
    assert size_of(data) == (60, 40)
    assert np.abs(decode(data, cv2.IMREAD_COLOR).astype(int) - shown).max() < 12


@pytest.mark.parametrize("data", [b"", b"x", png(10, 10)[:40], jpeg(0, 0), b"\x89PNG\r\n\x1a\n" + bytes(200)])
def test_what_is_no_picture_is_said_in_a_few_words(data, tmp_path):
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(ValueError, match="not a picture that can be decoded"):
        read_picture(tmp_path / "a.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_named_like_a_picture_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ValueError, match="no ordinary file"):
        read_picture(tmp_path / "a.png")


def test_hidden_files_beside_pictures_are_none_and_the_first_that_can_be_read_is_the_first(tmp_path: Path):
    for name in ("._f_1.jpg", "._f_2.jpg", ".hidden.png"):
        (tmp_path / name).write_bytes(b"\0\5\26\7 resource fork")
    (tmp_path / "f_0.jpg").write_bytes(b"broken")
    for number in (1, 3):
        cv2.imwrite(str(tmp_path / f"f_{number}.jpg"), np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "f_2.jpg").write_bytes(b"broken")
    with open_source(tmp_path, fps=10.0) as source:
        assert [(f.index, f.t_s) for f in source] == [(0, 0.0), (2, 0.2)]
        assert source.frame_count == 3
        assert source.warning == "2 pictures could not be read; f_0.jpg is not a picture that can be decoded"


@pytest.mark.parametrize("names", [["5²3.jpg", "5²4.jpg"], ["½.jpg", "①.jpg"], ["٣.jpg", "١٠.jpg"]])
def test_signs_that_look_like_digits_in_names(tmp_path, names):
    for name in names:
        cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tofile(tmp_path / name)
    with open_source(tmp_path) as source:
        assert len(list(source)) == 2


@needs_cases
@pytest.mark.parametrize("name", ["claims_65535.png", "media_fuzz3031.png"])
def test_pictures_found_to_bring_it_down(name):
    with pytest.raises(XnectError, match="no picture that can be decoded"):
        open_source(ATTACKS / name)


@needs_cases
@pytest.mark.parametrize(("name", "frames"), [("appledouble", 3), ("superscript", 2)])
def test_folders_of_others(name, frames):
    with open_source(CASES / name) as source:
        found = list(source)
    assert len(found) == frames and found[0].index == 0 and found[0].t_s == 0.0
