"""The published networks at seeded weights and pictures: outputs, parameters and multiply-accumulates of the authors' code.

Every figure here was printed by that code (commit dd84036) or counted from it; none by ours.
"""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path

import pytest
import torch
from published_fabrics import PUBLISHED, UNUSED_BLOCK, UNUSED_STEM, build, kill_some, seeded, seeded_image
from torch import nn

from xnect_lite.models.fabric.count import cost, published_count
from xnect_lite.models.fabric.fabric import architecture_parameters
from xnect_lite.models.fabric.prune import prune_fabrics

COUNTS = [
    # parameters that act, multiply-accumulates, and what the authors' own summary prints of both
    ("mobilenet x3", 5_073_736, 4_328_951_040, 6_126_088, 4.031649827957153),
    ("hrnet x5 mpii", 14_650_960, 10_043_719_680, 16_404_880, 9.35394287109375),
    ("hrnet x5 coco", 14_658_760, 17_001_861_120, 16_412_680, 15.834217071533203),
    ("example", 31_085_512, 6_230_949_888, 32_137_864, 5.8030242919921875),
]


@pytest.mark.parametrize(("name", "parameters", "macs", "printed_parameters", "printed_gflops"), COUNTS)
def test_counts(name, parameters, macs, printed_parameters, printed_gflops):
    with torch.device("meta"):
        net, picture = build(name), torch.zeros(1, 3, *PUBLISHED[name].size)
    right, printed = cost(net, picture), published_count(net, picture)
    assert (right.parameters, right.macs) == (parameters, macs)
    assert (printed.parameters, printed.gflops) == (printed_parameters, pytest.approx(printed_gflops, rel=1e-12))


OUTPUTS = [
    ("mobilenet x3", (1, 17, 96, 72), 115795.161155, 114140.911132, [0.518901229, 0.549910665, 0.889798284, 0.890931845]),
    ("hrnet x5 mpii", (1, 16, 64, 64), -983567.023878, 118724633.418521, [-40.9461441, -42.5747871, -40.9514160, -41.8983459]),
    ("example", (1, 17, 64, 48), 51563.353776, 50931.699464, [0.88405019, 0.938291788, 0.955441177, 0.965340674]),
]


@pytest.mark.parametrize(("name", "shape", "total", "squares", "first"), OUTPUTS)
@torch.inference_mode()
def test_outputs_at_seeded_weights(name, shape, total, squares, first):
    maps = seeded(name)(seeded_image(name))
    assert tuple(maps.shape) == shape
    assert maps.double().sum().item() == pytest.approx(total, rel=1e-6)
    assert maps.double().square().sum().item() == pytest.approx(squares, rel=1e-6)
    assert maps.flatten()[:4].tolist() == pytest.approx(first, rel=1e-5)


EMPTY = [
    "head_part cell_3_2", "head_part cell_4_1", "upper_limb_part cell_3_2", "upper_limb_part cell_4_1",
]  # fmt: skip


@torch.inference_mode()
def test_pruning_at_seeded_weights_finds_the_published_cells_and_operators():
    net, picture = copy.deepcopy(seeded("mobilenet x3")), seeded_image("mobilenet x3")
    kill_some(net)
    small, report = prune_fabrics(net, picture)
    maps = small(picture)
    assert maps.double().sum().item() == pytest.approx(109346.407847, rel=1e-6)
    assert (maps - net(picture)).abs().max() <= 1e-5
    names = [name.removeprefix("parts.").replace(".fabric:", " ") for name in report.dropped]
    assert sorted(name for name in names if "." not in name) == EMPTY
    assert sum(name[-1].isdigit() and "." in name for name in names) == 14
    # The authors' pruning leaves the inputs of cells that stay, whatever they weigh, and adapters that nobody reads.
    inputs = [name.split(".") for name in names if not name[-1].isdigit()]
    links = 0
    for cell, what in inputs:
        part, place = cell.split(" ")
        link = net.parts[part].fabric.get_submodule(place).links[("parallel", "finer", "coarser").index(what)]
        links += _numbers(link)
    unread = sum(_numbers(net.parts[part].adapters) - _numbers(small.parts[part].adapters) for part in net.parts)
    never_run = 3 * UNUSED_STEM[1] + UNUSED_BLOCK[1] + sum(p.numel() for p in architecture_parameters(net))
    assert report.after.parameters + links + unread + never_run == 3_930_119


def _numbers(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


REFERENCE = (
    Path(os.environ.get("XNECT_REFERENCE") or Path(__file__).parents[4] / "shared" / "reference") / "seed_numbers" / "pnfs.json"
)


@pytest.mark.skipif(not REFERENCE.is_file(), reason="the authors' state dicts are not there")
@pytest.mark.parametrize("name", ["mobilenet x3", "hrnet x5 mpii", "example"])
def test_parts_and_shapes_are_the_published_ones(name):
    published = json.loads(REFERENCE.read_text())
    entry = next(v for k, v in published.items() if k.startswith(name.split(" ")[0]))
    net = build(name)
    assert {part: list(members) for part, members in net.groups.items()} == entry["parts"]
    theirs = [shape for key, shape in entry["state"].items() if ".stem." not in key]
    state = net.state_dict()
    ours = [list(state[k].shape) for k in sorted(state, key=lambda k: ".adapters." in k) if not k.startswith("pyramid.")]
    assert ours == theirs
