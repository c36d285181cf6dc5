"""Stage II: one person's partial, noisy evidence in, a complete 3D pose out. Batched over people.

After XNect (Mehta et al. 2020, section 5) in its later, part-wise form: a torso branch, a branch per limb that sees its own
joints and a code of the torso, a branch that sees everything, and a gate that decides per joint, from what was detected,
which of the two to believe. Widths are our own, wider than the published 0.33 M parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from xnect_lite.models.heads import ENCODING_VERSION, OUTPUT_CHANNELS
from xnect_lite.skeleton import INDEX, NUM_JOINTS, ROOT

EVIDENCE = 3 + OUTPUT_CHANNELS["locations"]
"""Values per joint: x, y, confidence, and the location maps read at the joint."""

_TORSO_NAMES = (
    "head_top", "neck", "head", "nose", "r_ear", "l_ear", "r_shoulder", "l_shoulder", "spine", "pelvis", "r_hip", "l_hip",
)  # fmt: skip
TORSO = [INDEX[name] for name in _TORSO_NAMES]
"""The torso branch's joints."""
LIMBS = {
    f"{side}_{limb}": [INDEX[f"{side}_{name}"] for name in names]
    for limb, names in {"arm": ("shoulder", "elbow", "wrist", "hand"), "leg": ("hip", "knee", "ankle", "toe")}.items()
    for side in "rl"
}
"""Limb -> its joints; the first belongs to the torso branch, the others are the limb branch's to find."""

SCALE_M = 1.7
"""Metres per unit of evidence where the network says nothing: a standing person's box is as long as the person."""


@dataclass(frozen=True)
class Lifted:
    """joints_m (P, 24, 3) root-relative, metres of the canonical body, viewing-ray axes; the root is zero.
    spread_m (P, 24) expected absolute error of each joint (the scale of a Laplace distribution).
    scale_m  (P, 1) metres per unit of the evidence's x and y.
    part_m, full_m: as joints_m, of the two kinds of branches alone; for losses of their own in training.
    """

    joints_m: Tensor
    spread_m: Tensor
    scale_m: Tensor
    part_m: Tensor
    full_m: Tensor


def evidence(joints_net_px: Tensor, confidence: Tensor, locations: Tensor) -> Tensor:
    """(P, 24, EVIDENCE) of people, fit for `Lifter`.

    joints_net_px (P, 24, 2), NaN = not detected. confidence (P, 24) 0..1. locations (P, 24, 72) location maps at the joints.

    x and y are taken from the neck (else between the shoulders, else between the hips, else from the mean of what was found) in
    units of the longer side of the box of the joints found. What was not detected is zero throughout.
    """
    found = torch.isfinite(joints_net_px).all(-1) & (confidence > 0)
    xy = torch.where(found[..., None], joints_net_px, torch.inf)
    low = xy.amin(1)
    high = torch.where(found[..., None], joints_net_px, -torch.inf).amax(1)
    unit = (high - low).amax(-1)
    unit = torch.where(torch.isfinite(unit) & (unit > 1), unit, 1.0)

    pairs = (["neck"], ["r_shoulder", "l_shoulder"], ["r_hip", "l_hip"])
    origin = _mean_of(joints_net_px, found)
    for names in reversed(pairs):
        rows = [INDEX[name] for name in names]
        there = found[:, rows].all(1, keepdim=True)
        origin = torch.where(there, _mean_of(joints_net_px[:, rows], found[:, rows]), origin)

    placed = (joints_net_px - origin[:, None]) / unit[:, None, None]
    values = torch.cat([placed, confidence[..., None], locations], -1)
    return torch.where(found[..., None], values, 0.0).nan_to_num()


def _mean_of(xy: Tensor, found: Tensor) -> Tensor:
    """(P, 2) mean of the joints found, zero where there is none."""
    return torch.where(found[..., None], xy, 0.0).sum(1) / found.sum(1, keepdim=True).clamp_min(1)


class Lifter(nn.Module):
    """The network. ``width`` scales its layers; 1 has about the published widths."""

    def __init__(self, width: float = 2.5) -> None:
        super().__init__()
        self.arch = {"lifter": width, "encoding": ENCODING_VERSION}

        def units(count: int) -> int:
            return max(8, round(count * width))

        code = units(32)
        torso, limb = units(128), units(64)
        self.torso = _layers(len(TORSO) * EVIDENCE, units(96), torso, torso, torso)
        self.torso_out = nn.Linear(torso, 3 * len(TORSO) + 1)
        self.code = nn.ModuleDict({kind: nn.Linear(torso, code) for kind in ("arm", "leg")})
        self.limb_in = nn.ModuleDict({name: _layers(len(joints) * EVIDENCE, limb) for name, joints in LIMBS.items()})
        self.limb_out = nn.ModuleDict({name: _branch(limb + code, 9, units(128), units(128)) for name in LIMBS})
        self.full = _layers(NUM_JOINTS * EVIDENCE, units(160), units(256), units(256), units(128))
        self.full_out = nn.Linear(units(128), 3 * NUM_JOINTS)
        self.spread = nn.Linear(units(128), NUM_JOINTS)
        self.gate = _branch(NUM_JOINTS, NUM_JOINTS, 96, 128, 128)
        limb_ends = [module for branch in self.limb_out.values() for module in list(branch.children())[-1:]]
        for out in (self.torso_out, self.full_out, self.spread, *limb_ends):
            assert isinstance(out, nn.Linear)
            nn.init.normal_(out.weight, std=0.01)
            nn.init.zeros_(out.bias)

    def forward(self, values: Tensor) -> Lifted:
        """(P, 24, EVIDENCE) as `evidence` makes it -> Lifted. Values of joints with confidence 0 are not looked at."""
        detected = values[..., 2:3] > 0
        values = torch.where(detected, values, 0.0)
        part, scale = self._parts(values)
        hidden = self.full(values.flatten(1))
        full = self.full_out(hidden).unflatten(1, (NUM_JOINTS, 3))
        believe = self.gate(values[..., 2]).sigmoid()[..., None]
        part, full = (_root_relative(p) * scale[..., None] for p in (part, full))
        spread = nn.functional.softplus(self.spread(hidden)) * 0.1 + 1e-3
        return Lifted(believe * part + (1 - believe) * full, spread, scale, part, full)

    def _parts(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """(P, 24, 3) joints in units of the evidence, from the torso and limb branches, and (P, 1) the scale."""
        torso = self.torso(values[:, TORSO].flatten(1))
        out = self.torso_out(torso)
        scale = SCALE_M * out[:, -1:].exp()
        joints = values.new_zeros(len(values), NUM_JOINTS, 3)
        joints[:, TORSO] = out[:, :-1].unflatten(1, (len(TORSO), 3))
        for name, rows in LIMBS.items():
            seen = self.limb_in[name](values[:, rows].flatten(1))
            offsets = self.limb_out[name](torch.cat([seen, self.code[name[2:]](torso)], 1)).unflatten(1, (3, 3))
            joints[:, rows[1:]] = joints[:, rows[:1]] + offsets  # a limb hangs on its own root, wherever that is
        return joints, scale


def _root_relative(joints: Tensor) -> Tensor:
    return joints - joints[:, ROOT : ROOT + 1]


def _layers(inputs: int, *widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in widths:
        layers += [nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.ReLU(inplace=True)]
        inputs = width
    return nn.Sequential(*layers)


def _branch(inputs: int, outputs: int, *widths: int) -> nn.Sequential:
    return nn.Sequential(*_layers(inputs, *widths), nn.Linear(widths[-1], outputs))
