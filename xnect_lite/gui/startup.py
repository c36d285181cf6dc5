"""What can be known to be wrong before a window is shown. No Qt."""

from __future__ import annotations

import os
from pathlib import Path

from xnect_lite.capture import find_camera, is_synthetic, open_source
from xnect_lite.capture.names import as_named, is_pattern
from xnect_lite.config import NetworkConfig
from xnect_lite.errors import XnectError
from xnect_lite.gui.options import Options
from xnect_lite.inference.weight_search import find_weights
from xnect_lite.models.names import BACKBONE_NAMES


def check_options(options: Options, *, network: bool = True) -> None:
    """Raises XnectError for a file, backbone, weight file or device that is not there. Opens no camera.

    network: False leaves backbone, weights and device out.
    """
    if options.source:
        check_source(options.source)
    for path in options.open:
        if not os.path.exists(os.path.expanduser(path)):
            raise XnectError(path, "no such file or folder", "Check the spelling")
    if network:
        check_network(options.config.network)
    if options.screenshot is not None:
        check_writable(options.screenshot)


def check_source(spec: str) -> None:
    """A file must be there and hold pictures; a name must be a file's or a camera's. Numbers and addresses are not tried."""

    text = as_named(spec)
    if text.isdecimal() or "://" in text or text.lower().startswith(("camera:", "/dev/")):
        return
    if is_synthetic(text) or os.path.exists(os.path.expanduser(text)) or is_pattern(text):
        open_source(text).close()
    elif find_camera(text) is None:
        raise XnectError(spec, "no such file, folder or camera", "Check the spelling")


def check_network(network: NetworkConfig) -> None:
    """Backbone, weight file, and a device that was named. Only a named CUDA device makes this import torch."""
    if network.backbone not in BACKBONE_NAMES:
        raise XnectError(f"--backbone {network.backbone}", "is unknown", f"Choose one of {', '.join(BACKBONE_NAMES)}")

    find_weights(network.backbone, network.weights)
    if network.device not in ("auto", "cpu"):
        from xnect_lite.inference.devices import choose_device

        choose_device(network.device)


def check_writable(file: Path) -> None:
    """A picture can be put there."""
    folder = file.expanduser().resolve().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise XnectError(str(file), "its folder does not exist or cannot be written", "Choose a folder you may write to")
