"""The stages after training: prune (a toy run on stick figures) and quantise."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
import torch
from kit import write_kit
from small_network import NAME, pictures, register, small_network

import train_pose
from xnect_lite.inference.weights import load_network, save_weights
from xnect_lite.models.compress import fuse, simulate_pruning
from xnect_lite.train.checkpoint import load_state
from xnect_lite.train.prune.run import result_of, vanished
from xnect_lite.train.stage1 import step

SPARSE_STEPS, STEPS = 48, 60
THRESHOLD = 0.1  # a toy run is too short for 0.001
pytestmark = pytest.mark.usefixtures("small")


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    return write_kit(tmp_path_factory.mktemp("kit"), train=3, val=2)


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("start") / "start.safetensors"
    net = small_network()
    save_weights(path, net.state_dict(), net.arch)
    return path


def arguments(photos: Path, start: Path, out: Path, *values: str, resume: bool = False) -> list[str]:
    settings = [
        f"data.photos={photos}", f"out={out}", "data.sets=[lspet]", f"backbone={NAME}", f"init={start}", "minutes=0",
        f"steps={STEPS}", "sparse_share=0.8", "sparse_rate=0.1", "sparse_l2=0.05", f"threshold={THRESHOLD}", "multiple=1",
        "device=cpu", "precision=fp32", "threads=1", "data.sizes_net_px=[[64, 64]]", "data.pixels_per_batch=8192",
        "data.finish_share=0", "warm_up_steps=2", "ema_decay=0.9", "tensorboard=false", "latency_passes=2",
        "validation.width_net_px=96", "validation.height_net_px=64", *values,
    ]  # fmt: skip
    return ["prune", *(part for value in settings for part in ("--set", value)), *(["--resume"] if resume else [])]


@pytest.fixture(scope="module")
def pruned(photos, start, tmp_path_factory) -> Path:
    """A run from start to end."""
    out = tmp_path_factory.mktemp("prune") / "run"
    with pytest.MonkeyPatch.context() as patch:
        register(patch)
        assert train_pose.main(arguments(photos, start, out)) == 0
    return out


def outputs(net: torch.nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        return torch.cat(list(net(pictures(2, 64, 96).permute(0, 3, 1, 2).float()).values()), 1)


def test_l2_on_everything_makes_channels_vanish(pruned, start):
    before, after = (vanished(load_network(path, NAME))[THRESHOLD] for path in (start, pruned / "sparse" / "last.safetensors"))
    assert before == 0 and after > 0.5


def test_cutting_changes_nothing_but_the_size(pruned):
    sparse, cut = (load_network(pruned / name, NAME) for name in ("sparse/last.safetensors", "cut.safetensors"))
    expected = outputs(simulate_pruning(sparse, THRESHOLD))
    assert (outputs(cut) - expected).abs().max() < 0.02 * expected.abs().max(), "but for half precision on disk"
    assert _size(cut) < 0.8 * _size(fuse(sparse))


def test_the_cut_network_learns_on_and_loads_by_itself(pruned):
    cut, tuned = (load_network(pruned / name, NAME) for name in ("cut.safetensors", "pruned.safetensors"))
    assert _size(tuned) == _size(cut) and tuned.arch["form"] == "fused"
    assert not torch.equal(tuned.heads.out_2d.weight, cut.heads.out_2d.weight)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in tuned.modules())
    state = load_state(pruned / "tune" / "state.pt")
    assert state["step"] == STEPS - SPARSE_STEPS and json.loads(state["arch"])["form"] == "fused"


def _size(net: torch.nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_the_report_says_what_it_cost_and_what_it_brought(pruned):
    report = json.loads((pruned / "report.json").read_text())
    assert report["after"]["macs"] < report["before"]["macs"] and report["after"]["parameters"] < report["before"]["parameters"]
    assert all(0 < kept <= total for _, kept, total in report["layers"]) and report["threshold"] == THRESHOLD
    assert list(report["accuracy"]) == ["before", "sparse", "cut", "tuned"]
    assert all({"pck", "ap", "recall_100"} <= figures.keys() for figures in report["accuracy"].values())
    assert [row["name"] for row in report["latency"]] == ["before", "tuned"]
    assert all(row["median_ms"] > 0 and row["device"] and row["precision"] == "fp32" for row in report["latency"])


@pytest.mark.parametrize("stop_at", [3, SPARSE_STEPS + 4], ids=["while channels vanish", "while tuning"])
def test_stopped_and_resumed_ends_with_the_same_network(photos, start, pruned, tmp_path, monkeypatch, capsys, stop_at):
    losses, calls = step.stage1_losses, []

    def interrupted(*inputs):
        calls.append(1)
        if len(calls) == stop_at:
            signal.raise_signal(signal.SIGTERM)
        return losses(*inputs)

    monkeypatch.setattr(step, "stage1_losses", interrupted)
    assert train_pose.main(arguments(photos, start, tmp_path / "run")) == 0
    assert "with --resume goes on" in capsys.readouterr().out and not (tmp_path / "run" / "pruned.safetensors").exists()
    assert train_pose.main(arguments(photos, start, tmp_path / "run", resume=True)) == 0
    assert len(calls) == STEPS
    assert (tmp_path / "run" / "pruned.safetensors").read_bytes() == (pruned / "pruned.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("init=PRUNED", "has no norms left to prune by"),
        ("init=nowhere.safetensors", "no such weight file"),
        ("threshold=-1", "'threshold': needs 0 to 1000000, got -1"),
        ("sparse_share=1.5", "'sparse_share': needs more than 0 to below 1, got 1.5"),
        ("multiple=0", "'multiple': needs 1 to 4096, got 0"),
        ("precision=fp17", "'precision': needs bf16 or fp32"),
        ("--resume", "state.pt: does not exist. Start the run without --resume"),
    ],
    ids=lambda v: v.partition("=")[0],
)
def test_mistakes_end_in_one_line_with_code_2(photos, start, pruned, tmp_path, capsys, change, message):
    resume = change == "--resume"
    values = [] if resume else [change.replace("PRUNED", str(pruned / "pruned.safetensors"))]
    assert train_pose.main(arguments(photos, start, tmp_path / "run", *values, resume=resume)) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1


@pytest.mark.parametrize(("files", "result"), [(("best", "last"), "best"), (("last",), "last")], ids=["scored", "never scored"])
def test_what_a_training_run_leaves(tmp_path, files, result):
    for name in files:
        (tmp_path / f"{name}.safetensors").touch()
    assert result_of(tmp_path) == tmp_path / f"{result}.safetensors"


def test_a_finished_run_is_not_overwritten(photos, start, pruned, capsys):
    before = (pruned / "pruned.safetensors").read_bytes()
    assert train_pose.main(arguments(photos, start, pruned)) == 2
    assert "holds a run already" in capsys.readouterr().err and (pruned / "pruned.safetensors").read_bytes() == before


# -- int8 ------------------------------------------------------------------------------------------------------------


def test_quantise_writes_int8_and_says_what_it_costs(photos, pruned, tmp_path, capsys):
    """The pruned network on the photo kit: it runs by itself afterwards, and the report has PCK before and after."""
    pytest.importorskip("nncf")
    out = tmp_path / "int8" / "small.xml"
    settings = [
        f"data.photos={photos}", "data.sets=[lspet]", f"network.backbone={NAME}", f"out={out}", "max_drop=100",
        f"network.weights={pruned / 'pruned.safetensors'}", "network.long_side_net_px=96", "network.short_side_net_px=64",
    ]  # fmt: skip
    assert train_pose.main(["quantise", *(part for value in settings for part in ("--set", value))]) == 0
    assert {p.name for p in out.parent.iterdir()} == {"small.xml", "small.bin", "small.json"}
    accuracy = json.loads(out.with_suffix(".json").read_text())["accuracy"]
    assert accuracy["measure"] == "PCK@0.2 on 2 validation photographs" and {"before", "after", "drop"} <= accuracy.keys()
    assert "in int8" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("out=int8.onnx", r"expected a name that ends in .xml"),
        ("network.weights=nowhere.safetensors", r"no such weight file"),
        ("data.photos=nowhere", r"labels.jsonl: does not exist"),
        ("data.photos=''", r"have no training or no validation split"),
    ],
)
def test_quantise_mistakes_end_in_one_line_with_code_2(photos, start, tmp_path, monkeypatch, capsys, change, message):
    pytest.importorskip("nncf")
    monkeypatch.chdir(tmp_path)
    settings = [f"data.photos={photos}", "data.sets=[lspet]", f"network.backbone={NAME}", f"network.weights={start}", change]
    assert train_pose.main(["quantise", *(part for value in settings for part in ("--set", value))]) == 2
    assert message in capsys.readouterr().err
