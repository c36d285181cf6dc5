"""What one step of training rests on: starting weights, parameter groups, canvases, the running average."""

from __future__ import annotations

import pytest
import torch
from toy_run import arguments

import train_pose
from xnect_lite.config import load_config
from xnect_lite.data.archives.packed import pack
from xnect_lite.data.canvases.config import AugmentConfig
from xnect_lite.data.readers.photokit import read_photokit
from xnect_lite.inference.weights import save_weights
from xnect_lite.models.xnect import XNect
from xnect_lite.train.checkpoint import Ema, load_state
from xnect_lite.train.stage1.config import Stage1Config
from xnect_lite.train.stage1.processes import Processes
from xnect_lite.train.stage1.slots import Slots
from xnect_lite.train.stage1.start import freeze
from xnect_lite.train.stage1.step import make_optimizer, restore_optimizer


def test_a_start_from_given_weights_with_the_backbone_held_still(photos, tmp_path):
    torch.manual_seed(3)
    net = XNect("selecsls42")
    save_weights(tmp_path / "start.safetensors", net.state_dict(), net.arch)
    values = ("steps=1", "backbone_rate=0.0", f"init={tmp_path / 'start.safetensors'}")
    assert train_pose.main(arguments(photos, tmp_path / "run", *values)) == 0
    state = load_state(tmp_path / "run" / "state.pt")["net"]
    given = {k: v.half().float() for k, v in net.state_dict().items()}
    for name in dict(net.named_parameters()):
        moved = not torch.equal(state[name], given[name])
        assert moved == name.startswith("heads."), name


@pytest.mark.parametrize("backbone", ["selecsls42", "resnet50", "vovnet39"])
@pytest.mark.parametrize("stride", [0, 4, 8, 16])
def test_frozen_layers_are_those_that_make_the_map_of_the_stride(backbone, stride):
    net = XNect(backbone)
    freeze(net, stride)
    maps = net.backbone(torch.rand(1, 3, 64, 64), (4, 8, 16))
    assert [m.requires_grad for m in maps] == [s > stride for s in (4, 8, 16)]
    assert all(p.requires_grad for p in net.heads.parameters())


def test_a_run_leaves_frozen_layers_as_they_are_and_goes_on(photos, tmp_path):
    torch.manual_seed(3)
    net = XNect("selecsls42")
    save_weights(tmp_path / "start.safetensors", net.state_dict(), net.arch)
    given = {k: v.half().float() for k, v in net.state_dict().items()}
    frozen = {n for layer in net.backbone.layers_to(4) for p in layer.parameters() for n, q in net.named_parameters() if p is q}
    values = ["frozen_stride=4", f"init={tmp_path / 'start.safetensors'}"]
    for steps, resume in ((1, []), (2, ["--resume"])):
        assert train_pose.main(arguments(photos, tmp_path / "run", f"steps={steps}", *values) + resume) == 0
    state = load_state(tmp_path / "run" / "state.pt")["net"]
    for name in dict(net.named_parameters()):
        assert torch.equal(state[name], given[name]) == (name in frozen), name


def test_only_matrices_decay_and_every_parameter_is_trained():
    net = XNect("selecsls42")
    groups = make_optimizer(net, Stage1Config(weight_decay=0.02, backbone_rate=0.1)).param_groups
    members = [id(p) for g in groups for p in g["params"]]
    assert len(members) == len(set(members)) and set(members) == {id(p) for p in net.parameters()}
    backbone = {id(p) for p in net.backbone.parameters()}
    for group in groups:
        for parameter in group["params"]:
            assert group["weight_decay"] == (0.02 if parameter.ndim == 4 else 0.0)
            assert group["share"] == (0.1 if id(parameter) in backbone else 1.0)


def test_adam_decays_everything():
    """L2 on the scales of the norms is what makes channels vanish."""
    net = XNect("selecsls42")
    optimizer = make_optimizer(net, Stage1Config(weight_decay=0.02, optimizer="adam"))
    assert type(optimizer) is torch.optim.Adam and {g["weight_decay"] for g in optimizer.param_groups} == {0.02}
    assert sum(len(g["params"]) for g in optimizer.param_groups) == len(list(net.parameters()))


@pytest.mark.parametrize("finishing", [False, True])
def test_canvases_fill_the_batch_and_the_end_shows_whole_pictures(photos, finishing):
    config = load_config(Stage1Config, overrides=["data.sizes_net_px=[[64, 64]]", "data.finish_sizes_net_px=[[128, 64]]"])
    slots = Slots(pack(read_photokit(photos, "train", ("lspet",))), config, 8, Processes("cpu"))
    image, labels = slots.draw(0, finishing)
    width, height = (128, 64) if finishing else (64, 64)
    assert image.shape == (round(config.data.pixels_per_batch / (width * height)), 3, height, width)
    assert len(labels.present) == len(image)
    sampler = slots.samplers[0]
    if finishing:
        assert sampler.config.mosaic == 0 and sampler.config.whole_picture > AugmentConfig().whole_picture
    else:
        assert sampler.config == config.augment


def test_ema_by_hand():
    net = torch.nn.BatchNorm1d(1)
    ema = Ema(net, decay=0.9)
    assert ema.values["weight"].data_ptr() != net.weight.data_ptr()
    expected = 1.0
    for update in range(1, 200):
        with torch.no_grad():
            net.weight.fill_(1.0 + update % 5)
            net.num_batches_tracked.fill_(update)
        ema.update()
        keep = min(0.9, (1 + update) / (10 + update))
        expected = keep * expected + (1 - keep) * (1.0 + update % 5)
        assert ema.values["weight"].item() == pytest.approx(expected, rel=1e-5)
    assert ema.updates == 199 and ema.values["num_batches_tracked"] == 199, "counters are copied, not averaged"
    assert ema.values["running_mean"] == 0 and not ema.values["weight"].requires_grad


def test_ema_goes_on_from_a_checkpoint_and_sees_what_is_no_number():
    net, other = torch.nn.BatchNorm1d(1), torch.nn.BatchNorm1d(1)
    ema, resumed = Ema(net, 0.9), Ema(other, 0.9)
    with torch.no_grad():
        net.weight.fill_(3.0)
    ema.update()
    resumed.restore({name: value.clone() for name, value in ema.values.items()}, ema.updates)
    other.load_state_dict(net.state_dict())
    for one in (ema, resumed):
        one.update()
    assert torch.equal(ema.values["weight"], resumed.values["weight"]) and resumed.updates == 2 and ema.is_finite()
    with torch.no_grad():
        net.bias.fill_(torch.nan)
    ema.update()
    assert not ema.is_finite()
    with pytest.raises(KeyError):
        ema.restore({}, 0)


@pytest.mark.parametrize(("saved", "resumed"), [(False, True), (True, False)], ids=["on a GPU", "on a CPU"])
def test_an_optimiser_goes_on_as_its_device_computes_it(saved, resumed):
    """Fused as on a GPU, or not: the numbers are those of the checkpoint, the way is this run's own."""
    torch.manual_seed(0)
    net, config = XNect("selecsls42"), Stage1Config()
    first, second, same = (make_optimizer(net, config, fused) for fused in (saved, resumed, saved))
    for parameter in net.parameters():
        parameter.grad = torch.full_like(parameter, 0.01)
    first.step()
    state = first.state_dict()
    restore_optimizer(second, state)
    same.load_state_dict(state)
    assert {group["fused"] for group in second.param_groups} == {resumed}
    weight = net.heads.out_2d.weight
    before = weight.detach().clone()
    moved = []
    for optimizer in (second, same):
        optimizer.step()
        moved.append(weight.detach() - before)
        weight.data.copy_(before)
    assert moved[0].abs().max() > 1e-5
    torch.testing.assert_close(moved[0], moved[1], rtol=1e-3, atol=1e-8)
