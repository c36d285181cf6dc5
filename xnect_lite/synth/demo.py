"""A clip of synthetic people as a video, with the truth of every frame: to show, and to test trackers on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from xnect_lite.config import checked
from xnect_lite.errors import XnectError
from xnect_lite.synth.clip import ClipConfig, render_clip, sample_clip
from xnect_lite.synth.picture import Camera
from xnect_lite.synth.scene import SceneConfig
from xnect_lite.synth.studio import Assets
from xnect_lite.synth.truth import Truth, save_truths
from xnect_lite.synth.workshop import Workshop

VIDEO, TRUTH = "demo.mp4", "demo-truth.npz"
_CLEAR = Camera(gain=np.ones(3), gamma=1.0, blur_px=0.4, streak_px=0, streak_deg=0.0, noise=1.0, quality=95)


def write_demo(
    folder: str | Path, seed: int, config: ClipConfig, assets: Assets, progress: Callable[[], object] = lambda: None
) -> list[Path]:
    """Write the video and its truth into ``folder`` and return both paths. Person i of the truth is the same in all frames.

    Raises XnectError if the folder cannot be written.
    """
    folder, config, truths = Path(folder), checked(config), []
    rng = np.random.default_rng((seed, int(assets.held_out)))

    def frames(pairs: Iterator[tuple[np.ndarray, Truth]]) -> Iterator[np.ndarray]:
        for image, truth in pairs:
            truths.append(truth)
            yield image
            progress()

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with Workshop(assets, SceneConfig(size=config.size)) as workshop:
            clip = sample_clip(config, workshop.studio.cast, rng)
            write_video(folder / VIDEO, frames(render_clip(workshop.studio, clip, _CLEAR, rng)), config.size, config.fps)
        save_truths(folder / TRUTH, [f"frame {i:06d}" for i in range(len(truths))], truths)
    except OSError as error:
        raise XnectError(str(folder), f"cannot be written ({error.strerror})", "Choose another folder") from error
    return [folder / VIDEO, folder / TRUTH]


def write_video(path: Path, frames: Iterator[np.ndarray], size: tuple[int, int], fps: float) -> None:
    """An H.264 file of (H, W, 3) uint8 RGB pictures; ``size`` (width, height), both even."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.width, stream.height = size
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "24", "preset": "slow"}
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
