"""Top-1 and top-5 error of a classifier on a folder of pictures per class, as in the published evaluate_imagenet.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from xnect_lite.errors import XnectError
from xnect_lite.models.torchvision_compat import import_torchvision

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pictures, RGB in 0..1."""


@dataclass(frozen=True)
class Preprocessing:
    """Shorter side to ``resize`` pixels, the middle ``crop`` x ``crop`` of it. interpolation: bilinear or bicubic."""

    resize: int = 256
    crop: int = 224
    interpolation: str = "bilinear"

    def build(self) -> Callable[[Any], Tensor]:
        """PIL picture -> (3, crop, crop) normalised."""
        transforms = import_torchvision().transforms
        how = transforms.InterpolationMode(self.interpolation)
        return transforms.Compose(
            [
                transforms.Resize(self.resize, interpolation=how),
                transforms.CenterCrop(self.crop),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, DEVIATION),
            ]
        )


@dataclass(frozen=True)
class ImageTree:
    """classes: folder names, by the output they stand for. pictures: (path, output)."""

    classes: tuple[str, ...]
    pictures: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class ImagenetScore:
    """Pictures scored, how many of them had the truth first and among the first five, the network's outputs, and the files
    that did not open.
    """

    pictures: int
    right_top1: int
    right_top5: int
    outputs: int
    unreadable: tuple[str, ...] = ()

    @property
    def top1_error(self) -> float:
        """Percent."""
        return 100 * (1 - self.right_top1 / self.pictures)

    @property
    def top5_error(self) -> float:
        """Percent."""
        return 100 * (1 - self.right_top5 / self.pictures)


def read_tree(folder: str | Path, class_order: str | Path | None = None) -> ImageTree:
    """A folder of class folders, or one that has such a folder ``val``, as torchvision's ImageFolder reads it.

    Classes stand for the network's outputs in sorted order, or in the order of the lines of ``class_order``, which may name
    more classes than there are folders. Raises XnectError for a folder without class folders or pictures.
    """
    import_torchvision()
    from torchvision.datasets import ImageFolder

    root = Path(folder)
    if not root.is_dir():
        raise XnectError(str(root), "is no folder", "Give the folder of the class folders, or the one above its 'val'")
    if (root / "val").is_dir():
        root = root / "val"
    try:
        found = ImageFolder(str(root), allow_empty=True)
    except (OSError, ValueError) as error:
        cause = f"holds no folders of classes ({error})".replace("..", ".")
        raise XnectError(str(root), cause, "Put pictures into one folder per class") from error
    if not found.samples:
        raise XnectError(
            str(root), f"no pictures in its {len(found.classes)} folders", "Put pictures into one folder per class"
        )
    if class_order is None:
        return ImageTree(tuple(found.classes), tuple(found.samples))
    return _reordered(found.classes, found.samples, Path(class_order), root)


def _reordered(classes: list[str], samples: list[tuple[str, int]], order: Path, root: Path) -> ImageTree:
    try:
        names = order.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise XnectError(str(order), f"cannot be read ({error})", "Give a text file with one class folder per line") from error
    output = {name: i for i, name in enumerate(names)}
    for name in classes:
        if name not in output:
            raise XnectError(str(order), f"does not name the class folder '{name}' of {root}", "Add it where its output is")
    return ImageTree(tuple(names), tuple((path, output[classes[i]]) for path, i in samples))


@torch.no_grad()
def score(
    net: nn.Module,
    tree: ImageTree,
    preprocessing: Preprocessing,
    device: torch.device,
    precision: torch.dtype = torch.float32,
    batch: int = 100,
    workers: int = 0,
    progress: Callable[[Iterable], Iterable] = iter,
) -> ImagenetScore:
    """Classify every picture with ``net`` (in eval mode, on ``device``). ``progress`` may wrap the batches.

    A picture that does not open is listed, not scored. Raises XnectError if the tree has more classes than the network has
    outputs, if no picture opens, or if the network's answers are not finite.
    """
    outputs = net(torch.zeros(1, 3, preprocessing.crop, preprocessing.crop, device=device)).shape[1]
    if len(tree.classes) > outputs:
        cause = f"{len(tree.classes)} classes, but the network has {outputs} outputs"
        raise XnectError("--data", cause, "Choose weights for these classes, or fewer folders")
    pictures = _Pictures(tree.pictures, preprocessing)
    loader = DataLoader(
        pictures, batch, num_workers=workers, collate_fn=_collate, pin_memory=device.type == "cuda", persistent_workers=False
    )
    count, right1, right5, unreadable = 0, 0, 0, []
    for images, truth, failed in progress(loader):
        unreadable.extend(failed)
        if images is None:
            continue
        images = images.to(device, non_blocking=True, memory_format=torch.channels_last)
        with torch.autocast(device.type, precision, enabled=precision != torch.float32):
            logits = net(images).float().cpu()
        if not torch.isfinite(logits).all():
            raise XnectError("the network", "gives answers that are not finite", "Try --precision fp32, or check the weights")
        right = logits.topk(min(5, logits.shape[1])).indices == truth[:, None]
        count, right1, right5 = count + len(truth), right1 + int(right[:, 0].sum()), right5 + int(right.any(1).sum())
    if not count:
        raise XnectError(tree.pictures[0][0], f"none of {len(unreadable)} pictures can be read", "Check the data")
    return ImagenetScore(count, right1, right5, outputs, tuple(unreadable))


class _Pictures(Dataset):
    """Item: ((3, crop, crop) tensor or None, output, path)."""

    def __init__(self, pictures: tuple[tuple[str, int], ...], preprocessing: Preprocessing) -> None:
        self._pictures, self._preprocessing = pictures, preprocessing
        self._transform: Callable[[Any], Tensor] | None = None  # built by each worker: torchvision may need help to load

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: int) -> tuple[Tensor | None, int, str]:
        path, output = self._pictures[index]
        if self._transform is None:
            self._transform = self._preprocessing.build()
        try:
            with Image.open(path) as file:
                picture = file.convert("RGB")
        except Exception:  # decoders raise whatever they like on damaged files
            return None, output, path
        return self._transform(picture), output, path


def _collate(items: list[tuple[Tensor | None, int, str]]) -> tuple[Tensor | None, Tensor, list[str]]:
    """(B, 3, H, W) of the pictures that opened or None, their (B,) outputs, paths of the others."""
    good = [(tensor, output) for tensor, output, _ in items if tensor is not None]
    failed = [path for tensor, _, path in items if tensor is None]
    if not good:
        return None, torch.zeros(0, dtype=torch.long), failed
    return torch.stack([tensor for tensor, _ in good]), torch.tensor([output for _, output in good]), failed
