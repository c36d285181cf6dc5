"""Training: a toy run through the command line, exact resumption, and errors that end in one line."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from bomb import Bomb
from kit import write_kit

from xnect_lite.config import load_config
from xnect_lite.data.augment import AugmentConfig
from xnect_lite.data.packed import pack
from xnect_lite.data.parts import write_manifest, write_parts
from xnect_lite.data.photokit import read_photokit
from xnect_lite.errors import XnectError
from xnect_lite.models.xnect import XNect
from xnect_lite.train import stage1, step
from xnect_lite.train.checkpoint import Ema, load_state, save_state
from xnect_lite.train.config import Stage1Config
from xnect_lite.train.processes import Processes
from xnect_lite.train.schedule import Budget, Due, learning_rate
from xnect_lite.train.slots import Slots
from xnect_lite.train.step import make_optimizer
from xnect_lite.weights import load_network, save_weights

REPOSITORY = Path(__file__).parents[1]
STEPS = 4


def _script():
    spec = importlib.util.spec_from_file_location("train_pose", REPOSITORY / "train_pose.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


train_pose = _script()


@pytest.fixture(autouse=True)
def leave_no_traces():
    """Runs in this process set the number of threads."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    return write_kit(tmp_path_factory.mktemp("kit"), train=4, val=2)


def arguments(photos: Path, out: Path, *more: str) -> list[str]:
    """A run of four small steps on one thread, the last on a finishing canvas."""
    values = [
        f"data.photos={photos}", f"out={out}", "data.sets=[lspet]", "backbone=selecsls42", f"steps={STEPS}", "device=cpu",
        "precision=fp32", "threads=1", "data.sizes_net_px=[[64, 64], [96, 64]]", "data.pixels_per_batch=12288",
        "data.finish_sizes_net_px=[[96, 96]]", "data.finish_share=0.3", "warm_up_steps=2", "log_every=1",
        "validation.images=1", "validation.width_net_px=96", "validation.height_net_px=64", *more,
    ]  # fmt: skip
    return ["stage1", *(part for value in values if not value.startswith("--") for part in ("--set", value)),
            *(value for value in values if value.startswith("--"))]  # fmt: skip


def command(*rest: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, str(REPOSITORY / "train_pose.py"), *rest], capture_output=True, text=True, env=environment, timeout=240
    )


@pytest.fixture(scope="module")
def straight(photos, tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess]:
    """A run from start to end through the command line."""
    out = tmp_path_factory.mktemp("runs") / "straight"
    return out, command(*arguments(photos, out))


def test_a_run_ends_well_and_leaves_its_files(straight):
    out, result = straight
    assert result.returncode == 0, result.stderr
    names = {p.name for p in out.iterdir()}
    files = {"state.pt", "last.safetensors", "best.safetensors", "log.jsonl", "config.json", "sheet_0000001.jpg"}
    assert names - {"tensorboard"} == files
    assert "step 4" in result.stdout and "images/s" in result.stdout and "pck=" in result.stdout
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert len(lines) == 1 and lines[0]["step"] == STEPS and lines[0]["seen"] > STEPS
    assert {"pck", "recall_100", "person_precision", "mpjpe_teacher_mm"} <= lines[0].keys()
    config = json.loads((out / "config.json").read_text())
    assert config["steps"] == STEPS and config["augment"]["flip"] == 0.5, "defaults are written down too"


def test_the_run_learned_something_and_its_weights_can_be_used(straight):
    out, _ = straight
    state = load_state(out / "state.pt")
    assert state["step"] == STEPS and state["ema_updates"] == STEPS and 0 < state["spent_s"] < 240
    assert all(torch.isfinite(v).all() for v in state["net"].values())
    net = load_network(out / "last.safetensors", "selecsls42")
    torch.testing.assert_close(net.heads.out_2d.weight.detach(), state["ema"]["heads.out_2d.weight"].half().float())
    torch.manual_seed(0)
    start = XNect("selecsls42").state_dict()
    assert not torch.equal(start["heads.out_3d.weight"], state["net"]["heads.out_3d.weight"])
    torch.testing.assert_close(start["mean"], state["ema"]["mean"])


def _same(one, other, where: str = "") -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            _same(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            _same(a, b, f"{where}[{i}]")
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    else:
        assert one == other or (one != one and other != other), where


def test_stopped_and_resumed_is_the_same_as_straight_through(straight, photos, tmp_path, monkeypatch, capsys):
    """Ctrl-C after two steps ends the run at once with its state saved; resuming gives the very same numbers."""
    out = tmp_path / "run"
    losses, calls = step.stage1_losses, []

    def interrupted(*inputs):
        calls.append(1)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)
        return losses(*inputs)

    monkeypatch.setattr(step, "stage1_losses", interrupted)
    assert train_pose.main(arguments(photos, out)) == 0
    assert len(calls) == 2 and load_state(out / "state.pt")["step"] == 2
    assert train_pose.main(arguments(photos, out, "--resume")) == 0
    assert len(calls) == STEPS
    state, expected = load_state(out / "state.pt"), load_state(straight[0] / "state.pt")
    for key in ("ema", "net", "optimizer", "sampler", "step", "seen", "ema_updates"):
        _same(state[key], expected[key], key)
    assert (out / "last.safetensors").read_bytes() == (straight[0] / "last.safetensors").read_bytes()
    assert [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()] == [4]
    assert "step 3" in capsys.readouterr().out


def test_resuming_a_finished_run_changes_nothing(straight, photos, tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    (out / "state.pt").write_bytes((straight[0] / "state.pt").read_bytes())
    assert train_pose.main(arguments(photos, out, "--resume")) == 0
    state, before = load_state(out / "state.pt"), load_state(straight[0] / "state.pt")
    _same(state["ema"], before["ema"])
    assert state["step"] == STEPS


def test_pictures_without_human_joints_still_leave_a_best_file(tmp_path):
    """PCK is then unknown, not zero."""
    photos = write_kit(tmp_path / "kit", train=1, val=1)
    path = photos / "lspet" / "labels.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    for record in records:
        for person in record["people"]:
            person.pop("lsp14")
    path.write_text("".join(json.dumps(r) + "\n" for r in records))
    assert train_pose.main(arguments(photos, tmp_path / "run", "steps=1")) == 0
    assert (tmp_path / "run" / "best.safetensors").is_file()


@pytest.fixture(scope="module")
def renders(photos, tmp_path_factory) -> Path:
    """A folder like one that ``xnect-lite synth render`` writes: two pictures to train on, one to validate on."""
    folder = tmp_path_factory.mktemp("renders")
    splits = {
        split: [replace(s, synthetic=True) for s in list(read_photokit(photos, split, ("lspet",)))[:count]]
        for split, count in (("train", 2), ("val", 1))
    }
    write_manifest(folder, {"parts": list(write_parts(folder, splits, 1e9))})
    return folder


def test_a_run_on_photographs_and_renders_can_be_resumed(photos, renders, tmp_path, capsys):
    values = (f"data.synthetic=[{renders}]", "data.synthetic_share=0.5", "steps=1")
    assert train_pose.main(arguments(photos, tmp_path / "run", *values)) == 0
    figures = json.loads((tmp_path / "run" / "log.jsonl").read_text())
    assert {
        "pck",
        "ap",
        "mpjpe_teacher_mm",
        "renders_pck",
        "renders_ap",
        "renders_mpjpe_mm",
        "renders_pck3d_150",
    } <= figures.keys()
    assert "mpjpe_mm" not in figures and "renders_mpjpe_teacher_mm" not in figures, "truth is called so for renders alone"
    state = load_state(tmp_path / "run" / "state.pt")
    assert json.loads(state["data"])["renders"] == 2 and "synthetic_queue" in json.loads(state["sampler"])
    assert train_pose.main(arguments(photos, tmp_path / "run", *values[:2], "steps=2", "--resume")) == 0
    assert load_state(tmp_path / "run" / "state.pt")["step"] == 2
    assert train_pose.main(arguments(photos, tmp_path / "run", "--resume")) == 2
    assert "does not fit this run" in capsys.readouterr().err


def test_a_run_on_renders_alone(photos, renders, tmp_path):
    values = ("data.photos=''", f"data.synthetic=[{renders}]", "steps=1")
    assert train_pose.main(arguments(photos, tmp_path / "run", *values)) == 0
    assert json.loads(load_state(tmp_path / "run" / "state.pt")["data"])["pictures"] == 2
    assert (tmp_path / "run" / "best.safetensors").is_file()
    figures = json.loads((tmp_path / "run" / "log.jsonl").read_text())
    assert "renders_pck" in figures and "pck" not in figures


def test_the_best_weights_are_those_with_the_best_pck(photos, tmp_path, monkeypatch):
    """Three validations: the second is better than the first, the third is not, and the second is kept."""
    scores = iter([0.2, 0.4, 0.3])
    monkeypatch.setattr(stage1, "validate", lambda *_: {"pck": next(scores)})
    out, saved = tmp_path / "run", []
    monkeypatch.setattr(stage1, "save_weights", lambda path, *_: saved.append(path.name))
    assert train_pose.main(arguments(photos, out, "steps=2", "validation.every_minutes=0")) == 0
    assert [name for name in saved if name == "best.safetensors"] == ["best.safetensors"] * 2
    assert load_state(out / "state.pt")["best"] == 0.4


def test_a_run_on_an_archive_in_parts(photos, tmp_path):
    samples = {split: list(read_photokit(photos, split, ("lspet",))) for split in ("train", "val")}
    write_manifest(tmp_path, {"parts": list(write_parts(tmp_path, samples, 1))})
    values = ("data.photos=nowhere", f"data.archive={tmp_path}", "steps=1")
    assert train_pose.main(arguments(photos, tmp_path / "run", *values)) == 0
    assert json.loads(load_state(tmp_path / "run" / "state.pt")["data"])["pictures"] == 4


# -- errors ----------------------------------------------------------------------------------------------------------


def test_an_unknown_key_ends_with_code_2_and_the_nearest_key(tmp_path):
    result = command("stage1", "--set", "learning_rat=1", "--set", f"out={tmp_path / 'run'}")
    assert result.returncode == 2
    assert result.stderr.strip() == "configuration key 'learning_rat': is unknown. Did you mean 'learning_rate'?"
    assert result.stdout == "" and not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("data.photos=nowhere", r"nowhere.lspet.labels.jsonl: does not exist"),
        ("data.sets=[lspet, ccp]", r"ccp.labels.jsonl: does not exist"),
        ("data.backgrounds=nowhere", r"nowhere: is no folder"),
        ("data.archive=nowhere.npz", r"nowhere.npz: is no training archive"),
        ("data.synthetic=[nowhere]", r"nowhere: is no training archive"),
        ("data.synthetic_share=1.0", r"'data.synthetic_share': needs 0 to below 1, got 1.0"),
        ("data.synthetic_share=0.3", r"data.synthetic_share: is 0.3, but there are not both renders and photographs"),
        ("init=nowhere.safetensors", r"nowhere.safetensors: no such weight file"),
        ("backbone=selecsls61", r"backbone 'selecsls61': is unknown. Known: selecsls42"),
        ("device=cuda:99", r"--device cuda:99: "),
        ("optimizer=sgd", r"'optimizer': needs adamw or adam, got 'sgd'"),
        ("accumulate=0", r"'accumulate': needs 1 or more, got 0"),
        ("precision=fp17", r"'precision': needs bf16 or fp32, got 'fp17'"),
        ("data.sizes_net_px=[[64, 65]]", r"'data.sizes_net_px': needs sizes in multiples of 16"),
        ("data.finish_sizes_net_px=[]", r"'data.finish_sizes_net_px': needs sizes"),
        ("validation.width_net_px=100", r"'validation': needs sizes in multiples of 16"),
        ("--resume", r"state.pt: does not exist. Start the run without --resume"),
        ("--config=nowhere.yaml", r"nowhere.yaml: cannot be read"),
    ],
    ids=lambda v: v.partition("=")[0],
)
def test_mistakes_end_in_one_line_with_code_2(photos, tmp_path, capsys, monkeypatch, change, message):
    monkeypatch.chdir(tmp_path)
    assert train_pose.main(arguments(photos, tmp_path / "run", change)) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line and "decoding" not in line]  # the progress bar
    assert len(lines) == 1 and "Traceback" not in lines[0]
    with pytest.raises(XnectError, match=message):
        raise XnectError(lines[0], "", "")


@pytest.mark.parametrize("kind", ["pickle", "a pickle inside torch.save", "text", "cut off"])
def test_a_state_file_that_is_none_is_refused_and_never_executed(tmp_path, kind):
    path, marker = tmp_path / "state.pt", tmp_path / "executed"
    if kind == "pickle":
        path.write_bytes(pickle.dumps({"net": Bomb(marker)}, protocol=2))
    elif kind == "text":
        path.write_text("hello")
    else:
        save_state(path, {"net": torch.zeros(100) if kind == "cut off" else Bomb(marker)})
        if kind == "cut off":
            path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(XnectError, match=r"state\.pt: is no training state .* Remove it to start afresh"):
        load_state(path)
    assert not marker.exists()


def test_a_state_of_another_network_is_refused(photos, tmp_path, capsys):
    out = tmp_path / "run"
    save_state(out / "state.pt", {"net": XNect("selecsls60").state_dict(), "step": 1})
    assert train_pose.main(arguments(photos, out, "--resume")) == 2
    assert "state.pt: does not fit this run" in capsys.readouterr().err


def test_a_finished_run_is_not_overwritten_by_a_new_one(straight, photos, capsys):
    before = (straight[0] / "state.pt").read_bytes()
    assert train_pose.main(arguments(photos, straight[0])) == 2
    assert "holds a run already. Go on with it by --resume" in capsys.readouterr().err
    assert (straight[0] / "state.pt").read_bytes() == before


def test_resuming_over_other_pictures_is_refused(straight, photos, tmp_path, capsys):
    out = tmp_path / "run"
    out.mkdir()
    (out / "state.pt").write_bytes((straight[0] / "state.pt").read_bytes())
    assert train_pose.main(arguments(photos, out, "data.limit=1", "--resume")) == 2
    assert "does not fit this run (it was trained on" in capsys.readouterr().err


def test_saving_a_state_replaces_it_whole(tmp_path):
    path = tmp_path / "deep" / "state.pt"
    for number in (1, 2):
        save_state(path, {"step": number, "values": [1.5, "a", {"b": torch.ones(2)}]})
    state = load_state(path)
    assert state["step"] == 2 and state["values"][:2] == [1.5, "a"] and list(path.parent.iterdir()) == [path]


# -- parts of the loop -----------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("step", "progress", "expected"),
    [
        (0, 0.0, 0.1),
        (4, 0.0, 0.5),
        (9, 0.0, 1.0),
        (100, 0.0, 1.0),
        (100, 0.5, 0.505),
        (100, 1.0, 0.01),
        (100, 1.7, 0.01),
        (4, 1.0, 0.005),
        (100, 0.25, 0.01 + 0.99 * 0.5 * (1 + math.sqrt(0.5))),
    ],
)
def test_learning_rate(step, progress, expected):
    assert learning_rate(2.0, step, progress, warm_up_steps=10, final_rate=0.01) == pytest.approx(2 * expected)


def test_without_a_warm_up_the_rate_starts_at_its_base():
    assert learning_rate(1.0, 0, 0.0, warm_up_steps=0, final_rate=0.01) == 1.0


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        (0.0, 1.0),  # constant
        (0.8, 1.0),  # to where the decay begins
        (0.9, 0.5),  # half-way down at half of the decay
        (1.0, 0.0),
        (1.2, 0.0),  # over time: no second wave
    ],
)
def test_the_rate_may_fall_only_at_the_end(progress, expected):
    found = learning_rate(1.0, 100, progress, warm_up_steps=0, final_rate=0.0, decay_share=0.2)
    assert found == pytest.approx(expected, abs=1e-9)


def test_a_budget_by_steps():
    budget = Budget(minutes=0, steps=8)
    assert [budget.progress(s) for s in (0, 2, 8)] == [0, 0.25, 1]


def test_a_budget_by_the_clock_counts_earlier_sittings(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("xnect_lite.train.schedule.time.monotonic", lambda: now[0])
    budget = Budget(minutes=10, steps=8, spent_s=120)
    assert budget.progress(7) == pytest.approx(0.2)
    now[0] += 180
    assert budget.spent_s == pytest.approx(300) and budget.progress(0) == pytest.approx(0.5)


def test_something_due_every_minute(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("xnect_lite.train.schedule.time.monotonic", lambda: now[0])
    due = Due(1.0)
    found = []
    for now[0] in (1000.0, 1059.0, 1061.0):
        found.append(due.now)
    due.restart()
    assert found == [False, False, True] and not due.now


def test_ema_by_hand():
    net = torch.nn.BatchNorm1d(1)
    ema = Ema(net, decay=0.9)
    assert ema.values["weight"].data_ptr() != net.weight.data_ptr()
    expected = 1.0
    for update in range(1, 200):
        with torch.no_grad():
            net.weight.fill_(1.0 + update % 5)
            net.num_batches_tracked.fill_(update)
        ema.update(net)
        keep = min(0.9, (1 + update) / (10 + update))
        expected = keep * expected + (1 - keep) * (1.0 + update % 5)
        assert ema.values["weight"].item() == pytest.approx(expected, rel=1e-5)
    assert ema.updates == 199 and ema.values["num_batches_tracked"] == 199, "counters are copied, not averaged"
    assert ema.values["running_mean"] == 0 and not ema.values["weight"].requires_grad
