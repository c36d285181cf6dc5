"""What files may be called, and what may stand for them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from played_pictures import write_pictures, write_video

from xnect_lite.capture import check_source, open_source
from xnect_lite.errors import XnectError


def count(spec: str) -> int:
    check_source(spec)
    with open_source(spec) as source:
        return len(list(source))


def test_a_folder_with_brackets_is_taken_literally_and_its_pattern_too(tmp_path: Path):
    folder = write_pictures(tmp_path / "imgs[1]", 3)
    assert count(f"{folder}/frame_*.png") == 3 and count(str(folder)) == 3
    assert count(f"{folder}/frame_[01].png") == 2


def test_a_number_in_a_pattern_as_other_programs_write_it(tmp_path: Path):
    folder = write_pictures(tmp_path / "p", 3)
    (folder / "frame_x.png").write_bytes((folder / "frame_0.png").read_bytes())
    assert count(f"{folder}/frame_%d.png") == 3
    with pytest.raises(XnectError, match="no picture"):
        open_source(f"{folder}/frame_%04d.png")
    (folder / "frame_0001.png").write_bytes((folder / "frame_0.png").read_bytes())
    assert count(f"{folder}/frame_%04d.png") == 1


@pytest.mark.parametrize("name", ["take .mp4 ", " take.mp4", "100%.mp4", "take #1?.mp4", "Jo's %20 take.mp4", "-.mp4"])
def test_names_with_spaces_and_signs(tmp_path: Path, name):
    path = write_video(tmp_path / "a.mp4", count=3).rename(tmp_path / name)
    assert count(str(path)) == 3
    assert count(f"  {tmp_path / name.strip()}  ") == 3 if name == name.strip() else True
    assert count(path.as_uri()) == 3


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode here")
def test_a_name_that_is_no_unicode(tmp_path: Path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mp4"))
    write_video(tmp_path / "a.mp4", count=3).rename(path)
    assert count(str(path)) == 3
    with open_source(str(path), start_s=0.15) as source:
        assert len(list(source)) == 1


def test_an_address_of_a_file_elsewhere_is_not_opened(tmp_path):
    with pytest.raises(XnectError, match="no such file"):
        open_source(f"file://elsewhere{tmp_path}/a.mp4")


@pytest.mark.skipif(sys.platform == "win32", reason="no /dev/stdin here")
@pytest.mark.parametrize("spec", ["-", "/dev/stdin"])
def test_a_film_on_standard_input(tmp_path: Path, spec):
    film = write_video(tmp_path / "a.mkv", count=7)
    program = (
        "import sys; from xnect_lite.capture import check_source, open_source; spec = sys.argv[1]; check_source(spec)\n"
        "with open_source(spec, start_s=float(sys.argv[2])) as source: print(source.name, [f.index for f in source])"
    )
    for start, frames in ((0, 7), (0.35, 3)):
        with subprocess.Popen(["cat", str(film)], stdout=subprocess.PIPE) as cat:
            words = [sys.executable, "-c", program, spec, str(start)]
            done = subprocess.run(words, stdin=cat.stdout, capture_output=True, text=True, timeout=60)
        assert done.stdout == f"stdin {list(range(frames))}\n", done.stderr


@pytest.mark.parametrize(
    ("start_s", "end_s"), [(float("nan"), None), (None, float("nan")), (float("inf"), None), (-1, None), (None, 0), (None, -2)]
)
def test_times_that_are_none(tmp_path: Path, start_s, end_s):
    with pytest.raises(XnectError, match="start"):
        open_source(write_video(tmp_path / "a.mp4", count=3), start_s=start_s, end_s=end_s)
