"""Numbered pictures to play: as a video, as files, from a pretended camera, from a server."""

from __future__ import annotations

import contextlib
import threading
import time
from fractions import Fraction
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import av
import cv2
import numpy as np

WIDTH, HEIGHT, COUNT = 64, 48, 12


def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """(H, W, 3) RGB whose blue tells its number, with a red corner at the top left."""
    image = np.full((height, width, 3), (0, 0, 20 * number), np.uint8)
    image[: height // 2, : width // 2, 0] = 255
    return image


def number_of(image: np.ndarray) -> int:
    """Which `picture` this is, lossy coding or not."""
    return round(float(np.median(image[-HEIGHT // 3 :, -WIDTH // 3 :, 2])) / 20)


def write_video(
    path: Path,
    times_s: list[float] | None = None,
    *,
    count: int = COUNT,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    noise: bool = False,
    options: dict[str, str] | None = None,
) -> Path:
    """A short video; 10 frames a second unless ``times_s`` says otherwise. ``noise`` makes it too large to fit a few blocks."""
    times_s = [k / 10 for k in range(count)] if times_s is None else times_s
    rng = np.random.default_rng(0)
    avi = path.suffix == ".avi"  # counts frames, not milliseconds, and knows no B-frames
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream("mpeg4" if avi else "libx264", rate=10, options={"g": "4"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        ticks = 10 if avi else 1000
        stream.codec_context.time_base = Fraction(1, ticks)
        for k, t_s in enumerate(times_s):
            image = picture(k % 12, *size)
            if noise:
                image = rng.integers(0, 256, image.shape, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = round(t_s * ticks), Fraction(1, ticks)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_pictures(folder: Path, count: int = COUNT) -> Path:
    folder.mkdir()
    for k in range(count):
        cv2.imwrite(str(folder / f"frame_{k}.png"), picture(k)[..., ::-1])
    return folder


class FakeCapture:
    """A camera or stream that gives ``count`` pictures, then hangs, ends, or fails for a while."""

    def __init__(self, count: int = COUNT, then: str = "end", period_s: float = 0.005) -> None:
        self.count, self.then, self.period_s = count, then, period_s
        self.taken = self.failures = 0
        self.released = threading.Event()
        self.resume = threading.Event()
        self.thread_ids: set[int] = set()

    def isOpened(self) -> bool:
        return True

    def get(self, prop: int) -> float:
        return 30.0

    def grab(self) -> bool:
        self.thread_ids.add(threading.get_ident())
        time.sleep(self.period_s)
        if self.taken >= self.count:
            if self.then == "hang":
                self.resume.wait(10)
                self.count += 1
            elif self.then == "hiccup" and self.failures < 3:
                self.failures += 1
                return False
            elif self.then == "hiccup":
                self.count += 1
            else:
                return False
        self.taken += 1
        return True

    def retrieve(self) -> tuple[bool, np.ndarray | None]:
        return True, picture(min(self.taken - 1, 11))[..., ::-1].copy()

    def release(self) -> None:
        self.released.set()


class MjpegHandler(BaseHTTPRequestHandler):
    """Pictures one after the other, as network cameras send them."""

    def do_GET(self) -> None:
        if self.path == "/text":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"no video here")
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            for k in range(COUNT):
                jpeg = cv2.imencode(".jpg", picture(k)[..., ::-1])[1].tobytes()
                self.wfile.write(
                    b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg) + jpeg + b"\r\n"
                )
                time.sleep(0.01)

    def log_message(self, *args: object) -> None:
        pass
