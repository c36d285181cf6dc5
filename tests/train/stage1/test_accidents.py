"""Accidents in training: kill -9 while saving, signals, a full disk, a loss that is not finite, shards missing or damaged.

After each of them the last good checkpoint is there, and a resume goes on from it.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from kit import write_kit
from small_network import NAME

import train_pose
from xnect_lite.data.archives.parts import write_manifest, write_parts
from xnect_lite.data.readers.photokit import read_photokit
from xnect_lite.errors import XnectError
from xnect_lite.inference.weights import load_network, save_weights
from xnect_lite.train.checkpoint import load_state, save_state
from xnect_lite.train.stage1 import report, step
from xnect_lite.train.stage1 import run as stage1

HELPERS = Path(__file__).parents[2] / "helpers"
pytestmark = pytest.mark.usefixtures("small")
EVERY_STEP = "checkpoint_every_minutes=0"


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    return write_kit(tmp_path_factory.mktemp("kit"), train=3, val=1)


def arguments(photos: Path, out: Path, *values: str, resume: bool = False) -> list[str]:
    settings = [
        f"data.photos={photos}", f"out={out}", "data.sets=[lspet]", f"backbone={NAME}", "steps=4", "device=cpu",
        "precision=fp32", "threads=1", "data.sizes_net_px=[[64, 64]]", "data.pixels_per_batch=8192", "data.finish_share=0",
        "warm_up_steps=1", "log_every=1", "tensorboard=false", "validation.width_net_px=96", "validation.height_net_px=64",
        *values,
    ]  # fmt: skip
    return ["stage1", *(part for value in settings for part in ("--set", value)), *(["--resume"] if resume else [])]


def start(*rest: str, **environment: str) -> subprocess.Popen:
    path = os.pathsep.join([str(HELPERS.parents[1]), str(HELPERS)])
    return subprocess.Popen(
        [sys.executable, str(HELPERS / "train_small.py"), *rest],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path, **environment},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def figures(state: dict) -> dict[str, torch.Tensor]:
    return {name: value for name, value in state["ema"].items() if value.is_floating_point()}


def test_killed_while_saving_keeps_the_checkpoint_before_and_goes_on_exactly(photos, tmp_path):
    """kill -9 in the middle of the third checkpoint: the second one is whole, and leads to the end of a straight run."""
    killed = start(*arguments(photos, tmp_path / "run", EVERY_STEP), KILL_AT_SAVE="3")
    assert train_pose.main(arguments(photos, tmp_path / "straight")) == 0
    killed.communicate(timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert load_state(tmp_path / "run" / "state.pt")["step"] == 1, "saved before steps 1, 2 and 3"
    assert (tmp_path / "run" / "state.pt.part").exists()
    load_network(tmp_path / "run" / "last.safetensors", NAME)
    assert train_pose.main(arguments(photos, tmp_path / "run", resume=True)) == 0
    found, expected = (figures(load_state(tmp_path / name / "state.pt")) for name in ("run", "straight"))
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert not (tmp_path / "run" / "state.pt.part").exists()


@pytest.fixture
def heard():
    """Signals as at a terminal: what nohup or a shell's background starts ignores some, and so would what the test starts."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.SIG_DFL) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_saves_and_says_how_to_go_on(heard, photos, tmp_path, number):
    run = start(*arguments(photos, tmp_path / "run", "steps=100000"))
    while "step 2 " not in run.stdout.readline():
        assert run.poll() is None, run.stderr.read()
    run.send_signal(number)
    out, err = run.communicate(timeout=120)
    state = load_state(tmp_path / "run" / "state.pt")
    assert run.returncode == 0 and state["step"] >= 2 and "Traceback" not in err
    assert f"stopped at step {state['step']}, everything is saved; the same command with --resume goes on" in out


@pytest.fixture
def interruptible():
    """SIGINT as at a terminal: what a shell starts in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_signal_while_pictures_are_read_ends_at_once(interruptible, photos, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(stage1, "pack", lambda *_, **__: signal.raise_signal(signal.SIGINT))
    assert train_pose.main(arguments(photos, tmp_path / "run")) == 130
    assert capsys.readouterr().err == "interrupted; checkpoints are as they were\n"


@pytest.fixture
def full_disk():
    """Files of this process may not grow beyond 200 kB: writes fail half-way, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_old_state(tmp_path, request):
    path = tmp_path / "state.pt"
    save_state(path, {"step": 1})
    request.getfixturevalue("full_disk")
    with pytest.raises(XnectError, match=r"state\.pt: cannot be written .*Make room; the last checkpoint is intact.* --resume"):
        save_state(path, {"step": 2, "values": torch.zeros(200_000)})
    assert load_state(path)["step"] == 1 and list(tmp_path.iterdir()) == [path], "what was half written is gone"


def test_a_full_disk_leaves_the_old_weights(tmp_path, request):
    path = tmp_path / "last.safetensors"
    save_weights(path, {"a": torch.ones(1)}, {})
    before = path.read_bytes()
    request.getfixturevalue("full_disk")
    with pytest.raises(XnectError, match=r"last\.safetensors: cannot be written"):
        save_weights(path, {"a": torch.ones(400_000)}, {})
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def refuse_checkpoint(patch: pytest.MonkeyPatch, at: int) -> list[int]:
    """No room for the checkpoint of step ``at``; the list fills with the steps at which one was to be saved."""
    steps = []

    def save(path, state):
        steps.append(state["step"])
        if state["step"] == at:
            raise XnectError(str(path), "cannot be written (No space left on device)", "Make room")
        save_state(path, state)

    patch.setattr(stage1, "save_state", save)
    return steps


def test_a_disk_that_is_full_for_a_while_costs_no_run(photos, tmp_path, monkeypatch, capsys):
    """The second checkpoint on the way cannot be written: training goes on, and the next one is written again."""
    steps = refuse_checkpoint(monkeypatch, 2)
    assert train_pose.main(arguments(photos, tmp_path / "run", EVERY_STEP)) == 0
    assert "No space left on device). Make room. Training goes on and tries again later" in capsys.readouterr().err
    assert steps == [0, 1, 2, 3, 4, 4] and load_state(tmp_path / "run" / "state.pt")["step"] == 4


def test_a_disk_that_is_full_at_the_end_is_an_error(photos, tmp_path, monkeypatch, capsys):
    refuse_checkpoint(monkeypatch, 4)
    assert train_pose.main(arguments(photos, tmp_path / "run", EVERY_STEP)) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert load_state(tmp_path / "run" / "state.pt")["step"] == 3


def test_a_disk_that_is_full_from_the_start_is_an_error(photos, tmp_path, monkeypatch, capsys):
    def full(path, *_, **__):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_text", full)  # config.json
    assert train_pose.main(arguments(photos, tmp_path / "run")) == 2
    assert "config.json: is full. Make room" in capsys.readouterr().err


def test_logs_that_cannot_be_written_cost_no_run(photos, tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report, "save_contact_sheet", full)
    (tmp_path / "run" / "log.jsonl").mkdir(parents=True)  # opening it fails
    assert train_pose.main(arguments(photos, tmp_path / "run")) == 0
    lines = capsys.readouterr().err
    assert "sheet_0000001.jpg: cannot be written" in lines and "log.jsonl: cannot be written" in lines


def test_a_loss_that_is_not_finite_ends_the_run_and_spares_the_checkpoint(photos, tmp_path, monkeypatch, capsys):
    """Infinite from the third step on, found before anything is saved; the message says how to go on."""
    losses, calls = step.stage1_losses, []

    def broken(*inputs):
        calls.append(1)
        terms = losses(*inputs)
        return {**terms, "heat": terms["heat"] * torch.inf} if len(calls) > 2 else terms

    monkeypatch.setattr(step, "stage1_losses", broken)
    assert train_pose.main(arguments(photos, tmp_path / "run", EVERY_STEP, "log_every=100")) == 2
    error = capsys.readouterr().err
    assert "the loss: is no longer finite at step 3" in error and "--resume and a lower learning_rate" in error
    state = load_state(tmp_path / "run" / "state.pt")
    assert state["step"] == 2 and all(torch.isfinite(value).all() for value in state["net"].values())


def test_weights_that_are_not_finite_spare_the_checkpoint(photos, tmp_path, monkeypatch, capsys):
    """The third step's gradient is no number though its loss is one: what was saved before stays, snapshots too."""
    clip, calls = torch.nn.utils.clip_grad_norm_, []

    def broken(parameters, most):
        calls.append(1)
        parameters = list(parameters)
        if len(calls) == 3:
            parameters[0].grad.fill_(torch.nan)
        return clip(parameters, most)

    monkeypatch.setattr(step.nn.utils, "clip_grad_norm_", broken)
    assert train_pose.main(arguments(photos, tmp_path / "run", EVERY_STEP, "log_every=100", "snapshots=[0.5, 0.9]")) == 2
    error = capsys.readouterr().err
    assert "the weights: are no longer finite at step 3" in error and "--resume and a lower learning_rate" in error
    state = load_state(tmp_path / "run" / "state.pt")
    assert state["step"] == 2 and all(torch.isfinite(value).all() for value in state["net"].values())
    for name in ("last", "at_50"):
        assert all(v.isfinite().all() for v in load_network(tmp_path / "run" / f"{name}.safetensors", NAME).parameters())
    assert not (tmp_path / "run" / "at_90.safetensors").exists()


def test_snapshots_are_kept_on_the_way_and_nothing_is_scored_where_nobody_asks(photos, tmp_path, monkeypatch):
    """Steps 2 and 3 of 4 are its first half and three quarters; a resume does not take the first of them again."""
    run, values = tmp_path / "run", ("snapshots=[0.75, 0.5]", "validation.at_end=false")
    taken = []
    monkeypatch.setattr(stage1, "save_weights", lambda path, *rest: (taken.append(path.name), save_weights(path, *rest)))
    assert train_pose.main(arguments(photos, run, *values)) == 0
    assert taken == ["at_50.safetensors", "at_75.safetensors", "last.safetensors"]
    assert not (run / "best.safetensors").exists() and not (run / "log.jsonl").exists()
    first, last = (load_network(run / f"{name}.safetensors", NAME).heads.out_2d.weight for name in ("at_50", "last"))
    assert not torch.equal(first, last)
    taken.clear()
    assert train_pose.main(arguments(photos, run, *values, "steps=6", resume=True)) == 0
    assert taken == ["at_75.safetensors", "last.safetensors"], "step 4 of 6 is beyond the half"


def test_a_snapshot_for_which_there_is_no_room_costs_no_run(photos, tmp_path, monkeypatch, capsys):
    def save(path, *rest):
        if path.name == "at_50.safetensors":
            raise XnectError(str(path), "cannot be written (No space left on device)", "Make room")
        save_weights(path, *rest)

    monkeypatch.setattr(stage1, "save_weights", save)
    assert train_pose.main(arguments(photos, tmp_path / "run", "snapshots=[0.5]", "validation.at_end=false")) == 0
    assert "at_50.safetensors: cannot be written" in capsys.readouterr().err
    assert load_state(tmp_path / "run" / "state.pt")["step"] == 4


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda part: part.unlink(), "is missing, though the manifest lists it"),
        (lambda part: part.write_bytes(part.read_bytes()[:-300]), "is no training archive"),
        (lambda part: part.write_bytes(b""), "is no training archive"),
        (lambda part: part.write_bytes(_flipped(part.read_bytes())), "is no training archive"),
    ],
    ids=["missing", "cut off", "empty", "a byte changed"],
)
def test_a_shard_missing_or_damaged_is_named_and_the_run_stays_as_it_was(photos, tmp_path, capsys, damage, message):
    samples = {split: list(read_photokit(photos, split, ("lspet",))) for split in ("train", "val")}
    shards = tmp_path / "shards"
    shards.mkdir()
    write_manifest(shards, {"parts": list(write_parts(shards, samples, 1))})
    values = ("data.photos=''", f"data.archive={shards}")
    assert train_pose.main(arguments(photos, tmp_path / "run", *values, "steps=1")) == 0
    before = (tmp_path / "run" / "state.pt").read_bytes()
    part = sorted(shards.glob("*.npz"))[1]
    damage(part)
    capsys.readouterr()
    assert train_pose.main(arguments(photos, tmp_path / "run", *values, resume=True)) == 2
    error = capsys.readouterr().err
    assert f"{part}: {message}" in error and "Traceback" not in error
    assert (tmp_path / "run" / "state.pt").read_bytes() == before


def _flipped(data: bytes) -> bytes:
    """With one byte of the pictures changed; zip keeps a checksum of them."""
    at = data.index(b"WEBP") + 40
    return data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :]


def test_a_checkpoint_holds_the_configuration(photos, tmp_path):
    assert train_pose.main(arguments(photos, tmp_path / "run", "steps=1", "learning_rate=0.002")) == 0
    config = json.loads(load_state(tmp_path / "run" / "state.pt")["config"])
    assert config["learning_rate"] == 0.002 and config["data"]["pixels_per_batch"] == 8192
    assert config == json.loads((tmp_path / "run" / "config.json").read_text())


def test_tensorboard_shows_losses_validation_and_sheets(photos, tmp_path):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    assert train_pose.main(arguments(photos, tmp_path / "run", "steps=2", "tensorboard=true")) == 0
    assert train_pose.main(arguments(photos, tmp_path / "run", "steps=3", "tensorboard=true", resume=True)) == 0
    found = events.EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    found.Reload()
    assert {"loss/heat", "loss/sum", "rate", "images_per_s", "images_seen", "validation/ap"} <= set(found.Tags()["scalars"])
    assert [event.step for event in found.Scalars("loss/sum")] == [1, 2, 3] and found.Tags()["images"] == ["sheet"]


def test_without_tensorboard_there_is_no_log_of_it(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(report.importlib.util, "find_spec", lambda name: None)
    assert report.open_board(tmp_path / "tensorboard", 0) is None and not list(tmp_path.iterdir())
