"""Single-person runs of fabrics: every search strategy, exact resumption, tuning of what was pruned, and the configurations."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
import torch
from test_single_run import StopsAfter

from xnect_lite.config import load_config
from xnect_lite.errors import XnectError
from xnect_lite.inference.single import load_single
from xnect_lite.inference.weights import read_weights, save_weights
from xnect_lite.models.fabric.count import cost
from xnect_lite.models.fabric.prune import dropped_of, prune_fabrics
from xnect_lite.models.single import build_single
from xnect_lite.train.single import run as single_run
from xnect_lite.train.single.config import SingleConfig, arch_of
from xnect_lite.train.single.data import epoch_batches, steps_per_epoch
from xnect_lite.train.single.run import train_single
from xnect_lite.train.single.start import starting_single

CONFIGS = sorted((Path(__file__).parents[3] / "configs" / "pnfs").glob("*.yaml"))
QUICK = (
    "data.sets=[lspet]", "network=fabric", "width_net_px=64", "height_net_px=64", "batch=2", "log_every=1", "device=cpu",
    "learning_rate=0.01", "fabric.backbone_net_name=meta_arch", "fabric.reserve_layers_num=2",
    "fabric.backbone={depth: 3, cut_layers_num: 0, size_types: [1, 2], factor: 4, operators: [Zero, skip_connect]}",
    "fabric.cell_config={depth: 3, cut_layers_num: 1, size_types: [1, 2], factor: 4, operators: [skip_connect, Sep_Conv_3x3]}",
)  # fmt: skip
SEARCHED = ("sync", "first_order_gradient", "second_order_gradient")


def config(photos, out, *more: str) -> SingleConfig:
    return load_config(SingleConfig, None, [f"data.photos={photos}", f"out={out}", "epochs=2", *QUICK, *more])


def weights(folder, name: str = "final.safetensors") -> dict[str, torch.Tensor]:
    return read_weights(folder / name)[0]


def architecture(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key: value for key, value in state.items() if key.endswith(("alphas", "betas"))}


@pytest.mark.parametrize("strategy", ["None", "random", *SEARCHED])
def test_every_strategy_trains_and_changes_what_it_may(photos, tmp_path, capsys, strategy):
    given = config(photos, tmp_path / "run", f"search.arch_search_strategy={strategy}", "epochs=1")
    before = architecture(starting_single(given, None).state_dict())
    assert train_single(given)
    after = architecture(weights(tmp_path / "run"))
    assert all(torch.equal(before[k].half(), v.half()) for k, v in after.items()) == (strategy not in SEARCHED)
    said = capsys.readouterr().out
    assert "backbone: " in said and "network: " in said and "GMACs at 64 x 64" in said
    net = load_single(tmp_path / "run" / "final.safetensors")
    assert net.arch == json.loads(json.dumps(arch_of(given)))


@pytest.mark.parametrize("strategy", ["sync", "second_order_gradient"])
def test_a_run_that_was_stopped_goes_on_to_the_same_weights(photos, tmp_path, monkeypatch, strategy):
    more = (f"search.arch_search_strategy={strategy}", "search.arch_search_epoch=0", "batch=1")
    assert train_single(config(photos, tmp_path / "straight", *more))
    with monkeypatch.context() as patch:
        patch.setattr(single_run, "StopRequest", lambda: StopsAfter(1))
        assert not train_single(config(photos, tmp_path / "in two", *more))
    torch.manual_seed(99)
    assert train_single(config(photos, tmp_path / "in two", *more), resume=True)
    straight, other = weights(tmp_path / "straight"), weights(tmp_path / "in two")
    assert all(torch.equal(value, other[name]) for name, value in straight.items())


def test_before_the_search_begins_the_weights_learn_on_everybody(photos, tmp_path):
    more = ("search.arch_search_strategy=first_order_gradient", "search.arch_search_epoch=1", "batch=1")
    run = single_run.SingleRun(config(photos, tmp_path, *more), resume=False)
    everybody = len(run.people)
    assert not run.search.active(0) and run.search.active(1)
    assert run.search.steps(0) == everybody
    taught = sum(len(batch[0]) for batch in run.search.batches(1, 0))
    assert taught == round(everybody * 2 / 3)
    drawn = run.search.held_out(1, 0)
    assert len(next(drawn)[0]) == 1 and len([next(drawn) for _ in range(2 * everybody)]) == 2 * everybody


def test_what_was_pruned_is_tuned_and_goes_on_as_it_is(photos, tmp_path):
    net = starting_single(config(photos, tmp_path / "a"), None)
    with torch.no_grad():
        for part in net.net.parts.values():
            part.fabric.betas[:, 2] = -200
    small, report = prune_fabrics(net, torch.zeros(1, 3, 64, 64))
    assert report.after.macs < report.before.macs
    save_weights(tmp_path / "pruned.safetensors", small.state_dict(), small.arch)
    given = config(photos, tmp_path / "run", f"init={tmp_path / 'pruned.safetensors'}", "search.arch_search_strategy=None")
    assert train_single(given)
    tuned = load_single(tmp_path / "run" / "final.safetensors")
    assert dropped_of(tuned) == dropped_of(small) != []
    assert train_single(config(photos, tmp_path / "run", "search.arch_search_strategy=None", "epochs=3"), resume=True)
    assert dropped_of(load_single(tmp_path / "run" / "last.safetensors")) == dropped_of(small)


WRONG = [
    ("fabric.parts_num=4", r"fabric.parts_num.*1, 3, 5 or 8"),
    ("fabric.backbone_net_name=resnet", r"section 'fabric'.*'resnet' is unknown.*resnet50"),
    ("fabric.reserve_layers_num=3", r"reserve_layers_num 3"),
    ("fabric.cell_config.operators=[zero]", r"'fabric.cell_config'.*'zero' is unknown"),
    ("search.arch_search_strategy=darts", r"search.arch_search_strategy"),
]


@pytest.mark.parametrize(("item", "message"), WRONG)
def test_a_wrong_value_names_its_key(photos, tmp_path, item, message):
    with pytest.raises(XnectError, match=message):
        config(photos, tmp_path, item)


def test_a_frozen_or_published_backbone_is_a_fabrics_alone(photos, tmp_path):
    with pytest.raises(XnectError, match=r"'frozen_backbone'.*network 'hourglass'"):
        starting_single(config(photos, tmp_path, "network=hourglass", "hourglass.features=8", "frozen_backbone=true"), None)
    net = starting_single(config(photos, tmp_path, "frozen_backbone=true"), None)
    assert not any(p.requires_grad for p in net.net.pyramid.backbone.parameters())
    assert all(p.requires_grad for p in net.net.parts.parameters())


def test_a_backbone_starts_from_what_torchvision_publishes(photos, tmp_path):
    from xnect_lite.models.torchvision_compat import import_torchvision

    published = import_torchvision().models.mobilenet_v2(weights=None)
    torch.save(published.state_dict(), tmp_path / "mobilenet.pth")
    given = config(
        photos, tmp_path, "fabric.backbone_net_name=mobilenet_v2", f"backbone_pretrained_path={tmp_path / 'mobilenet.pth'}"
    )
    net = starting_single(given, None)
    assert torch.equal(net.net.pyramid.backbone.features[0][0].weight, published.features[0][0].weight)


STATED = {  # parameters, GMACs: in the first line of each file
    "hrnet_w32_5parts_coco": (14_658_760, 17.002), "hrnet_w32_5parts_mpii": (14_650_960, 10.044),
    "mobilenet_v2_3parts": (5_073_736, 4.329), "resnet50_example": (31_085_512, 6.231), "selecsls60_3parts": None,
}  # fmt: skip


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_configuration_builds_what_its_first_line_says(path):
    given = load_config(SingleConfig, path, ["data.photos=somewhere"])
    with torch.device("meta"):
        found = cost(build_single(arch_of(given)), torch.zeros(1, 3, given.height_net_px, given.width_net_px))
    if STATED[path.stem]:
        assert (found.parameters, round(found.macs / 1e9, 3)) == STATED[path.stem]
        assert f"{found.parameters:,} parameters" in path.read_text().splitlines()[0]
    assert set(STATED) == {path.stem for path in CONFIGS}


def test_pictures_of_batches_are_drawn_when_asked_for_and_change_nothing(photos, tmp_path):
    assert train_single(config(photos, tmp_path / "plain", "epochs=1"))
    assert train_single(config(photos, tmp_path / "drawn", "epochs=1", "sheet_every=2"))
    sheets = sorted((tmp_path / "drawn").glob("sheet_*.jpg"))
    assert [sheet.name for sheet in sheets] == ["sheet_000002.jpg"]
    picture = cv2.imread(str(sheets[0]))
    assert picture.shape == (64, 128, 3) and (picture[..., 1].astype(int) - picture[..., 0] > 80).any(), "green joints"
    plain, drawn = weights(tmp_path / "plain"), weights(tmp_path / "drawn")
    assert all(torch.equal(value, drawn[name]) for name, value in plain.items())


# -- several processes -----------------------------------------------------------------------------------------------


def test_processes_share_out_every_steps_people(photos, tmp_path):
    given = config(photos, tmp_path, "batch=1")
    people = single_run.SingleRun(given, resume=False).people
    alone = [batch[1] for batch in epoch_batches(people, config(photos, tmp_path, "batch=2"), 0)]
    shares = [[batch[1] for batch in epoch_batches(people, given, 0, rank=rank, processes=2)] for rank in (0, 1)]
    assert len(shares[0]) == len(shares[1]) == steps_per_epoch(len(people), 1, 2) == len(people) // 2
    for whole, first, second in zip(alone, *shares, strict=True):
        torch.testing.assert_close(torch.cat([first, second]), whole, equal_nan=True)
    with pytest.raises(XnectError, match=r"too few for 2 processes"):
        steps_per_epoch(3, 2, 2)


@pytest.mark.slow
def test_two_processes_train_search_and_end_together(photos, tmp_path):
    """As processes of their own, under torchrun; the second order's gradients and the norms' statistics are averaged."""
    values = [
        f"data.photos={photos}", f"out={tmp_path / 'run'}", "epochs=2", *QUICK, "batch=1", "threads=1",
        "search.arch_search_strategy=second_order_gradient",
    ]  # fmt: skip
    words = ["single", *(part for value in values for part in ("--set", value))]
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, *launcher, str(root / "train_pose.py"), *words], cwd=root, capture_output=True, text=True, timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("people to train on") == 1, "one of them speaks"
    assert {p.name for p in (tmp_path / "run").iterdir()} >= {"final.safetensors", "state.pt", "log.jsonl"}
    assert any((v != 0).any() for v in architecture(weights(tmp_path / "run")).values())
