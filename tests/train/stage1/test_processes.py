"""Training by several processes: two over gloo take the steps that one takes which accumulates two micro-batches."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from kit import write_kit
from small_network import NAME

import train_pose
from xnect_lite.data.archives.packed import pack
from xnect_lite.data.readers.photokit import read_photokit
from xnect_lite.train.checkpoint import load_state
from xnect_lite.train.stage1.config import Stage1Config
from xnect_lite.train.stage1.processes import Processes
from xnect_lite.train.stage1.slots import Slots
from xnect_lite.train.stage1.step import StepStatistics

HELPERS = Path(__file__).parents[2] / "helpers"
SCRIPT = str(HELPERS / "train_small.py")
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
STEPS = 3


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    return write_kit(tmp_path_factory.mktemp("kit"), train=5, val=1)


def start(photos: Path, out: Path, *values: str, processes: int = 1, resume: bool = False) -> subprocess.Popen:
    """A run of a few small steps, of more than one canvas size."""
    settings = [
        f"data.photos={photos}", f"out={out}", "data.sets=[lspet]", f"backbone={NAME}", f"steps={STEPS}", "device=cpu",
        "precision=fp32", "threads=1", "data.sizes_net_px=[[64, 64], [96, 64]]", "data.pixels_per_batch=12288",
        "data.finish_share=0", "warm_up_steps=1", "decay_share=0", "learning_rate=1e-3", "log_every=1", "tensorboard=false",
        "validation.width_net_px=96", "validation.height_net_px=64", *values,
    ]  # fmt: skip
    launcher = TORCHRUN if processes == 2 else []
    arguments = ["stage1", *(part for value in settings for part in ("--set", value)), *(["--resume"] if resume else [])]
    checkout = HELPERS.parents[1]
    path = os.pathsep.join([str(checkout), str(HELPERS)])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    return subprocess.Popen(
        [sys.executable, *launcher, SCRIPT, *arguments], env=environment, cwd=checkout,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(process: subprocess.Popen) -> str:
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    return out


def assert_same_step(one: dict, other: dict) -> None:
    """Parameters, moments, running statistics and averages agree, and so do the positions in the data."""
    assert one["step"] == other["step"] and one["seen"] == other["seen"]
    assert one["sampler"] == other["sampler"] and one["slots"] == other["slots"]
    for key in ("net", "ema"):
        for name, value in one[key].items():
            if not name.endswith("num_batches_tracked"):
                torch.testing.assert_close(value, other[key][name], rtol=1e-3, atol=2e-5, msg=lambda m, n=name: f"{n}: {m}")


@pytest.fixture(scope="module")
def runs(photos, tmp_path_factory) -> tuple[Path, Path, str]:
    """The folder of one process that accumulates, that of two processes that stopped once, and what the two said then."""
    folder = tmp_path_factory.mktemp("runs")
    alone = start(photos, folder / "one", "accumulate=2")
    said = finish(start(photos, folder / "two", "steps=2", processes=2))
    finish(alone)
    finish(start(photos, folder / "two", processes=2, resume=True))
    return folder / "one", folder / "two", said


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(runs):
    """Even if they stop after two steps and are resumed."""
    one, two, _ = runs
    assert_same_step(load_state(one / "state.pt"), load_state(two / "state.pt"))


def test_the_first_process_alone_writes_and_speaks(runs):
    one, two, said = runs
    assert {p.name for p in two.iterdir()} == {p.name for p in one.iterdir()}
    assert len((two / "log.jsonl").read_text().splitlines()) == 2
    assert said.count("step 1 ") == 1 and said.count("pck=") == 1


def test_the_second_micro_batch_matters(photos, runs, tmp_path):
    """Otherwise the equality above would say nothing."""
    finish(start(photos, tmp_path / "run"))
    single, double = (load_state(folder / "state.pt")["net"] for folder in (tmp_path / "run", runs[0]))
    name = "heads.out_2d.weight"
    assert (single[name] - double[name]).abs().max() > 1e-4


def test_a_run_goes_on_with_another_number_of_processes(photos, runs, tmp_path):
    """What two processes began, one can go on with, and says what happens to the positions in the data."""
    out = tmp_path / "run"
    out.mkdir()
    (out / "state.pt").write_bytes((runs[1] / "state.pt").read_bytes())
    said = finish(start(photos, out, "steps=4", resume=True))
    assert "saved with 2 micro-batches per step, now 1" in said
    state = load_state(out / "state.pt")
    assert state["step"] == 4 and json.loads(state["slots"]) == []


@pytest.mark.slow
def test_a_signal_to_one_process_ends_all_at_the_same_step(photos, tmp_path):
    """SIGTERM goes to the second process alone, as a scheduler might; the first saves, and nobody waits for ever."""
    run = start(photos, tmp_path / "run", "steps=100000", processes=2)
    while "step 2 " not in run.stdout.readline():
        assert run.poll() is None, run.stderr.read()
    children = Path(f"/proc/{run.pid}/task/{run.pid}/children")
    if not children.exists():
        run.kill()
        pytest.skip("this system does not say which processes torchrun started")
    second = next(int(p) for p in children.read_text().split() if b"RANK=1\0" in _environment(int(p)))
    os.kill(second, signal.SIGTERM)
    out = finish(run)
    state = load_state(tmp_path / "run" / "state.pt")
    assert f"stopped at step {state['step']}" in out and 2 <= state["step"] < 100000


def _environment(pid: int) -> bytes:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if data := Path(f"/proc/{pid}/environ").read_bytes():
            return data
    return b""


# -- without processes -----------------------------------------------------------------------------------------------


def test_other_processes_say_who_they_are(monkeypatch, capsys):
    monkeypatch.setenv("RANK", "1")
    assert train_pose.main(["stage1", "--set", "precision=fp17"]) == 2
    assert capsys.readouterr().err.startswith("process 1: configuration key 'precision'")


class Second(Processes):
    """As if this were the second of two processes."""

    def __init__(self) -> None:
        super().__init__("cpu")
        self.rank, self.count = 1, 2


@pytest.fixture(scope="module")
def packed(photos):
    return pack(read_photokit(photos, "train", ("lspet",)))


CONFIG = Stage1Config(accumulate=2)
CONFIG = replace(CONFIG, data=replace(CONFIG.data, sizes_net_px=((64, 64),), pixels_per_batch=3 * 64 * 64))


@pytest.mark.parametrize(
    ("processes", "numbers"), [(Processes("cpu"), [0, 1]), (Second(), [2, 3])], ids=["first of one", "second of two"]
)
def test_slots_are_shared_out_by_rank(packed, processes, numbers):
    assert list(Slots(packed, CONFIG, 8, processes).samplers) == numbers


def test_the_first_slot_draws_what_single_runs_always_drew(packed):
    """Seeded by the seed alone, so that older checkpoints go on exactly; the others differ from it and each other."""
    slots = Slots(packed, CONFIG, 8, Processes("cpu"))
    assert slots.samplers[0].rng.bit_generator.state == np.random.default_rng(CONFIG.seed).bit_generator.state
    first, second = (slots.draw(k, False)[0] for k in (0, 1))
    assert first.shape == second.shape and not torch.equal(first, second)


def test_slots_go_on_where_they_were(packed):
    slots = Slots(packed, CONFIG, 8, Processes("cpu"))
    slots.draw(1, False)
    state = slots.state()
    expected = [slots.draw(k, False)[0] for k in (0, 1)]
    fresh = Slots(packed, CONFIG, 8, Processes("cpu"))
    assert fresh.restore(state, step=1) == 2
    for k, image in enumerate(expected):
        assert torch.equal(fresh.draw(k, False)[0], image)


@pytest.mark.parametrize("step", [1, 2])
def test_slots_that_a_state_lacks_begin_at_a_place_of_their_own(packed, step):
    """A state of a single process, as saved before there were slots; where the new one begins depends on the step."""
    alone = Slots(packed, replace(CONFIG, accumulate=1), 8, Processes("cpu"))
    state = {"sampler": alone.state()["sampler"]}
    slots = Slots(packed, CONFIG, 8, Processes("cpu"))
    assert slots.restore(state, step) == 1
    other = Slots(packed, CONFIG, 8, Processes("cpu"))
    other.restore(state, step + 1)
    assert not torch.equal(slots.draw(1, False)[0], other.draw(1, False)[0])


def test_running_statistics_end_a_step_at_the_mean_of_its_micro_batches():
    """Momentum .5 from 0: inputs of mean 2 and 4 move the mean to 1 and to 2; the step ends at 1.5, not at 2.5."""
    norm = torch.nn.BatchNorm2d(1, momentum=0.5)
    statistics = StepStatistics(norm, Processes("cpu"), total=2)
    for mean in (2.0, 4.0):
        with statistics.of_micro_batch():
            norm(torch.full((2, 1, 2, 2), mean))
        assert norm.running_mean.item() == 0
    statistics.settle()
    assert norm.running_mean.item() == pytest.approx(1.5)


def test_one_micro_batch_per_step_leaves_the_statistics_to_the_norms():
    norm = torch.nn.BatchNorm2d(1, momentum=0.5)
    statistics = StepStatistics(norm, Processes("cpu"), total=1)
    with statistics.of_micro_batch():
        norm(torch.full((2, 1, 2, 2), 2.0))
    statistics.settle()
    assert norm.running_mean.item() == pytest.approx(1.0)
