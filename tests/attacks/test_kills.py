"""A recorder that is killed at any moment loses no frame that it had taken.

Twenty kills, or as many as fit into ``--attack-minutes N``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# One program records and is killed again and again; it is forked, so that it need not be started anew each time.
_PROGRAM = """
import os, random, shutil, signal, struct, sys, time
from pathlib import Path
sys.path[:0] = sys.argv[3:]
import numpy as np
from parsers import recorder
from xnect_lite.record.take_folder import load_take
from xnect_lite.record.take import export_take
from xnect_lite.types import Frame, People, PoseResult

folder, end = Path(sys.argv[1]), time.monotonic() + 60 * float(sys.argv[2])
rng, kills, frames, lost = random.Random(0), 0, 0, 0
while kills < 20 or time.monotonic() < end:
    shutil.rmtree(folder, ignore_errors=True)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        one = recorder(folder)
        number = 20
        while True:
            ids = np.arange(1, 1 + number % 4)
            people = People.empty(len(ids))
            people.ids[:] = ids
            one.add(PoseResult(Frame(np.zeros((4, 4, 3), np.uint8), number / 30, number), people, focal_px=100.0))
            number += 1
            os.write(writer, struct.pack("<q", number))
    os.close(writer)
    os.read(reader, 8)
    time.sleep(rng.uniform(0, 0.02))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    told = b""
    while part := os.read(reader, 1 << 16):
        told += part
    os.close(reader)
    taken = struct.unpack("<q", told[-8:])[0] if told else 21
    take = load_take(folder)
    assert take.damage == "" and len(take.every_frame_t_s) >= taken, (len(take.every_frame_t_s), taken)
    if kills % 10 == 0:
        assert export_take(folder).frames == len(take.every_frame_t_s)
    kills, frames = kills + 1, frames + taken
print(kills, frames)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_recorder_killed_at_any_moment_loses_nothing(tmp_path, attack_minutes, attack_counts):
    paths = [str(Path(__file__).parent), *(path for path in sys.path if path)]
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, tmp_path / "t", str(attack_minutes), *paths], capture_output=True, text=True,
        timeout=120 + 60 * attack_minutes,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    kills, frames = map(int, done.stdout.split())
    attack_counts["kills of a recorder"] += kills
    attack_counts["frames that it had taken"] += frames
