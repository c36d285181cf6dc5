"""Networks that skip compute what the masked-dense ones compute, and multiply no more rows than they report."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_core import seasoned
from torch.utils._python_dispatch import TorchDispatchMode

from xnect_lite.models.compress import fuse
from xnect_lite.models.dynamic.core import DynamicBlock
from xnect_lite.models.dynamic.fixed import with_share
from xnect_lite.models.dynamic.hourglass import DynamicResidual, StackedHourglass
from xnect_lite.models.dynamic.ledger import Ledger
from xnect_lite.models.dynamic.masks import dilated
from xnect_lite.models.dynamic.options import DynamicConfig, HourglassConfig
from xnect_lite.models.dynamic.rows import ActiveRows
from xnect_lite.models.dynamic.sparse import SparseBlock, SparseResidual, sparse_core, sparse_hourglass
from xnect_lite.models.xnect import XNect

HEIGHT, WIDTH = 7, 9


def _mask(*pixels: tuple[int, int], batch: int = 1) -> torch.Tensor:
    mask = torch.zeros(batch, 1, HEIGHT, WIDTH)
    for y, x in pixels:
        mask[-1, 0, y, x] = 1
    return mask


def _border() -> torch.Tensor:
    mask = torch.ones(1, 1, HEIGHT, WIDTH)
    mask[..., 1:-1, 1:-1] = 0
    return mask


MASKS = {
    "empty": _mask(), "full": torch.ones(1, 1, HEIGHT, WIDTH), "one pixel": _mask((3, 4)), "a corner": _mask((0, 0)),
    "the border": _border(), "two apart": _mask((1, 1), (5, 7)), "the second picture": _mask((0, 0), (6, 8), batch=2),
    "some": (torch.rand(2, 1, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0)) < 0.4).float(),
}  # fmt: skip


class Fixed(torch.nn.Module):
    """A mask unit that says what it was told."""

    def __init__(self, mask: torch.Tensor) -> None:
        super().__init__()
        self.mask = mask

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.mask.to(x.dtype)


class Products(TorchDispatchMode):
    """A spy that counts multiply-adds of matrix products, by rows of what is multiplied."""

    def __init__(self) -> None:
        super().__init__()
        self.macs, self.rows = 0, []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func in (torch.ops.aten.mm.default, torch.ops.aten.addmm.default):
            left, right = args[-2:]
            self.macs += left.shape[0] * left.shape[1] * right.shape[1]
            self.rows.append(left.shape[0])
        return func(*args, **(kwargs or {}))


def residual(mask: torch.Tensor) -> DynamicResidual:
    torch.manual_seed(0)
    block = fuse(seasoned(DynamicResidual(8, DynamicConfig(target=0.5), Ledger())))
    block.masker = Fixed(mask)
    return block


def level_block() -> DynamicBlock:
    torch.manual_seed(0)
    return fuse(seasoned(DynamicBlock(12, 6, 8, 10, False, 1)))


def inputs(mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    made = torch.Generator().manual_seed(1)
    shape = (len(mask), HEIGHT, WIDTH)
    return tuple(torch.randn(shape[0], c, *shape[1:], generator=made) for c in (12, 6))


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("share", [0.0, 1.0], ids=["whole depthwise", "gathered depthwise"])
def test_a_residual_that_skips_is_the_masked_one(name, share, monkeypatch):
    monkeypatch.setattr("xnect_lite.models.dynamic.sparse._GATHERED_DEPTHWISE", share)
    mask = MASKS[name]
    block, x = residual(mask), torch.randn(len(mask), 8, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        wanted, found = block(x), SparseResidual(block)(x)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    assert torch.equal(found[:, :, mask[0, 0] == 0], x[:, :, mask[0, 0] == 0]) or len(mask) > 1


@pytest.mark.parametrize("name", MASKS)
def test_a_block_that_skips_is_the_masked_one(name):
    block, mask = level_block(), MASKS[name]
    features, skip = inputs(mask)
    with torch.inference_mode():
        wanted = block([features, skip, mask])[0]
        found, passed_on, rows = SparseBlock(block)([features, skip, mask])
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    assert passed_on is skip and isinstance(rows, ActiveRows) and len(rows) == int(mask.sum())


@settings(max_examples=25)
@given(st.integers(1, 2), st.integers(1, 9), st.integers(1, 9), st.floats(0, 1), st.integers(0, 99))
def test_at_any_size_and_share(batch, height, width, share, seed):
    made = torch.Generator().manual_seed(seed)
    mask = (torch.rand(batch, 1, height, width, generator=made) < share).float()
    features, skip = (torch.randn(batch, c, height, width, generator=made) for c in (12, 6))
    block, inner, x = level_block(), residual(mask), torch.randn(batch, 8, height, width, generator=made)
    with torch.inference_mode():
        wanted, found = block([features, skip, mask])[0], SparseBlock(block)([features, skip, mask])[0]
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(SparseResidual(inner)(x), inner(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", MASKS)
def test_rows_multiplied_are_the_macs_reported(name):
    mask = MASKS[name]
    block, x = residual(mask), torch.randn(len(mask), 8, HEIGHT, WIDTH)
    sparse = SparseResidual(block)
    sparse.ledger.begin()
    with torch.inference_mode(), Products() as products:
        sparse(x)
    (spent,) = sparse.ledger.spent
    depthwise = 9 * 48 * int(mask.sum())  # nine gathers, no matrix product
    assert products.macs == int(spent.executed()) - (depthwise if mask.any() else 0)
    assert set(products.rows) <= {int(mask.sum()), int(dilated(mask).sum())}


def test_a_core_multiplies_the_rows_it_reports_and_its_skip_parts():
    torch.manual_seed(0)
    net = seasoned(XNect("selecsls42", dynamic=DynamicConfig(target=0.5)))
    with torch.no_grad():
        for name, value in net.named_parameters():
            if "maskconv.weight" in name:
                value.normal_(std=0.3)
    sparse, image = sparse_core(net), 255 * torch.rand(1, 3, 96, 64)
    with torch.inference_mode():
        wanted = net(image)
        with Products() as products:
            found = sparse(image)
    shares = [float(one.mask.mean()) for one in sparse.ledger.spent]
    assert all(0 < share < 1 for share in shares), "a test of masks needs some of each"
    for name in wanted:
        torch.testing.assert_close(found[name], wanted[name], rtol=1e-3, atol=1e-3)
    skips = sum(
        block.kernel_skip.numel() * spent.mask.numel()
        for block, spent in zip(
            (b for b in sparse.get_submodule("backbone.core").features if isinstance(b, SparseBlock)),
            sparse.ledger.spent,
            strict=True,
        )
    )
    executed = sum(int(one.executed()) for one in sparse.ledger.spent)
    assert products.macs == executed + skips and executed < sum(one.conditional() for one in sparse.ledger.spent)


def test_a_hourglass_that_skips_is_the_masked_one_and_leaves_it_as_it_was():
    torch.manual_seed(0)
    net = seasoned(StackedHourglass(HourglassConfig(stacks=2, features=16), DynamicConfig(target=0.5)))
    before = {k: v.clone() for k, v in net.state_dict().items()}
    image = torch.randn(2, 3, 64, 64)
    sparse = sparse_hourglass(net)
    with torch.inference_mode():
        for wanted, found in zip(net(image), sparse(image), strict=True):
            torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5 * float(wanted.abs().max()))
    assert 0 < sum(float(one.mask.sum()) for one in sparse.ledger.spent) < sum(one.mask.numel() for one in net.ledger.spent)
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())


@pytest.mark.parametrize("share", [0.0, 1.0], ids=["nowhere", "everywhere"])
def test_whole_networks_with_one_answer_everywhere(share):
    torch.manual_seed(0)
    core = seasoned(XNect("selecsls42", dynamic=DynamicConfig(target=0.5)))
    hourglass = seasoned(StackedHourglass(HourglassConfig(stacks=1, features=16), DynamicConfig(target=0.5)))
    for net, skipping, image in (
        (core, with_share(sparse_core(core), share), 255 * torch.rand(1, 3, 48, 80)),
        (hourglass, with_share(sparse_hourglass(hourglass), share), torch.randn(1, 3, 64, 128)),
    ):
        masked = with_share(net, share)
        with torch.inference_mode():
            wanted, found = masked(image), skipping(image)
        for one, other in zip(*(maps.values() if isinstance(maps, dict) else maps for maps in (wanted, found)), strict=True):
            torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-4 * float(one.abs().max()))
        assert sum(float(spent.executed()) for spent in skipping.ledger.spent) == share * sum(
            spent.conditional() for spent in skipping.ledger.spent
        )


def test_in_bf16_it_is_the_same_to_bf16():
    torch.manual_seed(0)
    block, mask = level_block(), MASKS["some"]
    features, skip = inputs(mask)
    with torch.inference_mode():
        wanted = block([features, skip, mask])[0]
        found = SparseBlock(block).bfloat16()([features.bfloat16(), skip.bfloat16(), mask])[0]
    assert float((found.float() - wanted).abs().max() / wanted.abs().max()) < 0.02


def test_a_network_without_masks_has_nothing_to_skip():
    with pytest.raises(ValueError, match="nothing to skip"):
        sparse_core(XNect("selecsls42"))


def test_maps_that_are_used_again_serve_any_mode_of_torch():
    block, x = SparseResidual(residual(MASKS["full"])), torch.randn(1, 8, HEIGHT, WIDTH)
    with torch.inference_mode():
        first = block(x).clone()
    with torch.no_grad():
        assert torch.equal(block(x), first)
