"""From the description of what is timed to one pass of it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from xnect_lite.benchmark.candidate import Candidate, precision_of
from xnect_lite.benchmark.pose_engines import pose_pass
from xnect_lite.errors import XnectError
from xnect_lite.inference.devices import channels_last
from xnect_lite.inference.published import load_classifier
from xnect_lite.inference.weights import find_weights, load_network
from xnect_lite.models.classifiers import build_classifier
from xnect_lite.models.compress import fuse, prune
from xnect_lite.models.xnect import XNect


def build_network(candidate: Candidate) -> nn.Module:
    """The network in eval mode, on the CPU, in its form. Raises XnectError for weights that do not fit.

    Without weights it is the same random network every time.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net: nn.Module = _pose_network(candidate) if candidate.pose else _classifier(candidate)
    return in_form(net.eval(), candidate.form, candidate.gamma_threshold, torch.zeros(1, 3, candidate.height, candidate.width))


def _classifier(candidate: Candidate) -> nn.Module:
    if candidate.weights:
        return load_classifier(candidate.network, candidate.weights)

    return build_classifier(candidate.network)


def _pose_network(candidate: Candidate) -> nn.Module:
    if candidate.weights:
        return load_network(find_weights(candidate.network, candidate.weights), candidate.network)

    return XNect(candidate.network, candidate.stride, candidate.grouped)


def in_form(net: nn.Module, form: str, gamma_threshold: float, example: Tensor) -> nn.Module:
    """The network as it is, fused, or pruned and fused."""
    if form == "fused":
        return fuse(net)
    return prune(net, example, gamma_threshold)[0] if form == "pruned" else net


def build_pass(candidate: Candidate, device: torch.device) -> Callable[[], object]:
    """Ready to run; the first call of a compiled network takes as long as its compiler needs.

    Raises XnectError where the engine is not installed, cannot run this, or the compiler fails.
    """
    net = build_network(candidate)
    if candidate.pose and not candidate.train:
        return pose_pass(candidate, net, device)
    layout = torch.channels_last if candidate.channels_last else torch.contiguous_format
    net = net.to(device)
    if candidate.channels_last:
        net = channels_last(net)
    image = torch.randn(candidate.batch, 3, candidate.height, candidate.width, device=device).to(memory_format=layout)
    if candidate.train:
        return _training_pass(net, image, candidate)
    return _inference_pass(net, image, candidate)


def _inference_pass(net: nn.Module, image: Tensor, candidate: Candidate) -> Callable[[], object]:
    with precision_of(candidate, image.device), torch.no_grad():
        forward: Callable[[Tensor], object] = net
        if candidate.engine == "torchscript":
            forward = torch.jit.trace(net, image, check_trace=False)
        elif candidate.engine == "compiled":
            forward = torch.compile(net, dynamic=False, options={"freezing": True})

    @torch.no_grad()  # freezing needs it; and the same for all, so that only the engine differs
    def run() -> object:
        with precision_of(candidate, image.device):
            return forward(image)

    return run if candidate.engine != "compiled" else _named_compiler_errors(run)


def _training_pass(net: nn.Module, image: Tensor, candidate: Candidate) -> Callable[[], object]:
    net.train()
    if candidate.pose:
        image = image * 64 + 128  # Stage I takes 0..255

    def run() -> None:
        net.zero_grad(set_to_none=True)
        with precision_of(candidate, image.device):
            out = net(image)
            loss = sum(value.float().mean() for value in (out.values() if isinstance(out, dict) else [out]))
        loss.backward()

    return run


def _named_compiler_errors(run: Callable[[], object]) -> Callable[[], object]:
    def named() -> object:
        try:
            return run()
        except Exception as error:  # the compiler's errors have no common class
            cause = next(iter(str(error).strip().splitlines()), type(error).__name__)
            hint = "Install a C++ compiler (for a GPU also Triton), or leave 'compiled' out of --engines"
            raise XnectError("compiled", f"torch.compile failed ({cause})", hint) from error

    return named
