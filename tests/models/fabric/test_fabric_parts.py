"""Layout, parts, operators, cells and outputs of fabrics, against hand-made cases and torch's own operators."""

from __future__ import annotations

import pytest
import torch
from published_fabrics import MPII
from torch import nn
from torch.nn import functional

from xnect_lite.config import load_config
from xnect_lite.errors import XnectError
from xnect_lite.models.fabric import operators
from xnect_lite.models.fabric.cell import Cell, Up
from xnect_lite.models.fabric.config import CellConfig
from xnect_lite.models.fabric.fabric import Fabric, sizes_of
from xnect_lite.models.fabric.gather import Gather
from xnect_lite.models.fabric.layout import cells_in_layer, edges_of, plan_cells, sources_of
from xnect_lite.models.fabric.operators import OPERATORS, build_operator, register_operator
from xnect_lite.models.fabric.outputs import VectorOutput, VolumeOutput, squashed
from xnect_lite.models.fabric.part import Adapters
from xnect_lite.models.fabric.parts import PARTS_COUNTS, parts_of
from xnect_lite.models.fabric.pyramid import FabricBackbone, Pyramid
from xnect_lite.skeleton import COCO17, JOINTS, LSP14, MPII16, MUPOTS17

# -- layout ----------------------------------------------------------------------------------------------------------


def test_layers_grow_by_one_cell_and_end_in_one():
    assert [cells_in_layer(j, 4, 7) for j in range(7)] == [2, 3, 4, 4, 3, 2, 1]
    assert [cells_in_layer(j, 4, 6) for j in range(6)] == [2, 3, 4, 3, 2, 1]


SOURCES = [
    ("the finest cell reads its own scale again for finer", 0, 3, (0, 0, 1)),
    ("a cell in the middle reads three", 1, 3, (1, 0, 2)),
    ("the coarsest reads its own again for coarser", 2, 3, (2, 1, 2)),
    ("one below the layer before reads the next finer for all", 3, 3, (2, 2, 2)),
    ("on a stem everything reads the stem", 0, 1, (0, 0, 0)),
]


@pytest.mark.parametrize(("_case", "scale", "before", "sources"), SOURCES)
def test_what_a_cell_reads(_case, scale, before, sources):
    assert sources_of(scale, before) == sources


def test_rows_of_beta_follow_layers_then_scales():
    plan = plan_cells(4, 6, 3, 6, before=4)
    assert [[(c.name, c.row) for c in layer] for layer in plan] == [
        [("cell_3_0", 0), ("cell_3_1", 1), ("cell_3_2", 2)], [("cell_4_0", 3), ("cell_4_1", 4)], [("cell_5_0", 5)],
    ]  # fmt: skip


def test_a_cell_that_no_map_reaches_is_an_error():
    with pytest.raises(XnectError, match=r"layer 2.*scale 3.*only 2 maps.*Cut later"):
        plan_cells(4, 7, 2, 7, before=2)


def test_hidden_nodes_read_all_before_them():
    assert edges_of(1) == ((0, 1),)
    assert edges_of(3) == ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))


# -- parts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", PARTS_COUNTS)
@pytest.mark.parametrize("joints", [COCO17.names, MPII16.names, MPII, JOINTS, LSP14.names, MUPOTS17.names])
def test_parts_cover_every_joint(joints, count):
    parts = parts_of(joints, count)
    covered = [i for members in parts.values() for i in members]
    assert set(covered) == set(range(len(joints)))
    assert len(covered) == len(joints) or count == 8
    assert len(parts) == count


def test_with_eight_parts_only_elbows_shoulders_and_knees_are_in_two():
    covered = [JOINTS[i] for members in parts_of(JOINTS, 8).values() for i in members]
    twice = {name for name in covered if covered.count(name) > 1}
    assert twice == {f"{s}_{n}" for s in "lr" for n in ("elbow", "shoulder", "knee")}


def test_a_joint_of_no_part_and_another_number_of_parts_are_errors():
    with pytest.raises(XnectError, match=r"tail.*none of 3 parts"):
        parts_of(("nose", "tail"), 3)
    with pytest.raises(XnectError, match=r"4 body parts.*Choose one of 1, 3, 5, 8"):
        parts_of(JOINTS, 4)


def test_gather_sums_or_averages_what_several_parts_make():
    gather = Gather([[0, 1], [1, 2]], 3, ["sum", "sum", "mean"])
    first, second = torch.tensor([1.0, 2.0]), torch.tensor([10.0, 20.0])
    maps = gather([first.view(1, 2, 1, 1), second.view(1, 2, 1, 1)])
    assert maps.flatten().tolist() == [1, 12, 20]
    averaged = Gather([[0, 1], [1, 2]], 3, "mean")([first.view(1, 2, 1, 1), second.view(1, 2, 1, 1)])
    assert averaged.flatten().tolist() == [1, 6, 20]


# -- operators -------------------------------------------------------------------------------------------------------


def test_the_operators_are_the_published_ones():
    assert list(OPERATORS) == [
        "Zero", "skip_connect", "Sep_Conv_3x3", "Sep_Conv_5x5", "Atr_Conv_3x3", "Atr_Conv_5x5", "avg_pool_3x3",
        "max_pool_3x3", "conv_3x3", "Basic_Conv_3x3", "Bottle_Conv_3x3",
    ]  # fmt: skip


NORMS = [  # operator, norms within, do they have a scale and a shift, does it end in ReLU, its parameters at 4 channels
    ("Zero", 0, None, False, 0),
    ("skip_connect", 0, None, False, 0),
    ("Sep_Conv_3x3", 2, False, True, 2 * (4 * 9 + 16)),
    ("Sep_Conv_5x5", 2, False, True, 2 * (4 * 25 + 16)),
    ("Atr_Conv_3x3", 1, False, True, 4 * 9 + 16),
    ("Atr_Conv_5x5", 1, False, True, 4 * 25 + 16),
    ("avg_pool_3x3", 1, False, False, 0),
    ("max_pool_3x3", 1, False, False, 0),
    ("conv_3x3", 0, None, False, 16 * 9 + 4),
    ("Basic_Conv_3x3", 2, True, False, 2 * (16 * 9 + 8)),
    ("Bottle_Conv_3x3", 3, True, True, 3 * (16 * 9 + 8)),
]


@pytest.mark.parametrize(("name", "norms", "affine", "relu", "parameters"), NORMS)
def test_an_operator_keeps_the_shape_and_has_the_norms_it_should(name, norms, affine, relu, parameters):
    op = build_operator(name, 4)
    x = torch.randn(2, 4, 7, 5)
    assert op(x).shape == x.shape
    found = [m for m in op.modules() if isinstance(m, nn.BatchNorm2d)]
    assert [m.affine for m in found] == [affine] * norms
    assert bool((op(x) >= 0).all()) == (relu or name == "Zero")
    assert sum(p.numel() for p in op.parameters()) == parameters


def test_the_average_pool_leaves_out_what_is_beyond_the_border():
    pool = build_operator("avg_pool_3x3", 1)[0]
    assert torch.equal(pool(torch.ones(1, 1, 3, 4)), torch.ones(1, 1, 3, 4))
    corner = pool(torch.arange(9.0).view(1, 1, 3, 3))[0, 0, 0, 0]
    assert corner == (0 + 1 + 3 + 4) / 4


def test_atrous_operators_read_every_second_cell():
    for name, reach in (("Atr_Conv_3x3", 2), ("Atr_Conv_5x5", 4)):
        conv = build_operator(name, 1)[0]
        nn.init.ones_(conv.weight)
        dot = torch.zeros(1, 1, 11, 11)
        dot[..., 5, 5] = 1
        hit = conv(dot)[0, 0].nonzero()
        assert set(hit[:, 0].tolist()) == set(range(5 - reach, 6 + reach, 2))


def test_a_user_adds_an_operator_of_his_own(monkeypatch):
    monkeypatch.setattr(operators, "OPERATORS", dict(OPERATORS))
    register_operator("gate", lambda channels: nn.Sequential(nn.Conv2d(channels, channels, 1), nn.Sigmoid()))
    assert build_operator("gate", 3)(torch.zeros(1, 3, 4, 4)).shape == (1, 3, 4, 4)
    with pytest.raises(XnectError, match=r"'gate'.*registered already"):
        register_operator("gate", lambda channels: nn.Identity())
    with pytest.raises(XnectError, match=r"'gates'.*unknown.*skip_connect.*gate"):
        build_operator("gates", 3)


def test_going_up_is_torchs_bilinear_with_aligned_corners():
    torch.manual_seed(0)
    up, x = Up(6, 4).eval(), torch.randn(1, 6, 5, 3)
    with torch.no_grad():
        expected = nn.UpsamplingBilinear2d(scale_factor=2)(up.bn(up.conv(x)))
        torch.testing.assert_close(up(x, (10, 6)), expected)
        found = up(x, (10, 6))
    assert not torch.allclose(found, functional.interpolate(up.bn(up.conv(x)), scale_factor=2.0, mode="bilinear"))


# -- cells -----------------------------------------------------------------------------------------------------------


@torch.no_grad()
def test_a_cell_by_hand():
    """Input ReLU(3 sum beta T), an edge n sum alpha op, and the 1x1 with its bias after: of one value per map."""
    cell = Cell(0, (0, 0, 1), (1, 2), ("Zero", "skip_connect"), 1).eval()
    nn.init.constant_(cell.keep.weight, 10.0)
    nn.init.constant_(cell.keep.bias, 0.5)
    up = cell.links[2]
    nn.init.ones_(up.conv.weight)
    nn.init.zeros_(up.conv.bias)
    up.bn.eps = 0.0
    own, coarser = torch.full((1, 1, 2, 2), 4.0), torch.full((1, 2, 1, 1), -1.0)
    alpha, beta = torch.tensor([[0.5, 1.5]]), torch.tensor([0.3, 0.6, 2.1])
    out = cell([own, coarser], (2, 2), alpha, beta)
    assert out.flatten().tolist() == pytest.approx(
        [10 * 1.5 * (0.9 * 4 + 2.1 * -2 + 0.6) + 0.5 if 0.9 * 4 - 4.2 > 0 else 0.5] * 4
    )
    out = cell([own, -coarser], (2, 2), alpha, beta)
    assert out.flatten().tolist() == pytest.approx([10 * 1.5 * (0.9 * 4 + 2.1 * 2) + 0.5] * 4)


@torch.no_grad()
def test_hidden_nodes_are_sums_then_concatenated():
    cell = Cell(0, (0, 0, 0), (1,), ("skip_connect",), 2).eval()
    nn.init.constant_(cell.keep.weight[:, :1], 1.0)
    nn.init.constant_(cell.keep.weight[:, 1:], 100.0)
    nn.init.zeros_(cell.keep.bias)
    out = cell([torch.ones(1, 1, 1, 1)], (1, 1), torch.tensor([[2.0], [3.0], [5.0]]), torch.ones(3))
    first = 3 * 2.0  # three inputs of weight 1, an edge of 2
    assert out.item() == first + 100 * (3 * 3.0 + 5 * first)


def test_alpha_of_a_cell_of_its_own_moves_that_cell_alone():
    torch.manual_seed(0)
    config = CellConfig(depth=3, cut_layers_num=1, size_types=(1, 2), factor=4, one_shot_search=False)
    fabric = Fabric(config, 1, 3, before=2).eval()
    assert fabric.alphas.shape == (3, 1, 4)
    inputs, seen = [torch.randn(1, 4, 8, 8), torch.randn(1, 8, 4, 4)], {}
    for plan, cell in fabric.cells():
        cell.register_forward_hook(lambda _m, _x, y, name=plan.name: seen.__setitem__(name, y))
    fabric(inputs, sizes_of(inputs, 2))
    before = dict(seen)
    with torch.no_grad():
        fabric.alphas[1, 0] = torch.tensor([0.0, 5.0, 0.0, 0.0])
    fabric(inputs, sizes_of(inputs, 2))
    moved = {name for name in seen if not torch.equal(seen[name], before[name])}
    assert moved == {"cell_1_1", "cell_2_0"}  # itself, and the last, which reads it


def test_odd_sizes_keep_their_size():
    config = CellConfig(depth=6, cut_layers_num=3, size_types=(1, 2, 4), factor=2)
    fabric = Fabric(config, 3, 6, before=3).eval()
    given = [torch.randn(1, 2, 14, 26), torch.randn(1, 4, 7, 13), torch.randn(1, 8, 4, 7)]
    maps = fabric(given, sizes_of(given, 3))
    assert [tuple(m.shape) for m in maps] == [(1, 2, 14, 26)]


# -- pyramids and outputs --------------------------------------------------------------------------------------------


def test_adapters_are_there_where_channels_differ():
    assert len(Adapters((64, 128), (64, 128, 256))) == 0
    assert [(a.in_channels, a.out_channels) for a in Adapters((24, 32), (64, 128, 256))] == [(24, 64), (32, 128)]


def test_a_fabric_is_a_backbone_too():
    config = CellConfig(depth=12, cut_layers_num=4, factor=2)
    backbone = FabricBackbone(config, reserve=4)
    assert [len(layer) for layer in backbone.fabric.plan] == [2, 3, 4, 4]
    assert backbone.channels == {4: 8, 8: 16, 16: 32, 32: 64}
    pyramid = Pyramid(backbone, backbone.channels, 4, 4)
    maps = pyramid(torch.randn(2, 3, 64, 96))
    assert [tuple(m.shape) for m in maps] == [(2, 8, 16, 24), (2, 16, 8, 12), (2, 32, 4, 6), (2, 64, 2, 3)]


def test_what_a_backbone_lacks_is_halved_from_its_coarsest():
    class Two(nn.Module):
        def forward(self, image, strides):
            return [image.new_ones(len(image), 5 + s, image.shape[2] // s, image.shape[3] // s) for s in strides]

    pyramid = Pyramid(Two(), {8: 13, 16: 21}, 8, 3)
    assert pyramid.channels == (13, 21, 21)
    assert [tuple(m.shape[1:]) for m in pyramid(torch.zeros(1, 3, 64, 96))] == [(13, 8, 12), (21, 4, 6), (21, 2, 3)]


def test_a_vectors_score_is_its_squashed_length():
    assert squashed(torch.tensor([[3.0, 4.0], [0.0, 0.0]]), 1).tolist() == pytest.approx([25 / 26, 0.0])


@torch.no_grad()
def test_channels_of_vectors_are_joint_times_dimension_plus_component():
    output = VectorOutput(2, joints=3, dim=2)
    nn.init.zeros_(output.layers[1].weight)
    output.layers[1].bias.copy_(torch.tensor([0.0, 0.0, 1.0, 0.0, 3.0, 4.0]))
    assert output(torch.randn(1, 2, 1, 1)).flatten().tolist() == pytest.approx([0, 1 / 2, 25 / 26])


@torch.no_grad()
def test_the_volume_is_a_3d_convolution_over_channels():
    output = VolumeOutput(3, joints=2, dim=4)
    three = nn.Conv3d(3, 2, 1)
    three.weight.copy_(output.combine.weight.unsqueeze(2))
    three.bias.copy_(output.combine.bias)
    x = torch.randn(2, 3, 2, 5)
    vectors = three(functional.relu(output.expand(x)).view(2, 3, 4, 2, 5))
    torch.testing.assert_close(output(x), squashed(vectors, 2))


# -- configuration ---------------------------------------------------------------------------------------------------

WRONG = [
    ("operators=[Sep_Conv_3]", r"operators: 'Sep_Conv_3' is unknown.*Known: Zero, skip_connect"),
    ("operators=[]", r"operators needs one"),
    ("operators=[Zero, Zero]", r"operators names one twice"),
    ("cut_layers_num=6", r"cut_layers_num 6 leaves nothing of depth 6"),
    ("size_types=[4, 8, 12]", r"size_types \[4, 8, 12\] do not double"),
    ("one-shot-search=false", r"'one-shot-search'.*unknown.*one_shot_search"),
    ("convolution_mode=4D", r"convolution_mode.*2D or 3D"),
    ("hidden_states_num=0", r"hidden_states_num.*1 to"),
]


@pytest.mark.parametrize(("item", "message"), WRONG)
def test_a_wrong_configuration_names_its_key(item, message):
    with pytest.raises(XnectError, match=message):
        load_config(CellConfig, None, [item])


def test_a_missing_one_shot_search_means_true():
    assert load_config(CellConfig, None, ["depth=7"]).one_shot_search
