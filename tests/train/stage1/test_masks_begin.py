"""Masks that begin at people: fitted to the network's own heat maps, at the target's share."""

from __future__ import annotations

import pytest
import torch
from masked_network import NAME, masked_network, register_masked
from toy_run import arguments

import train_pose
from xnect_lite.train.stage1.masks import begin_at_people


@pytest.fixture(autouse=True)
def named(monkeypatch):
    register_masked(monkeypatch)


class SeesRight(torch.nn.Module):
    """Heads that find joints wherever it is bright."""

    def forward(self, coarse, fine):
        bright = fine.mean(1, keepdim=True)
        return {"heatmaps": 8 * (bright - bright.mean())}


def canvases(count: int = 4) -> list[torch.Tensor]:
    """Brighter and brighter to the right."""
    made = torch.Generator().manual_seed(0)
    ramp = torch.linspace(80, 250, 192).expand(1, 3, 128, 192)
    return [ramp + 4 * torch.rand(1, 3, 128, 192, generator=made) for _ in range(count)]


@pytest.mark.parametrize("target", [0.4, 0.25])
def test_masks_begin_where_the_network_sees_people_with_the_share_asked_for(target):
    net = masked_network(target=target)
    net.heads = SeesRight()
    for unit in net.backbone.core.masks.values():
        torch.nn.init.normal_(unit.maskconv.weight)
    precision = begin_at_people(net, canvases(), target)
    assert (len(precision) == 3 and min(precision.values()) > 3 * target) or min(precision.values()) > 0.7
    with torch.inference_mode():
        for image in canvases(2):
            net(image)
            for spent in net.ledger.spent:
                width = spent.mask.shape[-1]
                assert float(spent.mask.mean()) == pytest.approx(target, abs=0.1)
                assert spent.mask[..., width // 2 :].sum() > 0.9 * spent.mask.sum()


def test_a_run_fits_them_before_its_first_step_and_not_when_it_goes_on(photos, tmp_path, capsys):
    masks = ("backbone=" + NAME, "dynamic.target=0.5", "dynamic.people_batches=2", "validation.at_end=false")
    assert train_pose.main(arguments(photos, tmp_path / "run", *masks, "steps=2")) == 0
    assert "masks begin at people" in capsys.readouterr().out
    assert train_pose.main(arguments(photos, tmp_path / "run", *masks, "steps=3", "--resume")) == 0
    assert "masks begin at people" not in capsys.readouterr().out
