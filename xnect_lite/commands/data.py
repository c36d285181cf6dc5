"""``xnect-lite data``: training data."""

from __future__ import annotations

import argparse

from xnect_lite.errors import XnectError


def add(verbs: argparse._SubParsersAction) -> None:
    """Register the verb."""
    data = verbs.add_parser("data", help="training data")
    actions = data.add_subparsers(dest="action", required=True, metavar="ACTION")
    packing = actions.add_parser("pack", help="put pictures and fused labels into one file, to train on another machine")
    packing.add_argument("--photos", required=True, metavar="DIR", help="folder of the photo kit's sets")
    packing.add_argument("--backgrounds", metavar="DIR", help="folder of pictures without people")
    packing.add_argument("-o", "--output", required=True, metavar="FILE", help="the archive to write (.npz)")
    packing.set_defaults(run=_data_pack)


def _data_pack(options: argparse.Namespace) -> int:
    from xnect_lite.data.archive import SPLITS, write_archive
    from xnect_lite.data.photokit import read_backgrounds, read_photokit

    splits = {split: list(read_photokit(options.photos, split)) for split in SPLITS}
    if options.backgrounds:
        splits["train"] += read_backgrounds(options.backgrounds, "train")
    try:
        counts = write_archive(options.output, splits)
    except OSError as error:
        raise XnectError(options.output, f"cannot be written ({error.strerror})", "Choose another file") from error
    print(f"{options.output}: {counts['train']} training and {counts['val']} validation pictures")
    return 0
