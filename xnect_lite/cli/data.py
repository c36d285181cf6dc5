"""``xnect-lite data``: training data."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xnect_lite.cli.pipeline_options import add_network_options, pipeline_config
from xnect_lite.errors import XnectError

if TYPE_CHECKING:
    from xnect_lite.data.sample import Sample

DATA_SETS = ("mpii", "coco", "lsp", "lspet", "muco", "mpi-inf-3dhp", "mupots", "photos", "synthetic")
"""Names of `data.readers.catalogue.READERS`, which is imported only when a verb runs."""


def add(verbs: argparse._SubParsersAction) -> None:
    """Register the verb."""
    data = verbs.add_parser("data", help="training data")
    actions = data.add_subparsers(dest="action", required=True, metavar="ACTION")

    packing = actions.add_parser("pack", help="put pictures and labels into one file or several, to train on another machine")
    packing.add_argument("--photos", metavar="DIR", help="folder of the photo kit's sets")
    packing.add_argument("--renders", action="append", default=[], metavar="DIR", help="from synth render; may be repeated")
    packing.add_argument("--backgrounds", metavar="DIR", help="folder of pictures without people")
    packing.add_argument("--votes", metavar="FILE", help="from data vote: labels of training photographs heed it")
    packing.add_argument(
        "--val-pictures", type=int, metavar="N", help="leave only about N validation pictures in, evenly spread"
    )
    packing.add_argument("--file-mib", type=float, metavar="MIB", help="make a folder of archives of at most so many MiB each")
    packing.add_argument("-o", "--output", required=True, metavar="PATH", help="the archive (.npz) or folder to write")
    packing.set_defaults(run=_data_pack)

    voting = actions.add_parser("vote", help="what the network itself finds on photographs, kept if it makes labels better")
    voting.add_argument("--photos", required=True, metavar="DIR", help="folder of the photo kit's sets")
    voting.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="the votes to write (.npz), for data pack --votes; left out: only compare",
    )
    add_network_options(voting)
    voting.set_defaults(run=_data_vote)

    trusting = actions.add_parser("trust", help="how far each teacher is to be believed, by the joints that humans marked")
    trusting.add_argument("--photos", required=True, metavar="DIR", help="folder of the photo kit's sets, labelled twice")
    trusting.add_argument("-o", "--output", metavar="FILE", help="where to write it (.json); left out: only compare labels")
    trusting.set_defaults(run=_data_trust)

    showing = actions.add_parser("show", help="a contact sheet of labelled pictures of a data set, for a person to look at")
    _add_data_set(showing)
    showing.add_argument("-o", "--output", required=True, metavar="FILE", help="the sheet to write (.jpg or .png)")
    showing.add_argument("--count", type=int, default=24, help="pictures on the sheet (default 24)")
    showing.add_argument("--seed", type=int, default=0, help="which pictures are drawn (default 0)")
    showing.set_defaults(run=_data_show)

    checking = actions.add_parser("check", help="read a data set through; count what it holds and what cannot be used")
    _add_data_set(checking)
    checking.add_argument("--decode", action="store_true", help="also decode every picture")
    checking.add_argument("--json", action="store_true", help="print the figures as JSON")
    checking.set_defaults(run=_data_check)


def _add_data_set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", required=True, choices=DATA_SETS, help="which data set; see docs/datasets.md")
    parser.add_argument("--data", required=True, metavar="DIR", help="folder of the data set")
    parser.add_argument("--split", choices=("train", "val"), help="default: train, or val for a data set without it")


def _data_pack(options: argparse.Namespace) -> int:
    from xnect_lite.data.archives.archive import SPLITS
    from xnect_lite.data.archives.pack import collect_terms, write_pack
    from xnect_lite.data.archives.parts import read_manifest, read_packed
    from xnect_lite.data.readers.photokit import TERMS, read_backgrounds, read_photokit
    from xnect_lite.data.readers.votes import AGAIN, read_votes
    from xnect_lite.data.sample import evenly

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


def _data_vote(options: argparse.Namespace) -> int:
    from xnect_lite.data.readers.votes import check_target, save_votes
    from xnect_lite.train.self_votes import collect_votes, compare_votes, predictors

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


def _data_trust(options: argparse.Namespace) -> int:
    from xnect_lite.data.readers.label_trust import save_coefficients
    from xnect_lite.data.readers.votes import check_target
    from xnect_lite.train.label_check import compare_second, fit_trust

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
    from xnect_lite.synth.truth import with_silhouettes

    return with_silhouettes(samples, truths)


def _split(options: argparse.Namespace) -> str:
    from xnect_lite.data.readers.catalogue import READERS

    return options.split or READERS[options.dataset].splits[0]


def _data_show(options: argparse.Namespace) -> int:
    import numpy as np

    from xnect_lite.data.label_sheet import save_label_sheet
    from xnect_lite.data.pictures import decodable
    from xnect_lite.data.readers.catalogue import read
    from xnect_lite.data.tally import Tally

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


def _data_check(options: argparse.Namespace) -> int:
    from xnect_lite.data.pictures import decodable
    from xnect_lite.data.readers.catalogue import read
    from xnect_lite.data.readers.census import Census
    from xnect_lite.data.tally import Tally
    from xnect_lite.progress import progress_bar

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
