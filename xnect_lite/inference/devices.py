"""Devices and precisions by name. Asking for one that is not there is an error; 'auto' takes the best that is."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from xnect_lite.errors import XnectError

PRECISIONS: dict[str, torch.dtype] = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
"""Name -> type that torch computes in."""


Network = TypeVar("Network", bound=nn.Module)


def channels_last(net: Network) -> Network:
    """``net`` itself, its kernels laid out for pictures whose channels come last: what convolutions run fastest on."""
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks the keyword


def choose_device(name: str) -> torch.device:
    """'auto' is CUDA where there is one, else the CPU. Asking for a device that is not there is an error."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise XnectError(f"--device {name}", "is no device this runs on", "Use auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise XnectError(
            f"--device {name}", "this torch sees no CUDA device", "Use --device cpu, or install a CUDA build of torch"
        )
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise XnectError(
            f"--device {name}", f"there are only {torch.cuda.device_count()} CUDA devices", "Choose a lower number"
        )
    return device


def device_title(device: torch.device) -> str:
    """'CPU', or the name of the GPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """'auto' is bf16, as in training, where the device has it in hardware; else fp16 on CUDA and fp32 on the CPU."""
    check_precision(name)
    if name == "auto":
        if device.type == "cuda":
            return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16
        return torch.bfloat16 if _cpu_has_bf16() else torch.float32
    return PRECISIONS[name]


def check_precision(name: str) -> None:
    """Raises XnectError for a name that is neither 'auto' nor in PRECISIONS."""
    if name != "auto" and name not in PRECISIONS:
        raise XnectError(f"--precision {name}", "is unknown", f"Use auto, {', '.join(PRECISIONS)}")


def precision_name(dtype: torch.dtype) -> str:
    """'fp32', 'fp16' or 'bf16'."""
    return next(name for name, kind in PRECISIONS.items() if kind == dtype)


def _cpu_has_bf16() -> bool:
    check = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(check and check())


def cpu_name() -> str:
    """The processor, as it calls itself; empty if it does not."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
