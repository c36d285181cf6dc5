"""A single-person run: what it writes, that it goes on exactly where it stopped, and what it refuses."""

from __future__ import annotations

import json

import pytest
import torch
from tiny_single import register_tiny

from xnect_lite.cli.main import train_pose as main
from xnect_lite.config import load_config
from xnect_lite.errors import XnectError
from xnect_lite.inference.single import load_single
from xnect_lite.inference.weights import read_weights
from xnect_lite.train.single import run as single_run
from xnect_lite.train.single.config import SingleConfig, arch_of
from xnect_lite.train.single.run import train_single


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    return register_tiny(monkeypatch)


QUICK = (
    "data.sets=[lspet]", "network=tiny", "width_net_px=64", "height_net_px=64", "batch=2", "log_every=1", "device=cpu",
    "learning_rate=0.01",
)  # fmt: skip


def config(photos, out, *more: str) -> SingleConfig:
    return load_config(SingleConfig, None, [f"data.photos={photos}", f"out={out}", "epochs=3", *QUICK, *more])


def weights(folder, name: str = "final.safetensors") -> dict[str, torch.Tensor]:
    return read_weights(folder / name)[0]


@pytest.fixture
def straight(photos, tmp_path):
    assert train_single(config(photos, tmp_path / "straight"))
    return tmp_path / "straight"


def test_a_run_leaves_its_last_best_and_final_weights_and_a_line_per_validation(straight):
    files = {path.name for path in straight.iterdir()}
    assert files == {"best.safetensors", "last.safetensors", "final.safetensors", "state.pt", "log.jsonl", "config.json"}
    lines = [json.loads(line) for line in (straight / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3] and all(0 <= line["pck"] <= 1 for line in lines)


def test_the_weight_file_says_what_it_holds(straight, photos):
    net = load_single(straight / "final.safetensors")
    assert net.arch == arch_of(config(photos, "anywhere")) and net.arch["size"] == [64, 64] and not net.training


class StopsAfter:
    """Asks for an end at the n-th look, as a signal would."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    @property
    def received(self) -> bool:
        self.left -= 1
        return self.left < 0

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None: ...


@pytest.mark.parametrize("steps", [1, 3, 4], ids=["within an epoch", "at its end", "in the next"])
def test_a_run_that_was_stopped_goes_on_to_the_same_weights_noise_included(photos, tmp_path, straight, monkeypatch, steps):
    out = tmp_path / "in two"
    with monkeypatch.context() as patch:
        patch.setattr(single_run, "StopRequest", lambda: StopsAfter(steps - 1))
        assert not train_single(config(photos, out))
    torch.manual_seed(99)  # another process has other numbers
    assert train_single(config(photos, out), resume=True)
    assert all(torch.equal(value, weights(out)[name]) for name, value in weights(straight).items())


def test_other_numbers_make_another_run(photos, tmp_path, straight):
    train_single(config(photos, tmp_path / "other", "seed=1"))
    assert not torch.equal(weights(tmp_path / "other")["down.weight"], weights(straight)["down.weight"])


def test_reading_in_other_processes_changes_nothing(photos, tmp_path, straight):
    train_single(config(photos, tmp_path / "workers", "workers=1"))
    assert torch.equal(weights(tmp_path / "workers")["down.weight"], weights(straight)["down.weight"])


def test_the_rate_falls_at_the_epochs_that_say_so(photos, tmp_path):
    run = single_run.SingleRun(config(photos, tmp_path, "drop_epochs=[1, 2]", "warm_up_steps=2"), resume=False)
    rates = []
    for step in range(3 * run.per_epoch):
        run.epoch, run.done = divmod(step, run.per_epoch)
        rates.append(run._rate())
    assert rates == pytest.approx([0.005, 0.01, 0.01, *[0.001] * 3, *[0.0001] * 3])


def test_the_network_is_told_every_epoch(photos, tmp_path):
    run = single_run.SingleRun(config(photos, tmp_path), resume=False)
    run.train(StopsAfter(1000))
    assert run.net.told == [(0, 3), (1, 3), (2, 3)]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("network=large",), "Known: hourglass"),
        (("joints=none",), "Known: muco21"),
        (("width_net_px=60",), "multiples of 16"),
        (("network=hourglass", "width_net_px=96"), "needs sides in multiples of 64"),
        (("data.mpii=somewhere", "joints=coco17"), "Write joints: mpii16"),
        (("dynamic.target=-0.1",), "0 to 1"),
        (("dynamic.target=1.5",), "0 to 1"),
        (("dynamic.weight=-1",), "dynamic.weight"),
        (("dynamic.noise_off_epoch=1.5",), "whole number"),
        (("dynamic.temperature=0",), "dynamic.temperature"),
        (("hourglass.features=30",), "multiples of 4"),
    ],
)
def test_a_wrong_value_is_an_error_that_says_what_to_write(photos, tmp_path, more, message):
    with pytest.raises(XnectError, match=message):
        config(photos, tmp_path, *more)


def test_a_run_without_pictures_says_how_to_name_some(photos, tmp_path):
    with pytest.raises(XnectError, match=r"Give --set data\.mpii"):
        train_single(config(photos, tmp_path, "data.photos=''"))


def test_a_run_is_not_resumed_over_other_people(photos, tmp_path, straight):
    with pytest.raises(XnectError, match=r"does not fit this run \(it was trained on .* people"):
        train_single(config(photos, straight, "data.limit=3"), resume=True)


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_checkpoint(photos, tmp_path, straight, monkeypatch):
    before = (straight / "state.pt").read_bytes()
    monkeypatch.setattr(single_run, "heat_loss", lambda *_: torch.tensor(float("nan"), requires_grad=True))
    with pytest.raises(XnectError, match="no longer finite"):
        train_single(config(photos, straight, "epochs=4"), resume=True)
    assert (straight / "state.pt").read_bytes() == before


def test_the_command_trains_and_refuses_to_overwrite(photos, tmp_path, capsys):
    values = (f"data.photos={photos}", f"out={tmp_path / 'run'}", "epochs=1", *QUICK)
    given = ["single", *(part for value in values for part in ("--set", value))]
    assert main(given) == 0 and "people to train on" in capsys.readouterr().out
    assert main(given) == 2 and "holds a run already" in capsys.readouterr().err
