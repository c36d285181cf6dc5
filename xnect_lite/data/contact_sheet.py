"""Contact sheets: what the network is shown, what it should say and what it says, on one picture for a person to look at."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from xnect_lite.data.targets import Targets


def save_contact_sheet(
    path: Path, image: torch.Tensor, targets: Targets, maps: dict[str, torch.Tensor], count: int = 6
) -> None:
    """Write ``count`` rows: canvas, target joints, predicted joints, target limbs, predicted limbs, no-loss areas."""
    rows = []
    predicted = torch.cat([maps["heatmaps"], maps["centre"]], 1).detach().float().sigmoid()
    pafs = maps["pafs"].detach().float().unflatten(1, (-1, 2))
    for b in range(min(count, len(image))):
        canvas = image[b].permute(1, 2, 0).cpu().numpy().astype(np.uint8)
        height, width = canvas.shape[:2]

        def over(cells: torch.Tensor, canvas: np.ndarray = canvas, size: tuple[int, int] = (width, height)) -> np.ndarray:
            heat = cv2.resize(cells.clamp(0, 1).cpu().numpy().astype(np.float32), size)[..., None]
            return (canvas * 0.4 * (1 - heat) + heat * np.array([255, 210, 60])).astype(np.uint8)

        tiles = [
            canvas,
            over(targets.heat[b].amax(0)), over(predicted[b].amax(0)),
            over(targets.pafs[b].norm(dim=1).amax(0)), over(pafs[b].norm(dim=1).amax(0)),
            over((targets.heat_weight[b] == 0).float().mean(0)),
        ]  # fmt: skip
        rows.append(np.concatenate(tiles, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))
