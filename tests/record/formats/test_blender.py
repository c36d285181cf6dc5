"""BVH and GLB in Blender itself: every bone's head is where our files say, in every frame.

bpy wants NumPy 1 and a Python of its own: name one that has it, ``XNECT_BLENDER_PYTHON=.../bin/python``; else this is skipped.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from recorded import record_walkers

from xnect_lite.record.bvh_skeleton import forward_kinematics
from xnect_lite.record.export import PRESETS, ExportOptions, export_files, prepare
from xnect_lite.stages.fitting.tree import TREE

SCRIPT = Path(__file__).parents[2] / "helpers" / "blender_reads.py"
BLENDER = os.environ.get("XNECT_BLENDER_PYTHON") or (sys.executable if importlib.util.find_spec("bpy") else "")
RENAMED = {"LowerBack": "Spine", "Spine": "Spine1"}

pytestmark = [pytest.mark.skipif(not BLENDER, reason="needs XNECT_BLENDER_PYTHON, a Python with bpy"), pytest.mark.slow]


def test_blender_places_every_joint_where_the_files_say(tmp_path):
    folder = record_walkers(tmp_path / "t", {1: range(45), 4: [*range(5, 15), *range(35, 45)]}, 45)
    wanted, paths = {}, []
    for preset in (None, *PRESETS):
        options = ExportOptions(formats=["bvh", "glb"], preset=preset)
        done = export_files(folder, tmp_path / str(preset), options)
        shot = prepare(folder, options)
        for person in shot.people:
            (clip,) = shot.clips(person)
            place_cm, _ = forward_kinematics(clip.skeleton, clip.root_world_cm, clip.rotations)
            for suffix, scale in (("bvh", 1.0), ("glb", 0.01)):
                path = str(done.folder / f"person{person.id:02d}.{suffix}")
                wanted[path] = scale * place_cm, preset, 0.001 * scale
                paths.append(path)
    run = subprocess.run([BLENDER, str(SCRIPT), *paths], capture_output=True, text=True, timeout=570)
    assert run.returncode == 0, run.stderr[-2000:]
    found = json.loads(run.stdout.splitlines()[-1])
    worst_mm = 0.0
    for path, (place, preset, _) in wanted.items():
        read = found[path]
        assert read["fps"] == pytest.approx(30.0), "the rate is the file's"
        names = [RENAMED.get(j.name, j.name) if preset == "mixamo" else j.name for j in TREE]
        heads = np.stack([np.array(read["heads"][name]) for name in names], axis=1)
        assert heads.shape == place.shape, path
        unit_mm = 10.0 if path.endswith("bvh") else 1000.0
        worst_mm = max(worst_mm, float(np.abs(heads - place).max()) * unit_mm)
        assert path.endswith("bvh") or read["faces"] > 100, "bones can be seen"
    print(f"Blender {read['blender']}: {len(paths)} files, worst {worst_mm:.4f} mm")
    assert worst_mm < 0.05
