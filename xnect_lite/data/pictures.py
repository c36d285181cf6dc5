"""Picture files: their size without decoding them, and whether they are whole."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from xnect_lite.data.sample import Sample, decode_rgb
from xnect_lite.data.tally import Reason, Tally
from xnect_lite.errors import XnectError
from xnect_lite.files.picture_file import MOST_BYTES, MOST_PIXELS
from xnect_lite.files.untrusted import read_bytes

_TAIL_BYTES = 4096  # some writers append a few bytes after the end marker
_JPEG_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_JPEG_BARE = {0x01, *range(0xD0, 0xD8)}  # markers without a length


class BadPicture(Exception):
    """A picture file that cannot be used, and why."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason.value)


def read_rgb(path: Path) -> np.ndarray:
    """Decode a picture file to (H, W, 3) uint8 RGB. Raises XnectError if it cannot be read or decoded."""
    try:
        data = read_bytes(path, MOST_BYTES)
    except (OSError, ValueError) as error:
        cause = f"cannot be read ({getattr(error, 'strerror', None) or error})"
        raise XnectError(str(path), cause, "Check that the data set is complete") from error
    return decode_rgb(data, str(path))


def picture_size(path: Path) -> tuple[int, int]:
    """(width, height) of a picture as stored, from its header; JPEG and PNG files must also have their end marker.

    Other formats are decoded. Raises BadPicture.
    """
    try:
        with path.open("rb") as file:
            head = file.read(24)
            if head[:2] == b"\xff\xd8":
                size, end = _jpeg_size(file), b"\xff\xd9"
            elif head[:8] == b"\x89PNG\r\n\x1a\n":
                size, end = struct.unpack(">II", head[16:24]), b"IEND"
            else:
                image = read_rgb(path)
                return image.shape[1], image.shape[0]
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            if end not in file.read() or min(size) < 1 or size[0] * size[1] > MOST_PIXELS:
                raise BadPicture(Reason.PICTURE_CORRUPT)
            return size
    except FileNotFoundError:
        raise BadPicture(Reason.PICTURE_MISSING) from None
    except (OSError, ValueError, struct.error, XnectError):  # a name may hold what no name can
        raise BadPicture(Reason.PICTURE_CORRUPT) from None


def _jpeg_size(file: BinaryIO) -> tuple[int, int]:
    """Walk the segments to the frame header. A cut file raises struct.error."""
    at = 2
    while True:
        file.seek(at)
        lead, marker = struct.unpack(">BB", file.read(2))
        if lead != 0xFF or marker in (0xD9, 0xDA):
            raise BadPicture(Reason.PICTURE_CORRUPT)
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _JPEG_BARE:
            at += 2
        elif marker in _JPEG_FRAMES:
            _, _, height, width = struct.unpack(">HBHH", file.read(7))
            return width, height
        else:
            at += 2 + struct.unpack(">H", file.read(2))[0]


def decodable(samples: Iterable[Sample], tally: Tally) -> Iterator[Sample]:
    """Pass on the samples whose pictures decode to the size they claim; count the others."""
    for sample in samples:
        try:
            height, width = sample.read_image().shape[:2]
        except XnectError:
            tally.add(Reason.PICTURE_CORRUPT, sample.provenance)
            continue
        if (width, height) == sample.size:
            yield sample
        else:
            tally.add(Reason.PICTURE_SIZE, sample.provenance)
