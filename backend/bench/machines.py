# SPDX-License-Identifier: MIT
"""Where the launch benchmark runs: on the CUDA device, or on a CPU-only machine against a stub of libcuda.so.1."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import triton
from triton.backends.nvidia import driver as nvidia

from .. import __version__
from ..driver import Driver
from ..errors import GraftError, NoDeviceError

STUB_FACTS = {"GPU": "none, a stub of libcuda"}


class Tensors(NamedTuple):
    """One kind of tensor to launch with. *label* is empty where there is only one kind."""

    label: str
    make: Callable[[], Any]


class Machine:
    """What sides need of where they run. *drivers* are made once, as Triton's caches hang on them."""

    drivers: dict[str, Any]

    @contextmanager
    def active(self, side: str) -> Iterator[None]:
        """Makes the driver 'triton' or 'graft' the active one for a while."""
        config = triton.runtime.driver
        before = config._active
        config.set_active(self.drivers[side])
        try:
            yield
        finally:
            config.set_active(before)

    def each_kind(self) -> Iterator[Tensors]:
        """The kinds of tensors to launch with, made ready as they are asked for."""
        raise NotImplementedError

    def synchronize(self) -> None:
        """Waits until nothing is queued."""
        raise NotImplementedError

    def facts(self) -> dict[str, str]:
        """What a figure has to be read with, by name."""
        return {
            "CPU": _read_match("/proc/cpuinfo", r"model name\s*: (.*)") or platform.machine(),
            "Python": platform.python_version(),
            "triton": triton.__version__,
            "triton-graft": __version__,
        }


class CudaMachine(Machine):
    """The current CUDA device, with PyTorch's tensors on it. Raises `NoDeviceError` without either."""

    def __init__(self) -> None:
        if importlib.util.find_spec("torch") is None:
            raise NoDeviceError("bench launch needs PyTorch and a CUDA device; --stub FILE does without both")
        import torch

        if not torch.cuda.is_available():
            raise NoDeviceError("bench launch needs a CUDA device, and PyTorch finds none; --stub FILE does without")
        self.torch = torch
        torch.cuda.init()
        self.drivers = {"triton": nvidia.CudaDriver(), "graft": Driver()}

    def each_kind(self) -> Iterator[Tensors]:
        yield Tensors("", lambda: self.torch.empty(1024, device="cuda"))

    def synchronize(self) -> None:
        self.torch.cuda.synchronize()

    def facts(self) -> dict[str, str]:
        gpu = {
            "GPU": self.torch.cuda.get_device_name(),
            "driver": describe_device().get("driver", "unknown"),
            "CUDA": str(self.torch.version.cuda),
        }
        return gpu | super().facts() | {"torch": self.torch.__version__}


class Buffer:
    """About the least that Triton takes for a tensor."""

    def __init__(self, address: int):
        self.dtype = triton.language.float32
        self.address = address

    def data_ptr(self) -> int:
        return self.address


class StubMachine(Machine):
    """One device of compute capability 9.0 as the stub library *path* shows it. For a process that has no PyTorch yet."""

    def __init__(self, path: Path):
        # Triton asks a PyTorch that is there for the device, and a CPU-only one has none. A CUDA one loads the real libcuda.
        if "torch" in sys.modules or "libcuda.so" in Path("/proc/self/maps").read_text():
            raise GraftError(f"--stub {path}: PyTorch or a CUDA driver is loaded already; begin in a fresh process")
        # By its soname the library is found by whoever opens libcuda.so.1 from here on; the variable is for the linker.
        self.library = ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
        self.library.stubReset(1, 90)
        os.environ["TRITON_LIBCUDA_PATH"] = str(path.resolve().parent)
        self.drivers = {"triton": nvidia.CudaDriver(), "graft": Driver()}
        self.addresses = iter(range(0x7F00_0000_0000, 0x7F10_0000_0000, 4096))

    def each_kind(self) -> Iterator[Tensors]:
        yield Tensors("plain objects", lambda: Buffer(next(self.addresses)))
        if importlib.util.find_spec("torch") is not None:
            import torch

            yield Tensors("torch CPU tensors", lambda: torch.empty(1024))

    def synchronize(self) -> None:
        """Lets the stub forget the launches it has recorded; it has no queue."""
        self.library.stubRead(b"launches")

    def facts(self) -> dict[str, str]:
        torch = sys.modules.get("torch")
        return STUB_FACTS | super().facts() | ({"torch": torch.__version__} if torch else {})


def describe_device() -> dict[str, str]:
    """The first GPU and the version of its kernel driver, such as 580.159.03, without PyTorch; what cannot be found is left out."""
    try:
        query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
        first = subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines()[0]
        return dict(zip(("GPU", "driver"), first.split(", "), strict=True))
    except (OSError, subprocess.CalledProcessError, IndexError, ValueError):
        driver = _read_match("/proc/driver/nvidia/version", r"(\d+\.\d+(?:\.\d+)?)")
        return {"driver": driver} if driver else {}


def _read_match(path: str, pattern: str) -> str:
    """The first group of *pattern* in a file; empty if it is not there."""
    try:
        match = re.search(pattern, Path(path).read_text())
    except OSError:
        return ""
    return match[1].strip() if match else ""
