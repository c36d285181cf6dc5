"""What every source of frames promises."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from xnect_lite.types import Frame

if TYPE_CHECKING:
    from typing_extensions import Self


class Source(Protocol):
    """Where frames come from.

    `Frame.t_s` counts from the first frame of the file or stream, also in an excerpt, and increases strictly.
    `Frame.index` numbers the frames from the first that `read` gives.

    Attributes:
        name: what to call it on a screen.
        size: (width, height) of the first frame, pixels, upright. Pictures of a folder may each have their own.
        live: True if frames come when they come and are lost if nobody reads them.
        fps: nominal frames per second, None = unknown. For display and estimates only: time is `Frame.t_s`.
        frame_count: how many frames `read` will give, an estimate; None = unknown or endless.
        warning: what went wrong without stopping the source, in words for the user; None = nothing.
    """

    name: str
    size: tuple[int, int]
    live: bool
    fps: float | None
    frame_count: int | None
    warning: str | None

    def read(self) -> Frame | None:
        """The next frame, waiting for it if need be; None once the source has ended or was closed.

        Raises XnectError if the source fails.
        """
        ...

    def close(self) -> None:
        """Give the file or camera back. May be called twice, and from another thread: a waiting `read` then ends."""
        ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        while (frame := self.read()) is not None:
            yield frame
