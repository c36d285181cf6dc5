"""The lifting network as plain matrix products, for a few people at a time on a CPU.

What `Lifter` computes in eval mode, with the norms folded into the layers before them. For two people PyTorch spends most of
its time between the products, of which there are more than thirty.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit
from torch import nn
from torch.nn.utils.fusion import fuse_linear_bn_eval

from xnect_lite.models.lifter import LIMBS, SCALE_M, TORSO, Lifter
from xnect_lite.skeleton import NUM_JOINTS, ROOT

_Layers = list[tuple[np.ndarray, np.ndarray, bool]]
"""Per layer: weight (inputs, outputs), bias (outputs,), whether a ReLU follows."""


class FoldedLifter:
    """A copy of the weights of ``net``, float32."""

    def __init__(self, net: Lifter) -> None:
        self._of = {name: _folded(module) for name, module in _branches(net.eval())}

    def __call__(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(P, 24, EVIDENCE) float32 -> joints_m (P, 24, 3) and spread_m (P, 24) as `Lifted` has them."""
        values = np.where(values[..., 2:3] > 0, values, np.float32(0))
        part, scale = self._parts(values)
        hidden = self._run("full", _flat(values))
        full = self._run("full_out", hidden).reshape(len(values), NUM_JOINTS, 3)
        believe = expit(self._run("gate", values[..., 2]))[..., None]
        joints = believe * (part - part[:, [ROOT]]) + (1 - believe) * (full - full[:, [ROOT]])
        return joints * scale[..., None], np.logaddexp(self._run("spread", hidden), 0) * 0.1 + 1e-3

    def _parts(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        count = len(values)
        torso = self._run("torso", _flat(values[:, TORSO]))
        out = self._run("torso_out", torso)
        joints = np.zeros((count, NUM_JOINTS, 3), np.float32)
        joints[:, TORSO] = out[:, :-1].reshape(count, len(TORSO), 3)
        codes = {kind: self._run(f"code.{kind}", torso) for kind in ("arm", "leg")}
        for name, rows in LIMBS.items():
            seen = self._run(f"limb_in.{name}", _flat(values[:, rows]))
            offsets = self._run(f"limb_out.{name}", np.concatenate([seen, codes[name[2:]]], 1))
            joints[:, rows[1:]] = joints[:, rows[:1]] + offsets.reshape(count, 3, 3)
        return joints, SCALE_M * np.exp(out[:, -1:])

    def _run(self, name: str, x: np.ndarray) -> np.ndarray:
        for weight, bias, relu in self._of[name]:
            x = x @ weight
            x += bias
            if relu:
                np.maximum(x, 0, out=x)
        return x


def _flat(values: np.ndarray) -> np.ndarray:
    """(P, J, E) -> (P, J * E); P may be 0."""
    return values.reshape(len(values), values.shape[1] * values.shape[2])


def _branches(net: Lifter) -> list[tuple[str, nn.Module]]:
    """Every branch by its name; those of limbs and kinds of limbs one by one."""
    out: list[tuple[str, nn.Module]] = []
    for name, module in net.named_children():
        out += (
            [(f"{name}.{key}", one) for key, one in module.items()] if isinstance(module, nn.ModuleDict) else [(name, module)]
        )
    return out


def _folded(branch: nn.Module) -> _Layers:
    """The layers of a Linear, or of a Sequential of Linear, BatchNorm1d and ReLU."""
    layers: _Layers = []
    parts = list(branch) if isinstance(branch, nn.Sequential) else [branch]
    for i, linear in enumerate(parts):
        if isinstance(linear, nn.Linear):
            norm = parts[i + 1] if i + 1 < len(parts) else None
            fused = fuse_linear_bn_eval(linear, norm) if isinstance(norm, nn.BatchNorm1d) else linear
            weight, bias = (value.detach().cpu().float().numpy() for value in (fused.weight, fused.bias))
            layers.append((weight.T.copy(), bias.copy(), norm is not None))
    return layers
