"""Decoding ahead: a source is read on a thread of its own while the pipeline is busy with earlier frames."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator

from xnect_lite.capture.source import Source
from xnect_lite.types import Frame


def read_ahead(source: Source, depth: int = 4) -> Generator[Frame, None, None]:
    """Every frame of ``source``, in order, none dropped; up to ``depth`` of them are read before they are asked for.

    Whatever error ends the source is raised once the frames before it have been given. Ending the loop early ends the thread
    and, if the source is live, closes it; a file stays open and is the caller's to close.
    """
    frames: queue.Queue[Frame | BaseException | None] = queue.Queue(depth)
    stop = threading.Event()

    def put(item: Frame | BaseException | None) -> bool:
        while not stop.is_set():
            try:
                frames.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def read() -> None:
        try:
            for frame in source:
                if not put(frame):
                    return
            put(None)
        except BaseException as error:
            put(error)

    reader = threading.Thread(target=read, name=f"decoding {source.name}", daemon=True)
    reader.start()
    try:
        while (item := frames.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        if source.live:
            source.close()  # frees a thread that waits for a camera
        reader.join()
