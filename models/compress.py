"""Make a trained network smaller without changing what it computes: batch-norm fusion and channel pruning.

After the implicit sparsity of Mehta, Kim and Theobalt (CVPR 2019): trained with Adam, weight decay and batch norm, many
channels end with a scale gamma of almost zero. Such a channel still emits the constant ReLU(beta). Dropping it is exact only
if whoever reads it is told so:

* a reader without padding (1x1, linear) takes the constant into its bias;
* a padded reader does not see the constant beyond the border, so one dead channel is kept and stands for all the others, whose
  kernels are added to its own in proportion to their constants.

The network is read with torch.fx, so anything made of convolutions, norms, ReLU, pooling, resizing, concatenation and addition
works: the SelecSLS family with its long-range skips, VoVNet, ResNet, and all of Stage I with its heads. Whatever else a
channel flows into keeps it.
"""

from __future__ import annotations

import copy
import math
import operator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils.flop_counter import FlopCounterMode

Network = TypeVar("Network", bound=nn.Module)

BIAS_OF_NORM = "bias_of_norm"
"""Attribute of a fused convolution: whether its bias is all its norm's. Who counts multiply-adds leaves those out."""


@dataclass(frozen=True)
class Cost:
    """parameters: numbers learnt; macs: multiply-accumulates of one call."""

    parameters: int
    macs: int


@dataclass(frozen=True)
class PruneReport:
    """What pruning did. layers: (name, channels kept, channels before) of every convolution with a norm."""

    layers: tuple[tuple[str, int, int], ...]
    before: Cost
    after: Cost

    def __str__(self) -> str:
        width = max((len(name) for name, _, _ in self.layers), default=5)
        lines = [f"{'layer':<{width}}  kept/total"]
        lines += [f"{name:<{width}}  {kept}/{total}" for name, kept, total in self.layers]
        for what, unit in (("parameters", 1e6), ("macs", 1e9)):
            before, after = getattr(self.before, what), getattr(self.after, what)
            label = {"parameters": "M parameters", "macs": "GMACs"}[what]
            lines.append(f"{before / unit:.3f} -> {after / unit:.3f} {label} ({after / before:.1%})")
        return "\n".join(lines)


def count(net: nn.Module, example: Tensor) -> Cost:
    """Parameters, and multiply-accumulates of convolutions and linear layers for an input like ``example``. Runs nothing."""
    meta = copy.deepcopy(net).to("meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        meta(example.to("meta"))
    return Cost(sum(p.numel() for p in net.parameters()), counter.get_total_flops() // 2)


def fuse(net: Network) -> Network:
    """A copy in eval mode whose batch norms are folded into the convolutions before them. The norms become Identity."""
    net = copy.deepcopy(net).eval()
    for conv_name, norm_name in norm_of_conv(net).items():
        conv, norm = net.get_submodule(conv_name), net.get_submodule(norm_name)
        from_norm = conv.bias is None
        precise = fuse_conv_bn_eval(conv.double(), norm.double())  # type: ignore[type-var, arg-type]  # a conv and its norm
        setattr(precise, BIAS_OF_NORM, from_norm)
        net.set_submodule(conv_name, precise.float())
        net.set_submodule(norm_name, nn.Identity())
    return _mark_fused(net)


def with_scales(net: Network) -> Network:
    """A copy whose norms without scale and shift have ones and zeros: what torch's ONNX exporter can write."""
    net = copy.deepcopy(net)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d) and module.weight is None:
            module.affine = True
            module.weight = nn.Parameter(torch.ones(module.num_features))
            module.bias = nn.Parameter(torch.zeros(module.num_features))
    return net


def simulate_pruning(net: Network, threshold: float) -> Network:
    """A copy in eval mode with every gamma of at most ``threshold`` set to zero: what `prune` reproduces exactly.

    The beta stays; networks trained for sparsity have driven it to almost nothing as well.
    """
    net = copy.deepcopy(net).eval()
    with torch.no_grad():
        for norm_name in scaled_norms(net).values():
            gamma = _weight(net, norm_name)
            gamma[gamma.abs() <= threshold] = 0
    return net


@torch.no_grad()
def prune(net: Network, example: Tensor, threshold: float = 1e-3, multiple: int = 1) -> tuple[Network, PruneReport]:
    """A fused copy without the channels whose |gamma| is at most ``threshold``; equal to `simulate_pruning` of the net.

    ``multiple`` rounds every layer's width up to a multiple of it (8 suits tensor cores). At least one channel stays.
    ``example`` is an input, for the report's costs.
    """
    gammas = {c: _weight(net, n).detach().abs().cpu().numpy() for c, n in scaled_norms(net).items()}
    small = fuse(simulate_pruning(net, threshold))
    before = count(fuse(net), example)
    flow = _ChannelFlow(small, {name: gamma <= threshold for name, gamma in gammas.items()})
    flow.decide(gammas, multiple)
    layers = tuple((name, int(flow.kept(name).sum()), len(gamma)) for name, gamma in gammas.items())
    flow.rewrite()
    return small, PruneReport(layers, before, count(small, example))


@torch.no_grad()
def settle(net: Network, gone: dict[str, np.ndarray]) -> Network:
    """A copy in eval mode in which some channels no longer vary: each emits its mean, as its norm knows it, and can be pruned.

    gone: convolution -> (channels,) bool, True for those. What a norm lets out is taken for normal with mean beta and deviation
    |gamma|, as training makes it; the mean of its ReLU is then known in closed form.
    """
    net = copy.deepcopy(net).eval()
    for conv_name, norm_name in norm_of_conv(net).items():
        norm = net.get_submodule(norm_name)
        gamma, beta = norm.weight, norm.bias
        assert isinstance(gamma, nn.Parameter) and isinstance(beta, nn.Parameter)
        chosen = torch.from_numpy(gone[conv_name]).to(gamma.device)
        spread = gamma.abs().clamp_min(1e-12)
        bell = torch.exp(-((beta / spread) ** 2) / 2) / math.sqrt(2 * math.pi)
        mean = beta * torch.special.ndtr(beta / spread) + spread * bell
        beta[chosen], gamma[chosen] = mean[chosen], 0.0
    return net


@torch.no_grad()
def macs_per_channel(net: nn.Module, example: Tensor) -> dict[str, np.ndarray]:
    """(channels,) multiply-accumulates that each channel of a convolution with a norm costs: to make it, and to read it."""
    whole = fuse(net)
    sizes: dict[nn.Module, int] = {}
    layers = [m for m in whole.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]

    def measured(layer: nn.Module, _: object, output: Tensor) -> None:
        sizes[layer] = output[0, 0].numel() if output.ndim == 4 else 1

    hooks = [layer.register_forward_hook(measured) for layer in layers]
    whole(example)
    for hook in hooks:
        hook.remove()
    names = norm_of_conv(net)
    flow = _ChannelFlow(whole, {name: np.zeros(len(_weight(net, norm)), bool) for name, norm in names.items()})
    cost = np.zeros(len(flow._same))
    for layer, channels in flow._readers:
        np.add.at(cost, channels.ids, layer.weight[:, 0].numel() * sizes[layer])
    for name in names:
        cost[flow._made[name].ids] += _weight(whole, name)[0].numel() * sizes[whole.get_submodule(name)]
    return {name: cost[flow._made[name].ids] for name in names}


def shaped_like(net: Network, state: dict[str, Tensor]) -> Network:
    """``net`` fused, each convolution as narrow as its kernel in ``state``: the empty vessel for a pruned weight file."""
    net = fuse(net)
    for name, module in list(net.named_modules()):
        kernel = state.get(f"{name}.weight")
        if isinstance(module, nn.Conv2d) and kernel is not None and kernel.ndim == 4:
            _resize(module, kernel.shape[0], kernel.shape[1] * module.groups)
            module.weight = nn.Parameter(torch.empty(kernel.shape))
            if module.bias is not None:
                module.bias = nn.Parameter(torch.empty(kernel.shape[0]))
    return net


def _mark_fused(net: Network) -> Network:
    arch = getattr(net, "arch", None)
    if isinstance(arch, dict):
        setattr(net, "arch", {**arch, "form": "fused"})  # noqa: B010 - only some networks have one
    return net


def _weight(net: nn.Module, name: str) -> nn.Parameter:
    weight = net.get_submodule(name).weight
    assert isinstance(weight, nn.Parameter)
    return weight


def _resize(conv: nn.Conv2d, out_channels: int, in_channels: int) -> None:
    conv.out_channels, conv.in_channels = out_channels, in_channels


def norm_of_conv(net: nn.Module) -> dict[str, str]:
    """Names of the convolutions that feed exactly one batch norm, and of that norm, in order of execution."""
    pairs = {}
    graph = fx.Tracer().trace(net)
    for node in graph.nodes:
        if node.op != "call_module" or not isinstance(net.get_submodule(node.target), nn.BatchNorm2d):
            continue
        source = node.args[0]
        is_conv = source.op == "call_module" and isinstance(net.get_submodule(source.target), nn.Conv2d)
        if is_conv and len(source.users) == 1:
            pairs[source.target] = node.target
    return pairs


def scaled_norms(net: nn.Module) -> dict[str, str]:
    """Those of `norm_of_conv` whose norm has a gamma; a norm without one keeps all its channels."""
    return {conv: norm for conv, norm in norm_of_conv(net).items() if net.get_submodule(norm).weight is not None}


_PASS_MODULES = (nn.ReLU, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Identity, nn.Dropout)
_PASS_FUNCTIONS = {functional.relu, torch.relu, functional.interpolate, functional.max_pool2d, functional.dropout}
_RELU_FUNCTIONS = {functional.relu, torch.relu}
_ADDITIONS = {operator.add, operator.iadd, torch.add}


@dataclass
class _Channels:
    """The channels of one tensor: whose they are, and which are constant over the picture (NaN = they vary)."""

    ids: np.ndarray
    constant: np.ndarray


class _ChannelFlow:
    """Follows every channel through the network, decides which to keep, and cuts the rest out.

    Channels that are added to one another share an id and are kept or dropped together.
    """

    def __init__(self, net: nn.Module, dead: dict[str, np.ndarray]) -> None:
        self.net, self.dead = net, dead
        self._same: list[int] = []  # union-find over channel ids
        self._pinned: list[int] = []
        self._tensors: dict[fx.Node, _Channels] = {}
        self._readers: list[tuple[nn.Conv2d | nn.Linear, _Channels]] = []  # convolutions and linear layers with their inputs
        self._made: dict[str, _Channels] = {}  # by the name of the convolution that makes them
        for node in fx.Tracer().trace(net).nodes:
            channels = self._visit(node)
            if channels is not None:
                self._tensors[node] = channels
        self._keep = np.zeros(len(self._same), bool)

    # -- following the channels --------------------------------------------------------------------------------------

    def _visit(self, node: fx.Node) -> _Channels | None:
        inputs = [self._tensors[n] for n in node.all_input_nodes if n in self._tensors]
        module = self.net.get_submodule(str(node.target)) if node.op == "call_module" else None
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            return self._visit_layer(node, module, inputs[0] if inputs else None)
        first = inputs[0] if inputs else None
        if node.target is getattr and _argument(node, 1) == "shape":  # a size to bring another map to, whatever the channels
            return None
        if first and (isinstance(module, nn.ReLU) or node.target in _RELU_FUNCTIONS or node.target in ("relu", "relu_")):
            return _Channels(first.ids, np.maximum(first.constant, 0))
        if first and (isinstance(module, _PASS_MODULES) or node.target in _PASS_FUNCTIONS or self._averages_or_flattens(node)):
            return first
        if node.target in _ADDITIONS and len(inputs) == 2 and len(inputs[0].ids) == len(inputs[1].ids):
            for a, b in zip(inputs[0].ids, inputs[1].ids, strict=True):
                self._union(a, b)
            return _Channels(inputs[0].ids, inputs[0].constant + inputs[1].constant)
        if node.target is torch.cat and _dimension(node) == 1 and len(inputs) == len(_argument(node, 0)):
            return _Channels(np.concatenate([i.ids for i in inputs]), np.concatenate([i.constant for i in inputs]))
        for channels in inputs:  # the output, or something unknown: nothing of this may change
            self._pinned.extend(channels.ids.tolist())
        return None

    def _averages_or_flattens(self, node: fx.Node) -> bool:
        """Mean over the picture, or flattening of what was averaged: channels stay what they are."""
        if node.op == "call_method" and node.target == "mean":
            return tuple(_argument(node, 1)) in ((2, 3), (-2, -1))
        if node.target is not torch.flatten and not (node.op == "call_method" and node.target == "flatten"):
            return False
        source = _argument(node, 0)
        return source.op == "call_module" and isinstance(self.net.get_submodule(source.target), nn.AdaptiveAvgPool2d)

    def _visit_layer(self, node: fx.Node, layer: nn.Conv2d | nn.Linear, inputs: _Channels | None) -> _Channels:
        outputs = len(layer.weight)
        made = _Channels(np.arange(outputs) + len(self._same), np.full(outputs, np.nan))
        self._same.extend(made.ids.tolist())
        grouped = isinstance(layer, nn.Conv2d) and layer.groups > 1
        if inputs is not None:
            self._readers.append((layer, inputs))
            if grouped:  # groups must stay equally wide
                self._pinned.extend(inputs.ids.tolist())
        name = str(node.target)
        if name in self._made:  # one layer used twice: both uses must stay alike
            self._pinned.extend([*made.ids.tolist(), *self._made[name].ids.tolist()])
        elif grouped or name not in self.dead:
            self._pinned.extend(made.ids.tolist())
        else:
            assert layer.bias is not None  # a convolution that its norm was folded into
            bias = layer.bias.detach().double().cpu().numpy()
            made.constant[:] = np.where(self.dead[name], bias, np.nan)
        self._made.setdefault(name, made)
        return made

    def _find(self, i: int) -> int:
        while self._same[i] != i:
            i = self._same[i]
        return i

    def _union(self, a: int, b: int) -> None:
        self._same[self._find(a)] = self._find(b)

    # -- deciding ----------------------------------------------------------------------------------------------------

    def decide(self, gammas: dict[str, np.ndarray], multiple: int) -> None:
        """Choose the channels to keep."""
        root = np.array([self._find(i) for i in range(len(self._same))])
        self._keep[root[self._pinned]] = True
        for channels in [*self._tensors.values(), *self._made.values()]:
            channels.ids = root[channels.ids]
        for channels in [*self._tensors.values(), *self._made.values()]:
            self._keep[channels.ids[np.isnan(channels.constant)]] = True
        for layer, channels in self._readers:
            self._keep_a_representative(layer, channels)
        for name, gamma in gammas.items():
            self._round_up(self._made[name].ids, gamma, multiple)

    def _keep_a_representative(self, layer: nn.Module, channels: _Channels) -> None:
        """A padded layer needs one constant channel that is not zero to stand for those that go."""
        if not _padded(layer):
            return
        emits = np.nan_to_num(channels.constant) != 0
        if (emits & ~self._keep[channels.ids]).any() and not (emits & self._keep[channels.ids]).any():
            strongest = np.argmax(np.abs(np.nan_to_num(channels.constant)))
            self._keep[channels.ids[strongest]] = True

    def _round_up(self, ids: np.ndarray, gamma: np.ndarray, multiple: int) -> None:
        wanted = min(len(ids), max(1, -(-int(self._keep[ids].sum()) // multiple) * multiple))
        for i in np.argsort(-gamma):
            if self._keep[ids].sum() >= wanted:
                break
            self._keep[ids[i]] = True

    def kept(self, name: str) -> np.ndarray:
        """(channels,) bool of the convolution ``name``."""
        return self._keep[self._made[name].ids]

    # -- cutting -----------------------------------------------------------------------------------------------------

    def rewrite(self) -> None:
        """Cut the channels out of the network's layers."""
        for reader, channels in self._readers:
            if isinstance(reader, nn.Linear) or reader.groups == 1:
                self._cut_inputs(reader, channels)
        for name, made in self._made.items():
            layer, keep = self.net.get_submodule(name), self._keep[made.ids]
            assert isinstance(layer, (nn.Conv2d, nn.Linear))
            layer.weight = nn.Parameter(layer.weight[torch.from_numpy(keep)])
            if layer.bias is not None:
                layer.bias = nn.Parameter(layer.bias[torch.from_numpy(keep)])
            if isinstance(layer, nn.Conv2d):
                _resize(layer, len(layer.weight), layer.weight.shape[1] * layer.groups)

    def _cut_inputs(self, layer: nn.Conv2d | nn.Linear, channels: _Channels) -> None:
        keep = self._keep[channels.ids]
        constant = np.nan_to_num(channels.constant)
        gone = np.flatnonzero(~keep & (constant != 0))
        weight = layer.weight.double()
        if len(gone) and _padded(layer):
            stays = np.flatnonzero(keep & (constant != 0))
            heir = stays[np.argmax(np.abs(constant[stays]))]
            share = torch.from_numpy(constant[gone] / constant[heir])
            weight[:, heir] += (weight[:, gone] * share[:, None, None]).sum(1)
        elif len(gone):
            kernel = weight[:, gone].flatten(2).sum(2) if weight.ndim == 4 else weight[:, gone]
            bias = kernel @ torch.from_numpy(constant[gone])
            bias = bias + (0 if layer.bias is None else layer.bias.double())
            layer.bias = nn.Parameter(bias.to(layer.weight.dtype))
        layer.weight = nn.Parameter(weight[:, torch.from_numpy(keep)].to(layer.weight.dtype))
        if isinstance(layer, nn.Linear):
            layer.in_features = layer.weight.shape[1]


def _padded(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Conv2d) and any(p != 0 for p in layer.padding)


def _dimension(node: fx.Node) -> int:
    return _argument(node, 1) if len(node.args) > 1 else _named_argument(node, "dim", 0)


def _argument(node: fx.Node, position: int) -> Any:
    """What the graph holds there; its declared type, a union of everything, says nothing."""
    return node.args[position]


def _named_argument(node: fx.Node, name: str, default: object) -> Any:
    return node.kwargs.get(name, default)
