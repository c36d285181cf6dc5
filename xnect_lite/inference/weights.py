"""Weight files: safetensors in half precision, found, checked and loaded without executing anything.

``manifest.json`` beside the shipped files says of each its architecture, sha256, licence, sources and measured accuracy. An
int8 form of NAME.safetensors is NAME_int8.xml with its .bin; ``made_from`` in its entry is the sha256 of NAME.safetensors.
Search order: a path given by the user, ``$XNECT_WEIGHTS``, the package, the user's cache folder.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xnect_lite.errors import XnectError, next_step_of
from xnect_lite.files.untrusted import load_json, read_json

if TYPE_CHECKING:
    import torch
    from torch import nn

    from xnect_lite.models.xnect import XNect

_DERIVED = ("num_batches_tracked",)  # counters no inference needs
_WRAPPERS = ("module.", "_orig_mod.")


def search_folders() -> list[Path]:
    """Folders looked in for weights, in order."""
    import platformdirs

    folders = [Path(os.environ["XNECT_WEIGHTS"])] if os.environ.get("XNECT_WEIGHTS") else []
    if folders and not folders[0].is_dir():
        raise XnectError(f"XNECT_WEIGHTS={folders[0]}", "is no folder", "Name a folder there, or give a file with --weights")
    folders.append(_packaged_folder())
    folders.append(Path(platformdirs.user_cache_dir("xnect-lite")) / "weights")
    return folders


def _packaged_folder() -> Path:
    import importlib.resources

    return Path(str(importlib.resources.files("xnect_lite._weights")))


def manifest(folder: Path | None = None) -> dict[str, dict[str, Any]]:
    """File name -> entry, of the shipped weights or of another folder; empty if there is no manifest."""
    path = (folder or _packaged_folder()) / "manifest.json"
    if not os.path.isfile(path):
        return {}
    try:
        files = read_json(path)["files"]
        if not isinstance(files, dict) or not all(isinstance(entry, dict) for entry in files.values()):
            raise ValueError("'files' is no list of names, each with what is said of it")
        return files
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise XnectError(
            str(path), f"is no manifest ({error})", "Mend or remove the file; if it came with the package, reinstall"
        ) from error


def find_weights(backbone: str, given: str = "") -> Path:
    """The Stage I weight file to use. Raises XnectError saying where was looked if there is none."""
    if given:
        if not os.path.isfile(given):  # pathlib's own would raise for a name that is too long
            raise XnectError(given, "no such weight file", "Check the path given to --weights")
        return Path(given)
    name = f"xnect_{backbone}.safetensors"
    folders = search_folders()
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    looked = ", ".join(map(str, folders))
    raise XnectError(name, f"found in none of: {looked}", "Give a file with --weights, or train one with train_pose.py stage1")


def find_optional(name: str, given: str, key: str) -> Path | None:
    """The file ``given``, else the first called ``name`` in the folders; None if there is none.

    Raises XnectError, naming the configuration key ``key``, if the file given is not there.
    """
    if given:
        if not os.path.isfile(given):
            raise XnectError(given, "no such weight file", f"Check {key}")
        return Path(given)
    return next((folder / name for folder in search_folders() if (folder / name).is_file()), None)


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def int8_of(path: Path) -> Path | None:
    """The int8 form beside a weight file (OpenVINO's), if the manifest there says that it was made from this very file."""
    quantised = path.with_name(f"{path.stem}_int8.xml")
    made_from = manifest(path.parent).get(quantised.name, {}).get("made_from")
    return quantised if made_from and quantised.is_file() and made_from == sha256(path) else None


def verify(path: Path) -> None:
    """Compare a file with the manifest beside it, if it is listed there. Raises XnectError if it differs or is missing."""
    entry = manifest(path.parent).get(path.name)
    if entry is None:
        return
    wanted = str(entry.get("sha256", "stated"))
    try:
        found = sha256(path)
    except OSError as error:
        raise XnectError(str(path), f"cannot be read ({error.strerror})", "Fetch the file again") from error
    if found != wanted:
        raise XnectError(str(path), f"is damaged (sha256 is not {wanted[:12]}…)", "Fetch the file again")


def save_weights(path: Path, state: Mapping[str, torch.Tensor], arch: Mapping[str, Any]) -> None:
    """Write a state dict in half precision with its architecture; the file is either the old one or the new one.

    Raises XnectError if it cannot be written.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import save_file

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
    from safetensors import SafetensorError, safe_open

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
    """Build the Stage I network that ``path`` holds, fused and pruned ones included, and fill it.

    Raises XnectError if it is another backbone's.
    """
    from xnect_lite.models.compress import shaped_like
    from xnect_lite.models.xnect import arch_problem, build_xnect

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
    import torch

    from xnect_lite.models.xnect import build_xnect

    with torch.device("meta"):
        kernels = [name for name, value in build_xnect(arch).state_dict().items() if value.ndim == 4]
    missing = [name for name in kernels if name not in state]
    if missing:
        cause = f"does not fit: {len(missing)} kernels of its own description are missing, such as '{missing[0]}'"
        raise XnectError(str(path), cause, "Fetch the file again, or export it again")


def _check_widths(net: XNect, path: Path) -> None:
    """A pruned file brings its own layer widths; they must fit one another."""
    import copy

    import torch

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
