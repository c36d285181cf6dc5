"""What pruning takes out, and that it changes nothing else."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from xnect_lite.errors import XnectError
from xnect_lite.models.fabric.config import CellConfig
from xnect_lite.models.fabric.fabric import Fabric
from xnect_lite.models.fabric.prune import drop_from, dropped_of, prune_fabrics, useless

OPS = ("Zero", "skip_connect", "Sep_Conv_3x3", "max_pool_3x3")


class Small(nn.Module):
    """A fabric on three given maps."""

    def __init__(self, seed: int = 0, **options) -> None:
        super().__init__()
        torch.manual_seed(seed)
        config = CellConfig(depth=6, cut_layers_num=3, size_types=(1, 2, 4), factor=2, operators=OPS, **options)
        self.fabric = Fabric(config, 3, 6, before=3)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.running_var, 0.5, 1.5)
        self.eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = [x, x[..., ::2, ::2].repeat(1, 2, 1, 1), x[..., ::4, ::4].repeat(1, 4, 1, 1)]
        return self.fabric(maps, [(8, 8), (4, 4), (2, 2)])[0]


PICTURE = torch.randn(1, 2, 8, 8, generator=torch.Generator().manual_seed(5))


def _set_betas(net: Small, rows: dict[int, list[float]]) -> None:
    with torch.no_grad():
        for row, values in rows.items():
            net.fabric.betas[row] = torch.tensor(values)


def test_an_even_network_loses_nothing_at_zero():
    small, report = prune_fabrics(Small(), PICTURE)
    assert report.dropped == () and report.before == report.after
    assert torch.equal(small(PICTURE), Small()(PICTURE))


def test_a_top_cell_that_reads_only_finer_keeps_the_cell_it_reads():
    """Where the published pruning errs: at the finest scale "finer" is the parallel cell by another name."""
    net = Small()
    _set_betas(net, {5: [-200.0, 0.0, -200.0], 3: [-200.0, 0.0, -200.0]})
    names = useless(net.fabric, 0.0)
    assert "cell_4_0" not in names and "cell_3_0" not in names
    assert "cell_4_1" in names
    small, _ = prune_fabrics(net, PICTURE)
    torch.testing.assert_close(small(PICTURE), net(PICTURE), rtol=0, atol=1e-6)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6), share=st.floats(0, 1), per_cell=st.booleans())
def test_whatever_is_an_exact_zero_can_go(seed, share, per_cell):
    net = Small(seed, one_shot_search=not per_cell, hidden_states_num=1 + seed % 2)
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in (net.fabric.alphas, net.fabric.betas):
            weights.normal_(generator=draw)
            weights[torch.rand(weights.shape, generator=draw) < share] -= 200
        full = net(PICTURE)
        small, report = prune_fabrics(net, PICTURE)
        torch.testing.assert_close(small(PICTURE), full, rtol=0, atol=1e-5)
    assert report.after.macs <= report.before.macs and report.after.parameters <= report.before.parameters


def test_costs_fall_with_the_threshold():
    net = Small()
    with torch.no_grad():
        for weights in (net.fabric.alphas, net.fabric.betas):
            weights.normal_(std=1.5, generator=torch.Generator().manual_seed(0))
    macs = [prune_fabrics(net, PICTURE, threshold)[1].after.macs for threshold in (0.0, 0.05, 0.2, 0.5, 0.9)]
    assert macs == sorted(macs, reverse=True) and macs[-1] < macs[0] / 2


def test_a_chain_of_the_strongest_stays_at_any_threshold():
    net = Small()
    small, _ = prune_fabrics(net, PICTURE, 0.99)
    assert small(PICTURE).shape == net(PICTURE).shape
    left = [plan.name for plan, _ in small.fabric.cells()]
    assert left[-1] == "cell_5_0" and len(left) == 3


def test_pruning_twice_is_pruning_once():
    net = Small()
    _set_betas(net, {5: [3.0, 0.0, -3.0], 4: [0.0, 2.0, -2.0]})
    once, _ = prune_fabrics(net, PICTURE, 0.1)
    twice, report = prune_fabrics(once, PICTURE, 0.1)
    assert report.dropped == () and dropped_of(twice) == dropped_of(once) != []


def test_what_was_dropped_rebuilds_the_network():
    net = Small()
    _set_betas(net, {5: [0.0, 0.0, -200.0], 3: [0.0, -200.0, 0.0]})
    with torch.no_grad():
        net.fabric.alphas[0, 3] = -200
    small, report = prune_fabrics(net, PICTURE)
    again = Small(seed=1)
    drop_from(again, dropped_of(small))
    again.load_state_dict(small.state_dict())
    assert torch.equal(again(PICTURE), small(PICTURE))
    assert "2 cells, 2 inputs and 4 operators" in str(report) and "GMACs" in str(report)


WRONG = [
    ("fabric:cell_9_9", "names nothing of this fabric"),
    ("fabric:cell_3_0.upward", "names nothing of this fabric"),
    ("fabric:cell_3_0.0.7", "names nothing of this fabric"),
    ("elsewhere:cell_3_0", "names nothing of this network"),
]


@pytest.mark.parametrize(("name", "message"), WRONG)
def test_a_name_of_nothing_is_an_error(name, message):
    with pytest.raises(XnectError, match=message):
        drop_from(Small(), [name])


TORN = [
    ("the last cell", ["cell_5_0"]),
    ("a cell that is read", ["cell_4_1"]),
    ("all inputs of a cell", ["cell_4_0.parallel", "cell_4_0.finer", "cell_4_0.coarser"]),
]


@pytest.mark.parametrize(("_case", "names"), TORN)
def test_what_would_tear_a_fabric_apart_is_refused(_case, names):
    with pytest.raises(XnectError, match="does not hang together"):
        drop_from(Small(), [f"fabric:{name}" for name in names])


def test_a_network_without_fabrics_and_a_threshold_of_one_are_errors():
    with pytest.raises(XnectError, match="has no fabric to prune"):
        prune_fabrics(nn.Sequential(nn.Conv2d(2, 2, 1)), PICTURE)
    with pytest.raises(XnectError, match=r"threshold 1.*is not from 0 to below 1"):
        prune_fabrics(Small(), PICTURE, 1.0)
