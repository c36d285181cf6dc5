"""Train xnect_lite.

    python train_pose.py stage1 --set data.photos=PHOTOS --set minutes=60 --set out=runs/first
    python train_pose.py stage1 --config configs/stage1_cpu.yaml --resume
    python train_pose.py stage1 --set backbone=resnet50 --set out=runs/resnet50
    python train_pose.py stage2 --set data.photos=PHOTOS --set network.weights=runs/first/best.safetensors

A run's folder holds state.pt (everything a resume needs), last.safetensors and best.safetensors (EMA weights, half
precision), log.jsonl, config.json and contact sheets. Press Ctrl-C once: the state is saved and the run ends. A resume takes
learning-rate shares and weight decay from the state, everything else from the configuration.
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from xnect_lite.config import as_dict, load_config
from xnect_lite.data.augment import CanvasSampler
from xnect_lite.data.packed import PackedSet, pack
from xnect_lite.data.parts import read_packed
from xnect_lite.data.photokit import read_backgrounds, read_photokit
from xnect_lite.data.sample import Sample, evenly
from xnect_lite.data.sheet import save_contact_sheet
from xnect_lite.data.targets import encode
from xnect_lite.errors import XnectError
from xnect_lite.models.xnect import XNect
from xnect_lite.runtime.devices import choose_device
from xnect_lite.train.checkpoint import Ema, load_state, save_state
from xnect_lite.train.config import Stage1Config, check
from xnect_lite.train.lift_config import Stage2Config
from xnect_lite.train.lift_train import train_stage2
from xnect_lite.train.losses import stage1_losses
from xnect_lite.train.schedule import Budget, learning_rate
from xnect_lite.train.validate import validate
from xnect_lite.weights import load_weights_into, save_weights


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    stages = parser.add_subparsers(dest="stage", required=True)
    stage1 = stages.add_parser("stage1", help="backbone, 2D and 3D maps")
    stage1.add_argument("--config", help="YAML file of overrides")
    stage1.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one value; may be repeated")
    stage1.add_argument("--resume", action="store_true", help="continue the run in its folder exactly where it stopped")
    stage2 = stages.add_parser("stage2", help="the lifting network, on Stage I's own answers")
    stage2.add_argument("--config", help="YAML file of overrides")
    stage2.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one value; may be repeated")
    options = parser.parse_args(arguments)
    try:
        if options.stage == "stage2":
            best = train_stage2(load_config(Stage2Config, options.config, options.set))
            print(" ".join(f"{k} {v:.4g}" for k, v in best.items()))
            return 0
        train_stage1(load_config(Stage1Config, options.config, options.set), options.resume)
    except XnectError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def read_split(config: Stage1Config, split: str) -> list[Sample]:
    """The samples of one split: photographs, renders and, for training, backgrounds if there are any."""
    data, samples = config.data, []
    if data.archive:
        samples = read_packed(data.archive, split)
    elif data.photos:
        samples = list(read_photokit(data.photos, split, data.sets))
        if data.backgrounds and split == "train":
            samples += read_backgrounds(data.backgrounds, split)
    for folder in data.synthetic:
        samples += read_packed(folder, split)
    return evenly(samples, data.limit)


def parameter_groups(net: XNect, config: Stage1Config) -> list[dict]:
    """Weight decay on matrices and kernels only; the backbone learns at its own share of the rate."""
    groups = []
    for module, share in ((net.backbone, config.backbone_rate), (net.heads, 1.0)):
        matrices = [p for p in module.parameters() if p.ndim > 1]
        vectors = [p for p in module.parameters() if p.ndim <= 1]
        groups.append({"params": matrices, "weight_decay": config.weight_decay, "share": share})
        groups.append({"params": vectors, "weight_decay": 0.0, "share": share})
    return groups


def train_stage1(config: Stage1Config, resume: bool) -> None:
    """Train Stage I as ``config`` says."""
    check(config)
    device = choose_device(config.device)
    out = Path(config.out)
    prepare_folder(out, resume)
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    torch.backends.cudnn.benchmark = True

    net = XNect(config.backbone, config.stride, config.grouped).to(device, memory_format=torch.channels_last)
    if config.init and not resume:
        load_weights_into(net, config.init)
    ema = Ema(net, config.ema_decay)
    optimizer = torch.optim.AdamW(parameter_groups(net, config), lr=config.learning_rate, fused=device.type == "cuda")
    train = pack(read_split(config, "train"), device, progress=True)
    held_out = evenly(read_split(config, "val"), config.validation.images)
    rng = np.random.default_rng(config.seed)
    sampler = CanvasSampler(train, config.augment, net.stride, rng, config.data.synthetic_share)
    step, seen, best, spent_s = 0, 0, -math.inf, 0.0
    if resume:
        state = load_state(out / "state.pt")
        try:
            refuse_other_data(state, config, train)
            net.load_state_dict(state["net"])
            optimizer.load_state_dict(state["optimizer"])
            ema.values = {k: v.to(device) for k, v in state["ema"].items()}
            ema.updates, step, seen, best, spent_s = (state[k] for k in ("ema_updates", "step", "seen", "best", "spent_s"))
            sampler.restore(json.loads(state["sampler"]))
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            cause = f"does not fit this run ({str(error).splitlines()[0]})"
            raise XnectError(str(out / "state.pt"), cause, "Resume with the configuration it was started with") from error
    (out / "config.json").write_text(json.dumps(as_dict(config), indent=2))
    forward = torch.compile(net) if config.compile else net
    autocast = torch.autocast(device.type, dtype=torch.bfloat16, enabled=config.precision == "bf16")

    budget = Budget(config.minutes, config.steps, spent_s)
    stop = _stop_on_signal()
    log = (out / "log.jsonl").open("a", encoding="utf-8")

    def save() -> None:
        save_weights(out / "last.safetensors", ema.values, net.arch)
        save_state(
            out / "state.pt",
            {
                "net": net.state_dict(), "optimizer": optimizer.state_dict(), "ema": ema.values, "ema_updates": ema.updates,
                "data": describe_data(config, train), "step": step, "seen": seen, "best": best, "spent_s": budget.spent_s,
                "sampler": json.dumps(sampler.state(), default=np.ndarray.tolist),
            },
        )  # fmt: skip

    def score() -> None:
        """Validate the EMA weights and keep the best."""
        nonlocal best
        net.eval()
        trained = {k: v.clone() for k, v in net.state_dict().items()}
        net.load_state_dict(ema.values)
        figures = validate(net, held_out, config.validation, device, config.precision)
        net.load_state_dict(trained)
        net.train()
        line = {"step": step, "seen": seen, "minutes": round(budget.spent_s / 60, 2), **figures}
        print(json.dumps(line), file=log, flush=True)
        print(" ".join(f"{k}={v:.3f}" if isinstance(v, float) else f"{k}={v}" for k, v in line.items()), flush=True)
        if not figures["pck"] <= best:  # without human joints it is NaN: the latest is then the best
            best = figures["pck"]
            save_weights(out / "best.safetensors", ema.values, net.arch)

    net.train()
    began, began_seen = time.monotonic(), seen
    saved = checked = sheeted = began
    running: dict[str, float] = {}
    terms: dict[str, torch.Tensor] = {}
    while (progress := budget.progress(step)) < 1 and not stop:
        finishing = progress > 1 - config.data.finish_share
        width, height, count = _canvas(sampler, config, finishing)
        image, labels = sampler.batch(count, width, height)
        targets = encode(labels, net.stride, width, height)
        rate = learning_rate(config.learning_rate, step, progress, config.warm_up_steps, config.final_rate, config.decay_share)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["share"]
        with autocast:
            maps = forward(image.contiguous(memory_format=torch.channels_last))
        terms = stage1_losses(maps, targets, config.loss)
        loss = sum(terms.values())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), config.clip_norm)
        optimizer.step()
        ema.update(net)
        step, seen = step + 1, seen + count

        if step % config.log_every == 0:
            values = finite_values(terms, step)
            running = {k: v if k not in running else 0.8 * running[k] + 0.2 * v for k, v in values.items()}
            pace = (seen - began_seen) / (time.monotonic() - began)
            left_s = (1 - progress) / max(progress, 1e-9) * budget.spent_s
            parts = " ".join(f"{k} {v:.3f}" for k, v in running.items())
            print(
                f"step {step} {progress:6.1%} lr {rate:.1e} {parts} | {pace:.1f} images/s, {left_s / 60:.0f} min left",
                flush=True,
            )
        now = time.monotonic()
        if now - saved > 60 * config.checkpoint_every_minutes:
            finite_values(terms, step)  # a broken network must not replace a good checkpoint
            save()
            saved = now
        if step == 1 or now - sheeted > 60 * config.sheet_every_minutes:
            save_contact_sheet(out / f"sheet_{step:07d}.jpg", image, targets, maps)
            sheeted = now
        if now - checked > 60 * config.validation.every_minutes:
            score()
            checked = time.monotonic()
    finite_values(terms, step)
    save()
    if not stop:
        score()
        save()


def prepare_folder(out: Path, resume: bool) -> None:
    """Make the run's folder. Raises XnectError if it cannot be, or holds a run that would be overwritten."""
    if (out / "state.pt").exists() and not resume:
        raise XnectError(str(out), "holds a run already", "Go on with it by --resume, or choose another folder by --set out=")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise XnectError(str(out), f"cannot be made ({error.strerror})", "Choose another folder with --set out=") from error


def describe_data(config: Stage1Config, train: PackedSet) -> str:
    """What a position in the data refers to."""
    data = config.data
    what = {"pictures": len(train), "people": len(train.people), "sets": data.sets, "limit": data.limit}
    if train.synthetic.any():
        what |= {"renders": int(train.synthetic.sum()), "synthetic_share": data.synthetic_share}
    return json.dumps(what)


def refuse_other_data(state: dict, config: Stage1Config, train: PackedSet) -> None:
    """Raise ValueError if ``state`` was saved over another training set."""
    now, then = describe_data(config, train), state.get("data", "")
    if then and then != now:
        raise ValueError(f"it was trained on {then}, now it is {now}")


def finite_values(terms: dict[str, torch.Tensor], step: int) -> dict[str, float]:
    """The loss terms as numbers. Raises XnectError if one is not finite. Waits for the device, so not for every step."""
    values = {name: float(term.detach()) for name, term in terms.items()}
    if not all(map(math.isfinite, values.values())):
        raise XnectError("the loss", f"is no longer finite at step {step} ({values})", "Lower learning_rate and resume")
    return values


def _canvas(sampler: CanvasSampler, config: Stage1Config, finishing: bool) -> tuple[int, int, int]:
    """Width, height and number of canvases of the next step; switches the sampler to whole pictures at the end."""
    sizes = config.data.finish_sizes_net_px if finishing else config.data.sizes_net_px
    width, height = sizes[int(sampler.rng.integers(len(sizes)))]
    if finishing:
        sampler.config = replace(config.augment, mosaic=0.0, whole_picture=0.6)
    return width, height, max(1, round(config.data.pixels_per_batch / (width * height)))


def _stop_on_signal() -> list[int]:
    """A list that becomes non-empty on Ctrl-C or termination, so that the loop can end between two steps."""
    received: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda n, _frame: received.append(n))
    return received


if __name__ == "__main__":
    sys.exit(main())
