"""The lifting network as plain matrix products says what the network says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xnect_lite.models.lifter import EVIDENCE, Lifter
from xnect_lite.skeleton import NUM_JOINTS, ROOT
from xnect_lite.stages.lifting.folded import FoldedLifter


@pytest.fixture(scope="module")
def both() -> tuple[Lifter, FoldedLifter]:
    """A network whose outputs are of some size, whose norms have seen something, and which has been trained no further."""
    torch.manual_seed(3)
    net = Lifter(1.0)
    for module in net.modules():
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.normal_(module.weight, std=0.06)
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.normal_(module.weight, 1.0, 0.2)
            torch.nn.init.normal_(module.bias, std=0.2)
    return net.eval(), FoldedLifter(net)


def test_the_weights_are_a_copy():
    """Somebody may go on training the network."""
    net = Lifter(1.0).eval()
    folded, values = FoldedLifter(net), np.ones((1, NUM_JOINTS, EVIDENCE), np.float32)
    before = folded(values)[0]
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += 1
    np.testing.assert_array_equal(folded(values)[0], before)


@given(people=st.integers(0, 12), seed=st.integers(0, 1000), share=st.sampled_from([0.0, 0.3, 0.9, 1.0]))
@settings(max_examples=30, deadline=None)
def test_it_says_what_the_network_says(both, people, seed, share):
    net, folded = both
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((people, NUM_JOINTS, EVIDENCE)).astype(np.float32)
    values[..., 2] = rng.random((people, NUM_JOINTS)) * (rng.random((people, NUM_JOINTS)) < share)  # 0 = not detected
    before = values.copy()
    with torch.no_grad():
        expected = net(torch.from_numpy(values))
    joints_m, spread_m = folded(values)
    assert joints_m.dtype == spread_m.dtype == np.float32
    np.testing.assert_allclose(joints_m, expected.joints_m.numpy(), atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(spread_m, expected.spread_m.numpy(), atol=1e-5, rtol=1e-5)
    np.testing.assert_array_equal(values, before)
    assert (joints_m[:, ROOT] == 0).all()
