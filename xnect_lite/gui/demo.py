"""The built-in clip. No Qt."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from xnect_lite.errors import XnectError

_NAME = "demo.mp4"


def demo_clip() -> Path:
    """Its file: in the package, or in the docs of a checkout. Raises XnectError where it was left out."""
    places = [Path(__file__).parents[2] / "docs"]
    packaged = importlib.util.find_spec("xnect_lite._demo")
    if packaged is not None and packaged.submodule_search_locations:
        places.insert(0, Path(next(iter(packaged.submodule_search_locations))))
    for place in places:
        if (place / _NAME).is_file():
            return place / _NAME
    raise XnectError("the demo", f"{_NAME} is missing from this installation", "Reinstall, or open a video of your own")
