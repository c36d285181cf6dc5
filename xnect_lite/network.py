"""Stage I at run time: a frame in, maps out. Letterboxing, colour order, device and precision belong here."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from xnect_lite.config import NetworkConfig
from xnect_lite.errors import XnectError
from xnect_lite.models.heads import STRIDE
from xnect_lite.models.xnect import XNect
from xnect_lite.runtime.timer import StageTimer
from xnect_lite.types import PAD_RGB, Frame, Letterbox, Maps
from xnect_lite.weights import find_weights, load_network


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


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """'auto' is bf16, as in training, where the device has it in hardware; else fp16 on CUDA and fp32 on the CPU."""
    types = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
    if name == "auto":
        if device.type == "cuda":
            return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16
        return torch.bfloat16 if _cpu_has_bf16() else torch.float32
    if name not in types:
        raise XnectError(f"--precision {name}", "is unknown", f"Use auto, {', '.join(types)}")
    return types[name]


def _cpu_has_bf16() -> bool:
    check = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(check and check())


def net_size(config: NetworkConfig, frame_size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of the network input: landscape for wide frames, portrait for tall ones."""
    long, short = config.long_side_net_px, config.short_side_net_px
    if long % 16 or short % 16 or min(long, short) < 16:
        raise XnectError(
            "network input", f"{long}x{short} is no multiple of 16", "Change long_side_net_px or short_side_net_px"
        )
    return (long, short) if frame_size[0] >= frame_size[1] else (short, long)


def letterbox_image(image: np.ndarray, box: Letterbox) -> np.ndarray:
    """(H, W, 3) uint8 RGB -> (net_height, net_width, 3), scaled and centred on grey exactly as ``box`` says."""
    height, width = image.shape[:2]
    if box.scale < 0.7:  # average whole pixels first: bilinear alone would skip some
        size = (max(1, round(width * box.scale)), max(1, round(height * box.scale)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    sx, sy = width * box.scale / image.shape[1], height * box.scale / image.shape[0]
    matrix = np.array([[sx, 0, 0.5 * sx + box.pad_x - 0.5], [0, sy, 0.5 * sy + box.pad_y - 0.5]], np.float64)
    pad = (PAD_RGB,) * 3
    return cv2.warpAffine(
        image, matrix, (box.net_width, box.net_height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=pad
    )


class Predictor:
    """Runs Stage I on single frames.

    ``device_name`` and ``precision`` say what it runs on, for overlays and reports.
    """

    def __init__(self, config: NetworkConfig, net: XNect | None = None) -> None:
        self.config = config
        self.device = choose_device(config.device)
        self.dtype = choose_precision(config.precision, self.device)
        if net is None:
            net = load_network(find_weights(config.backbone, config.weights), config.backbone)
        self.net = net.eval().to(self.device, memory_format=torch.channels_last)
        self.device_name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "CPU"
        self.precision = {torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16"}[self.dtype]

    @torch.inference_mode()
    def __call__(self, frame: Frame, timer: StageTimer) -> Maps:
        """Maps of one frame, still on the device."""
        on_gpu = self.device.type == "cuda"
        with timer.stage("preprocess"):
            box = Letterbox.fit(*frame.size, *net_size(self.config, frame.size))
            image = torch.from_numpy(letterbox_image(frame.image, box))
        with timer.stage("network", cuda=on_gpu):
            tensor = image.to(self.device, non_blocking=True).permute(2, 0, 1)[None].float()
            with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
                maps = self.net(tensor.contiguous(memory_format=torch.channels_last))
            return to_maps(maps, box)


def to_maps(outputs: dict[str, torch.Tensor], box: Letterbox, index: int = 0) -> Maps:
    """Row ``index`` of the network's outputs as Maps: single precision, probabilities instead of logits."""
    one = {name: value[index].float() for name, value in outputs.items()}
    return Maps(
        heatmaps=one["heatmaps"].sigmoid(),
        centre=one["centre"][0].sigmoid(),
        pafs=one["pafs"],
        locations=one["locations"],
        depth=one["depth"][0],
        stride=STRIDE,
        letterbox=box,
    )
