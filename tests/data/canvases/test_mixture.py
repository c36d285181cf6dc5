"""Renders and photographs in stated proportions, and both in one pack."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from kit import write_kit

from xnect_lite.cli import main as cli
from xnect_lite.data.archives.packed import pack
from xnect_lite.data.archives.parts import read_packed, write_manifest, write_parts
from xnect_lite.data.canvases.config import AugmentConfig
from xnect_lite.data.canvases.sampler import CanvasSampler
from xnect_lite.data.readers.photokit import SETS, TERMS, read_photokit
from xnect_lite.errors import XnectError
from xnect_lite.train.lifter.config import LiftDataConfig
from xnect_lite.train.pictures import read_split

RENDERS_FROM = ["Boxes, CC0 1.0", "A dance, CC BY-NC 4.0"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_kit(tmp_path_factory.mktemp("kit"), train=4, val=2)


@pytest.fixture(scope="module")
def renders(photos, tmp_path_factory):
    """A folder like one that ``synth render`` writes, of two training pictures."""
    folder = tmp_path_factory.mktemp("renders")
    samples = [
        dataclasses.replace(s, synthetic=True, provenance=f"synth train 0 {i}", focal_px=300.0)
        for i, s in enumerate(list(read_photokit(photos, "train", ("lspet",)))[:2])
    ]
    write_manifest(folder, {"sources": RENDERS_FROM, "parts": list(write_parts(folder, {"train": samples}, 1e9))})
    return folder


@pytest.fixture
def mixed(photos, renders):
    """Four photographs, then two renders."""
    return pack([*read_photokit(photos, "train", ("lspet",)), *read_packed(renders, "train")])


def draws(packed, share: float, count: int, seed: int = 0) -> np.ndarray:
    sampler = CanvasSampler(packed, AugmentConfig(), 8, np.random.default_rng(seed), share)
    return sampler._next_images(count)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_so_much_of_what_is_drawn_is_rendered(mixed, share):
    drawn = draws(mixed, share, 2000)
    assert (drawn >= 4).mean() == pytest.approx(share, abs=0.04)
    for pool in (range(4), range(4, 6)):
        counts = np.array([(drawn == i).sum() for i in pool])
        assert np.ptp(counts) <= 1, "epochs: every picture of a kind comes as often"


def test_so_many_of_the_photographs_show_somebody_labelled_by_a_human(mixed):
    mixed.people.human_px[:] = np.nan
    mixed.people.human_px[mixed.people_start[1], 3] = 5.0  # a joint of somebody in picture 1
    sampler = CanvasSampler(mixed, AugmentConfig(background=0), 8, np.random.default_rng(0), 0.25, 0.6)
    drawn = sampler._next_images(2000)
    assert (drawn >= 4).mean() == pytest.approx(0.25, abs=0.04), "renders"
    assert (drawn == 1).sum() / (drawn < 4).sum() == pytest.approx(0.6, abs=0.04), "labelled by a human"
    counts = np.array([(drawn == i).sum() for i in (0, 2, 3)])
    assert counts.min() > 0 and np.ptp(counts) <= 1, "epochs of the others"
    state = json.loads(json.dumps(sampler.state(), default=np.ndarray.tolist))
    assert set(state) == {"queue", "synthetic_queue", "human_queue", "rng"}
    other = CanvasSampler(mixed, AugmentConfig(background=0), 8, np.random.default_rng(1), 0.25, 0.6)
    other.restore(state)
    assert sampler._next_images(50).tolist() == other._next_images(50).tolist()


@pytest.mark.parametrize("labelled", [0.0, np.nan], ids=["everybody labelled by a human", "nobody"])
def test_a_share_of_human_labels_needs_both_kinds(mixed, labelled):
    mixed.people.human_px[:] = labelled
    with pytest.raises(XnectError, match=r"human_share: is 0\.6, but there are not both photographs labelled by humans and"):
        CanvasSampler(mixed, AugmentConfig(), 8, np.random.default_rng(0), 0.25, 0.6)


def test_without_a_share_every_picture_counts_alike(mixed):
    drawn = draws(mixed, 0.0, 600)
    assert all((drawn == i).sum() == 100 for i in range(6))


def test_a_mixture_goes_on_exactly_where_it_stopped(mixed):
    def sampler(seed: int) -> CanvasSampler:
        return CanvasSampler(mixed, AugmentConfig(), 8, np.random.default_rng(seed), 0.4)

    one, other = sampler(1), sampler(2)
    one._next_images(5)
    state = json.loads(json.dumps(one.state(), default=np.ndarray.tolist))
    assert set(state) == {"queue", "synthetic_queue", "rng"}
    other.restore(state)
    assert one._next_images(50).tolist() == other._next_images(50).tolist()


def test_a_share_of_nothing_is_refused(photos, renders):
    for samples in (read_photokit(photos, "train", ("lspet",)), read_packed(renders, "train")):
        with pytest.raises(XnectError, match=r"synthetic_share: is 0\.5, but there are not both renders and photographs"):
            draws(pack(samples), 0.5, 1)


def test_stage_2_reads_renders_besides_photographs(photos, renders):
    config = LiftDataConfig(photos=str(photos), sets=("lspet",), synthetic=(str(renders),))
    assert [s.synthetic for s in read_split(config, "train")] == [False] * 4 + [True] * 2
    assert [s.synthetic for s in read_split(dataclasses.replace(config, photos=""), "train")] == [True] * 2
    assert len(read_split(config, "val")) == 2


def run(*arguments) -> int:
    return cli.main(["data", "pack", *map(str, arguments)])


def test_photographs_and_renders_in_one_pack(renders, tmp_path, capsys):
    kit, out = write_kit(tmp_path / "kit", sets=SETS, train=2, val=1), tmp_path / "pack"
    assert run("--photos", kit, "--renders", renders, "--file-mib", "0.02", "-o", out) == 0
    manifest = json.loads((out / "manifest.json").read_text())
    parts = manifest["parts"]
    assert capsys.readouterr().out == f"{out}: 10 training and 4 validation pictures in {len(parts)} parts\n" and len(parts) > 1
    people = sum(len(s.people) for split in ("train", "val") for s in read_photokit(kit, split, ("ccp",)))
    assert manifest["sources"].keys() == {*SETS, "synth"}
    assert manifest["sources"]["ccp"] == {"train": 2, "val": 1, "people": people, "terms": TERMS["ccp"]}
    assert manifest["sources"]["synth"] == {"train": 2, "val": 0, "people": 3, "terms": sorted(RENDERS_FROM)}
    train, originals = read_packed(out, "train"), list(read_photokit(kit, "train"))
    assert [s.synthetic for s in train] == [False] * 8 + [True] * 2 and len(read_packed(out, "val")) == 4
    assert [s.read_encoded() for s in train[:8]] == [s.read_encoded() for s in originals], "original pictures"
    assert train[8].focal_px == 300
    assert run("--renders", renders, "--file-mib", "1", "-o", out) == 2
    assert "already holds archives. Choose another folder, or remove it" in capsys.readouterr().err


def test_files_are_no_larger_than_asked_for_and_hold_few_validation_pictures(tmp_path, capsys):
    """Whole files: pictures, labels, silhouettes and all. Of four validation pictures, every second one stays."""
    kit, out = write_kit(tmp_path / "kit", sets=SETS, train=3, val=1), tmp_path / "pack"
    assert run("--photos", kit, "--file-mib", "0.025", "--val-pictures", "2", "-o", out) == 0
    assert "12 training and 2 validation pictures" in capsys.readouterr().out
    sizes = [path.stat().st_size for path in sorted(out.glob("*.npz"))]
    assert len(sizes) > 2 and max(sizes) <= 0.025 * 2**20 and min(sizes[:-1]) > 0.018 * 2**20, "and not far below"
    train, val = read_packed(out, "train"), list(read_photokit(kit, "val"))
    assert [s.provenance for s in train] == [s.provenance for s in read_photokit(kit, "train")]
    assert [s.provenance for s in read_packed(out, "val")] == [s.provenance for s in val[::2]]
    assert run("--photos", kit, "--file-mib", "0.005", "-o", tmp_path / "tiny") == 2
    assert "MiB with a single picture, more than the 0.005 allowed. Allow larger files" in capsys.readouterr().err
    assert not (tmp_path / "tiny" / "manifest.json").exists()


def test_a_pack_of_renders_alone_in_one_file(renders, tmp_path):
    assert run("--renders", renders, "-o", tmp_path / "renders.npz") == 0
    assert [s.provenance for s in read_packed(tmp_path / "renders.npz", "train")] == ["synth train 0 0", "synth train 0 1"]
    assert json.loads((tmp_path / "renders.json").read_text())["sources"]["synth"]["terms"] == sorted(RENDERS_FROM)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "data pack: has nothing to pack. Give --photos, --renders or --backgrounds"),
        (["--renders", "nowhere"], "manifest.json: cannot be read"),
        (["--renders", "nowhere", "--file-mib", "0"], "--file-mib: is 0. Give a size above 0"),
        (["--renders", "nowhere", "--file-mib", "nan"], "--file-mib: is nan. Give a size above 0"),
        (["--renders", "nowhere", "--val-pictures", "0"], "--val-pictures: is 0. Give 1 or more"),
    ],
)
def test_mistakes(arguments, message, tmp_path, capsys):
    assert run(*arguments, "-o", tmp_path / "pack") == 2
    assert message in capsys.readouterr().err
