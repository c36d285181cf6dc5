"""Pictures of a film by frame, for a player: read on a thread of its own, the newest wish first, those near it kept."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable

import numpy as np

from xnect_lite.capture.source import Source
from xnect_lite.errors import XnectError, without_secrets

OpenAt = Callable[[float], Source]
"""(second) -> a source whose first picture is the one of that second, or an earlier one."""
_KEPT_BYTES = 400_000_000
_AHEAD = 8  # pictures read before they are asked for
_JUMP = 40  # so many pictures ahead are read through rather than sought
_BEHIND = 24  # a seek goes so many frames back, so that stepping back costs nothing
_TOLERANCE = 0.51  # of the time between two of the film: a picture is the one of a frame if it is no farther from it


class PictureReader:
    """The pictures of ``t_s`` (N,) seconds, as `PictureReader.get` has them by now.

    open_at: opens the film; called on the reader's thread.
    ready:   is told of the number of a picture that was wished for and is there now; called on the reader's thread.
    t_s:     seconds of the frames, increasing.

    ``problem`` says why there are none, "" while all is well.
    """

    def __init__(self, open_at: OpenAt, t_s: np.ndarray, ready: Callable[[int], None]) -> None:
        self._open_at, self._ready = open_at, ready
        self._t_s = np.asarray(t_s, float)
        self._period_s = float(np.median(np.diff(self._t_s))) if len(t_s) > 1 else 1 / 30
        self._kept: OrderedDict[int, np.ndarray] = OrderedDict()
        self._bytes = 0
        self._changed = threading.Condition()
        self._wish: int | None = None
        self._is_closing = False
        self._source: Source | None = None
        self._next = 0  # number of the frame that the source gives next, about
        self.problem = ""
        self._thread = threading.Thread(target=self._run, name="pictures", daemon=True)
        self._thread.start()

    def get(self, frame: int) -> np.ndarray | None:
        """(H, W, 3) uint8 RGB of this frame if it is there; else it is wished for, instead of any other."""
        with self._changed:
            image = self._kept.get(frame)
            if image is not None:
                self._kept.move_to_end(frame)
            self._wish = frame
            self._changed.notify_all()
            return image

    def close(self, timeout_s: float = 2.0) -> None:
        """End the thread and close the film."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)

    # --- on the reader's thread

    def _run(self) -> None:
        try:
            while (wish := self._next_wish()) is not None:
                self._serve(wish)
        except Exception as error:  # nobody waits for this thread: what happened is said where it is asked
            self.problem = str(error) if isinstance(error, XnectError) else without_secrets(repr(error))
            self._ready(-1)
        finally:
            if self._source is not None:
                with contextlib.suppress(Exception):
                    self._source.close()

    def _next_wish(self) -> int | None:
        """The frame to read for: the one wished, or one just ahead of it; None when all is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closing or self._missing() is not None)
            return None if self._is_closing else self._missing()

    def _missing(self) -> int | None:
        if self._wish is None:
            return None
        ahead = range(self._wish, min(self._wish + _AHEAD, len(self._t_s)))
        return next((frame for frame in ahead if frame not in self._kept), None)

    def _serve(self, wish: int) -> None:
        if self._source is None or not self._next <= wish <= self._next + _JUMP:
            self._seek(wish)
        assert self._source is not None
        while not self._is_closing:
            frame = self._source.read()
            if frame is None:  # the film is shorter than the take
                self._keep(wish, self._last_image())
                self._next = len(self._t_s)
                return
            number = int(np.argmin(np.abs(self._t_s - frame.t_s)))
            apart_s = min(self._period_s, 1 / self._source.fps) if self._source.fps else self._period_s
            if abs(self._t_s[number] - frame.t_s) > _TOLERANCE * apart_s and frame.t_s < self._t_s[wish]:
                continue  # of a frame that the take dropped
            self._next = number + 1
            self._keep(number, frame.image)
            if number >= wish:
                if number > wish:  # no picture of exactly this frame: the nearest after it
                    self._keep(wish, frame.image)
                return
            if self._strayed(wish):
                return

    def _strayed(self, wish: int) -> bool:
        """Whether something else is wished for by now that reading on would not reach soon."""
        with self._changed:
            now = self._wish
        return now is not None and not wish - _AHEAD <= now <= wish + _JUMP

    def _seek(self, wish: int) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None
        first = max(0, wish - _BEHIND)
        self._source = self._open_at(max(0.0, float(self._t_s[first]) - 0.25 * self._period_s))
        self._next = first

    def _last_image(self) -> np.ndarray:
        with self._changed:
            return next(reversed(self._kept.values())) if self._kept else np.zeros((2, 2, 3), np.uint8)

    def _keep(self, number: int, image: np.ndarray) -> None:
        with self._changed:
            if number not in self._kept:
                self._kept[number] = image
                self._bytes += image.nbytes
            self._kept.move_to_end(number)
            while self._bytes > _KEPT_BYTES and len(self._kept) > _AHEAD + 2:
                _, old = self._kept.popitem(last=False)
                self._bytes -= old.nbytes
            is_wished = number == self._wish
        if is_wished:
            self._ready(number)
