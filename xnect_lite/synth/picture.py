"""From a rendering to a photograph: background, floor, shadow, things in the way, and what a cheap camera does to it all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from xnect_lite.data.readers.photokit import is_validation
from xnect_lite.errors import XnectError
from xnect_lite.synth.held_out import share
from xnect_lite.synth.patterns import random_texture
from xnect_lite.synth.renderer import Rendering
from xnect_lite.synth.view import View

BACKGROUND_LICENCES = {
    "hdri": "Poly Haven panoramas, CC0 1.0",
    "coco": "COCO photographs, research use",
    "obj": "photographs of objects, research use",
}
"""Prefix of a background's file name -> source and licence. Only the first is open."""
OPEN_BACKGROUNDS = ("hdri",)
_CUT_OUT = -100
_CUT_OUT_MM = 1.0


@dataclass(frozen=True)
class Camera:
    """What the camera did: for `degrade`. Blur in px, noise in grey levels, JPEG quality 0..100."""

    gain: np.ndarray
    gamma: float
    blur_px: float
    streak_px: int
    streak_deg: float
    noise: float
    quality: int


class Backgrounds:
    """Pictures without people: panoramas are looked into with the scene's camera, photographs are cropped.

    ``held_out``: those that nobody trains on, or the others; photographs are divided as the photo kit divides its own.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        prefixes: tuple[str, ...] = tuple(BACKGROUND_LICENCES),
        held_out: bool = False,
    ) -> None:
        self._panoramas: list[Path] = []
        self._photographs: list[Path] = []
        if folder:
            pictures = (p for p in sorted(Path(folder).glob("*")) if p.suffix.lower() in (".webp", ".jpg", ".jpeg", ".png"))
            files = [p for p in pictures if p.name.startswith(prefixes)]
            self._panoramas = share([p for p in files if p.name.startswith("hdri")], held_out)
            photographs = [p for p in files if not p.name.startswith("hdri")]
            self._photographs = [p for p in photographs if is_validation(p.name) == held_out]
            if not self._panoramas and not self._photographs:
                raise XnectError(
                    str(folder), "holds no background that may be used", f"Give pictures named {', '.join(prefixes)}_*"
                )

    @property
    def licences(self) -> list[str]:
        """Sources of the pictures."""
        return sorted({BACKGROUND_LICENCES[p.name.split("_")[0]] for p in (*self._panoramas, *self._photographs)})

    def draw(self, view: View, rng: np.random.Generator) -> np.ndarray:
        """(H, W, 3) float32 0..1 behind a scene."""
        kind = rng.random()
        if self._panoramas and (not self._photographs or kind < 0.4):
            out = _look_into(_read(self._panoramas[rng.integers(len(self._panoramas))]), view, rng.uniform(0, 2 * np.pi))
        else:
            out = self.patch(view.size, rng)
        if rng.random() < (0.3 if self._panoramas or self._photographs else 0.6):
            out = _with_floor(out, self.patch((256, 256), rng), view, rng)
        return out

    def patch(self, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
        """(h, w, 3) float32 0..1: a piece of a photograph, or noise where there are none."""
        files = self._photographs or self._panoramas
        if not files:
            return cv2.resize(random_texture(rng, 192), size, interpolation=cv2.INTER_CUBIC).astype(np.float32) / 255
        image = _read(files[rng.integers(len(files))])
        height, width = image.shape[:2]
        share = rng.uniform(0.6, 1.0)
        w = share * min(width, height * size[0] / size[1])
        h = w * size[1] / size[0]
        x, y = rng.uniform(0, width - w), rng.uniform(0, height - h)
        crop = image[int(y) : int(y) + max(int(h), 1), int(x) : int(x) + max(int(w), 1)]
        crop = crop[:, ::-1] if rng.random() < 0.5 else crop
        shrinks = crop.shape[1] > size[0]
        return cv2.resize(crop, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR).astype(np.float32) / 255


def sample_camera(rng: np.random.Generator) -> Camera:
    """Draw exposure, blur, noise and compression."""
    return Camera(
        gain=rng.uniform(0.75, 1.25) * rng.normal(1, 0.03, 3),
        gamma=float(np.exp(rng.normal(0, 0.12))),
        blur_px=float(rng.uniform(0.2, 1.3)) if rng.random() < 0.5 else 0.0,
        streak_px=int(rng.integers(3, 9)) if rng.random() < 0.12 else 0,
        streak_deg=float(rng.uniform(0, 180)),
        noise=float(rng.uniform(0, 9)) if rng.random() < 0.7 else 0.0,
        quality=int(rng.integers(55, 96)),
    )


def compose(drawn: Rendering, background: np.ndarray, strength: float) -> np.ndarray:
    """(H, W, 3) float32 0..1: people over the background, which wears their shadow with ``strength`` 0..1."""
    shadow = cv2.GaussianBlur(drawn.shadow, (0, 0), 1.5)
    people = drawn.colour
    level = 0.6 + 0.8 * float(background.mean())  # lit roughly like the place they stand in
    return background * (1 - strength * shadow[..., None]) * (1 - people[..., 3:]) + people[..., :3] * level


def paste_cut_outs(
    image: np.ndarray, drawn: Rendering, backgrounds: Backgrounds, rng: np.random.Generator
) -> tuple[np.ndarray, Rendering]:
    """One or two pieces of other pictures over the picture; the depth says that they are in front."""
    height, width = image.shape[:2]
    image, ident, depth = image.copy(), drawn.ident.copy(), drawn.depth_mm.copy()
    for number in range(int(rng.integers(1, 3))):
        size = np.exp(rng.uniform(np.log(0.06), np.log(0.3))) * width
        mask = _blob((height, width), rng.uniform((0, 0), (width, height)), size, rng)
        piece = backgrounds.patch((width, height), rng)
        image[mask] = piece[mask]
        ident[mask], depth[mask] = _CUT_OUT - number, _CUT_OUT_MM
    return image, replace(drawn, ident=ident, depth_mm=depth)


def degrade(image: np.ndarray, camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """(H, W, 3) uint8 of (H, W, 3) 0..1: exposure, blur, streak, noise."""
    out = np.clip(image * camera.gain, 0, 1).astype(np.float32) ** camera.gamma
    if camera.blur_px:
        out = cv2.GaussianBlur(out, (0, 0), camera.blur_px)
    if camera.streak_px:
        out = cv2.filter2D(out, -1, _streak(camera.streak_px, camera.streak_deg))
    out = 255 * out
    if camera.noise:
        out = out + camera.noise * rng.standard_normal(out.shape, dtype=np.float32)
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def encode_jpeg(image: np.ndarray, quality: int) -> bytes:
    """A JPEG file of (H, W, 3) uint8 RGB."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise XnectError("JPEG", "cannot be written by this OpenCV", "Install opencv-python from PyPI")
    return data.tobytes()


def _look_into(panorama: np.ndarray, view: View, turn: float) -> np.ndarray:
    """A perspective view into an equirectangular panorama, horizon level with the scene's."""
    rays = view.rays()
    height, width = panorama.shape[:2]
    longitude = np.arctan2(rays[..., 0], rays[..., 2]) + turn
    latitude = np.arctan2(rays[..., 1], np.hypot(rays[..., 0], rays[..., 2]))
    x = (longitude / (2 * np.pi) % 1.0) * width - 0.5
    y = (0.5 - latitude / np.pi) * height - 0.5
    return cv2.remap(
        panorama, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    ).astype(np.float32) / 255  # fmt: skip


def _with_floor(image: np.ndarray, texture: np.ndarray, view: View, rng: np.random.Generator) -> np.ndarray:
    """Lay a textured floor up to some distance, where it fades into the background."""
    rays = view.rays()
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.where(rays[..., 1] < -1e-4, -view.position_m[1] / rays[..., 1], np.inf)
    tile, reach = rng.uniform(0.8, 4.0), rng.uniform(6, 40)
    x, z = (np.nan_to_num(far * rays[..., k], posinf=0, neginf=0) / tile % 1 * len(texture) for k in (0, 2))
    floor = cv2.remap(texture, x.astype(np.float32), z.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    # Far away a texel is smaller than a pixel: show the mean instead of noise.
    blur = np.clip(far / (0.02 * view.focal_px * tile), 0, 1)[..., None]
    floor = floor * (1 - blur) + texture.mean((0, 1)) * blur
    shown = np.clip(2 - 2 * far / reach, 0, 1)[..., None]
    return (image * (1 - shown) + floor * shown).astype(np.float32)


def _blob(shape: tuple[int, int], centre: np.ndarray, size: float, rng: np.random.Generator) -> np.ndarray:
    """(H, W) bool: a star-shaped patch about ``size`` px across."""
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    radius = 1 + sum(rng.normal(0, 0.25 / k) * np.cos(k * angle + rng.uniform(0, 6.28)) for k in range(1, 5))
    radius = 0.5 * size * np.clip(radius, 0.2, 2)
    points = centre + np.stack([radius * np.cos(angle), rng.uniform(0.5, 1.6) * radius * np.sin(angle)], -1)
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.rint(points).astype(np.int32)], 1)
    return mask > 0


def _streak(length: int, degrees: float) -> np.ndarray:
    """A motion-blur kernel."""
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), degrees, 1)
    turned = cv2.warpAffine(kernel, turn, (length, length))
    return turned / turned.sum()


def _read(path: Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise XnectError(str(path), "is not a picture that can be decoded", "Remove it, or fetch it again")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
