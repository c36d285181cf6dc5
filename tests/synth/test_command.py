"""``xnect-lite synth`` as a user runs it: what it prints, what it leaves, how it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from offscreen import renderer
from tiny_bodies import tiny_bodies

from xnect_lite.cli import main as cli
from xnect_lite.data.archives.parts import read_packed
from xnect_lite.synth.body import save_bodies


def synth(*arguments, **environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "xnect_lite.cli", "synth", *map(str, arguments)],
        capture_output=True, text=True, timeout=120, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture(scope="module")
def bodies(tmp_path_factory):
    renderer((96, 64)).close()
    path = tmp_path_factory.mktemp("bodies") / "bodies.npz"
    save_bodies(path, tiny_bodies())
    return path


@pytest.mark.slow
def test_render(bodies, tmp_path):
    done = synth(
        "render", "--count", 3, "--seed", 4, "--size", "96x64", "--bodies", bodies, "--shard", 2, "-o", tmp_path / "out"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{tmp_path / 'out'}: 3 pictures, ") and "drawn by" in done.stdout
    assert [s.size for s in read_packed(tmp_path / "out", "train")] == [(96, 64)] * 3
    again = synth("render", "--count", 3, "--bodies", bodies, "-o", tmp_path / "out")
    assert again.returncode == 2 and again.stderr.strip().endswith("Choose another folder, or remove it")


def test_demo_and_benchmark(bodies, tmp_path, capsys):
    common = ["--size", "96x64", "--bodies", str(bodies)]
    demo = ["synth", "demo", *common, "--seconds", "0.2", "--people", "2", "-o", str(tmp_path / "demo")]
    assert cli.main(demo) == 0
    assert {p.name for p in (tmp_path / "demo").iterdir()} == {"demo.mp4", "demo-truth.npz"}
    benchmark = ["synth", "mupots-like", *common, "--sequences", "2", "--frames", "2", "-o", str(tmp_path / "bench")]
    assert cli.main(benchmark) == 0
    assert "2 sequences of 2 frames" in capsys.readouterr().out
    assert {p.name for p in (tmp_path / "bench").iterdir()} == {"TS1", "TS2", "manifest.json"}
    assert json.loads((tmp_path / "bench" / "manifest.json").read_text())["open_only"] is False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["render", "--count", "0"], "'0' is no number from 1"),
        (["render", "--count", "1", "--size", "512"], "'512' is no size like 512x320"),
        (["render", "--count", "1", "--size", "9999x320"], "no size like 512x320, of 32 to 4096 pixels"),
        (["demo", "--seconds", "nan"], "'nan' is no number above 0"),
        (["bake", "--count", "x"], "'x' is no number from 1"),
    ],
)
def test_numbers_that_are_none(arguments, message, tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["synth", *arguments, "-o", str(tmp_path / "out")])
    assert left.value.code == 2 and message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["render", "--count", "1", "--seed", "-1"], "--seed: is -1. Give 0 or more"),
        (["render", "--count", "1", "--first", "-1"], "--first: is -1. Give 0 or more"),
        (["demo", "--size", "97x64"], "--size: is 97x64. Videos need even sides"),
        (["render", "--count", "1", "--bodies", "nowhere.npz"], "nowhere.npz: holds no baked bodies"),
        (["render", "--count", "1", "--motion", "nowhere"], "nowhere: holds no motion file that may be used"),
        (["render", "--count", "1", "--makehuman", "nowhere"], "nowhere: lacks clothes/, hair/ or skins/"),
        (["mupots-like", "--backgrounds", "nowhere"], "nowhere: holds no background that may be used"),
    ],
)
def test_mistakes_end_in_one_line_with_code_2(bodies, arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = [*arguments, "-o", "out"] + ([] if "--bodies" in arguments else ["--bodies", str(bodies)])
    assert cli.main(["synth", *given]) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if "/s]" not in line and "?" not in line]  # the bar
    assert message in "".join(errors) and "Traceback" not in "".join(errors)


def test_without_moderngl_it_says_what_to_install(bodies, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "moderngl", None)
    assert cli.main(["synth", "render", "--count", "1", "--bodies", str(bodies), "-o", str(tmp_path / "out")]) == 2
    assert "Rendering: needs moderngl. Run pip install -e '.[synth]' in the checkout" in capsys.readouterr().err


def test_help_loads_neither_opengl_nor_torch():
    code = (
        "import sys; from xnect_lite.cli.main import main\ntry: main(['synth', 'render', '--help'])\nexcept SystemExit: pass\n"
    )
    code += "print(sorted({'moderngl', 'torch', 'anny', 'cv2', 'scipy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
