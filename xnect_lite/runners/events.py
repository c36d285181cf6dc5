"""What the inference thread tells whoever listens: plain values, so that a window, a test or a log can be the listener."""

from __future__ import annotations

import enum
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xnect_lite.errors import XnectError, without_secrets
from xnect_lite.types import PoseResult


class WorkerState(enum.Enum):
    """What the worker is about."""

    STOPPED = "stopped"
    LOADING = "loading"
    RUNNING = "running"
    PROCESSING = "processing"
    FAULTED = "faulted"


@dataclass(frozen=True, slots=True)
class Update:
    """One frame's result and where its run stands.

    arrived_s:          clock (time.perf_counter) when the frame came.
    taken_s:            clock when the pipeline took it.
    received, dropped:  frames since the source was opened.
    capture_ms:         reading and decoding the frame; NaN for a camera, where that is mostly waiting.
    done_s:             clock when the pipeline was done with it.
    """

    result: PoseResult
    arrived_s: float
    taken_s: float
    received: int
    dropped: int
    capture_ms: float = float("nan")
    done_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Fault:
    """Why the worker stopped. ``is_expected``: something the user can mend, so no traceback in ``details``."""

    text: str
    details: str
    is_expected: bool

    @classmethod
    def of(cls, error: Exception) -> Fault:
        """What to tell of an error, with the traceback for those that should not happen."""
        if isinstance(error, XnectError):
            return cls(str(error), str(error), True)
        details = without_secrets("".join(traceback.format_exception(error)))
        return cls(without_secrets(f"Unexpected error: {error!r}"), details, False)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a file is. ``total``: its frames, None = not known.   ``eta_s``: seconds to go, None = not known yet."""

    name: str
    done: int
    total: int | None
    fps: float
    eta_s: float | None

    @property
    def is_finishing(self) -> bool:
        """All frames are done; files are being written."""
        return self.total is not None and self.done >= self.total > 0

    @property
    def share(self) -> float:
        """0..1; 0 where the length is not known."""
        return min(1.0, self.done / self.total) if self.total else 0.0


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of a file. ``folder``: its take, None = nothing was kept.   ``problem``: why it failed, "" = it did not.

    is_earlier: the take had been made before, with the same settings.
    """

    source: str
    folder: Path | None
    frames: int = 0
    total: int | None = None
    is_cancelled: bool = False
    is_earlier: bool = False
    problem: str = ""
    details: str = ""
    warning: str = ""


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The worker is about something else. ``text``: what, in words; the source's name while running."""

    state: WorkerState
    text: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """A network is ready."""


@dataclass(frozen=True, slots=True)
class ResultReady:
    """A result waits to be taken; one event per result taken, so that a slow listener is not flooded."""


@dataclass(frozen=True, slots=True)
class Faulted:
    """The worker stopped for an error."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class Refused:
    """New settings could not be had; the old ones are still used."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class Warned:
    """The source has something to say."""

    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The source came to its end."""

    text: str


@dataclass(frozen=True, slots=True)
class Progressed:
    """A file is farther than it was."""

    progress: Progress


@dataclass(frozen=True, slots=True)
class FileDone:
    """A file is through, was cancelled, or failed."""

    outcome: FileOutcome


Event = StateChanged | Loaded | ResultReady | Faulted | Refused | Warned | Ended | Progressed | FileDone
Listen = Callable[[Event], None]
"""Called on the worker's thread."""
