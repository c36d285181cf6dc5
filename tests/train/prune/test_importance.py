"""Pruning by importance: what a channel costs, what the loss would feel, and what is left when the least go."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch
from kit import write_kit
from small_network import NAME, pictures, register, small_network
from torch import nn

import train_pose
from xnect_lite.data.targets import Targets
from xnect_lite.inference.weights import load_network, save_weights
from xnect_lite.models.compress import count, fuse, macs_per_channel, norm_of_conv, prune, settle
from xnect_lite.skeleton import NUM_JOINTS, NUM_LIMBS
from xnect_lite.train.prune.importance import importance, without_least
from xnect_lite.train.stage1.losses import LossConfig, stage1_losses


def two_layers() -> nn.Sequential:
    """3 -> 4 channels by 3x3, then 4 -> 2 by 1x1, each with its norm."""
    torch.manual_seed(1)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 2, 1, bias=False),
        nn.BatchNorm2d(2),
    )
    return net.eval()


def test_a_channel_costs_what_makes_it_and_what_reads_it():
    costs = macs_per_channel(two_layers(), torch.zeros(1, 3, 5, 6))
    assert costs["0"].tolist() == [5 * 6 * (3 * 9 + 2)] * 4, "27 products at each place, and one for each of the two readers"
    assert costs["3"].tolist() == [5 * 6 * 4] * 2


def test_what_a_channel_costs_is_what_pruning_it_saves():
    net, picture = small_network(), torch.zeros(1, 3, 64, 96)
    costs, before = macs_per_channel(net, picture), count(fuse(net), picture).macs
    saved = {}
    for conv in list(costs)[1::4]:
        gone = {name: np.zeros(len(cost), bool) for name, cost in costs.items()}
        gone[conv][0] = True
        saved[conv] = before - prune(settle(net, gone), picture, 0.0)[1].after.macs
    assert {conv: cost for conv, cost in saved.items() if cost} == {conv: int(costs[conv][0]) for conv in saved if saved[conv]}
    assert sum(cost > 0 for cost in saved.values()) > len(saved) / 2, "one whose constant a padded reader needs stays"


@pytest.mark.parametrize(("beta", "gamma"), [(0.0, 1.0), (1.5, 0.5), (-1.0, 0.4), (0.3, -2.0), (-4.0, 0.1)])
def test_a_settled_channel_emits_the_mean_of_what_it_emitted(beta, gamma):
    net = two_layers()
    nn.init.constant_(net[1].weight, gamma)
    nn.init.constant_(net[1].bias, beta)
    settled = settle(net, {"0": np.array([False, True, False, False]), "3": np.zeros(2, bool)})
    mean = (beta + gamma * torch.randn(400_000, generator=torch.Generator().manual_seed(0))).relu().mean()
    assert settled[1].weight.tolist() == pytest.approx([gamma, 0, gamma, gamma]) and settled[1].bias[0].item() == pytest.approx(
        beta
    )
    assert settled[1].bias[1].item() == pytest.approx(mean.item(), abs=0.01)
    assert net[1].weight[1] != 0, "the network given stays as it is"


def batches(number: int) -> list[tuple[torch.Tensor, Targets]]:
    """Pictures, with targets drawn at random."""
    generator = torch.Generator().manual_seed(3)

    def rand(*shape: int) -> torch.Tensor:
        return torch.rand(2, *shape, 8, 12, generator=generator)

    def targets() -> Targets:
        return Targets(
            rand(NUM_JOINTS + 1), rand(NUM_JOINTS + 1), rand(NUM_LIMBS, 2), rand(NUM_LIMBS), rand(NUM_LIMBS),
            rand(3, NUM_JOINTS), rand(NUM_JOINTS), rand(), rand(),
        )  # fmt: skip

    return [(pictures(2, 64, 96, seed=k).permute(0, 3, 1, 2).float(), targets()) for k in range(number)]


def test_importance_is_the_squared_change_of_the_loss_when_a_channel_goes():
    """Against the loss itself as the gate closes or opens a little, for the channels that matter most."""
    net, loss, (batch,) = small_network(), LossConfig(focus=0.0), batches(1)  # the focus has no gradient
    scores = importance(net, [batch], loss)
    conv, norm = list(norm_of_conv(net).items())[2]
    gate, channels = net.get_submodule(norm), np.argsort(-scores[conv])[:3]

    @torch.no_grad()
    def loss_at(channel: int, factor: float) -> float:
        kept = copy.deepcopy(gate.state_dict())
        gate.weight[channel] *= factor
        gate.bias[channel] *= factor
        value = float(sum(stage1_losses(net(batch[0]), batch[1], loss).values()))
        gate.load_state_dict(kept)
        return value

    slopes = [(loss_at(k, 1.002) - loss_at(k, 0.998)) / 0.004 for k in channels]
    assert [slope**2 for slope in slopes] == pytest.approx([float(scores[conv][k]) for k in channels], rel=0.2)


def test_a_channel_that_nobody_reads_does_not_matter_and_goes_first():
    net = small_network()
    conv, norm = list(norm_of_conv(net).items())[-1]
    heads = [
        m for m in net.heads.modules() if isinstance(m, nn.Conv2d) and m.in_channels == len(net.get_submodule(norm).weight)
    ]
    with torch.no_grad():
        for reader in heads[-2:]:
            reader.weight[:, 5] = 0
    scores = importance(net, batches(2), LossConfig())
    assert scores[conv][5] == 0 and (scores[conv] > 0).mean() > 0.5


@pytest.mark.parametrize("share", [0.9, 0.6, 0.3])
def test_the_share_of_arithmetic_asked_for_is_left_and_widths_are_multiples(share):
    net, picture = small_network(), torch.zeros(1, 3, 64, 96)
    small, report = without_least(net, importance(net, batches(2), LossConfig()), picture, share, 4)
    assert share <= report.after.macs / report.before.macs < share + 0.1
    assert count(small, picture) == report.after and small.arch["form"] == "fused"
    widths = [kept for _, kept, total in report.layers if kept < total]
    assert widths and all(kept % 4 == 0 for kept in widths)


def test_a_run_by_importance_tunes_for_its_whole_budget(tmp_path, monkeypatch, capsys):
    register(monkeypatch)
    photos, net = write_kit(tmp_path / "kit", train=3, val=2), small_network()
    save_weights(tmp_path / "start.safetensors", net.state_dict(), net.arch)
    settings = [
        f"data.photos={photos}", f"out={tmp_path / 'run'}", "data.sets=[lspet]", f"backbone={NAME}",
        f"init={tmp_path / 'start.safetensors'}", f"teacher={tmp_path / 'start.safetensors'}", "minutes=0", "steps=4",
        "criterion=importance", "keep_macs=0.6", "ranking_steps=2", "multiple=4", "device=cpu", "precision=fp32", "threads=1",
        "data.sizes_net_px=[[64, 64]]", "data.pixels_per_batch=8192", "data.finish_share=0", "warm_up_steps=2",
        "tensorboard=false", "latency_passes=2", "validation.width_net_px=96", "validation.height_net_px=64",
    ]  # fmt: skip
    assert train_pose.main(["prune", *(part for value in settings for part in ("--set", value))]) == 0
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert list(report["accuracy"]) == ["before", "cut", "tuned"] and report["criterion"] == "importance"
    assert 0.6 <= report["after"]["macs"] / report["before"]["macs"] < 0.75
    assert load_network(tmp_path / "run" / "pruned.safetensors", NAME).arch["form"] == "fused"
    assert '"step": 4' in (tmp_path / "run" / "tune" / "log.jsonl").read_text()
