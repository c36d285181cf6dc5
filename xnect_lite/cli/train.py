"""What ``xnect-lite train`` does; ``parsers/train.py`` says how it is called."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
from collections.abc import Iterator

from xnect_lite.config import load_config
from xnect_lite.errors import XnectError
from xnect_lite.train.lifter.config import LifterConfig
from xnect_lite.train.lifter.run import train_lifter
from xnect_lite.train.prune.config import PruneConfig
from xnect_lite.train.prune.run import train_pruned
from xnect_lite.train.refiner.config import RefinerConfig
from xnect_lite.train.refiner.run import train_refiner
from xnect_lite.train.single.config import SingleConfig
from xnect_lite.train.single.run import train_single
from xnect_lite.train.stage1.config import Stage1Config
from xnect_lite.train.stage1.run import train_stage1


def run_stage1(options: argparse.Namespace) -> int:
    """Backbone, 2D and 3D maps."""
    with ending_well():
        train_stage1(load_config(Stage1Config, options.config, overrides(options)), options.resume)
    return 0


def run_refine(options: argparse.Namespace) -> int:
    """The refiner."""
    with ending_well():
        best = train_refiner(load_config(RefinerConfig, options.config, overrides(options)))
    print(" ".join(f"{k} {v:.4g}" for k, v in best.items()))
    return 0


def run_lift(options: argparse.Namespace) -> int:
    """The lifter."""
    with ending_well():
        best = train_lifter(load_config(LifterConfig, options.config, overrides(options)))
    print(" ".join(f"{k} {v:.4g}" for k, v in best.items()))
    return 0


def run_single(options: argparse.Namespace) -> int:
    """A single-person network."""
    with ending_well():
        train_single(load_config(SingleConfig, options.config, overrides(options)), options.resume)
    return 0


def run_prune(options: argparse.Namespace) -> int:
    """Stage I with fewer channels."""
    with ending_well():
        train_pruned(load_config(PruneConfig, options.config, overrides(options)), options.resume)
    return 0


def overrides(options: argparse.Namespace) -> list[str]:
    """``key=value`` of everything that was given; what has a word of its own counts last."""
    given = {"data.photos": options.photos, options.weights_key: options.weights, "out": options.output}
    return [*options.set, *(f"{key}={_quoted(value)}" for key, value in given.items() if value is not None)]


def _quoted(text: str) -> str:
    """A name of a file as YAML reads it: 1.0 is one, and so is a name with a colon."""
    return "'" + text.replace("'", "''") + "'"


@contextlib.contextmanager
def ending_well() -> Iterator[None]:
    """What a run that ends early has to say: where it can go on."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        name = os.fsdecode(error.filename or "the disk")
        raise XnectError(name, "is full", "Make room; then the same command with --resume") from error
    except KeyboardInterrupt:  # between two steps it is a request to stop; elsewhere nothing needs saving
        raise KeyboardInterrupt("checkpoints are as they were") from None
