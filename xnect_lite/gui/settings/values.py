"""Everything the user can set, with its ranges and words, and what it means to the pipeline. No Qt."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated, Any, Literal

from xnect_lite.config import MOST_PEOPLE, PipelineConfig, checked
from xnect_lite.files.values import Range, Share
from xnect_lite.models.names import BACKBONE_NAMES

RESOLUTIONS = ("", "640x480", "960x540", "1280x720", "1920x1080")
RATES = (0.0, 15.0, 24.0, 25.0, 30.0, 50.0, 60.0)
COUNTDOWNS = (0, 3, 5)
_MOST_RECENT = 8
_PLAIN = PipelineConfig()


@dataclasses.dataclass(frozen=True)
class Settings:
    """Kept between runs. Words that are empty mean: as the program sees fit."""

    # camera
    camera: str = ""  # the last one used, as `capture.open_source` takes it
    start_camera: bool = False  # start the last camera with the app
    resolution: Literal["", "640x480", "960x540", "1280x720", "1920x1080"] = ""  # wished for; the camera takes the nearest
    rate: Annotated[float, Range(1, 240, or_=0)] = 0.0  # frames a second wished for; 0 = the camera's own
    mirror: bool = False  # the preview alone: what is recorded is never mirrored
    # network
    backbone: str = _PLAIN.network.backbone
    backend: Literal["auto", "torch", "compiled", "cudagraph", "openvino", "onnxruntime"] = "auto"
    precision: Literal["auto", "fp32", "fp16", "bf16"] = "auto"
    device: str = "auto"
    max_people: Annotated[int, Range(1, MOST_PEOPLE)] = _PLAIN.grouping.max_people
    # motion
    smoothing: Share = _PLAIN.filtering.smoothing
    stature_m: Annotated[float, Range(0.3, 3, or_=0)] = 0.0
    foot_lock: bool = _PLAIN.fitting.foot_lock
    # lens and floor
    lens: Literal["unknown", "fov", "file"] = "unknown"
    fov_deg: Annotated[float, Range(1, 170)] = 60.0
    intrinsics: str = ""
    floor: Literal["estimated", "given", "level"] = "estimated"
    pitch_deg: Annotated[float, Range(-90, 90)] = 0.0
    camera_height_m: Annotated[float, Range(0, 1000)] = 0.0
    # recording
    takes: str = "~/xnect_takes"
    countdown_s: Annotated[int, Range(0, 60)] = 0
    keep_video: bool = True
    osc: bool = False  # everybody's motion to another program, live
    osc_address: str = "127.0.0.1:39539"
    # files
    file_action: Literal["process", "preview"] = "process"
    quality: Literal["fast", "normal", "best"] = "normal"
    overlay: bool = False
    # window
    appearance: Literal["system", "dark", "light"] = "system"
    recent: tuple[str, ...] = ()
    # export, as last chosen; what the dialog understands
    export: str = ""

    def with_recent(self, path: str) -> Settings:
        """``path`` first among the recent files."""
        return dataclasses.replace(self, recent=(path, *(p for p in self.recent if p != path))[:_MOST_RECENT])


def checked_settings(settings: Settings) -> Settings:
    """``settings``; raises XnectError for a value that cannot be."""
    return checked(settings)


def pipeline_config(settings: Settings, given: PipelineConfig) -> PipelineConfig:
    """What the settings ask of the pipeline; whatever ``given``, from the command line, sets goes before them.

    Raises XnectError for values that do not go together.
    """
    wished: dict[str, dict[str, Any]] = {
        "network": {
            "backbone": settings.backbone if settings.backbone in BACKBONE_NAMES else "selecsls60",
            "backend": settings.backend,
            "precision": settings.precision,
            "device": settings.device or "auto",
        },
        "grouping": {"max_people": settings.max_people},
        "filtering": {"smoothing": settings.smoothing},
        "fitting": {"foot_lock": settings.foot_lock},
        "camera": {
            "stature_m": settings.stature_m,
            "fov_deg": settings.fov_deg if settings.lens == "fov" else 0.0,
            "intrinsics": settings.intrinsics if settings.lens == "file" else "",
            "floor": settings.floor,
            "pitch_deg": settings.pitch_deg if settings.floor == "given" else 0.0,
            "height_m": settings.camera_height_m,
        },
    }
    sections = {
        name: _merged(getattr(_PLAIN, name), values, getattr(given, name), camera=name == "camera")
        for name, values in wished.items()
    }
    return checked(dataclasses.replace(given, **sections))


def _merged(plain: Any, wished: dict[str, Any], given: Any, *, camera: bool) -> Any:
    """A section of ``given`` with what is wished in place of whatever ``given`` left as it comes."""
    is_given = {f.name for f in dataclasses.fields(given) if getattr(given, f.name) != getattr(plain, f.name)}
    if camera and is_given & {"intrinsics", "focal_px", "fov_deg"}:  # they say the same thing: one of them
        is_given |= {"intrinsics", "focal_px", "fov_deg"}
    if camera and is_given & {"floor", "pitch_deg", "roll_deg"}:
        is_given |= {"floor", "pitch_deg", "roll_deg"}
    return dataclasses.replace(given, **{key: value for key, value in wished.items() if key not in is_given})


def wished_size(settings: Settings) -> tuple[int, int] | None:
    """(width, height) wished of a camera."""
    width, separator, height = settings.resolution.partition("x")
    return (int(width), int(height)) if separator else None


def as_texts(settings: Settings) -> dict[str, str]:
    """Key -> JSON, for what keeps text."""
    return {field.name: json.dumps(getattr(settings, field.name)) for field in dataclasses.fields(settings)}
