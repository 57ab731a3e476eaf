# SPDX-License-Identifier: MIT
"""The driver: what Triton asks of the machine. It compiles without the chip; launching is to be written."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NoReturn

from triton.backends.compiler import GPUTarget
from triton.backends.driver import Benchmarker, DriverBase

from .compiler import NAME
from .errors import NotWrittenError

#: The C++ type of a kernel's argument, by Triton's type; pointers are addresses on the chip.
CPP_TYPES = {
    "i1": "int8_t", "i8": "int8_t", "i16": "int16_t", "i32": "int32_t", "i64": "int64_t",
    "u1": "uint8_t", "u8": "uint8_t", "u16": "uint16_t", "u32": "uint32_t", "u64": "uint64_t",
    "fp16": "double", "bf16": "double", "fp32": "double", "fp64": "double",
}  # fmt: skip


def _to_be_written(what: str, where: str) -> NoReturn:
    raise NotWrittenError(f"{what} is to be written: {where} in backend/driver.py, with what the chip's runtime offers.")


class Launcher:
    """Launches a kernel. `CompiledKernel` makes one before a kernel's first launch, even before the kernel is loaded."""

    def __init__(self, src: Any, metadata: Any) -> None:
        """*src.signature* has the types of the arguments; *metadata* is what the stages left, and `metadata.name` the kernel's name."""
        _to_be_written(f"launching the kernel {metadata.name} on {NAME}", "Launcher, and Utils.load_binary before it,")

    def __call__(self, grid_x: int, grid_y: int, grid_z: int, stream: Any, function: Any, packed: tuple, *rest: Any) -> None:
        """Called at each launch: *packed* is from `Backend.pack_metadata`; *rest* is launch metadata, two hooks, and the arguments."""


class Utils:
    """The device itself, for `CompiledKernel`."""

    def load_binary(self, name: str, binary: bytes, shared: int, device: int) -> tuple[Any, Any, int, int, int]:
        """Called before a kernel's first launch: gives module, function, registers, spills, and threads that a program may have."""
        _to_be_written(f"loading the kernel {name} on {NAME}", "Utils.load_binary")

    def unload_module(self, module: Any) -> None:
        """Called when a kernel that was loaded dies."""

    def get_device_properties(self, device: int) -> dict[str, int]:
        """Called before the first launch for max_shared_mem, and by `triton.testing` for clocks, bus width and multiprocessors.

        Triton keeps max_shared_mem by the number of the device, and asks no second driver that has a device of that number.
        """
        _to_be_written(f"what a device of {NAME} has", "Utils.get_device_properties")


class Driver(DriverBase):
    """`triton.runtime.driver.set_active(Driver())`, or `TRITON_DEFAULT_BACKEND=host`: kernels are compiled for host from then on."""

    def __init__(self, arch: int = 1) -> None:
        """Called by whoever makes it active, or by Triton for the default driver, without arguments."""
        super().__init__()
        self.target = GPUTarget(NAME, arch, 1)
        #: Asked by `CompiledKernel` before the first launch of a kernel, and by `triton.testing`.
        self.utils = Utils()
        self.launcher_cls: Callable[[Any, Any], Any] = Launcher

    @classmethod
    def is_active(cls) -> bool:
        """Called on every backend's class, once, when no driver was chosen: of all, exactly one may say yes, so only who was asked for."""
        return os.environ.get("TRITON_DEFAULT_BACKEND") == NAME

    def get_current_target(self) -> GPUTarget:
        """Called by a kernel's first launch on a device, by `triton.compile` without a target, and by kernels that ask for their chip."""
        return self.target

    def get_current_device(self) -> int:
        """Called at each launch: kernels are compiled once for each device."""
        return 0

    def set_current_device(self, device: int) -> None:
        """Called by programs and frameworks, not by Triton itself."""

    def get_current_stream(self, device: int) -> int:
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
        _to_be_written(f"PyTorch's device for {NAME}", "get_active_torch_device")

    def get_device_interface(self) -> Any:
        """Called by `triton.testing.do_bench`: a module like `torch.cuda`, with events and synchronize."""
        _to_be_written(f"PyTorch's device interface for {NAME}", "get_device_interface")

    def get_empty_cache_for_benchmark(self) -> Any:
        """Called by `triton.testing.do_bench`: a buffer as large as the chip's caches."""
        _to_be_written(f"a benchmark on {NAME}", "get_empty_cache_for_benchmark")

    def clear_cache(self, cache: Any) -> None:
        """Called by `triton.testing.do_bench` before each run, with that buffer."""
        cache.zero_()

    def allocate_default_profile_scratch(self, size: int, alignment: int, stream: Any) -> Any:
        """Called by launchers, for kernels whose metadata has a profile_scratch_size, if no profiler brought an allocator."""
        _to_be_written(f"profiling on {NAME}", "allocate_default_profile_scratch")
