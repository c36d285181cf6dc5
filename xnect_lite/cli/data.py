"""``xnect-lite data``: training data."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from xnect_lite.cli.pipeline_options import pipeline_config
from xnect_lite.data.archives.archive import SPLITS
from xnect_lite.data.archives.pack import collect_terms, write_pack
from xnect_lite.data.archives.parts import read_manifest, read_packed
from xnect_lite.data.label_sheet import save_label_sheet
from xnect_lite.data.pictures import decodable
from xnect_lite.data.readers.catalogue import READERS, read
from xnect_lite.data.readers.census import Census
from xnect_lite.data.readers.label_trust import save_coefficients
from xnect_lite.data.readers.photokit import TERMS, read_backgrounds, read_photokit
from xnect_lite.data.readers.votes import AGAIN, check_target, read_votes, save_votes
from xnect_lite.data.sample import Sample, evenly
from xnect_lite.data.tally import Tally
from xnect_lite.errors import XnectError
from xnect_lite.progress import progress_bar
from xnect_lite.synth.truth import with_silhouettes
from xnect_lite.train.label_check import compare_second, fit_trust
from xnect_lite.train.self_votes import collect_votes, compare_votes, predictors


def run_pack(options: argparse.Namespace) -> int:
    if not (options.photos or options.renders or options.backgrounds):
        raise XnectError("data pack", "has nothing to pack", "Give --photos, --renders or --backgrounds")
    if options.file_mib is not None and not options.file_mib > 0:
        raise XnectError("--file-mib", f"is {options.file_mib:g}", "Give a size above 0")
    if options.val_pictures is not None and options.val_pictures < 1:
        raise XnectError("--val-pictures", f"is {options.val_pictures}", "Give 1 or more")
    terms: dict[str, str | list[str]] = dict(TERMS)
    if options.votes and not options.photos:
        raise XnectError("--votes", "are about photographs, and there are none", "Give --photos too")
    votes = {"train": read_votes(options.votes)} if options.votes else {}  # what is scored against stays as it is
    splits = {
        split: list(read_photokit(options.photos, split, votes=votes.get(split))) if options.photos else [] for split in SPLITS
    }
    if votes and votes["train"].keys().isdisjoint(sample.provenance for sample in splits["train"]):
        raise XnectError(options.votes, "holds no votes on these photographs", AGAIN)
    for folder in options.renders:
        manifest = read_manifest(Path(folder))
        samples = {split: _outlined(read_packed(folder, split), Path(folder), manifest) for split in SPLITS}
        collect_terms(terms, manifest, samples["train"] + samples["val"])
        for split in SPLITS:
            splits[split] += samples[split]
    if options.backgrounds:
        splits["train"] += read_backgrounds(options.backgrounds, "train")
    splits["val"] = evenly(splits["val"], options.val_pictures or 0)
    manifest = write_pack(Path(options.output), splits, terms, options.file_mib)
    counts = f"{len(splits['train'])} training and {len(splits['val'])} validation pictures"
    print(f"{options.output}: {counts}" + (f" in {len(manifest['parts'])} parts" if options.file_mib else ""))
    return 0


def run_vote(options: argparse.Namespace) -> int:
    config, photos = pipeline_config(options), Path(options.photos)
    if options.output:
        check_target(Path(options.output))
    network = predictors(config.network)
    outcome = compare_votes(photos, collect_votes(network, photos, "val", config.grouping, with_human=True))
    print("Labels without the human, against the human's joints, without and with the vote:", *outcome.lines(), sep="\n")
    if not outcome.better:
        raise XnectError("The network's vote", "does not make labels better", "Train it further; nothing was written")
    if options.output:
        save_votes(Path(options.output), collect_votes(network, photos, "train", config.grouping))
        print(options.output)
    return 0


def run_trust(options: argparse.Namespace) -> int:
    photos = Path(options.photos)
    if options.output:
        check_target(Path(options.output))
        coefficients, people = fit_trust(photos)
        save_coefficients(Path(options.output), coefficients, f"{people} people of training pictures of {photos.name}")
        print(options.output)
    print("Labels without the human, against the human's joints, by the first teachers and by all, as shipped:")
    print(*compare_second(photos).lines(), sep="\n")
    return 0


def _outlined(samples: list[Sample], folder: Path, manifest: dict[str, Any]) -> list[Sample]:
    """Renders of before archives held silhouettes get them from the truth beside them."""
    truths = [folder / part["truth"] for part in manifest["parts"] if "truth" in part]
    if not truths or not samples or any(one is not None for sample in samples for one in sample.silhouettes):
        return samples

    return with_silhouettes(samples, truths)


def _split(options: argparse.Namespace) -> str:
    return options.split or READERS[options.dataset].splits[0]


def run_show(options: argparse.Namespace) -> int:
    if options.count < 1:
        raise XnectError("--count", f"is {options.count}", "Give 1 or more")
    tally = Tally()
    samples = list(read(options.dataset, options.data, _split(options), tally))
    order = np.random.default_rng(options.seed).permutation(len(samples))
    shown = []
    for sample in decodable((samples[i] for i in order), tally):
        shown.append(sample)
        if len(shown) == options.count:
            break
    save_label_sheet(Path(options.output), shown)
    print(f"{options.output}: {len(shown)} of {len(samples)} pictures")
    print(tally.summary())
    return 0


def run_check(options: argparse.Namespace) -> int:
    tally, census, split = Tally(), Census(), _split(options)
    samples = read(options.dataset, options.data, split, tally)
    samples = decodable(samples, tally) if options.decode else samples
    census.count(progress_bar(samples, unit="picture", disable=None))
    if options.json:
        left_out = {"left out": tally.as_dict(), "first left out": {r.value: where for r, where in tally.first.items()}}
        print(json.dumps({"dataset": options.dataset, "split": split, **census.figures(), **left_out}, indent=2))
        return 0
    for name, value in census.figures().items():
        shown = ", ".join(f"{joint} {n}" for joint, n in value.items() if n) if isinstance(value, dict) else value
        print(f"{name:<24} {shown}")
    print(tally.summary())
    return 0
