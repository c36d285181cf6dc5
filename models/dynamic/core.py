"""A SelecSLS core that computes where it matters: one mask per level, for all blocks but the first.

The blocks add nothing to their input, so where nothing is computed the level's long-range skip must do: the last 1x1 is read as
y = ReLU(BN(W_d · mask · [d1, d2, d3] + W_s · skip)). The outputs of all five layers before it are multiplied by the mask, in
training as at run time, so that no 3x3 after another reads what was not computed. State-dict keys are those of the dense core,
whose weights therefore start a dynamic one, and ``masks.LEVEL``.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from xnect_lite.models.dynamic.ledger import Ledger, Spent
from xnect_lite.models.dynamic.masks import MaskUnit
from xnect_lite.models.dynamic.options import DynamicConfig
from xnect_lite.models.selecsls import SelecSLS, SelecSLSBlock, SelecSLSConfig

LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5")


class DynamicBlock(SelecSLSBlock):
    """A block after a level's first. Takes [features, skip, mask], returns [features, skip, mask].

    Computes everything and multiplies by the mask; what skips is made of it by `sparse_core`.
    """

    conditional = tuple(f"{layer}.0" for layer in LAYERS)
    frozen_norms = False

    @property
    def partly_conditional(self) -> dict[str, int]:
        """Of the last 1x1, multiply-adds per position that the mask governs: all but its skip part."""
        return {"conv6.0": 2 * convolution(self.conv2[0]).out_channels * convolution(self.conv6[0]).out_channels}

    def forward(self, x: list[Tensor]) -> list[Tensor]:
        features, skip, mask = x
        d1 = self.conv1(features) * mask
        d2 = self.conv3(self.conv2(d1) * mask) * mask
        d3 = self.conv5(self.conv4(d2) * mask) * mask
        return [self.conv6(torch.cat([d1, d2, d3, skip], 1)), skip, mask]

    def train(self, mode: bool = True) -> DynamicBlock:
        """With ``frozen_norms``, norms go on using the statistics that they have."""
        super().train(mode)
        if self.frozen_norms:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self


def convolution(module: nn.Module) -> nn.Conv2d:
    """The module, as what it is."""
    assert isinstance(module, nn.Conv2d)
    return module


def conditional_layers(block: DynamicBlock) -> tuple[tuple[str, int, bool], ...]:
    """(name, multiply-adds per position, False) of what a mask governs."""
    rows = [(f"{name}.0", getattr(block, name)[0].weight.numel(), False) for name in LAYERS]
    return (*rows, *((name, macs, False) for name, macs in block.partly_conditional.items()))


class DynamicSelecSLS(SelecSLS):
    """The core with a mask unit per level. ``ledger``: what the last pass executed."""

    def __init__(self, config: SelecSLSConfig, dynamic: DynamicConfig) -> None:
        super().__init__(config, num_classes=0)
        self.ledger, self.dynamic = Ledger(), dynamic
        rows = config.blocks()
        for i, row in enumerate(rows):
            if not row[4]:
                block = DynamicBlock(*row)
                block.frozen_norms = dynamic.frozen_norms
                self.features[i] = block
        starts = [i for i, row in enumerate(rows) if row[4]]
        masked = [i for i in starts if i + 1 < len(rows) and not rows[i + 1][4]]
        self.masks = nn.ModuleDict(
            {str(starts.index(i)): MaskUnit(rows[i][3], dynamic.temperature, dynamic.start_logit) for i in masked}
        )
        self._layers = {i: conditional_layers(b) for i, b in enumerate(self.features) if isinstance(b, DynamicBlock)}
        self._level = {i: str(starts.index(i)) for i in masked}
        made_anew = (m for b in self.features if isinstance(b, DynamicBlock) for m in b.modules() if isinstance(m, nn.Conv2d))
        for conv in made_anew:
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")

    def forward_features(self, image: Tensor, strides: tuple[int, ...]) -> list[Tensor]:
        """As `SelecSLS.forward_features`."""
        wanted = {self.taps[s][0]: s for s in strides}
        found: dict[int, Tensor] = {}
        self.ledger.begin()
        x = [self.stem(image)]
        if -1 in wanted:
            found[wanted[-1]] = x[0]
        for i, block in enumerate(self.features):
            x = block(x)
            if i in self._level:
                x = [*x, self.masks[self._level[i]](x[0])]
            elif len(x) == 3:
                mask = x[2] if isinstance(x[2], Tensor) else x[2].mask
                self.ledger.add(Spent(f"features.{i}", mask, mask.detach(), self._layers[i]))
            if i in wanted:
                found[wanted[i]] = x[0]
        return [found[s] for s in strides]


def mask_names(names: Iterable[str]) -> set[str]:
    """Of the names of a state dict, those of mask units: what dense weights lack."""
    return {name for name in names if ".masks." in f".{name}"}
