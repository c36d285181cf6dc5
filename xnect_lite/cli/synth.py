"""``xnect-lite synth``: synthetic people, rendered with exact labels."""

from __future__ import annotations

import argparse
from pathlib import Path

from xnect_lite.errors import XnectError
from xnect_lite.progress import progress_bar
from xnect_lite.synth.bake import bake
from xnect_lite.synth.body import save_bodies
from xnect_lite.synth.clip import ClipConfig
from xnect_lite.synth.demo import write_demo
from xnect_lite.synth.mupots_like import BenchmarkConfig, write_mupots_like
from xnect_lite.synth.scene import SceneConfig
from xnect_lite.synth.shards import Order, write_shards
from xnect_lite.synth.studio import Assets


def _assets(options: argparse.Namespace, held_out: bool = False) -> Assets:
    if options.seed < 0:
        raise XnectError("--seed", f"is {options.seed}", "Give 0 or more")
    return Assets(options.bodies, options.makehuman, options.motion, options.backgrounds, options.open_only, held_out)


def run_render(options: argparse.Namespace) -> int:
    if options.first < 0:
        raise XnectError("--first", f"is {options.first}", "Give 0 or more")
    order = Order(options.count, options.seed, options.first, options.workers, options.shard)
    assets = _assets(options, options.split == "val")
    with progress_bar(total=options.count, unit="picture", disable=None) as bar:
        manifest = write_shards(options.output, order, assets, SceneConfig(size=options.size), bar.update)
    print(f"{options.output}: {options.count} pictures, {manifest['people']} people, drawn by {manifest['renderer']}")
    return 0


def run_demo(options: argparse.Namespace) -> int:
    if options.size[0] % 2 or options.size[1] % 2:
        raise XnectError("--size", f"is {options.size[0]}x{options.size[1]}", "Videos need even sides")
    config = ClipConfig(options.people, options.seconds, options.fps, options.kind, options.size)
    with progress_bar(total=config.frames, unit="frame", disable=None) as bar:
        files = write_demo(options.output, options.seed, config, _assets(options, options.split == "val"), bar.update)
    print(*files, sep="\n")
    return 0


def run_mupots_like(options: argparse.Namespace) -> int:
    config = BenchmarkConfig(options.sequences, options.frames, size=options.size)
    with progress_bar(total=options.sequences, unit="sequence", disable=None) as bar:
        manifest = write_mupots_like(options.output, options.seed, config, _assets(options), options.workers, bar.update)
    valid = sum(sequence["valid"] for sequence in manifest["sequences"])
    print(f"{options.output}: {options.sequences} sequences of {options.frames} frames, {valid} people to be found")
    return 0


def run_bake(options: argparse.Namespace) -> int:
    bodies = bake(options.count, options.seed)
    try:
        save_bodies(Path(options.output), bodies)
    except OSError as error:
        raise XnectError(options.output, f"cannot be written ({error.strerror})", "Choose another file") from error
    print(f"{options.output}: {len(bodies)} bodies")
    return 0
