"""Real-time 3D motion capture of several people from one ordinary camera.

for result in xnect_lite.track("dance.mp4"):
    print(result.frame.t_s, result.people.ids, result.people.joints_cam_mm)

`track`, `Pipeline`, `PipelineConfig`, `open_source` and `XnectError` are found here; importing the package imports none of the
libraries behind them.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xnect_lite.capture import open_source
    from xnect_lite.config import PipelineConfig
    from xnect_lite.errors import XnectError
    from xnect_lite.pipeline import Pipeline
    from xnect_lite.runners.track import track

# OpenVINO and NNCF would report to their makers at every start, from a forked process, and keep a number in ~/intel.
# Without the package that reports they do nothing of the kind. Whatever imports them here has come by this line.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

__version__ = "0.1.0"
__all__ = ["Pipeline", "PipelineConfig", "XnectError", "__version__", "open_source", "track"]

_HOMES = {
    "Pipeline": "pipeline", "PipelineConfig": "config", "XnectError": "errors", "open_source": "capture",
    "track": "runners.track",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
