"""Stage I with fabrics for heads: who makes which map, what it costs, and that its weights load as they were saved."""

from __future__ import annotations

import copy
import json

import pytest
import torch
from small_network import NAME, pictures, register

from xnect_lite.config import load_config
from xnect_lite.errors import XnectError
from xnect_lite.inference.weights import load_network, save_weights
from xnect_lite.models.backbones import BACKBONES
from xnect_lite.models.compress import count, fuse
from xnect_lite.models.fabric.config import FabricHeadsConfig, HeadsConfig
from xnect_lite.models.fabric.heads import FabricHeads, channels_of
from xnect_lite.models.fabric.parts import parts_of
from xnect_lite.models.fabric.prune import dropped_of, prune_fabrics
from xnect_lite.models.heads import OUTPUT_CHANNELS
from xnect_lite.models.xnect import XNect, arch_problem, build_xnect
from xnect_lite.skeleton import INDEX, JOINTS, LIMBS
from xnect_lite.train.stage1.config import Stage1Config
from xnect_lite.train.stage1.start import starting_network
from xnect_lite.train.stage1.step import make_optimizer


def fabrics(parts: int, **options) -> HeadsConfig:
    return HeadsConfig(FabricHeadsConfig(parts=parts, **options))


@pytest.fixture
def small(monkeypatch) -> XNect:
    """A narrow core with three fabrics, its norms used to pictures."""
    register(monkeypatch)
    torch.manual_seed(0)
    net = XNect(NAME, heads=fabrics(3, factor=2))
    with torch.no_grad():
        for part in net.heads.parts.values():
            torch.nn.init.normal_(part.output[1].weight, std=0.3)
        for _ in range(10):
            net.train()(pictures(4, 64, 96).permute(0, 3, 1, 2).float())
    return net.eval()


# -- maps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count_of_parts", [1, 3, 5, 8])
def test_every_map_has_an_owner_and_only_joints_of_two_parts_have_two(count_of_parts):
    owners = [channel for joints in parts_of(JOINTS, count_of_parts).values() for channel in channels_of(joints)]
    assert set(owners) == set(range(sum(OUTPUT_CHANNELS.values())))
    assert len(owners) == len(set(owners)) or count_of_parts == 8


def test_a_limb_goes_with_its_child_and_a_location_with_its_joint():
    parts = parts_of(JOINTS, 5)
    made = {name: set(channels_of(joints)) for name, joints in parts.items()}
    pafs, locations = 24 + 1, 24 + 1 + 2 * len(LIMBS)
    upper_arm = LIMBS.index((INDEX["l_shoulder"], INDEX["l_elbow"]))
    assert {pafs + 2 * upper_arm, pafs + 2 * upper_arm + 1} <= made["left_arm_part"]
    to_hip = LIMBS.index((INDEX["r_shoulder"], INDEX["r_hip"]))
    assert {pafs + 2 * to_hip, pafs + 2 * to_hip + 1} <= made["hips_part"]
    assert {locations + axis * 24 + INDEX["r_wrist"] for axis in range(3)} <= made["right_arm_part"]
    assert 24 in made["hips_part"] and sum(OUTPUT_CHANNELS.values()) - 1 in made["hips_part"]  # centre and depth


@torch.no_grad()
def test_heat_maps_of_two_parts_are_summed_and_vectors_averaged():
    heads = FabricHeads(4, 4, FabricHeadsConfig(parts=8, factor=1)).eval()
    for part in heads.parts.values():
        torch.nn.init.zeros_(part.output[1].weight)
        torch.nn.init.ones_(part.output[1].bias)
    maps = heads(torch.randn(1, 4, 4, 6), torch.randn(1, 4, 8, 12))
    twice = {f"{s}_{n}" for s in "lr" for n in ("elbow", "shoulder", "knee")}
    for name, j in INDEX.items():
        assert (maps["heatmaps"][0, j] == (2 if name in twice else 1)).all(), name
    assert all((maps[name] == 1).all() for name in ("centre", "pafs", "locations", "depth"))


@pytest.mark.parametrize(
    ("backbone", "stride", "width", "height"), [*((name, 8, 208, 112) for name in BACKBONES), ("selecsls42", 4, 96, 160)]
)
def test_on_any_backbone_maps_have_the_usual_shape(backbone, stride, width, height):
    with torch.device("meta"):
        net = XNect(backbone, stride, heads=fabrics(3))
        maps = net(torch.zeros(2, 3, height, width))
    assert {n: tuple(m.shape) for n, m in maps.items()} == {
        n: (2, c, height // stride, width // stride) for n, c in OUTPUT_CHANNELS.items()
    }


COSTS = [(1, 0.561, 0.537), (3, 1.634, 1.610), (5, 2.708, 2.683)]  # parts, GMACs, of which without the last 1x1


@pytest.mark.parametrize(("parts", "gmacs", "without_output"), COSTS)
def test_costs_at_512_by_320(parts, gmacs, without_output):
    with torch.device("meta"):
        heads = FabricHeads(416, 288, FabricHeadsConfig(parts=parts))
        features = torch.zeros(1, 288, 40, 64)

    class OnFine(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.heads = heads

        def forward(self, fine: torch.Tensor) -> dict[str, torch.Tensor]:
            return self.heads(fine.new_zeros(1, 416, 20, 32), fine)

    outputs = sum(part.output[1].weight.numel() for part in heads.parts.values()) * 40 * 64
    macs = count(OnFine(), features).macs
    assert macs / 1e9 == pytest.approx(gmacs, abs=5e-4)
    assert (macs - outputs) / 1e9 == pytest.approx(without_output, abs=5e-4)


@torch.inference_mode()
def test_a_new_network_sees_next_to_nobody():
    torch.manual_seed(0)
    net = XNect("selecsls42", heads=fabrics(8))
    maps = net(torch.randint(0, 256, (2, 3, 96, 128)).float())
    for name in ("heatmaps", "centre"):
        assert maps[name].sigmoid().mean() == pytest.approx(0.01, abs=0.006), name


# -- weight files ----------------------------------------------------------------------------------------------------


def _same(a: XNect, b: XNect, tolerance: float) -> None:
    picture = pictures(1, 64, 96, seed=3).permute(0, 3, 1, 2).float()
    with torch.inference_mode():
        first, second = a(picture), b(picture)
    for name in OUTPUT_CHANNELS:
        largest = float(first[name].abs().max())
        assert float((first[name] - second[name]).abs().max()) <= tolerance * largest, name


def _pruned(net: XNect) -> XNect:
    net = copy.deepcopy(net)
    with torch.no_grad():
        for part in net.heads.parts.values():
            part.fabric.betas[:, 2] = -200  # nothing coarser is read: the adapters and the map of stride 32 go
            part.fabric.alphas[:, 2] = -200
    return prune_fabrics(net, torch.zeros(1, 3, 64, 96))[0]


@pytest.mark.parametrize("kind", ["as trained", "fused", "pruned", "pruned and fused"])
def test_a_weight_file_carries_its_architecture(small, tmp_path, kind):
    net = _pruned(small) if "pruned" in kind else small
    net = fuse(net) if "fused" in kind else net
    save_weights(tmp_path / "w.safetensors", net.state_dict(), net.arch)
    loaded = load_network(tmp_path / "w.safetensors", NAME)
    assert loaded.arch["heads"]["fabric"]["parts"] == 3
    assert dropped_of(loaded) == dropped_of(net)
    _same(net, loaded, 2e-2)  # kept in half precision


def test_fused_is_unfused(small):
    _same(small, fuse(small), 1e-4)


def test_pruned_is_unpruned_and_takes_with_it_what_nobody_reads(small):
    unpruned = copy.deepcopy(small)
    with torch.no_grad():
        for part in unpruned.heads.parts.values():
            part.fabric.betas[:, 2] = -200
            part.fabric.alphas[:, 2] = -200
    net = _pruned(small)
    _same(unpruned, net, 1e-5)
    assert len(small.heads.coarser) == 1 and len(net.heads.coarser) == 0
    read = [len([a for a in part.adapters if isinstance(a, torch.nn.Conv2d)]) for part in net.heads.parts.values()]
    assert read == [1, 1, 1]  # the finest alone: with nothing coarser, nothing comes back up
    net.train()(pictures(2, 64, 96).permute(0, 3, 1, 2).float())["heatmaps"].sum().backward()
    unused = [k for k, p in net.heads.named_parameters() if p.grad is None]
    assert unused == [], "several processes cannot train what gets no gradient"


WRONG_ARCH = [
    ({"heads": {"fabric": {"parts": 4}}}, "parts"),
    ({"heads": {"fabric": {"parts": 3, "operators": ["rm -rf"]}}}, "rm -rf"),
    ({"heads": {"fabric": {"parts": 3, "factor": 10**6}}}, "factor"),
    ({"heads": {"fabrics": {}}}, "fabrics"),
    ({"heads": 3}, "heads"),
    ({"dropped": 5}, "pruned"),
    ({"dropped": [["cell_3_0"]]}, "pruned"),
]


@pytest.mark.parametrize(("odd", "names"), WRONG_ARCH)
def test_an_odd_architecture_is_refused_by_name(odd, names):
    with torch.device("meta"):
        arch = XNect("selecsls42", heads=fabrics(3)).arch
    assert arch_problem(arch, "selecsls42") == ""
    assert names in arch_problem({**arch, **odd}, "selecsls42")


def test_a_file_that_claims_more_than_it_holds_is_refused(small, tmp_path):
    arch = {**small.arch, "heads": {"fabric": {"parts": 8, "factor": 32, "depth": 16}}}
    save_weights(tmp_path / "w.safetensors", small.state_dict(), arch)
    with pytest.raises(XnectError, match=r"w.safetensors.*does not fit"):
        load_network(tmp_path / "w.safetensors", NAME)


def test_arch_rebuilds_a_pruned_network(small):
    net = _pruned(small)
    assert build_xnect(net.arch).arch == net.arch
    assert set(build_xnect(net.arch).state_dict()) == set(net.state_dict())


# -- training --------------------------------------------------------------------------------------------------------


def test_the_configuration_names_the_heads():
    config = load_config(Stage1Config, None, ["heads={fabric: {parts: 3}}"])
    assert config.heads.fabric.parts == 3
    assert load_config(Stage1Config, None, []).heads.fabric.parts == 0
    for item, names in (
        ("heads.fabric.parts=4", "heads.fabric.parts"),
        ("heads.fabric.operators=[zero]", "heads.fabric'.*zero"),
    ):
        with pytest.raises(XnectError, match=names):
            load_config(Stage1Config, None, [item])


@pytest.mark.parametrize(("strategy", "learned"), [("sync", True), ("random", False), ("None", False)])
def test_alpha_and_beta_are_learned_without_decay_or_not_at_all(monkeypatch, strategy, learned):
    register(monkeypatch)
    config = Stage1Config(backbone=NAME, heads=fabrics(3, factor=1), arch_search_strategy=strategy)
    net = starting_network(config, None)
    optimizer = make_optimizer(net, config)
    before = copy.deepcopy(net.state_dict())
    assert all((before[k] != 0).any() == (strategy == "random") for k in before if k.endswith(("alphas", "betas")))
    groups = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(net.parameters()))
    for name, p in net.named_parameters():
        assert (groups[id(p)]["weight_decay"] == 0) == (p.ndim == 1 or name.endswith(("alphas", "betas"))), name
    maps = net.train()(pictures(2, 64, 96).permute(0, 3, 1, 2).float())
    sum(m.square().mean() for m in maps.values()).backward()
    optimizer.step()
    moved = [k for k, v in net.state_dict().items() if k.endswith(("alphas", "betas")) and not torch.equal(v, before[k])]
    assert bool(moved) == learned


def test_from_a_network_with_other_heads_the_backbone_alone_is_taken(monkeypatch, tmp_path, capsys):
    register(monkeypatch)
    made = XNect(NAME)
    save_weights(tmp_path / "made.safetensors", made.state_dict(), made.arch)
    config = Stage1Config(backbone=NAME, heads=fabrics(1, factor=1), init=str(tmp_path / "made.safetensors"))
    net = starting_network(config, None)
    assert "backbone alone" in capsys.readouterr().out
    for key, value in made.backbone.state_dict().items():
        torch.testing.assert_close(net.backbone.state_dict()[key].float(), value.half().float())


def test_fabrics_go_with_masks_in_the_backbone(tmp_path):
    """Both may be wanted at once: the backbone's masks start fresh, its weights are the file's."""
    torch.manual_seed(0)
    made = XNect("selecsls42")
    save_weights(tmp_path / "made.safetensors", made.state_dict(), made.arch)
    config = load_config(
        Stage1Config,
        None,
        [
            "backbone=selecsls42",
            "heads.fabric={parts: 1, factor: 1}",
            "dynamic.target=0.5",
            f"init={tmp_path / 'made.safetensors'}",
        ],
    )
    net = starting_network(config, None)
    assert {"heads", "dynamic"} <= net.arch.keys() and build_xnect(net.arch).arch == net.arch
    assert net.eval()(torch.zeros(1, 3, 64, 96))["heatmaps"].shape == (1, 24, 8, 12)


def test_a_fused_network_with_other_heads_is_refused(monkeypatch, tmp_path):
    register(monkeypatch)
    made = fuse(XNect(NAME))
    save_weights(tmp_path / "made.safetensors", made.state_dict(), made.arch)
    with pytest.raises(XnectError, match=r"made.safetensors.*fused and has other heads"):
        starting_network(Stage1Config(backbone=NAME, heads=fabrics(1), init=str(tmp_path / "made.safetensors")), None)


def test_a_pruned_network_is_tuned_as_it_is(small, monkeypatch, tmp_path):
    net = _pruned(small)
    save_weights(tmp_path / "pruned.safetensors", net.state_dict(), net.arch)
    config = Stage1Config(backbone=NAME, heads=fabrics(3, factor=2), init=str(tmp_path / "pruned.safetensors"))
    started = starting_network(config, None)
    assert dropped_of(started) == dropped_of(net)
    state = {"net": started.state_dict(), "arch": json.dumps(started.arch)}
    assert dropped_of(starting_network(config, state)) == dropped_of(net)
