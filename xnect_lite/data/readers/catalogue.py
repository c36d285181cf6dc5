"""All data sets by name. A reader yields `Sample`s of a split and counts in a `Tally` what it leaves out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from xnect_lite.data.archives.parts import MANIFEST, read_packed
from xnect_lite.data.readers.coco import ORIGIN as COCO
from xnect_lite.data.readers.coco import read_coco
from xnect_lite.data.readers.lsp import LSP, LSPET, read_lsp, read_lspet
from xnect_lite.data.readers.mpi_inf_3dhp import ORIGIN as MPI_INF_3DHP
from xnect_lite.data.readers.mpi_inf_3dhp import read_mpi_inf_3dhp
from xnect_lite.data.readers.mpii import ORIGIN as MPII
from xnect_lite.data.readers.mpii import read_mpii
from xnect_lite.data.readers.muco import ORIGIN as MUCO
from xnect_lite.data.readers.muco import read_muco
from xnect_lite.data.readers.mupots import ORIGIN as MUPOTS
from xnect_lite.data.readers.mupots import read_mupots
from xnect_lite.data.readers.origin import Origin
from xnect_lite.data.readers.photokit import SETS, read_photokit
from xnect_lite.data.sample import Sample
from xnect_lite.data.tally import Tally
from xnect_lite.errors import XnectError

Reader = Callable[[Path, str, Tally], Iterator[Sample]]
SYNTHETIC = Origin("rendered pictures", "xnect-lite synth render")
PHOTOS = Origin("photo kit", "the folder you keep it in: it is not published")


def _photos(folder: Path, split: str, _: Tally) -> Iterator[Sample]:
    """The photo kit's sets that are in the folder."""
    present = tuple(name for name in SETS if (folder / name / "labels.jsonl").is_file())
    if not present:
        raise PHOTOS.missing(" or ".join(f"{name}/labels.jsonl" for name in SETS), folder)
    yield from read_photokit(folder, split, present)


def _synthetic(folder: Path, split: str, _: Tally) -> Iterator[Sample]:
    """A folder of rendered pictures; any other training archive in parts is read as well."""
    SYNTHETIC.find(folder, MANIFEST)
    yield from read_packed(folder, split)


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set that can be read: where it comes from, its reader and the splits it has."""

    origin: Origin
    read: Reader
    splits: tuple[str, ...] = ("train", "val")


READERS: dict[str, DataSet] = {
    "mpii": DataSet(MPII, read_mpii),
    "coco": DataSet(COCO, read_coco),
    "lsp": DataSet(LSP, read_lsp),
    "lspet": DataSet(LSPET, read_lspet),
    "muco": DataSet(MUCO, read_muco),
    "mpi-inf-3dhp": DataSet(MPI_INF_3DHP, read_mpi_inf_3dhp),
    "mupots": DataSet(MUPOTS, read_mupots, ("val",)),
    "photos": DataSet(PHOTOS, _photos),
    "synthetic": DataSet(SYNTHETIC, _synthetic),
}
"""Name on the command line -> data set."""


def read(name: str, folder: str | Path, split: str, tally: Tally) -> Iterator[Sample]:
    """Samples of one split of a data set in ``folder``; what is left out is counted in ``tally``.

    Raises XnectError, as the first sample is asked for at the latest, if the name, folder or split is unknown.
    """
    if name not in READERS:
        raise XnectError(name, "is no data set that can be read", f"Choose one of {', '.join(READERS)}")
    data_set, folder = READERS[name], Path(folder)
    if split not in data_set.splits:
        raise XnectError(data_set.origin.title, f"has no split {split}", f"Choose {' or '.join(data_set.splits)}")
    if not folder.is_dir():
        raise data_set.origin.missing(f"the folder {folder}", folder.parent)
    return data_set.read(folder, split, tally)
