"""Triton kernels of convolutions at active pixels: implicit matrix products over NHWC maps, rows named by a list.

Grids have the size of the whole map and programs beyond the list's end stop at once, so that the host never needs to know how
many pixels are active: nothing waits, and CUDA graphs hold. Written for this; needs the package triton (CUDA builds of torch
bring it). With TRITON_INTERPRET=1 they run on a CPU, slowly, for tests.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def conv_kernel(
    source, mask, index, count, kernel, bias, out,
    height, width, source_stride, out_stride,
    inputs: tl.constexpr, outputs: tl.constexpr, taps: tl.constexpr, reads_masked: tl.constexpr, activation: tl.constexpr,
    add: tl.constexpr, block_m: tl.constexpr, block_n: tl.constexpr, block_k: tl.constexpr,
):  # fmt: skip
    """out[pixel] = activation(bias + kernel · neighbours (+ out[pixel])) at the active pixels; elsewhere out stays as it is.

    source: rows of ``source_stride`` per pixel, of which ``inputs`` are read. kernel (taps · inputs, outputs). taps: 9 or 1.
    reads_masked: what inactive neighbours hold counts as zero. activation: 0 none, 1 ReLU, 2 ReLU6.
    """
    first = tl.program_id(0) * block_m
    active = tl.load(count)
    if first >= active:
        return
    rows = first + tl.arange(0, block_m)
    live = rows < active
    place = tl.load(index + rows, mask=live, other=0)
    x, y = place % width, (place // width) % height
    columns = tl.program_id(1) * block_n + tl.arange(0, block_n)
    wanted = columns < outputs
    total = tl.zeros((block_m, block_n), dtype=tl.float32)
    for tap in tl.static_range(taps):
        dy = tap // 3 - 1 if taps == 9 else 0
        dx = tap % 3 - 1 if taps == 9 else 0
        near = place + dy * width + dx
        there = live & (y + dy >= 0) & (y + dy < height) & (x + dx >= 0) & (x + dx < width)
        if reads_masked:
            there = there & (tl.load(mask + near, mask=there, other=0) != 0)
        for start in range(0, inputs, block_k):
            channel = start + tl.arange(0, block_k)
            known = channel < inputs
            seen = tl.load(
                source + near[:, None] * source_stride + channel[None, :], mask=there[:, None] & known[None, :], other=0.0
            )
            weights = tl.load(
                kernel + (tap * inputs + channel)[:, None] * outputs + columns[None, :],
                mask=known[:, None] & wanted[None, :], other=0.0,
            )  # fmt: skip
            total = tl.dot(seen, weights, total, input_precision="ieee")
    total += tl.load(bias + columns, mask=wanted, other=0.0).to(tl.float32)[None, :]
    target = out + place[:, None] * out_stride + columns[None, :]
    stored = live[:, None] & wanted[None, :]
    if add:
        total += tl.load(target, mask=stored, other=0.0).to(tl.float32)
    if activation >= 1:
        total = tl.maximum(total, 0.0)
    if activation == 2:
        total = tl.minimum(total, 6.0)
    tl.store(target, total.to(out.dtype.element_ty), mask=stored)


@triton.jit
def depthwise_kernel(
    source, mask, index, count, kernel, bias, out,
    height, width,
    channels: tl.constexpr, block_m: tl.constexpr, block_n: tl.constexpr,
):  # fmt: skip
    """As `conv_kernel` of a depthwise 3x3 with ReLU6; kernel (9, channels). Neighbours outside ``mask`` count as zero."""
    first = tl.program_id(0) * block_m
    active = tl.load(count)
    if first >= active:
        return
    rows = first + tl.arange(0, block_m)
    live = rows < active
    place = tl.load(index + rows, mask=live, other=0)
    x, y = place % width, (place // width) % height
    columns = tl.program_id(1) * block_n + tl.arange(0, block_n)
    wanted = columns < channels
    total = tl.zeros((block_m, block_n), dtype=tl.float32)
    for tap in tl.static_range(9):
        dy = tap // 3 - 1
        dx = tap % 3 - 1
        near = place + dy * width + dx
        there = live & (y + dy >= 0) & (y + dy < height) & (x + dx >= 0) & (x + dx < width)
        there = there & (tl.load(mask + near, mask=there, other=0) != 0)
        seen = tl.load(source + near[:, None] * channels + columns[None, :], mask=there[:, None] & wanted[None, :], other=0.0)
        weights = tl.load(kernel + tap * channels + columns, mask=wanted, other=0.0)
        total += seen.to(tl.float32) * weights.to(tl.float32)[None, :]
    total += tl.load(bias + columns, mask=wanted, other=0.0).to(tl.float32)[None, :]
    total = tl.minimum(tl.maximum(total, 0.0), 6.0)
    stored = live[:, None] & wanted[None, :]
    tl.store(out + place[:, None] * channels + columns[None, :], total.to(out.dtype.element_ty), mask=stored)
