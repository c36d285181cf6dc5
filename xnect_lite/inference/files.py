"""Exported networks: the same questions that a safetensors file is asked, before anything is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from xnect_lite.errors import XnectError
from xnect_lite.files.untrusted import load_json
from xnect_lite.models.heads import OUTPUT_CHANNELS
from xnect_lite.models.xnect import arch_problem

ARCH_KEY = "xnect_arch"
"""Where an exported file keeps its network's ``arch``, as JSON."""

_NEXT = "Export it again with xnect-lite export"


def check_arch(path: Path, text: str, backbone: str) -> None:
    """Raises XnectError unless ``text`` names a network that can be run as a Stage I with this backbone."""
    try:
        arch = dict(load_json(text or "{}"))
    except (ValueError, TypeError):
        arch = {}
    if problem := arch_problem(arch, backbone):
        raise XnectError(str(path), problem, "Choose --weights and --backbone that match")


def check_form(path: Path, inputs: Sequence[tuple[str, int]], outputs: Mapping[str, int | None]) -> None:
    """Raises XnectError unless there is one uint8 input of four axes, and our outputs with their channels.

    inputs: (element type, number of axes) of each; outputs: name -> channels, None = not fixed in the file.
    """
    if [(kind, axes) for kind, axes in inputs] != [("uint8", 4)]:
        found = ", ".join(f"{kind} of {axes} axes" for kind, axes in inputs) or "none"
        raise XnectError(str(path), f"expected one input, uint8 of 4 axes; found {found}", _NEXT)
    if dict(outputs) != OUTPUT_CHANNELS:
        found = ", ".join(f"{name} {channels or '?'}" for name, channels in outputs.items()) or "none"
        expected = ", ".join(f"{name} {channels}" for name, channels in OUTPUT_CHANNELS.items())
        raise XnectError(str(path), f"expected outputs and channels {expected}; found {found}", _NEXT)


def unreadable(path: Path, kind: str, error: Exception) -> XnectError:
    """The error for a file that its library cannot read; ``kind`` with its article, such as 'an ONNX file'."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.startswith(("Exception", "Check"))]
    return XnectError(str(path), f"is not {kind}, or is cut short ({(lines or ['no reason given'])[0]})", _NEXT)
