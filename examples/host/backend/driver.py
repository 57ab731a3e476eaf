# SPDX-License-Identifier: MIT
"""The driver: what Triton asks of the machine."""

from __future__ import annotations

import functools
import operator
import os
import time
from collections.abc import Callable
from typing import Any

from triton.backends.compiler import GPUTarget
from triton.backends.driver import Benchmarker, DriverBase

from . import arrays, machine, runtime
from .arguments import Arguments
from .compiler import NAME
from .errors import ArgumentError

#: The C++ type of a kernel's argument, by Triton's type.
CPP_TYPES = {
    "i1": "int8_t", "i8": "int8_t", "i16": "int16_t", "i32": "int32_t", "i64": "int64_t",
    "u1": "uint8_t", "u8": "uint8_t", "u16": "uint16_t", "u32": "uint32_t", "u64": "uint64_t",
    "fp16": "double", "bf16": "double", "fp32": "double", "fp64": "double",
}  # fmt: skip

#: More than any kernel asks for: there is no memory that is shared, and no threads in a program, whose number could be too large.
_NO_LIMIT = 2**31 - 1


class Launcher:
    """Launches a kernel. `CompiledKernel` makes one before a kernel's first launch, even before the kernel is loaded."""

    def __init__(self, src: Any, metadata: Any) -> None:
        """*src.signature* has the types of the arguments; *metadata* is what the stages left, and `metadata.name` the kernel's name."""
        machine.check_runs(metadata.name, metadata.arch, metadata.features)
        self._arguments = Arguments(metadata.name, src.signature)
        self._kernel = runtime.Kernel(metadata.name, metadata.scratch)
        self._is_watched = bool(metadata.sanitize or metadata.races)

    def __call__(
        self,
        grid_x: int,
        grid_y: int,
        grid_z: int,
        stream: Any,
        function: int,
        packed: tuple,
        launch_metadata: Any,
        launch_enter_hook: Callable | None,
        launch_exit_hook: Callable | None,
        *args: Any,
    ) -> None:
        """Called at each launch: *packed* is from `Backend.pack_metadata`. The kernel is done when this returns.

        Raises `ArgumentError` for arguments or a grid that cannot be, and what `runtime.Kernel.launch` does.
        """
        x, y, z = grid = operator.index(grid_x), operator.index(grid_y), operator.index(grid_z)
        if min(grid) < 0 or max(grid) >= 2**31 or x * y * z >= 2**62:
            raise ArgumentError(
                f"grid={grid} of the kernel {self._kernel.name}: each size is from 0 to 2**31 - 1, all programs below 2**62"
            )
        if launch_enter_hook is not None:
            launch_enter_hook(launch_metadata)
        slots = self._arguments.pack(args)
        if x and y and z:
            self._kernel.launch(function, slots, x, y, z, self._arguments.buffers(args) if self._is_watched else None)
        if launch_exit_hook is not None:
            launch_exit_hook(launch_metadata)


class Utils:
    """The device itself, for `CompiledKernel`."""

    def load_binary(self, name: str, binary: bytes, shared: int, device: str) -> tuple[Any, int, int, int, int]:
        """Called before a kernel's first launch: gives module, function, registers, spills, and threads that a program may have."""
        module, function = runtime.load(name, binary)
        return module, function, 0, 0, _NO_LIMIT

    def unload_module(self, module: Any) -> None:
        """Called when a kernel that was loaded dies."""
        runtime.unload(module)

    def get_device_properties(self, device: str) -> dict[str, int]:
        """Called before the first launch for max_shared_mem, and by programs that choose their grid by the number of multiprocessors."""
        return {"max_shared_mem": _NO_LIMIT, "multiprocessor_count": machine.threads(), "warpSize": 1}


class Event:
    """A moment, as `torch.cuda.Event` is one."""

    def __init__(self, enable_timing: bool = True) -> None:
        self._nanoseconds = 0

    def record(self) -> None:
        """It is now."""
        self._nanoseconds = time.perf_counter_ns()

    def elapsed_time(self, end: Event) -> float:
        """Milliseconds from this one to *end*."""
        return (end._nanoseconds - self._nanoseconds) / 1e6


class DeviceInterface:
    """What `triton.testing` uses of a module like `torch.cuda`. A launch is done when it returns, so there is nothing to wait for."""

    Event = Event

    @staticmethod
    def synchronize() -> None:
        """Does nothing."""

    @staticmethod
    def current_device() -> str:
        return "cpu"


class Driver(DriverBase):
    """`triton.runtime.driver.set_active(Driver())`, or `TRITON_DEFAULT_BACKEND=host`: kernels are compiled for the CPU from then on."""

    def __init__(self, arch: str | None = None) -> None:
        """Called by whoever makes it active, or by Triton for the default driver, without arguments.

        *arch* names a CPU to compile for, such as `x86-64-v3`, instead of this one. Raises `TargetError` if that cannot be.
        """
        super().__init__()
        arrays.install()
        if arch is not None:
            machine.features(arch)
        self._arch = arch
        #: Asked by `CompiledKernel` before the first launch of a kernel, and by `triton.testing`.
        self.utils = Utils()
        self.launcher_cls: Callable[[Any, Any], Any] = Launcher

    @classmethod
    def is_active(cls) -> bool:
        """Called on every backend's class, once, when no driver was chosen: of all, exactly one may say yes, so only who was asked for."""
        return os.environ.get("TRITON_DEFAULT_BACKEND") == NAME

    def get_current_target(self) -> GPUTarget:
        """Called by a kernel's first launch on a device, by `triton.compile` without a target, and by kernels that ask for their chip."""
        return GPUTarget(NAME, self._arch or machine.name(), 1)

    def get_current_device(self) -> str:
        """Called at each launch: kernels are compiled once for each device. PyTorch calls it `cpu`; no other driver's has that name."""
        return self._arch or "cpu"

    def set_current_device(self, device: str) -> None:
        """Called by programs and frameworks, not by Triton itself."""

    def get_current_stream(self, device: str) -> int:
        """Called at each launch, even if it only compiles; the launcher gets the result."""
        return 0

    def map_python_to_cpp_type(self, ty: str) -> str:
        """Called by `triton.tools.compile`, for the C header of a kernel that is compiled ahead of time."""
        return "uint64_t" if ty.startswith("*") else CPP_TYPES[ty]

    def get_benchmarker(self) -> Benchmarker:
        """Called by autotuners, for what measures a configuration."""
        from triton.testing import do_bench

        return do_bench

    def get_active_torch_device(self) -> Any:
        """Called by programs that make tensors, such as Triton's tutorials: the `torch.device` of the current device."""
        import torch

        return torch.device("cpu")

    def get_device_interface(self) -> Any:
        """Called by `triton.testing.do_bench`: like the module `torch.cuda`, with events and synchronize, and without PyTorch."""
        return DeviceInterface

    @functools.cache  # noqa: B019 - there are few drivers
    def get_empty_cache_for_benchmark(self) -> bytearray:
        """Called by `triton.testing.do_bench`: a buffer as large as the last cache of the CPU."""
        return bytearray(b"\1") * machine.cache_size()

    def clear_cache(self, cache: bytearray) -> None:
        """Called by `triton.testing.do_bench` before each run, with that buffer: reads all of it."""
        cache.find(0)

    def allocate_default_profile_scratch(self, size: int, alignment: int, stream: Any) -> Any:
        """Called by launchers, for kernels whose metadata has a profile_scratch_size: ours have none."""
        return None


def __getattr__(name: str) -> Any:
    """`HostDriver` is a name that says whose it is. Triton looks for one driver in this module, so it is not there as such."""
    if name == "HostDriver":
        return Driver
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
