"""What the app can be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xnect_lite.config import PipelineConfig

DEFAULT_TAKES = Path("~/xnect_takes")


@dataclass(frozen=True, slots=True)
class Options:
    """What the app was asked for.

    source:      as `capture.open_source` takes it; played live. "" = nothing: the first screen, or the last camera.
    open:        videos to be processed, or takes to be shown.
    demo:        play the built-in clip.
    takes:       folder that takes are put in; None = as the settings say.
    settings:    file of settings; None = the user's own.
    record:      record from the first result on.
    screenshot:  picture of the window to save, ``after_s`` seconds after the first result, and then quit.
    size:        (width, height) of the window, None = what suits the screen.
    """

    config: PipelineConfig
    source: str = ""
    open: tuple[str, ...] = ()
    demo: bool = False
    takes: Path | None = None
    settings: Path | None = None
    record: bool = False
    screenshot: Path | None = None
    after_s: float = 2.0
    size: tuple[int, int] | None = None
