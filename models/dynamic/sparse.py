"""Networks that skip: gather the active pixels, multiply, scatter. Made of trained dynamic networks, for running only.

They compute what the masked-dense forms in eval mode compute, to rounding; time falls with the share of active pixels.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from xnect_lite.models.compress import fuse
from xnect_lite.models.dynamic.core import LAYERS, DynamicBlock, DynamicSelecSLS, convolution
from xnect_lite.models.dynamic.hourglass import DynamicResidual, StackedHourglass
from xnect_lite.models.dynamic.ledger import Spent
from xnect_lite.models.dynamic.masks import dilated
from xnect_lite.models.dynamic.rows import ActiveRows, as_maps, as_rows, bordered_rows, kernel_rows, with_zero_row
from xnect_lite.models.xnect import XNect

_GATHERED_DEPTHWISE = 0.12  # up to this share of active pixels a depthwise layer gathers; the whole map at once is faster above
_BLOCK = 256  # rows that nine gathers of a depthwise layer take at once, so that their sum stays in the cache


class Scratch:
    """Maps of zeros by size, made once. A copy of a network has none yet."""

    def __init__(self) -> None:
        self._maps: dict[tuple[object, ...], Tensor] = {}

    def __deepcopy__(self, memo: dict[int, object]) -> Scratch:
        return Scratch()

    def of(self, rows: int, like: Tensor) -> Tensor:
        """(rows, C) zeros of the width, type and place of ``like``; whoever writes to them makes them zeros again."""
        key = (rows, like.shape[1], like.dtype, like.device)
        if key not in self._maps:
            with torch.inference_mode(False):  # kept, so it must serve any mode
                self._maps[key] = torch.zeros(rows, like.shape[1], dtype=like.dtype, device=like.device)
        return self._maps[key]


class SparseBlock(nn.Module):
    """A fused `DynamicBlock` that computes active pixels only."""

    conditional: tuple[str, ...] = ()
    kernel_computed: Tensor
    kernel_skip: Tensor
    conv6_bias: Tensor

    def __init__(self, block: DynamicBlock) -> None:
        super().__init__()
        self.partly_conditional: dict[str, int] = {}
        for name in LAYERS:
            conv = getattr(block, name)[0]
            self.register_buffer(f"{name}_kernel", kernel_rows(conv.weight.detach()))
            self.register_buffer(f"{name}_bias", _bias(conv))
        last = convolution(block.conv6[0])
        computed = sum(getattr(block, name)[0].out_channels for name in ("conv1", "conv3", "conv5"))
        kernel = last.weight.detach()[:, :, 0, 0].t()
        self.register_buffer("kernel_computed", kernel[:computed].contiguous())
        self.register_buffer("kernel_skip", kernel[computed:].contiguous())
        self.register_buffer("conv6_bias", _bias(last))

    def forward(self, x: list[Tensor | ActiveRows]) -> list[Tensor | ActiveRows]:
        """[features, skip, mask or its rows] -> [features, skip, rows]: the next block of the level need not look again."""
        features, skip, third = x
        assert isinstance(features, Tensor) and isinstance(skip, Tensor)
        rows = third if isinstance(third, ActiveRows) else ActiveRows(third)
        out = torch.addmm(self.conv6_bias, as_rows(skip), self.kernel_skip)
        if len(rows):
            out.index_add_(0, rows.index, torch.mm(torch.cat(self._computed(features, rows), 1), self.kernel_computed))
        return [as_maps(out.relu_(), skip), skip, rows]

    def _computed(self, features: Tensor, rows: ActiveRows) -> list[Tensor]:
        """d1, d2 and d3, (N, C) each."""
        near = rows.neighbours(rows)
        d1 = self._layer("conv1", bordered_rows(features).index_select(0, rows.padded.flatten()).view(len(rows), -1))
        d2 = self._layer("conv3", with_zero_row(self._layer("conv2", d1)).index_select(0, near).view(len(rows), -1))
        d3 = self._layer("conv5", with_zero_row(self._layer("conv4", d2)).index_select(0, near).view(len(rows), -1))
        return [d1, d2, d3]

    def _layer(self, name: str, gathered: Tensor) -> Tensor:
        return torch.addmm(getattr(self, f"{name}_bias"), gathered, getattr(self, f"{name}_kernel")).relu_()


class SparseResidual(nn.Module):
    """A fused `DynamicResidual` that computes active pixels only.

    ``scratch``: maps to be used again, zero but for what is being computed; shared by a network's blocks.
    """

    conditional: tuple[str, ...] = ()
    expand: Tensor
    expand_bias: Tensor
    depthwise: Tensor
    depthwise_rows: Tensor
    depthwise_bias: Tensor
    project: Tensor
    project_bias: Tensor

    def __init__(self, block: DynamicResidual, scratch: Scratch | None = None) -> None:
        super().__init__()
        expand, depthwise, project = (convolution(block.conv[i]) for i in (0, 3, 6))
        self.scratch = Scratch() if scratch is None else scratch
        self.masker, self.ledger, self.name, self.layers = block.masker, block.ledger, block.name, block.layers
        self.register_buffer("expand", kernel_rows(expand.weight.detach()))
        self.register_buffer("expand_bias", _bias(expand))
        self.register_buffer("depthwise", depthwise.weight.detach())
        self.register_buffer("depthwise_rows", depthwise.weight.detach().flatten(1).t().contiguous())
        self.register_buffer("depthwise_bias", _bias(depthwise))
        self.register_buffer("project", kernel_rows(project.weight.detach()))
        self.register_buffer("project_bias", _bias(project))

    def forward(self, x: Tensor) -> Tensor:
        mask = self.masker(x)
        wide = dilated(mask)
        self.ledger.add(Spent(self.name, mask, wide, self.layers))
        rows = ActiveRows(mask)
        if not len(rows):
            return x
        grown = ActiveRows(wide)
        hidden = functional.hardtanh_(
            torch.addmm(self.expand_bias, as_rows(x).index_select(0, grown.index), self.expand), 0.0, 6.0
        )
        mixed = functional.hardtanh_(self._mixed(x, hidden, rows, grown), 0.0, 6.0)
        out = as_rows(x).clone(memory_format=torch.contiguous_format)
        out.index_add_(0, rows.index, torch.addmm(self.project_bias, mixed, self.project))
        return as_maps(out, x)

    def _mixed(self, x: Tensor, hidden: Tensor, rows: ActiveRows, grown: ActiveRows) -> Tensor:
        """(N, 6C) the depthwise 3x3 at active pixels, of ``hidden`` at the grown mask's."""
        if len(rows) > _GATHERED_DEPTHWISE * rows.mask.numel():
            whole = self.scratch.of(rows.mask.numel(), hidden)
            whole.index_copy_(0, grown.index, hidden)
            maps = functional.conv2d(as_maps(whole, x), self.depthwise, self.depthwise_bias, padding=1, groups=hidden.shape[1])
            whole.index_fill_(0, grown.index, 0)
            return as_rows(maps).index_select(0, rows.index)
        near = rows.neighbours(grown).view(-1, 9).t().contiguous()
        source, out = with_zero_row(hidden), self.depthwise_bias.repeat(len(rows), 1)
        for start in range(0, len(rows), _BLOCK):
            part = out[start : start + _BLOCK]
            for tap in range(9):
                part.addcmul_(source.index_select(0, near[tap, start : start + _BLOCK]), self.depthwise_rows[tap])
        return out


def sparse_hourglass(net: StackedHourglass, dtype: torch.dtype = torch.float32) -> StackedHourglass:
    """A copy for running, in ``dtype``, that skips what the masks leave out. The network given stays as it is."""
    net, scratch = fuse(net), Scratch()
    for name, block in list(net.named_modules()):
        if isinstance(block, DynamicResidual):
            net.set_submodule(name, SparseResidual(block, scratch))
    return net.requires_grad_(False).to(dtype)


def sparse_core(net: XNect) -> XNect:
    """A fused copy of a Stage I with masks that skips what they leave out. Raises ValueError for a network without masks."""
    return core_of(net, SparseBlock)


def core_of(net: XNect, make: Callable[[DynamicBlock], nn.Module]) -> XNect:
    """A fused copy of a Stage I with masks, for running, every block under a mask replaced by what ``make`` makes of it.

    Raises ValueError for a network without masks.
    """
    if net.ledger is None:
        raise ValueError("a network without masks has nothing to skip")
    net = fuse(net) if net.arch.get("form") != "fused" else copy.deepcopy(net).eval()
    core = net.get_submodule("backbone.core")
    assert isinstance(core, DynamicSelecSLS)
    for i, block in enumerate(core.features):
        if isinstance(block, DynamicBlock):
            core.features[i] = make(block)
    return net.requires_grad_(False)


def _bias(conv: nn.Conv2d) -> Tensor:
    return conv.bias.detach() if conv.bias is not None else conv.weight.new_zeros(conv.out_channels)
