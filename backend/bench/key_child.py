# SPDX-License-Identifier: MIT
"""One process of `bench key`: finds all kernels of a file in the cache under one side's key, and prints what it took.

`python -m triton.backends.graft.bench.key_child SIDE FILE`; prints one line of JSON with times in seconds.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.backends.driver import DriverBase
from triton.compiler import compiler

from .startup_child import load_kernels

TARGET = GPUTarget("cuda", 90, 32)


class TritonSide(DriverBase):
    """With this driver active, kernels are compiled by Triton's own backend, without a device."""

    @classmethod
    def is_active(cls) -> bool:
        return False

    def map_python_to_cpp_type(self, ty: str) -> str:
        return ty

    def get_current_target(self) -> GPUTarget:
        return TARGET

    def get_active_torch_device(self) -> None:
        return None

    def get_benchmarker(self) -> None:
        return None

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0


def activate(side: str) -> None:
    """Makes the driver of *side*, "graft" or "triton", the active one."""
    if side == "graft":
        from ..driver import Driver

        triton.runtime.driver.set_active(Driver(target=f"cuda:{TARGET.arch}"))
    else:
        triton.runtime.driver.set_active(TritonSide())


def time_identity() -> float:
    """How long this process takes to identify the compiler."""
    start = time.perf_counter()
    triton.runtime.cache.triton_key()
    return time.perf_counter() - start


def time_look_ups(kernels: list[Any]) -> tuple[list[float], list[float]]:
    """How long each kernel takes from the request for a key to the paths of its files.

    And what each compilation takes that has to be, but for its stages: up to the first, and from the last to the stored files.
    """
    look_ups: list[float] = []
    misses: list[float] = []
    get_key, get_manager = compiler.get_cache_key, compiler.get_cache_manager
    started = 0.0

    def timed_key(*args: Any, **kwargs: Any) -> Any:
        nonlocal started
        started = time.perf_counter()
        return get_key(*args, **kwargs)

    def timed_manager(hash: str) -> Any:
        manager = get_manager(hash)
        get_group = manager.get_group

        def timed_group(name: str) -> Any:
            group = get_group(name)
            look_ups.append(time.perf_counter() - started)
            return group

        manager.get_group = timed_group
        return manager

    compiler.get_cache_key, compiler.get_cache_manager = timed_key, timed_manager

    def listen(*, times: Any, cache_hit: bool, **_: Any) -> None:
        if not cache_hit:
            misses.append((times.ir_initialization + times.store_results) / 1e6)

    triton.knobs.compilation.listener = listen
    pointer = triton.MockTensor(tl.float32)
    for kernel in kernels:
        kernel.warmup(pointer, pointer, 1000, BLOCK=128, grid=(1,))
    compiler.get_cache_key, compiler.get_cache_manager = get_key, get_manager
    return look_ups, misses


def main(side: str, path: str) -> None:
    activate(side)
    kernels = load_kernels(path)
    identity = time_identity()
    look_ups, misses = time_look_ups(kernels)
    print(json.dumps({"identity": identity, "look_ups": look_ups, "misses": misses, "end": time.time()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
