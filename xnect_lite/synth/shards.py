"""Rendered pictures on disk: training archives of some hundred pictures, the full truth beside each, one manifest.

``shard-00000.npz`` is an archive as `data.archives` has them. ``truth-00000.npz`` holds what training needs not: everybody's
joints in camera space, the picture of who is in front, the floor. ``manifest.json`` says what it was all made from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from xnect_lite.data.archives.parts import MANIFEST, replace, write_manifest, write_part
from xnect_lite.errors import XnectError
from xnect_lite.synth.scene import SceneConfig
from xnect_lite.synth.studio import Assets, Picture, Studio
from xnect_lite.synth.truth import save_truths
from xnect_lite.synth.workshop import Workshop


@dataclass(frozen=True)
class Order:
    """What to render: pictures ``first`` … ``first + count - 1`` of ``seed``, into files of ``shard`` pictures."""

    count: int
    seed: int = 0
    first: int = 0
    workers: int = 1
    shard: int = 500


def write_shards(
    folder: str | Path, order: Order, assets: Assets, config: SceneConfig, progress: Callable[[], object] = lambda: None
) -> dict[str, Any]:
    """Render ``order`` into ``folder`` and return its manifest. The pictures do not depend on the number of workers.

    ``progress`` is called after every picture. Raises XnectError if the folder already holds shards, or cannot be written.
    """
    folder = Path(folder)
    if (folder / MANIFEST).exists():
        raise XnectError(str(folder), "already holds rendered pictures", "Choose another folder, or remove it")
    jobs = [(order.seed, index) for index in range(order.first, order.first + order.count)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with Workshop(assets, config, order.workers) as workshop:
            pictures = workshop.map(_render, jobs)
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
                **workshop.origin(),
                "scene": asdict(config),
                "parts": shards,
            }
        write_manifest(folder, manifest)
    except OSError as error:
        raise XnectError(str(folder), f"cannot be written ({error.strerror})", "Choose another folder") from error
    return manifest


def _render(studio: Studio, job: tuple[int, int]) -> Picture:
    return studio.picture(*job)


def _write_shard(folder: Path, number: int, pictures: list[Picture], split: str) -> dict[str, Any]:
    entry = write_part(folder / f"shard-{number:05d}.npz", {split: [picture.sample() for picture in pictures]})
    truth = folder / f"truth-{number:05d}.npz"
    names, truths = [picture.name for picture in pictures], [picture.truth for picture in pictures]
    replace(truth, lambda part: save_truths(part, names, truths))
    return {**entry, "truth": truth.name}
