"""``xnect-lite data``: training data."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from xnect_lite.errors import XnectError

DATA_SETS = ("mpii", "coco", "lsp", "lspet", "muco", "mpi-inf-3dhp", "mupots", "photos", "synthetic")
"""Names of `data.readers.READERS`, which is imported only when a verb runs."""


def add(verbs: argparse._SubParsersAction) -> None:
    """Register the verb."""
    data = verbs.add_parser("data", help="training data")
    actions = data.add_subparsers(dest="action", required=True, metavar="ACTION")

    packing = actions.add_parser("pack", help="put pictures and labels into one file or several, to train on another machine")
    packing.add_argument("--photos", metavar="DIR", help="folder of the photo kit's sets")
    packing.add_argument(
        "--renders", action="append", default=[], metavar="DIR", help="from synth render or data composite; may be repeated"
    )
    packing.add_argument("--backgrounds", metavar="DIR", help="folder of pictures without people")
    packing.add_argument("--part-mib", type=float, metavar="MIB", help="make a folder of archives of so many MiB of pictures")
    packing.add_argument("-o", "--output", required=True, metavar="PATH", help="the archive (.npz) or folder to write")
    packing.set_defaults(run=_data_pack)

    mixing = actions.add_parser("composite", help="paste people cut out of other pictures into pictures, to train on")
    mixing.add_argument("--photos", metavar="DIR", help="folder of the photo kit's sets, with masks")
    mixing.add_argument("--renders", action="append", default=[], metavar="DIR", help="from synth render; may be repeated")
    mixing.add_argument("--count", type=int, required=True, help="how many pictures")
    mixing.add_argument("--seed", type=int, default=0, help="the same seed gives the same pictures (default 0)")
    mixing.add_argument("--part-mib", type=float, default=48.0, metavar="MIB", help="size of the archives (default 48)")
    mixing.add_argument("-o", "--output", required=True, metavar="DIR", help="the folder to write")
    mixing.set_defaults(run=_data_composite)

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
    from xnect_lite.data.archive import SPLITS
    from xnect_lite.data.pack import collect_terms, write_pack
    from xnect_lite.data.parts import read_manifest, read_packed
    from xnect_lite.data.photokit import TERMS, read_backgrounds, read_photokit

    if not (options.photos or options.renders or options.backgrounds):
        raise XnectError("data pack", "has nothing to pack", "Give --photos, --renders or --backgrounds")
    if options.part_mib is not None and not options.part_mib > 0:
        raise XnectError("--part-mib", f"is {options.part_mib:g}", "Give a size above 0")
    terms: dict[str, str | list[str]] = dict(TERMS)
    splits = {split: list(read_photokit(options.photos, split)) if options.photos else [] for split in SPLITS}
    for folder in options.renders:
        manifest = read_manifest(Path(folder))
        samples = {split: read_packed(folder, split) for split in SPLITS}
        collect_terms(terms, manifest, samples["train"] + samples["val"])
        for split in SPLITS:
            splits[split] += samples[split]
    if options.backgrounds:
        splits["train"] += read_backgrounds(options.backgrounds, "train")
    manifest = write_pack(Path(options.output), splits, terms, options.part_mib)
    counts = f"{len(splits['train'])} training and {len(splits['val'])} validation pictures"
    print(f"{options.output}: {counts}" + (f" in {len(manifest['parts'])} parts" if options.part_mib else ""))
    return 0


def _data_composite(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from xnect_lite.data.composite import composites
    from xnect_lite.data.cut_outs import layered_photos, layered_renders
    from xnect_lite.data.pack import collect_terms
    from xnect_lite.data.parts import read_manifest, write_part_folder
    from xnect_lite.data.photokit import SETS, TERMS

    for name, least in (("count", 1), ("seed", 0)):
        if getattr(options, name) < least:
            raise XnectError(f"--{name}", f"is {getattr(options, name)}", f"Give {least} or more")
    if not options.part_mib > 0:
        raise XnectError("--part-mib", f"is {options.part_mib:g}", "Give a size above 0")
    if not (options.photos or options.renders):
        raise XnectError("data composite", "has nothing to cut people out of", "Give --photos or --renders")
    pictures, terms = [], {}
    if options.photos:
        pictures += layered_photos(options.photos, "train", SETS)
        terms |= {name: TERMS[name] for name in SETS}
    for folder in options.renders:
        layered = layered_renders(folder, "train")
        collect_terms(terms, read_manifest(Path(folder)), [picture.sample for picture in layered])
        pictures += layered
    stated = {text for entry in terms.values() for text in ([entry] if isinstance(entry, str) else entry)}
    made = tqdm(composites(pictures, options.count, options.seed), total=options.count, unit="picture", disable=None)
    entries = {"seed": options.seed, "sources": sorted(stated)}
    write_part_folder(Path(options.output), {"train": made}, options.part_mib, entries)
    print(f"{options.output}: {options.count} composites of {len(pictures)} pictures")
    return 0


def _split(options: argparse.Namespace) -> str:
    from xnect_lite.data.readers import READERS

    return options.split or READERS[options.dataset].splits[0]


def _data_show(options: argparse.Namespace) -> int:
    import numpy as np

    from xnect_lite.data.label_sheet import save_label_sheet
    from xnect_lite.data.pictures import decodable
    from xnect_lite.data.readers import read
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
    from tqdm import tqdm

    from xnect_lite.data.census import Census
    from xnect_lite.data.pictures import decodable
    from xnect_lite.data.readers import read
    from xnect_lite.data.tally import Tally

    tally, census, split = Tally(), Census(), _split(options)
    samples = read(options.dataset, options.data, split, tally)
    samples = decodable(samples, tally) if options.decode else samples
    census.count(tqdm(samples, unit="picture", disable=None))
    if options.json:
        left_out = {"left out": tally.as_dict(), "first left out": {r.value: where for r, where in tally.first.items()}}
        print(json.dumps({"dataset": options.dataset, "split": split, **census.figures(), **left_out}, indent=2))
        return 0
    for name, value in census.figures().items():
        if isinstance(value, dict):
            value = ", ".join(f"{joint} {count}" for joint, count in value.items() if count)
        print(f"{name:<24} {value}")
    print(tally.summary())
    return 0
