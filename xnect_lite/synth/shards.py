"""Rendered pictures on disk: training archives of some hundred pictures, the full truth beside each, one manifest.

``shard-00000.npz`` is an archive as `data.archive` reads it. ``truth-00000.npz`` holds what training does not need: everybody's
joints in camera space, the picture of who is in front, the floor. ``manifest.json`` says what it was all made from.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from xnect_lite import __version__
from xnect_lite.data.parts import MANIFEST, replace, write_manifest, write_part
from xnect_lite.errors import XnectError
from xnect_lite.synth.bake import bodies_or_bake
from xnect_lite.synth.scene import SceneConfig
from xnect_lite.synth.studio import Assets, Picture, Studio
from xnect_lite.synth.truth import save_truths


@dataclass(frozen=True)
class Order:
    """What to render: pictures ``first`` … ``first + count - 1`` of ``seed``, into files of ``shard`` pictures."""

    count: int
    seed: int = 0
    first: int = 0
    workers: int = 1
    shard: int = 500


def write_shards(
    folder: str | Path, order: Order, assets: Assets, config: SceneConfig, progress: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Render ``order`` into ``folder`` and return its manifest. The pictures do not depend on the number of workers.

    ``progress`` is called after every picture. Raises XnectError if the folder already holds shards, or cannot be written.
    """
    folder = Path(folder)
    if (folder / MANIFEST).exists():
        raise XnectError(str(folder), "already holds rendered pictures", "Choose another folder, or remove it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _pictures(order, assets, config) as (pictures, origin):
            shards = []
            for number in range(-(-order.count // order.shard)):
                members = []
                for picture in islice(pictures, order.shard):
                    members.append(picture)
                    progress()
                shards.append(_write_shard(folder, number, members, assets.split))
        manifest = {
            "pictures": {assets.split: order.count},
            "people": sum(shard["people"] for shard in shards),
            "seed": order.seed,
            "first": order.first,
            "open_only": assets.open_only,
            **origin,
            "versions": _versions(),
            "scene": asdict(config),
            "parts": shards,
        }
        write_manifest(folder, manifest)
    except OSError as error:
        raise XnectError(str(folder), f"cannot be written ({error.strerror})", "Choose another folder") from error
    return manifest


@contextmanager
def _pictures(order: Order, assets: Assets, config: SceneConfig) -> Iterator[tuple[Iterator[Picture], dict[str, Any]]]:
    """The pictures in order, from this process or from several, and what they are made from."""
    numbers = range(order.first, order.first + order.count)
    studio = Studio(assets, config)  # also where others draw: what is wrong is found here, once
    try:
        origin = {"renderer": studio.renderer.device, "sources": studio.licences()}
        if order.workers <= 1:
            yield (studio.picture(order.seed, index) for index in numbers), origin
            return
    finally:
        studio.renderer.close()
    bodies_or_bake(assets.bodies)
    os.environ.setdefault("LP_NUM_THREADS", "1")  # the software rasteriser: one thread for each worker
    jobs = ((assets, config, order.seed, index) for index in numbers)
    with get_context("spawn").Pool(order.workers) as pool:
        yield pool.imap(_render, jobs, chunksize=4), origin


_studio: Studio | None = None  # one per worker process


def _render(job: tuple[Assets, SceneConfig, int, int]) -> Picture:
    global _studio
    assets, config, seed, index = job
    if _studio is None:
        import cv2

        cv2.setNumThreads(1)
        _studio = Studio(assets, config)
    return _studio.picture(seed, index)


def _write_shard(folder: Path, number: int, pictures: list[Picture], split: str) -> dict[str, Any]:
    entry = write_part(folder / f"shard-{number:05d}.npz", {split: [picture.sample() for picture in pictures]})
    truth = folder / f"truth-{number:05d}.npz"
    names, truths = [picture.name for picture in pictures], [picture.truth for picture in pictures]
    replace(truth, lambda part: save_truths(part, names, truths))
    return {**entry, "truth": truth.name}


def _versions() -> dict[str, str]:
    out = {"xnect-lite": __version__}
    for package in ("numpy", "opencv-python", "moderngl", "anny"):
        try:
            out[package] = version(package)
        except PackageNotFoundError:
            continue
    return out
