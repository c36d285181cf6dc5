"""Weight files: safetensors in half precision, written, read and built into networks without executing anything."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from xnect_lite.errors import XnectError, next_step_of
from xnect_lite.files.untrusted import load_json
from xnect_lite.inference.weight_search import find_optional, find_weights, int8_of, manifest, search_folders, sha256, verify
from xnect_lite.models.compress import shaped_like
from xnect_lite.models.xnect import XNect, arch_problem, build_xnect

__all__ = (  # what is found and what is done with it, from one place
    "find_optional", "find_weights", "int8_of", "load_network", "load_state_into", "manifest", "read_weights", "save_weights",
    "search_folders", "sha256", "unwrapped", "verify",
)  # fmt: skip


_DERIVED = ("num_batches_tracked",)  # counters no inference needs
_WRAPPERS = ("module.", "_orig_mod.")


def save_weights(path: Path, state: Mapping[str, torch.Tensor], arch: Mapping[str, Any]) -> None:
    """Write a state dict in half precision with its architecture; the file is either the old one or the new one.

    Raises XnectError if it cannot be written.
    """
    largest = torch.finfo(torch.float16).max

    def stored(value: torch.Tensor) -> torch.Tensor:
        fits = value.is_floating_point() and bool((value.abs() <= largest).all())  # a norm's variance may be huge
        return value.detach().to("cpu", torch.float16 if fits else value.dtype).contiguous()

    tensors = {k: stored(v) for k, v in state.items() if not k.endswith(_DERIVED)}
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, part, metadata={"arch": json.dumps(dict(arch))})
        os.replace(part, path)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        step = "Make room, or choose another folder"
        if isinstance(error, OSError) and error.errno is not None:
            step = next_step_of(error)
        raise XnectError(str(path), f"cannot be written ({error})", step) from error


def read_weights(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """(state dict in single precision, architecture). Raises XnectError if the file is no safetensors file."""
    try:
        with safe_open(path, framework="pt") as file:
            arch = load_json((file.metadata() or {}).get("arch", "{}"))
            state = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError, ValueError) as error:
        raise XnectError(str(path), f"is no safetensors file ({error})", "Check the path, or fetch the file again") from error
    state = unwrapped({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    return state, arch if isinstance(arch, dict) else {}


def unwrapped(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A state dict under its network's own names, saved through DistributedDataParallel or torch.compile or not.

    Only a prefix that all names have is a wrapper's: taken off some, two tensors could come to one name.
    """
    own = {str(name): value for name, value in state.items()}
    while prefix := next((p for p in _WRAPPERS if own and all(name.startswith(p) for name in own)), ""):
        own = {name.removeprefix(prefix): value for name, value in own.items()}
    return own


def load_network(path: Path, backbone: str) -> XNect:
    """Build the Stage I network that a file holds, fused and pruned ones included, and fill it.

    Args:
        path: .safetensors.
        backbone: name of the backbone that it must be of.

    Raises:
        XnectError: if the file is damaged, or another backbone's.
    """
    verify(path)
    state, arch = read_weights(path)
    if problem := arch_problem(arch, backbone):
        raise XnectError(str(path), problem, "Choose --weights and --backbone that match")
    if "heads" in arch:
        _check_claims(arch, state, path)
    net = build_xnect(arch)
    if arch.get("form") == "fused":
        try:
            net = shaped_like(net, state)
        except (RuntimeError, ValueError, LookupError, TypeError) as error:
            cause = f"holds layers of no possible shape ({str(error).splitlines()[0]})"
            raise XnectError(str(path), cause, "Export it again") from error
        _check_widths(net, path)
    load_state_into(net, state, path)
    return net.eval()


def _check_claims(arch: Mapping[str, Any], state: Mapping[str, torch.Tensor], path: Path) -> None:
    """Before anything large is built of what a file only claims: its kernels must be there."""
    with torch.device("meta"):
        kernels = [name for name, value in build_xnect(arch).state_dict().items() if value.ndim == 4]
    missing = [name for name in kernels if name not in state]
    if missing:
        cause = f"does not fit: {len(missing)} kernels of its own description are missing, such as '{missing[0]}'"
        raise XnectError(str(path), cause, "Fetch the file again, or export it again")


def _check_widths(net: XNect, path: Path) -> None:
    """A pruned file brings its own layer widths; they must fit one another."""
    try:
        copy.deepcopy(net).to("meta")(torch.zeros(1, 3, 32, 32, device="meta"))
    except (RuntimeError, ValueError) as error:
        cause = f"holds layers that do not fit one another ({str(error).splitlines()[0]})"
        raise XnectError(str(path), cause, "Export it again") from error


def load_state_into(net: nn.Module, state: dict[str, torch.Tensor], path: str | Path) -> None:
    """Fill ``net``; every tensor must be there and none be left over. Raises XnectError naming ``path`` otherwise."""
    try:
        missing, unexpected = net.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise XnectError(
            str(path), f"does not fit ({str(error).splitlines()[-1].strip()})", "Choose the matching backbone"
        ) from error
    missing = [k for k in missing if not k.endswith(_DERIVED)]
    if missing or unexpected:
        odd = (missing + unexpected)[0]
        cause = f"does not fit: {len(missing)} tensors missing, {len(unexpected)} unknown, such as '{odd}'"
        raise XnectError(str(path), cause, "Choose the matching backbone")
