"""Real-time 3D motion capture of several people from one ordinary camera.

for result in xnect_lite.track("dance.mp4"):
    print(result.frame.t_s, result.people.ids, result.people.joints_cam_mm)

What is needed for that and for takes is found here by name, the rest in its modules; importing the package imports none of the
libraries behind them.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xnect_lite.capture import open_source
    from xnect_lite.config import PipelineConfig, load_config
    from xnect_lite.errors import XnectError
    from xnect_lite.pipeline import Pipeline
    from xnect_lite.record.take import TakeRecorder
    from xnect_lite.record.take_folder import load_take
    from xnect_lite.runners.track import track
    from xnect_lite.skeleton import BONES, INDEX, JOINTS
    from xnect_lite.stages.detector import Detector
    from xnect_lite.types import Frame, People, PoseResult

# OpenVINO and NNCF would report to their makers at every start, from a forked process, and keep a number in ~/intel.
# Without the package that reports they do nothing of the kind. Whatever imports them here has come by this line.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

__version__ = "0.1.0"
__all__ = [
    "BONES", "INDEX", "JOINTS", "Detector", "Frame", "People", "Pipeline", "PipelineConfig", "PoseResult", "TakeRecorder",
    "XnectError", "__version__", "load_config", "load_take", "open_source", "track",
]  # fmt: skip

_HOMES = {
    "BONES": "skeleton", "INDEX": "skeleton", "JOINTS": "skeleton", "Detector": "stages.detector", "Frame": "types",
    "People": "types", "Pipeline": "pipeline", "PipelineConfig": "config", "PoseResult": "types", "TakeRecorder": "record.take",
    "XnectError": "errors", "load_config": "config", "load_take": "record.take_folder", "open_source": "capture",
    "track": "runners.track",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
