"""What a run tells a network with masks, and what the masks add to the loss."""

from __future__ import annotations

from torch import Tensor, nn

from xnect_lite.models.dynamic.budget import budget_terms
from xnect_lite.models.dynamic.ledger import Ledger
from xnect_lite.models.dynamic.masks import set_noise
from xnect_lite.models.dynamic.options import DynamicConfig


class MaskTraining:
    """Noise and budget along the epochs of a run, for the masks that write to ``ledger``."""

    def __init__(self, options: DynamicConfig, ledger: Ledger) -> None:
        self.options, self.ledger = options, ledger
        self.epoch, self.epochs = 0.0, 1.0

    def begin_epoch(self, net: nn.Module, epoch: float, epochs: float) -> None:
        """Epoch 0 .. epochs of a run of ``net`` begins."""
        self.epoch, self.epochs = epoch, epochs
        set_noise(net, epoch, self.options)

    def loss_terms(self) -> dict[str, Tensor]:
        """Of the last forward pass, weighted."""
        network, block = budget_terms(self.ledger.spent, self.options.target, self.epoch, self.epochs)
        return {"budget": self.options.weight * network, "budget_blocks": self.options.weight * block}
