"""A pretended CUDA device on a torch without CUDA: tensors say cuda:0, their values are computed on the CPU.

It raises where CUDA would (tensors of two devices in one operation, NumPy on a tensor of the device) and counts what lets the
host wait for the device: numbers and arrays taken from it, masks and lists as indices, copies from memory that is not pinned.
It cannot pretend gradients, optimisers, cuDNN or cuBLAS. `install` changes torch for the rest of the process.
"""

from __future__ import annotations

import contextlib
import ctypes
import shutil
import subprocess
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

WAITS: Counter[str] = Counter()
"""What let the host wait, and from which line of the package, since it was last cleared."""

STARTED: Counter[str] = Counter()
"""Operations that the device was given, since it was last cleared: each costs the host some microseconds."""

_PINNED: set[int] = set()
_TAKES_CPU = {"index", "index_put_", "_index_put_impl_", "index_put", "copy_", "_to_copy", "lift_fresh", "detach"}
_WAITS = {"_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal", "unique2", "_unique2"}
_getitem, _setitem, _tensor, _generator = torch.Tensor.__getitem__, torch.Tensor.__setitem__, torch.tensor, torch.Generator


class PretendedTensor(torch.Tensor):
    """Says cuda:0; its values are in ``real``, on the CPU."""

    @staticmethod
    def __new__(cls, real: torch.Tensor) -> PretendedTensor:
        layout = {"strides": real.stride(), "storage_offset": real.storage_offset(), "dtype": real.dtype}
        made = torch.Tensor._make_wrapper_subclass(cls, real.size(), **layout, device="cuda:0")
        made.real_values = real
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})

    def __getitem__(self, index):
        return _getitem(self, _sent(index))

    def __setitem__(self, index, value):
        return _setitem(self, _sent(index), value)

    def __repr__(self) -> str:
        return f"PretendedTensor{tuple(self.shape)}"


class PretendedCuda(TorchDispatchMode):
    """While it is on, tensors made for cuda are pretended ones."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


def compile_guard(folder: Path) -> Path | None:
    """The library without which a torch built for CPUs refuses such tensors; None where it cannot be compiled."""
    compiler, library = shutil.which("g++"), folder / "guard.so"
    torch_folder = Path(torch.__file__).parent
    if compiler is None or not (torch_folder / "include").is_dir():
        return None
    source = Path(__file__).with_name("pretended_cuda_guard.cpp")
    options = ["-shared", "-fPIC", "-std=c++20", f"-I{torch_folder / 'include'}", f"-L{torch_folder / 'lib'}"]
    made = subprocess.run([compiler, *options, str(source), "-lc10", "-o", str(library)], capture_output=True, text=True)
    return library if made.returncode == 0 else None


def install(guard: Path) -> None:
    """Let this process believe in a CUDA device."""
    import torch._dynamo  # looks at torch's own Generator

    ctypes.CDLL(str(guard))
    torch.tensor, torch.Generator = _made, lambda device=None: _generator()
    torch.Tensor.pin_memory = _pinned
    cuda = torch.cuda
    cuda._lazy_init, cuda._initialized = lambda *_: None, True
    cuda.is_available, cuda.device_count, cuda.current_device = lambda: True, lambda: 1, lambda: 0
    cuda.is_bf16_supported, cuda.get_device_capability = lambda *_, **__: True, lambda *_: (9, 0)
    cuda.get_device_name, cuda.synchronize, cuda.Event = lambda *_: "pretended", lambda *_: _waits("synchronize"), _Event


def moved(net: torch.nn.Module) -> torch.nn.Module:
    """``net`` on the pretended device, channels last, without gradients; in place. `Module.to` cannot do it."""
    with torch.no_grad():
        for module in net.modules():
            for name, value in module._parameters.items():
                if value is not None:
                    real = value.detach().clone(memory_format=torch.channels_last if value.ndim == 4 else torch.preserve_format)
                    module._parameters[name] = torch.nn.Parameter(PretendedTensor(real), requires_grad=False)
            for name, value in module._buffers.items():
                if value is not None:
                    module._buffers[name] = PretendedTensor(value.detach().clone())
    return net


@contextlib.contextmanager
def modules_stay() -> Iterator[None]:
    """Module.to does nothing: a network that was `moved` is where it should be."""
    before = torch.nn.Module.to
    torch.nn.Module.to = lambda self, *_, **__: self
    try:
        yield
    finally:
        torch.nn.Module.to = before


def real(value: Any) -> Any:
    """A pretended tensor's values; anything else as it is."""
    return value.real_values if isinstance(value, PretendedTensor) else value


def _run(func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    name = func.overloadpacket.__name__
    tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
    ours, others = (
        [x for x in tensors if isinstance(x, PretendedTensor)],
        [x for x in tensors if not isinstance(x, PretendedTensor)],
    )
    on_cuda = bool(ours)
    if kwargs.get("device") is not None:
        on_cuda = torch.device(kwargs["device"]).type == "cuda"
        kwargs = {**kwargs, "device": torch.device("cpu")}
        _look_at_copy(name, on_cuda, ours, others, kwargs)
    elif ours and any(x.ndim > 0 for x in others):
        if name not in _TAKES_CPU:
            raise RuntimeError(f"{name}: Expected all tensors to be on the same device, found cuda:0 and cpu, at {_line()}")
        if name not in ("detach", "lift_fresh"):
            _waits(f"{name} with a CPU tensor")
    if ours:
        _look_at(name, args, kwargs)
    if name == "_pin_memory":
        return args[0]
    if on_cuda:
        STARTED[name] += 1
    of = {id(x.real_values): x for x in ours}
    if name == "_local_scalar_dense" or (name == "copy_" and ours and not isinstance(args[0], PretendedTensor)):
        on_cuda = False
    out = func(*tree_map(real, args), **tree_map(real, kwargs))

    def wrapped(value: Any) -> Any:
        if not on_cuda or not isinstance(value, torch.Tensor) or isinstance(value, PretendedTensor):
            return value
        return of[id(value)] if id(value) in of else PretendedTensor(value)

    return tree_map(wrapped, out)


def _look_at_copy(name: str, to_cuda: bool, ours: list, others: list, kwargs: dict[str, Any]) -> None:
    if name not in ("_to_copy", "to"):
        return
    if to_cuda and others and others[0].numel():
        if not (kwargs.get("non_blocking") and others[0].data_ptr() in _PINNED):
            _waits("copy to the device from memory that is not pinned")
    elif ours and not to_cuda:
        _waits("copy from the device")


def _look_at(name: str, args: tuple, kwargs: dict[str, Any]) -> None:
    if name in _WAITS or (name == "repeat_interleave" and kwargs.get("output_size") is None):
        _waits(name)
    if name == "copy_" and not isinstance(args[0], PretendedTensor):
        _waits("copy from the device")
    if name in ("index", "index_put", "index_put_") and any(x is not None and x.dtype == torch.bool for x in args[1]):
        _waits("a mask as index")


def _sent(index: Any) -> Any:
    """An index as CUDA would see it: lists and arrays are copied to the device first."""
    if isinstance(index, tuple):
        return tuple(map(_sent, index))
    if isinstance(index, (list, np.ndarray)):
        _waits("a list or an array as index")
        return PretendedTensor(torch.as_tensor(np.asarray(index)))
    return index


def _made(data: Any, *rest: Any, device: Any = None, **options: Any) -> torch.Tensor:
    if device is None or torch.device(device).type != "cuda":
        return _tensor(data, *rest, **options)
    _waits("torch.tensor on the device")
    return PretendedTensor(_tensor(data, *rest, **options))


def _pinned(self: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
    copy = self.clone()
    _PINNED.add(copy.data_ptr())
    return copy


class _Event:
    def __init__(self, **_: Any) -> None:
        pass

    def record(self, *_: Any) -> None:
        pass

    def synchronize(self) -> None:
        _waits("an event")

    def elapsed_time(self, _: Any) -> float:
        return 1.0


def _waits(why: str) -> None:
    WAITS[f"{why} at {_line()}"] += 1


def _line() -> str:
    """The last line of the package, or of its networks, on the stack."""
    lines = [f for f in traceback.extract_stack() if "xnect_lite/" in f.filename or "/models/" in f.filename]
    return f"{Path(lines[-1].filename).name}:{lines[-1].lineno}" if lines else "?"
