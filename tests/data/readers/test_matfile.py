"""MATLAB files of both generations read the same."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from cases import ATTACKS, attacks, needs_cases
from labelled_people import cell, struct, write_mat5, write_mat73

from xnect_lite.data.readers import mat_process
from xnect_lite.data.readers.matfile import each, number, only, read_mat, text
from xnect_lite.errors import XnectError

WRITERS = {"up to v7": write_mat5, "v7.3": write_mat73}


@pytest.fixture(params=WRITERS.values(), ids=WRITERS.keys())
def variables(request, tmp_path):
    request.param(
        tmp_path / "f.mat",
        {
            "matrix": np.arange(6.0).reshape(2, 3),
            "cube": np.arange(24.0).reshape(2, 3, 4),
            "word": "spine",
            "cells": cell([np.ones((1, 2)), "x", np.zeros((0, 0)), struct([{"a": 7.0}])], (2, 2)),
            "one": struct([{"name": "img.jpg", "inner": struct([{"x": 3.0}, {"x": 4.0}])}]),
            "many": struct([{"id": 1.0, "note": "1"}, {"id": 2.0}, {"id": 3.0, "note": "0"}]),
            "none": np.zeros((0, 0)),
        },
    )
    return read_mat(tmp_path / "f.mat")


def test_numbers_keep_matlabs_shape(variables):
    np.testing.assert_array_equal(variables["matrix"], np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(variables["cube"], np.arange(24.0).reshape(2, 3, 4))


def test_text_is_text(variables):
    assert text(variables["word"]) == "spine"


def test_cells_keep_their_shape_and_their_kinds(variables):
    cells = variables["cells"]
    assert cells.shape == (2, 2)
    assert cells[0, 0].shape == (1, 2) and text(cells[0, 1]) == "x" and np.size(cells[1, 0]) == 0
    assert number(only(cells[1, 1])["a"]) == 7


def test_structs_single_and_many(variables):
    one = only(variables["one"])
    assert text(one["name"]) == "img.jpg" and [number(p["x"]) for p in each(one["inner"])] == [3, 4]
    assert [number(m["id"]) for m in each(variables["many"])] == [1, 2, 3]
    assert [number(m["note"]) for m in each(variables["many"])][::2] == [1, 0]
    assert np.isnan(number(each(variables["many"])[1]["note"])), "a field that one member lacks"


def test_what_is_empty_is_nothing(variables):
    assert each(variables["none"]) == [] and only(variables["none"]) is None
    assert np.isnan(number(variables["none"])) and text(variables["none"]) == ""


BROKEN = {
    "some text": b"this is no MATLAB file at all, only some text that somebody gave the wrong name" * 4,
    "an empty file": b"",
    "HDF5 cut short": b"\x89HDF\r\n\x1a\n" + bytes(40),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_matlab_file_is_named(tmp_path, content):
    (tmp_path / "bad.mat").write_bytes(content)
    with pytest.raises(XnectError, match=r"bad\.mat: cannot be read"):
        read_mat(tmp_path / "bad.mat")


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS.keys())
def test_a_file_cut_in_the_middle_is_named(tmp_path, write):
    path = Path(tmp_path / "cut.mat")
    write(path, {"a": np.random.default_rng(0).normal(size=(100, 100))})
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(XnectError, match=r"cut\.mat: cannot be read"):
        read_mat(path)


def test_without_h5py_the_error_says_what_to_install(tmp_path, monkeypatch):
    write_mat73(tmp_path / "new.mat", {"a": np.ones((1, 1))})
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(XnectError, match=r"new\.mat.*h5py is not installed.*pip install -e '\.\[datasets\]'"):
        read_mat(tmp_path / "new.mat")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals")
def test_a_crash_of_the_reader_is_an_error_and_the_next_file_is_read(tmp_path, monkeypatch):
    """The reader is made to die as SciPy does of some damaged files."""
    write_mat5(tmp_path / "good.mat", {"a": np.ones((2, 3))})
    write_mat5(tmp_path / "bad.mat", {"a": np.ones((2, 3))})
    monkeypatch.setattr(
        mat_process, "_PROGRAM",
        "import os, signal\nfrom xnect_lite.data.readers import mat_process, matfile\nreal = matfile.read_here\n"
        "matfile.read_here = lambda p: os.kill(os.getpid(), signal.SIGSEGV) if p.name == 'bad.mat' else real(p)\n"
        "mat_process.serve()",
    )  # fmt: skip
    mat_process._end()
    for _ in range(2):
        with pytest.raises(XnectError, match=r"bad\.mat: cannot be read as a MATLAB file \(is damaged in a way that crashes"):
            read_mat(tmp_path / "bad.mat")
        assert read_mat(tmp_path / "good.mat")["a"].shape == (2, 3)
    mat_process._end()


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS.keys())
def test_damage_anywhere_is_an_error_or_other_values_and_never_a_crash(tmp_path, write):
    write(
        tmp_path / "whole.mat", {"one": struct([{"name": "img.jpg", "x": 3.0}]), "cells": cell([np.ones((1, 2)), "x"], (1, 2))}
    )
    whole = (tmp_path / "whole.mat").read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(60):
        data = bytearray(whole)
        for at in rng.integers(0, len(data), rng.integers(1, 4)):
            data[at] = rng.choice([0, 1, 255, data[at] ^ 1 << rng.integers(8)])
        (tmp_path / "bad.mat").write_bytes(data)
        try:
            assert isinstance(read_mat(tmp_path / "bad.mat"), dict)
        except XnectError as error:
            assert str(error).isprintable()


@needs_cases
@pytest.mark.parametrize("name", attacks("*SIGNAL_11"))
def test_files_found_to_crash_python(name):
    with pytest.raises(XnectError, match="cannot be read as a MATLAB file"):
        read_mat(ATTACKS / name)
