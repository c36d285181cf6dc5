"""``xnect-lite synth``: synthetic people, rendered with exact labels."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers.later import Later
from xnect_lite.cli.parsers.words import add_output


def add(verbs: argparse._SubParsersAction) -> None:
    """Register the verb."""
    synth = verbs.add_parser("synth", help="synthetic people: pictures, clips and a benchmark with exact labels")
    actions = synth.add_subparsers(dest="action", required=True, metavar="ACTION")

    render = actions.add_parser("render", help="pictures to train or validate on")
    render.add_argument("--count", type=_at_least_one, required=True, help="how many pictures")
    render.add_argument("--first", type=int, default=0, help="number of the first: machines can share a seed (default 0)")
    render.add_argument("--split", choices=("train", "val"), default="train", help="val: held-out people and places")
    render.add_argument("--shard", type=_at_least_one, default=500, help="pictures in a file (default 500)")
    _add_common(render, "512x320", "folder to make")
    render.add_argument("--workers", type=_at_least_one, default=1, help="processes (default 1)")
    render.set_defaults(run=Later("synth.run_render"))

    demo = actions.add_parser("demo", help="a clip of several people as a video, with the truth of every frame")
    demo.add_argument("--people", type=_at_least_one, default=3, help="how many (default 3)")
    demo.add_argument("--seconds", type=_positive, default=6.0, help="length (default 6)")
    demo.add_argument("--fps", type=_positive, default=30.0, help="frames per second (default 30)")
    demo.add_argument("--kind", choices=("crossing", "mixed"), default="crossing", help="crossing: they walk past each other")
    demo.add_argument("--split", choices=("train", "val"), default="train", help="val: held-out people and places")
    _add_common(demo, "640x384", "folder for demo.mp4 and demo-truth.npz")
    demo.set_defaults(run=Later("synth.run_demo"))

    mupots = actions.add_parser("mupots-like", help="a benchmark of held-out people in MuPoTS-3D's format")
    mupots.add_argument("--sequences", type=_at_least_one, default=20, help="how many (default 20)")
    mupots.add_argument("--frames", type=_at_least_one, default=60, help="frames in each (default 60)")
    _add_common(mupots, "1920x1080", "folder to make")
    mupots.add_argument("--workers", type=_at_least_one, default=1, help="processes (default 1)")
    mupots.set_defaults(run=Later("synth.run_mupots_like"))

    bake = actions.add_parser("bake", help="bake bodies with Anny into one file; the others do it by themselves when needed")
    add_output(bake, "the file to write (.npz)", required=True)
    bake.add_argument("--count", type=_at_least_one, default=64, help="bodies (default 64)")
    bake.add_argument("--seed", type=int, default=0, help="which bodies (default 0)")
    bake.set_defaults(run=Later("synth.run_bake"))


def _add_common(parser: argparse.ArgumentParser, size: str, out: str) -> None:
    add_output(parser, out, "DIR", required=True)
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same pictures (default 0)")
    parser.add_argument("--size", type=_size, default=_size(size), metavar="WxH", help=f"pixels (default {size})")
    parser.add_argument("--bodies", metavar="FILE", help="baked bodies (default: those in the cache folder, baked when needed)")
    parser.add_argument("--makehuman", metavar="DIR", help="MakeHuman's clothes/, hair/, skins/ (default: plain shells)")
    parser.add_argument("--motion", metavar="DIR", help="motion capture in .npz files (default: poses between joint limits)")
    parser.add_argument("--backgrounds", metavar="DIR", help="pictures without people (default: noise)")
    parser.add_argument("--open-only", action="store_true", help="nothing non-commercial, no photographs: docs/synthetic.md")


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (
        width.isdecimal() and height.isdecimal() and min(int(width), int(height)) >= 32 and max(int(width), int(height)) <= 4096
    ):
        raise argparse.ArgumentTypeError(f"{text!r} is no size like 512x320, of 32 to 4096 pixels")
    return int(width), int(height)


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e4:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return value
