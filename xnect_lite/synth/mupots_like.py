"""A benchmark in MuPoTS-3D's format: ``TS1/{img_000000.jpg …, annot.mat, occlusion.mat}`` …, made of held-out people.

Bodies, clothes, motion and backgrounds are those that training pictures never show. Unlike in MuPoTS-3D everybody in the
picture is annotated, the principal point is the picture's middle, and all labels are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from scipy.io import savemat

from xnect_lite.config import checked
from xnect_lite.data.archives.parts import MANIFEST, write_manifest
from xnect_lite.data.bodies import leg_arm_length
from xnect_lite.errors import XnectError
from xnect_lite.files.values import Count, Range
from xnect_lite.skeleton import CANONICAL_LEG_ARM_M, MUPOTS17, ROOT
from xnect_lite.synth.clip import ClipConfig, render_clip, sample_clip
from xnect_lite.synth.picture import encode_jpeg, sample_camera
from xnect_lite.synth.scene import PictureSide, SceneConfig
from xnect_lite.synth.studio import Assets, Studio
from xnect_lite.synth.truth import Truth
from xnect_lite.synth.workshop import Workshop


@dataclass(frozen=True)
class BenchmarkConfig:
    """Length and size of the benchmark. The official score matches people within 40 px: of pictures of about this size."""

    sequences: Count = 20
    frames: Count = 60
    fps: Annotated[float, Range(0, 10_000, "()")] = 30.0
    size: tuple[PictureSide, PictureSide] = (1920, 1080)


def write_mupots_like(
    folder: str | Path,
    seed: int,
    config: BenchmarkConfig,
    assets: Assets,
    workers: int = 1,
    progress: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Write all sequences and return the manifest. ``assets`` are taken as held out; ``progress`` is called per sequence.

    Raises XnectError if the folder already holds a benchmark, or cannot be written.
    """
    folder, assets, config = Path(folder), replace(assets, held_out=True), checked(config)
    if (folder / MANIFEST).exists():
        raise XnectError(str(folder), "already holds a benchmark", "Choose another folder, or remove it")
    jobs = [(str(folder), seed, number, config) for number in range(1, config.sequences + 1)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with Workshop(assets, SceneConfig(size=config.size), workers) as workshop:
            sequences = []
            for entry in workshop.map(_write_sequence, jobs):
                sequences.append(entry)
                progress()
            manifest = {"seed": seed, **workshop.origin(), "config": asdict(config), "sequences": sequences}
        write_manifest(folder, manifest)
    except OSError as error:
        raise XnectError(str(folder), f"cannot be written ({error.strerror})", "Choose another folder") from error
    return manifest


def _write_sequence(studio: Studio, job: tuple[str, int, int, BenchmarkConfig]) -> dict[str, Any]:
    root, seed, number, config = job
    folder = Path(root) / f"TS{number}"
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng((seed, number))
    wanted = ClipConfig(
        people=int(rng.integers(2, 4)), seconds=config.frames / config.fps, fps=config.fps, size=config.size,
        kind="crossing" if number % 3 == 0 else "mixed",
    )  # fmt: skip
    clip = sample_clip(wanted, studio.cast, rng)
    camera = replace(sample_camera(rng), streak_px=0)
    truths = []
    for frame, (image, truth) in enumerate(render_clip(studio, clip, camera, rng)):
        (folder / f"img_{frame:06d}.jpg").write_bytes(encode_jpeg(image, quality=90))
        truths.append(truth)
    save_annotations(folder, truths)
    valid = sum(int(truth.labelled.sum()) for truth in truths)
    return {"name": folder.name, "frames": len(truths), "people": wanted.people, "kind": wanted.kind, "valid": valid}


def save_annotations(folder: Path, truths: list[Truth]) -> None:
    """Write ``annot.mat`` and ``occlusion.mat``: cells of frames x people."""
    shape = (len(truths), len(truths[0].joints_px))
    annotations, hidden = np.empty(shape, object), np.empty(shape, object)
    for frame, person in np.ndindex(shape):
        truth = truths[frame]
        joints = truth.joints_cam_mm[person]
        # The universal skeleton: everybody scaled about the hip to one height.
        share = 1000 * CANONICAL_LEG_ARM_M / leg_arm_length(joints)
        universal = joints[ROOT] + share * (joints - joints[ROOT])
        annotations[frame, person] = {
            "annot2": MUPOTS17.from_xnect(truth.joints_px[person]).T,
            "annot3": MUPOTS17.from_xnect(joints).T,
            "univ_annot3": MUPOTS17.from_xnect(universal).T,
            "isValidFrame": np.array([[float(truth.labelled[person])]]),
        }
        seen = MUPOTS17.from_xnect(truth.visible[person][:, None].astype(float))
        hidden[frame, person] = 1.0 - seen.T
    savemat(folder / "annot.mat", {"annotations": annotations}, do_compression=True)
    savemat(folder / "occlusion.mat", {"occlusion_labels": hidden}, do_compression=True)
