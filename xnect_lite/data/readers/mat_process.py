"""MATLAB files are read in a process of their own: a damaged one can crash the libraries that read it, and Python with them.

The process is started for the first file and serves all others. Its answers are plain values, written as JSON with the
numbers of all arrays behind it; nothing is unpickled.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

MOST_MEMORY = 16 << 30
"""Bytes that the process may take, where the system can limit it: a small file may claim, or unpack to, far more."""
_SIZES = struct.Struct("<QQ")
_PROGRAM = "from xnect_lite.data.readers.mat_process import serve; serve()"
_lock = threading.Lock()
_process: subprocess.Popen[bytes] | None = None
_owner = 0  # process id: a fork must not share its parent's reader


def read_apart(path: Path) -> dict[str, Any]:
    """What `matfile.read_here` makes of a file. Raises ValueError in a few words, also where reading it crashes."""
    with _lock:
        process = _started()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps(os.fspath(path.absolute())).encode() + b"\n")
            process.stdin.flush()
            said, arrays = (_exactly(process.stdout, size) for size in _SIZES.unpack(_exactly(process.stdout, _SIZES.size)))
        except BaseException as error:  # an interrupt leaves an answer on its way: the next one starts anew
            _end()
            if isinstance(error, (OSError, EOFError)):
                raise ValueError("is damaged in a way that crashes its reader") from None
            raise
    answer = json.loads(said)
    if "error" in answer:
        raise ValueError(answer["error"])
    return _unpacked(answer["values"], arrays)


def _started() -> subprocess.Popen[bytes]:
    global _process, _owner
    if _process is None or _owner != os.getpid() or _process.poll() is not None:
        _owner = os.getpid()
        paths = os.pathsep.join(path for path in sys.path if path)
        _process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": paths},
        )  # fmt: skip
        atexit.register(_end)
    return _process


def _end() -> None:
    global _process
    process, _process = _process, None
    if process is not None and _owner == os.getpid():
        process.kill()
        process.wait()


def _exactly(file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise EOFError
    return data


# -- in the process ----------------------------------------------------------------------------------------------------


def serve() -> None:
    """Answer every path on standard input with what the file holds, until there is no more."""
    from xnect_lite.data.readers.matfile import read_here

    _limit_memory()
    for line in sys.stdin.buffer:
        arrays: list[bytes] = []
        try:
            with contextlib.redirect_stdout(sys.stderr):
                values = read_here(Path(json.loads(line)))
            said = json.dumps({"values": _packed(values, arrays, [0])}).encode()
        except Exception as error:  # both libraries raise whatever a damaged file leads to
            said, arrays = json.dumps({"error": str(error)[:200] or type(error).__name__}).encode(), []
        sys.stdout.buffer.write(_SIZES.pack(len(said), sum(map(len, arrays))))
        sys.stdout.buffer.write(said)
        for part in arrays:
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:
        return
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _packed(value: Any, arrays: list[bytes], size: list[int]) -> Any:
    """As JSON can hold it: text as itself, all else as a list that begins with its kind."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return ["struct", {str(name): _packed(member, arrays, size) for name, member in value.items()}]
    value = np.asarray(value)
    if value.dtype == object:
        return ["cells", value.shape, [_packed(member, arrays, size) for member in value.ravel()]]
    if value.dtype.kind not in "biufc":
        raise ValueError(f"holds values of an unknown kind ({value.dtype})")
    at = size[0]
    arrays.append(np.ascontiguousarray(value).tobytes())
    size[0] += len(arrays[-1])
    return ["array", value.dtype.str, value.shape, at]


def _unpacked(packed: Any, arrays: bytes) -> Any:
    if isinstance(packed, str):
        return packed
    kind, *rest = packed
    if kind == "struct":
        return {name: _unpacked(member, arrays) for name, member in rest[0].items()}
    if kind == "cells":
        cells = np.empty(len(rest[1]), object)  # filled one by one: NumPy must not look inside
        for i, member in enumerate(rest[1]):
            cells[i] = _unpacked(member, arrays)
        return cells.reshape(rest[0])
    dtype, shape, at = np.dtype(rest[0]), rest[1], rest[2]
    return np.frombuffer(arrays, dtype, int(np.prod(shape, dtype=np.int64)), at).reshape(shape)
