"""Networks that skip on a GPU: `kernels` instead of gather and scatter. Made of trained dynamic networks, for running only.

No step asks the device how many pixels are active, so nothing waits and a CUDA graph can be captured.
"""

from __future__ import annotations

import functools
import importlib
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from xnect_lite.errors import XnectError
from xnect_lite.models.compress import fuse
from xnect_lite.models.dynamic.core import LAYERS
from xnect_lite.models.dynamic.hourglass import DynamicResidual, StackedHourglass
from xnect_lite.models.dynamic.ledger import Spent
from xnect_lite.models.dynamic.masks import dilated
from xnect_lite.models.dynamic.rows import as_maps, as_rows
from xnect_lite.models.dynamic.sparse import SparseBlock, SparseResidual, core_of
from xnect_lite.models.xnect import XNect

_ROWS, _COLUMNS, _INPUTS = 64, 64, 32  # of a program's part of the product; chosen by rule of thumb, measured on no card
NONE, RELU, RELU6 = 0, 1, 2


@dataclass(frozen=True)
class ActiveList:
    """Active pixels of a mask (B, 1, H, W), listed on the device by a prefix sum.

    mask (B, 1, H, W); flags (B·H·W,) int8; index (B·H·W,) int32, of which the first ``count`` (1,) int32 are meant.
    """

    mask: Tensor
    flags: Tensor
    index: Tensor
    count: Tensor

    @classmethod
    def of(cls, mask: Tensor) -> ActiveList:
        """No step of this waits for the device."""
        flags = mask.flatten() > 0
        before = torch.cumsum(flags, 0, dtype=torch.int64)
        places = torch.arange(len(flags), device=mask.device, dtype=torch.int32)
        index = torch.zeros(len(flags) + 1, device=mask.device, dtype=torch.int32)  # the last takes what is not active
        index.scatter_(0, torch.where(flags, before - 1, len(flags)), places)
        return cls(mask, flags.to(torch.int8), index, before[-1:].to(torch.int32))


def conv_active(
    source: Tensor,
    listed: ActiveList,
    kernel: Tensor,
    bias: Tensor,
    out: Tensor,
    activation: int,
    *,
    taps: int,
    reads: ActiveList | None = None,
    add: bool = False,
) -> None:
    """`kernels.conv_kernel` over ``source`` (B·H·W, I) into ``out`` (B·H·W, O), rows of either as far apart as they are.

    Channels must lie together in memory. kernel (taps·I, O). reads: pixels outside this list count as zero in ``source``;
    None = all are read.
    """
    height, width = listed.mask.shape[-2:]
    outputs = kernel.shape[1]
    grid = (-(-len(listed.flags) // _ROWS), -(-outputs // _COLUMNS))
    _kernels().conv_kernel[grid](
        source, (reads or listed).flags, listed.index, listed.count, kernel, bias, out,
        height, width, source.stride(0), out.stride(0),
        inputs=source.shape[1], outputs=outputs, taps=taps, reads_masked=reads is not None, activation=activation, add=add,
        block_m=_ROWS, block_n=_COLUMNS, block_k=_INPUTS,
    )  # fmt: skip


def depthwise_active(source: Tensor, listed: ActiveList, reads: ActiveList, kernel: Tensor, bias: Tensor, out: Tensor) -> None:
    """`kernels.depthwise_kernel` over ``source`` (B·H·W, C) into ``out`` of the same shape; kernel (9, C)."""
    height, width = listed.mask.shape[-2:]
    grid = (-(-len(listed.flags) // _ROWS), -(-source.shape[1] // _COLUMNS))
    _kernels().depthwise_kernel[grid](
        source, reads.flags, listed.index, listed.count, kernel, bias, out, height, width,
        channels=source.shape[1], block_m=_ROWS, block_n=_COLUMNS,
    )  # fmt: skip


class GpuBlock(SparseBlock):
    """A fused `DynamicBlock` by kernels."""

    def forward(self, x: list[Any]) -> list[Any]:
        """[features, skip, mask or its list] -> [features, skip, list]."""
        features, skip, third = x
        listed = third if isinstance(third, ActiveList) else ActiveList.of(third)
        out = torch.addmm(self.conv6_bias, as_rows(skip), self.kernel_skip)
        widths = [getattr(self, f"{name}_bias").shape[0] for name in LAYERS]
        computed = out.new_empty(len(out), widths[0] + widths[2] + widths[4])  # d1, d2, d3 side by side
        d1, d2, d3 = computed.split([widths[0], widths[2], widths[4]], 1)
        narrow = [out.new_empty(len(out), widths[i]) for i in (1, 3)]
        steps = [
            ("conv1", as_rows(features).contiguous(), d1, 9, None), ("conv2", d1, narrow[0], 1, None),
            ("conv3", narrow[0], d2, 9, listed), ("conv4", d2, narrow[1], 1, None), ("conv5", narrow[1], d3, 9, listed),
        ]  # fmt: skip
        for name, source, target, taps, reads in steps:
            kernel, bias = getattr(self, f"{name}_kernel"), getattr(self, f"{name}_bias")
            conv_active(source, listed, kernel, bias, target, RELU, taps=taps, reads=reads)
        nothing = torch.zeros_like(self.conv6_bias)
        conv_active(computed, listed, self.kernel_computed, nothing, out, NONE, taps=1, add=True)
        return [as_maps(out.relu_(), skip), skip, listed]


class GpuResidual(SparseResidual):
    """A `DynamicResidual` by kernels."""

    def forward(self, x: Tensor) -> Tensor:
        mask = self.masker(x)
        wide = dilated(mask)
        self.ledger.add(Spent(self.name, mask, wide, self.layers))
        listed, grown = ActiveList.of(mask), ActiveList.of(wide)
        rows = as_rows(x).contiguous()  # a view where channels come last already
        hidden, mixed = (rows.new_empty(len(rows), self.expand.shape[1]) for _ in range(2))
        conv_active(rows, grown, self.expand, self.expand_bias, hidden, RELU6, taps=1)
        depthwise_active(hidden, listed, grown, self.depthwise_rows, self.depthwise_bias, mixed)
        out = rows.clone(memory_format=torch.contiguous_format)
        conv_active(mixed, listed, self.project, self.project_bias, out, NONE, taps=1, add=True)
        return as_maps(out, x)


def gpu_core(net: XNect) -> XNect:
    """A fused copy of a Stage I with masks that skips by kernels. Raises XnectError where triton is not installed."""
    _kernels()
    return core_of(net, GpuBlock)


def gpu_hourglass(net: StackedHourglass) -> StackedHourglass:
    """A copy that skips by kernels. Raises XnectError where triton is not installed."""
    _kernels()
    net = fuse(net)
    for name, block in list(net.named_modules()):
        if isinstance(block, DynamicResidual):
            net.set_submodule(name, GpuResidual(block))
    return net.requires_grad_(False)


@functools.cache
def _kernels() -> ModuleType:
    """The kernels' module, which needs triton."""
    try:
        return importlib.import_module("xnect_lite.models.dynamic.kernels")
    except ImportError as error:
        raise XnectError("triton", "is not installed", "It comes with CUDA builds of torch: install one") from error
