"""Training canvases: random views of the packed pictures, alone or in 2x2 mosaics, made in batches on the device.

The few numbers that define a canvas (which pictures, which affine maps, which colours) are drawn on the host with NumPy,
so that a run can be resumed exactly; all pixels are made on the device. Labels are moved with the pixels: bones turn
with the picture in its plane, and a flip swaps left and right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from xnect_lite.data.packed import PackedSet
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import FLIP, NUM_JOINTS, PARENTS, ROOT
from xnect_lite.types import PAD_RGB

TILES = 4
_QUEUES = ("queue", "synthetic_queue")


@dataclass(frozen=True)
class AugmentConfig:
    """What is drawn at random for every canvas."""

    mosaic: float = 0.4  # share of canvases made of four pictures
    background: float = 0.06  # share of tiles that show a picture without people
    min_person_net_px: float = 45.0  # person height is log-uniform from here ...
    max_person_share: float = 1.25  # ... to this share of the canvas's shorter side
    whole_picture: float = 0.25  # share of single tiles that show the whole picture, letterboxed
    rotation_deg: float = 20.0  # standard deviation, cut at 45
    any_rotation: float = 0.08  # share turned by any angle
    aspect: float = 0.08  # standard deviation of the log of the aspect change
    flip: float = 0.5
    fill: float = 0.85  # a view of a person shows at least this share of its tile's sides, so steps are not spent on grey
    colour: float = 0.2  # strength of brightness, contrast, saturation and channel gains
    blur: float = 0.15  # share blurred
    low_resolution: float = 0.25  # share reduced and enlarged again
    cut_out: float = 0.3  # share with a rectangle painted over
    noise: float = 0.15  # share with sensor noise


@dataclass(frozen=True)
class Labels:
    """Labels of a batch, padded to P people; tensors on the device.

    joints_net_px   (B, P, 24, 2), NaN = unknown.
    weight_2d       (B, P, 24); 0 at a known place: the picture, the canvas or its tile cuts the joint off.
    bones_m         (B, P, 24, 3) bone parent(j) -> j in metres of the canonical body in ray axes, NaN = unknown.
    weight_3d       (B, P, 24).
    log_depth       (B, P) log(Z / f) of the root, Z in mm, f in network pixels, NaN = unknown.
    present         (B, P) bool.
    ignore          (B, h, w) bool map cells without loss.
    negative_weight (B, h, w).
    """

    joints_net_px: torch.Tensor
    weight_2d: torch.Tensor
    bones_m: torch.Tensor
    weight_3d: torch.Tensor
    log_depth: torch.Tensor
    present: torch.Tensor
    ignore: torch.Tensor
    negative_weight: torch.Tensor


@dataclass(frozen=True)
class _Plan:
    """The drawn numbers of a batch. to_source maps (x, y, 1) network pixels to source pixels, per tile."""

    image: np.ndarray  # (B, TILES)
    to_source: np.ndarray  # (B, TILES, 2, 3)
    flipped: np.ndarray  # (B, TILES) bool
    split: np.ndarray  # (B, 2) where the four tiles meet; (W, H) = one tile


class CanvasSampler:
    """Draws batches of canvases and their labels from a packed set.

    Pictures with people are visited in shuffled epochs; ``rng`` and ``state()`` make a run resumable exactly. With a
    ``synthetic_share`` > 0, renders and photographs have epochs of their own, and so much of what is drawn is rendered.
    """

    def __init__(
        self,
        packed: PackedSet,
        config: AugmentConfig,
        stride: int,
        rng: np.random.Generator,
        synthetic_share: float = 0.0,
    ) -> None:
        self.packed, self.config, self.stride, self.rng = packed, config, stride, rng
        counts = np.diff(packed.people_start)
        self._with_people, self._without = np.flatnonzero(counts > 0), np.flatnonzero(counts == 0)
        if len(self._with_people) == 0:
            raise XnectError(
                "the training set", "holds no picture with a labelled person", "Check data.photos, data.sets and data.limit"
            )
        self._share = synthetic_share
        self._pools = [self._with_people]
        if synthetic_share > 0:
            rendered = packed.synthetic[self._with_people]
            self._pools = [self._with_people[~rendered], self._with_people[rendered]]
            if not all(map(len, self._pools)):
                raise XnectError(
                    "data.synthetic_share", f"is {synthetic_share}, but there are not both renders and photographs",
                    "Add what is missing, or set it to 0",
                )  # fmt: skip
        self._queues = [np.zeros(0, np.int64) for _ in self._pools]
        self._sizes = packed.images.width[:, 0].cpu().numpy(), packed.images.height[:, 0].cpu().numpy()

    def state(self) -> dict:
        """The position in the data, for a checkpoint."""
        queues = dict(zip(_QUEUES, (queue.copy() for queue in self._queues), strict=False))
        return {**queues, "rng": self.rng.bit_generator.state}

    def restore(self, state: dict) -> None:
        """Go on from ``state``."""
        names = _QUEUES[: len(self._queues)]
        self._queues, self.rng.bit_generator.state = [np.asarray(state[n], np.int64) for n in names], state["rng"]

    def batch(self, count: int, width: int, height: int) -> tuple[torch.Tensor, Labels]:
        """``count`` canvases: (B, 3, height, width) float 0..255 RGB and their labels."""
        plan = self._draw(count, width, height)
        image = self._pixels(plan, width, height)
        labels = self._labels(plan, width, height)
        return self._photometric(image), labels

    # -- drawing -----------------------------------------------------------------------------------------------------

    def _next_image(self) -> int:
        if len(self._without) and self.rng.random() < self.config.background:
            return int(self.rng.choice(self._without))
        pool = int(self.rng.random() < self._share) if len(self._pools) > 1 else 0
        if len(self._queues[pool]) == 0:
            self._queues[pool] = self.rng.permutation(self._pools[pool])
        image, self._queues[pool] = int(self._queues[pool][0]), self._queues[pool][1:]
        return image

    def _draw(self, count: int, width: int, height: int) -> _Plan:
        rng, config = self.rng, self.config
        image = np.zeros((count, TILES), np.int64)
        to_source = np.tile(np.eye(2, 3), (count, TILES, 1, 1))
        flipped = np.zeros((count, TILES), bool)
        split = np.tile(np.array([width, height], np.float64), (count, 1))
        for b in range(count):
            single = rng.random() >= config.mosaic
            if not single:
                split[b] = rng.uniform(0.35, 0.65, 2) * (width, height)
            for tile in range(1 if single else TILES):
                low = np.where([tile & 1, tile >> 1], split[b], 0.0)
                high = np.where([tile & 1, tile >> 1], (width, height), split[b])
                image[b, tile] = self._next_image()
                to_source[b, tile], flipped[b, tile] = self._draw_view(image[b, tile], low, high, single)
            image[b, 1 if single else TILES :] = image[b, 0]
        return _Plan(image, to_source, flipped, split)

    def _draw_view(self, image: int, low: np.ndarray, high: np.ndarray, single: bool) -> tuple[np.ndarray, bool]:
        """(2, 3) map from network to source pixels for one tile, and whether it mirrors."""
        rng, config = self.rng, self.config
        size = np.array([self._sizes[0][image], self._sizes[1][image]], np.float64)
        box = high - low
        angle = np.clip(rng.normal(0, config.rotation_deg), -45, 45)
        if rng.random() < config.any_rotation:
            angle = rng.uniform(-180, 180)
        person = self._person_box(image)
        if person is None or (single and rng.random() < config.whole_picture):
            scale = (box / size).min() if person is not None else (box / size).max() * rng.uniform(1.0, 1.6)
            scale *= np.exp(rng.normal(0, 0.1))
            anchor_source, anchor_net = (size - 1) / 2, (low + high) / 2 + rng.normal(0, 0.04, 2) * box
            if rng.random() < 0.5:
                angle = 0.0
        else:
            centre, extent = person
            largest = config.max_person_share * box.min()
            wanted = np.exp(rng.uniform(np.log(config.min_person_net_px), np.log(max(largest, config.min_person_net_px + 1))))
            scale = np.clip(wanted / max(extent, 4.0), min(config.fill * (box / size).max(), 5.0), 5.0)
            anchor_source = centre
            anchor_net = low + box * rng.uniform(0.25, 0.75, 2)
        flip = bool(rng.random() < config.flip)
        stretch = np.exp(rng.normal(0, config.aspect, 1)[0] * np.array([0.5, -0.5]))
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        forward = np.array([[c, -s], [s, c]]) @ np.diag(scale * stretch * [-1.0 if flip else 1.0, 1.0])
        inverse = np.linalg.inv(forward)
        return np.concatenate([inverse, (anchor_source - inverse @ anchor_net)[:, None]], 1), flip

    def _person_box(self, image: int) -> tuple[np.ndarray, float] | None:
        """Centre and extent (longer side of the box of its labelled joints) of a random person in this picture."""
        start, stop = self.packed.people_start[image : image + 2]
        if start == stop:
            return None
        row = int(self.rng.integers(start, stop))
        xy = self.packed.people.joints_px[row][self.packed.people.weight_2d[row] > 0]
        if len(xy) < 2:
            return None
        low, high = xy.min(0), xy.max(0)
        return ((low + high) / 2).astype(np.float64), float((high - low).max())

    # -- pixels ------------------------------------------------------------------------------------------------------

    def _source_of(self, plan: _Plan, xy_net: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """For network pixels (n, 2): their tile (B, n) and source pixels (B, n, 2)."""
        device = self.packed.images.pixels.device
        split = _send(np.asarray(plan.split, np.float32), device)
        beyond = xy_net[None] > split[:, None] - 0.5
        tile = beyond[..., 0].long() + 2 * beyond[..., 1].long()
        matrix = _send(np.asarray(plan.to_source, np.float32), device)
        matrix = matrix.gather(1, tile[..., None, None].expand(-1, -1, 2, 3))
        source = (matrix[..., :2] @ xy_net[None, :, :, None]).squeeze(-1) + matrix[..., 2]
        return tile, source

    def _pixels(self, plan: _Plan, width: int, height: int) -> torch.Tensor:
        """(B, 3, H, W) float 0..255."""
        device = self.packed.images.pixels.device
        tile, source = self._source_of(plan, _grid(width, height, 1, device))
        image = _send(plan.image, device).gather(1, tile)
        shrinking = np.sqrt(np.abs(np.linalg.det(plan.to_source[..., :2]))) > 1.5  # source pixels per network pixel
        level = _send(shrinking.astype(np.int64), device).gather(1, tile)
        colour = self.packed.images.gather(image, level, source, PAD_RGB)
        return colour.view(len(tile), height, width, 3).permute(0, 3, 1, 2)

    def _photometric(self, image: torch.Tensor) -> torch.Tensor:
        """Colour, blur, resolution, noise and painted-over rectangles, drawn per canvas."""
        rng, config, count = self.rng, self.config, len(image)

        def column(values: np.ndarray) -> torch.Tensor:
            return _send(np.asarray(values, np.float32), image.device)

        strength = config.colour
        gain = column(np.exp(rng.normal(0, strength, (count, 1)) + rng.normal(0, strength / 4, (count, 3))))[..., None, None]
        contrast = column(np.exp(rng.normal(0, strength, count)))[:, None, None, None]
        saturation = column(np.clip(rng.normal(1, 1.5 * strength, count), 0, 2))[:, None, None, None]
        gamma = column(np.exp(rng.normal(0, strength / 2, count)))[:, None, None, None]
        grey = image.mean(1, keepdim=True)
        image = grey + (image - grey) * saturation
        middle = image.mean((1, 2, 3), keepdim=True)
        image = ((image - middle) * contrast + middle) * gain
        image = 255 * (image / 255).clamp(1e-4, 1) ** gamma

        chosen = np.flatnonzero(rng.random(count) < config.low_resolution)
        if len(chosen):
            image[chosen] = _resample(image[chosen], float(rng.uniform(0.3, 0.8)))
        chosen = np.flatnonzero(rng.random(count) < config.blur)
        if len(chosen):
            image[chosen] = _blur(image[chosen], float(rng.uniform(0.5, 1.8)))
        chosen = np.flatnonzero(rng.random(count) < config.noise)
        if len(chosen):
            generator = torch.Generator(device=image.device).manual_seed(int(rng.integers(2**62)))
            noise = torch.randn(image[chosen].shape, generator=generator, device=image.device)
            image[chosen] += noise * float(rng.uniform(2, 12))
        height, width = image.shape[-2:]
        for b in np.flatnonzero(rng.random(count) < config.cut_out):
            w, h = (rng.uniform(0.08, 0.3, 2) * (width, height)).astype(int) + 1
            x, y = int(rng.integers(0, width - w)), int(rng.integers(0, height - h))
            image[b, :, y : y + h, x : x + w] = column(rng.uniform(0, 255, 3))[:, None, None]
        return image.clamp(0, 255)

    # -- labels ------------------------------------------------------------------------------------------------------

    def _labels(self, plan: _Plan, width: int, height: int) -> Labels:
        rows = [self._people_of(plan, b, width, height) for b in range(len(plan.image))]
        most = max(1, max(len(r[0]) for r in rows))
        count, device = len(rows), self.packed.images.pixels.device
        joints = np.full((count, most, NUM_JOINTS, 2), np.nan, np.float32)
        weight_2d = np.zeros((count, most, NUM_JOINTS), np.float32)
        bones = np.full((count, most, NUM_JOINTS, 3), np.nan, np.float32)
        weight_3d = np.zeros((count, most, NUM_JOINTS), np.float32)
        log_depth = np.full((count, most), np.nan, np.float32)
        present = np.zeros((count, most), bool)
        for b, (xy, w2, bone, w3, depth) in enumerate(rows):
            n = len(xy)
            joints[b, :n], weight_2d[b, :n], bones[b, :n], weight_3d[b, :n], present[b, :n] = xy, w2, bone, w3, True
            log_depth[b, :n] = depth
        ignore, negative = self._area_weights(plan, width, height)

        def send(array: np.ndarray) -> torch.Tensor:
            return _send(array, device)

        return Labels(
            send(joints), send(weight_2d), send(bones), send(weight_3d), send(log_depth), send(present), ignore, negative
        )

    def _people_of(self, plan: _Plan, b: int, width: int, height: int) -> tuple[np.ndarray, ...]:
        """Joints, weights, bones, 3D weights and log depth of everyone on canvas ``b``, moved with the pixels."""
        people, out = self.packed.people, []
        single = bool((plan.split[b] == (width, height)).all())
        for tile in range(1 if single else TILES):
            image = plan.image[b, tile]
            start, stop = self.packed.people_start[image : image + 2]
            if start == stop:
                continue
            inverse = plan.to_source[b, tile]
            forward = np.linalg.inv(inverse[:, :2])
            xy = (people.joints_px[start:stop] - inverse[:, 2]) @ forward.T
            enlarged = np.sqrt(np.abs(np.linalg.det(forward)))
            with np.errstate(invalid="ignore"):
                log_depth = np.log(people.root_cam_mm[start:stop, 2] / (self.packed.focal_px[image] * enlarged))
            w2, w3 = people.weight_2d[start:stop].copy(), people.weight_3d[start:stop]
            w3 = np.minimum(w3, w3[:, PARENTS])  # a bone is known as well as the less known of its ends
            bones = bones_from_joints(people.joints_ray_mm[start:stop]) / 1000
            turn = _nearest_rotation(forward / enlarged)  # the aspect jitter is no rotation
            bones[..., :2] = bones[..., :2] @ turn.T
            size = np.array([self._sizes[0][image], self._sizes[1][image]])
            inside_picture = ((people.joints_px[start:stop] > -0.5) & (people.joints_px[start:stop] < size - 0.5)).all(-1)
            if plan.flipped[b, tile]:
                xy, w2, w3, bones, inside_picture = (a[:, FLIP] for a in (xy, w2, w3, bones, inside_picture))
            low = np.where([tile & 1, tile >> 1], plan.split[b], 0.0)
            high = np.where([tile & 1, tile >> 1], (width, height), plan.split[b])
            inside = ((xy > low - 0.5) & (xy < high - 0.5)).all(-1) & inside_picture
            xy = np.where(w2[..., None] > 0, xy, np.nan)
            w2 *= inside
            keep = (w2 > 0).sum(1) >= 1
            out.append((xy[keep], w2[keep], bones[keep], (w3 * np.isfinite(bones[..., 0]))[keep], log_depth[keep]))
        if not out:
            joint = np.zeros((0, NUM_JOINTS))
            return np.zeros((0, NUM_JOINTS, 2)), joint, np.zeros((0, NUM_JOINTS, 3)), joint, np.zeros(0)
        return tuple(np.concatenate(parts) for parts in zip(*out, strict=True))

    def _area_weights(self, plan: _Plan, width: int, height: int) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, h, w) bool ignored cells and (B, h, w) negative weights."""
        device, packed = self.packed.images.pixels.device, self.packed
        w, h = width // self.stride, height // self.stride
        tile, source = self._source_of(plan, _grid(width, height, self.stride, device))
        most = max(1, int((packed.ignore_start[plan.image + 1] - packed.ignore_start[plan.image]).max()))
        boxes = np.full((*plan.image.shape, most, 4), np.nan, np.float32)
        for index in np.ndindex(plan.image.shape):
            start, stop = packed.ignore_start[plan.image[index] : plan.image[index] + 2]
            boxes[index][: stop - start] = packed.ignore_xyxy[start:stop]
        box = _send(boxes, device).gather(1, tile[..., None, None].expand(-1, -1, most, 4))
        point = source[:, :, None]
        inside = ((point >= box[..., :2]) & (point <= box[..., 2:])).all(-1).any(-1)
        negative = _send(packed.negative_weight[plan.image], device).gather(1, tile)
        return inside.view(-1, h, w), negative.view(-1, h, w)


def bones_from_joints(joints: np.ndarray) -> np.ndarray:
    """(..., 24, 3) joint positions -> (..., 24, 3) bone vectors parent(j) -> j, same unit; the root's is NaN."""
    bones = joints - joints[..., PARENTS, :]
    bones[..., ROOT, :] = np.nan
    return bones


def _send(array: np.ndarray, device: torch.device) -> torch.Tensor:
    """Copy to the device without waiting for the work already queued there."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def _nearest_rotation(matrix: np.ndarray) -> np.ndarray:
    """Closest orthogonal matrix (a rotation, or a reflection if ``matrix`` mirrors)."""
    u, _, vt = np.linalg.svd(matrix)
    return u @ vt


def _grid(width: int, height: int, stride: int, device: torch.device) -> torch.Tensor:
    """(n, 2) network-pixel coordinates of the centres of all cells of a map, row by row."""
    ys, xs = torch.meshgrid(
        torch.arange(height // stride, dtype=torch.float32, device=device),
        torch.arange(width // stride, dtype=torch.float32, device=device),
        indexing="ij",
    )
    return (torch.stack([xs, ys], -1).reshape(-1, 2) + 0.5) * stride - 0.5


def _resample(image: torch.Tensor, factor: float) -> torch.Tensor:
    """Shrink by ``factor`` and enlarge again."""
    size = image.shape[-2:]
    small = functional.interpolate(image, scale_factor=factor, mode="area")
    return functional.interpolate(small, size=size, mode="bilinear", align_corners=False)


def _blur(image: torch.Tensor, sigma: float) -> torch.Tensor:
    """Gaussian blur, separable, per channel."""
    radius = max(1, round(2.5 * sigma))
    at = torch.arange(-radius, radius + 1, dtype=image.dtype, device=image.device)
    kernel = torch.exp(-0.5 * (at / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(3, 1, -1)
    image = functional.conv2d(functional.pad(image, (radius, radius, 0, 0), mode="replicate"), kernel[:, :, None], groups=3)
    return functional.conv2d(functional.pad(image, (0, 0, radius, radius), mode="replicate"), kernel[..., None], groups=3)
