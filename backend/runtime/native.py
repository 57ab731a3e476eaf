# SPDX-License-Identifier: MIT
"""The native launcher without Triton: what it is told and what it asks, and kernels that are loaded on a device.

`kernel[grid](...)` is native code from the subscript to `cuLaunchKernelEx`, the same as with Triton (lib/Launcher/). It calls
the `run` of a kernel where a variant is launched for the first time, and `LoadedKernel.launch` where a launch needs scratch memory.
"""

from __future__ import annotations

import functools
import gc
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

from . import descriptors, dispatch, values
from .cubin import check_parameters
from .errors import LaunchError, OutOfResourcesError, VariantError

# -- Setting up


class _RuntimeKnobs:
    """Triton's knobs of these names, which are nobody's to turn here."""

    debug = False
    add_stages_inspection_hook = launch_enter_hook = launch_exit_hook = None


class _CompilationKnobs:
    """The same for these."""

    instrumentation_mode = ""
    fpsan_homomorphic_casts = False


class _Nothing:
    """Stands for the classes of Triton's of which there is no object here."""


@functools.cache
def start() -> Any:
    """The native launcher, told all it needs. Raises `LaunchError` if it cannot be loaded."""
    try:
        from . import _launcher
    except ImportError as error:
        raise LaunchError(
            f"the native launcher cannot be loaded ({error}); install triton-graft for this Python, or build it (pip install .)"
        ) from error
    knobs: Any = ModuleType("knobs")
    knobs.runtime, knobs.compilation = _RuntimeKnobs(), _CompilationKnobs()
    _launcher.set_errors(LaunchError)
    _launcher.set_triton(knobs, _Nothing, values.constexpr, values.dtype, _Nothing, (dict_of(LoadedKernel), None, None))
    _launcher.set_callbacks(
        make=lambda kernel: kernel.make_target(),
        compile=lambda kernel, grid, args, kwargs, hook_keywords: kernel.run(grid, args, kwargs),
        finish=lambda loaded, grid, stream, arguments, with_hooks: loaded.launch(grid, stream, arguments),
        subscript=lambda kernel, grid, by_run: lambda *args, **kwargs: kernel.run(grid, args, kwargs)[0],
        tune=lambda kernel, grid, args, kwargs: kernel.run(grid, args, kwargs),
        describe=lambda config, key: config.facts(key),
        go_on=lambda kernel, grid, args, kwargs, config: kernel[grid](*args, **kwargs, **config.keywords),
    )
    _launcher.set_descriptor(descriptors.TensorDescriptor)
    _launcher.set_sources(_launcher.get_current_device, _launcher.get_default_stream, True, True, False, None)
    _launcher.set_active(True)
    return _launcher


@functools.cache
def launches_natively(cls: Any) -> None:
    """Makes `kernel[grid](...)` native for kernels of the class *cls*."""
    cls.__getitem__ = start().make_getitem(cls)
    start().shorten(cls)


def own_run(kernel: Any) -> tuple[dict, tuple[dict], Any, Any]:
    """The attributes of *kernel* and of its class, as live dicts, and its `run`."""
    cls = type(kernel)
    return kernel.__dict__, (dict_of(cls),), cls.run, cls.run


def dict_of(cls: type) -> dict[str, Any]:
    """The live dict of *cls*, which it shows through a read-only view; the view refers to nothing else."""
    return gc.get_referents(vars(cls))[0]  # type: ignore[return-value]


#: The values of `Rule` in lib/Launcher/Call.h.
_CONSTEXPR, _SPECIALIZED, _TYPED, _FLOAT, _BOOL = range(5)

#: What the native launcher gives a meaning of its own: a kernel with such a parameter is launched without it.
_RESERVED = {"self", "grid", "warmup", "debug", "instrumentation_mode", "fpsan_homomorphic_casts"}
_MAX_PARAMETERS = 256


def parameters(kernel: dispatch.Kernel) -> tuple[tuple, ...] | None:
    """The parameters of *kernel* as the native `Dispatcher` takes them; None if it does not take them."""
    params = kernel["params"]
    if len(params) > _MAX_PARAMETERS or any(param["name"] in _RESERVED for param in params):
        return None
    return tuple(map(_parameter, params))


def _parameter(param: dispatch.Param) -> tuple:
    return (
        param["name"],
        tuple(dispatch.default_of(param)),
        _rule(param),
        param["align"],
        param["annotation"][:1] in ("u", "*"),  # where negative numbers are refused
        param["kind"] == "keyword",
        param["kind"] == "variadic",
    )


def _rule(param: dispatch.Param) -> int:
    annotation = param["annotation"]
    if param["constexpr"]:
        return _CONSTEXPR
    if annotation == "u1":
        return _BOOL
    if annotation[:2] in ("fp", "bf"):
        return _FLOAT
    return _SPECIALIZED if param["specialize"] else _TYPED


# -- Devices


def surroundings() -> tuple[int, int]:
    """The current device and stream: PyTorch's, if it is there and has CUDA, else those of the driver."""
    _follow_torch(sys.modules.get("torch"))
    return start().current()


@functools.lru_cache(maxsize=1)
def _follow_torch(torch: Any) -> None:
    get_stream = getattr(getattr(torch, "_C", None), "_cuda_getCurrentRawStream", None)
    if get_stream is not None:
        start().set_torch((torch.Tensor, torch.nn.Parameter), None)
        start().set_sources(torch.cuda.current_device, get_stream, False, False, True, torch.Tensor)


@functools.cache
def target_of(device: int) -> str:
    """The target of the device, such as cuda:90."""
    major, minor = start().get_device_capability(device)
    return f"cuda:{10 * major + minor}"


@functools.cache
def _shared_limit(device: int) -> int:
    """What a block can have at most, in bytes."""
    return start().get_device_properties(device)["max_shared_mem"]


def _tensor_memory_limit(target: str) -> int:
    """The columns of tensor memory of an SM, as Triton has it."""
    return 576 if target == "cuda:107" else 512


# -- Scratch memory

#: Makes the scratch memory of launches; None: nobody does.
_allocate: Callable[[int, int, int], Any] | None = None


def set_allocator(allocate: Callable[[int, int, int], Any] | None) -> None:
    """Sets the function that allocates scratch memory for launches, in all threads; None unsets it.

    It is called with a size and an alignment in bytes and the stream, and returns an address or something with `data_ptr()`.
    Kernels that were compiled with profiling on expect their memory to be zero.
    """
    global _allocate  # noqa: PLW0603 - one for the process
    _allocate = allocate


# -- Kernels on a device


class LoadedKernel:
    """A variant of a kernel that is loaded on a device; unloaded when it is collected.

    Has of `triton.compiler.CompiledKernel` what does not need Triton. Raises `BundleError` if the cubin takes other parameters than
    the bundle says, `OutOfResourcesError` if the device has too little
    for it, and `LaunchError` if the driver cannot load it.
    """

    module = None

    def __init__(self, variant: dict[str, Any], cubin: bytes, device: int):
        metadata = variant["metadata"]
        check_parameters(variant, cubin)
        self.name: str = metadata["name"]
        self.hash: str = variant["key"]
        self.metadata = SimpleNamespace(**{**metadata, "target": SimpleNamespace(**metadata["target"])})
        self.asm = {"cubin": cubin}
        self.packed_metadata = metadata["num_warps"], metadata["num_ctas"], metadata["shared"]
        self._signature = variant["specialisation"]["signature"]
        self._types = tuple(dispatch.leaves(self._signature, self._signature))
        if reason := descriptors.why_not_made(self._types, metadata.get("tensordesc_meta")):
            raise VariantError(dispatch.needs_triton({"name": self.name}, reason))
        self._maps = descriptors.map_plans(metadata.get("tensordesc_meta"))
        self._scratch = [
            (metadata[f"{kind}_scratch_size"], metadata[f"{kind}_scratch_align"]) for kind in ("global", "profile")
        ]
        self.plan = start().Plan(
            self.name,
            tuple(name for type_ in self._types for name in descriptors.parameters(type_)),
            metadata["launch_cooperative_grid"],
            metadata["launch_pdl"],
            self._maps,
        )
        self._need(metadata["shared"], _shared_limit(device), "bytes of shared memory")
        self._need(metadata.get("tmem_size", 0), _tensor_memory_limit(variant["target"]), "columns of tensor memory")
        self.module, self.function, self.n_regs, self.n_spills, self.n_max_threads = start().load_binary(
            self.name, cubin, metadata["shared"], device
        )
        self._pid, self._getpid, self._unload = os.getpid(), os.getpid, start().unload_module
        self._need(metadata["num_warps"] * metadata["target"]["warp_size"], self.n_max_threads, "threads in a block")

    def __del__(self) -> None:
        # A forked child has the number of the module, but it is its parent's.
        if self.module is not None and self._pid == self._getpid():
            self._unload(self.module)

    def __repr__(self) -> str:
        return f"<kernel {self.name} on its device, {self.n_regs} registers, {self.metadata.shared} bytes of shared memory>"

    def _need(self, needed: int, limit: int, what: str) -> None:
        if needed > limit:
            raise OutOfResourcesError(
                f"kernel '{self.name}' needs {needed} {what}, and the device has {limit}; launch a variant with smaller blocks "
                "or fewer stages"
            )

    def facts(self, kept: dict) -> tuple:
        """What the native launcher needs to launch this again by itself as long as the dict *kept* has it."""
        allocate = self._allocate_all if any(size for size, _ in self._scratch) else None
        direct = not (allocate and self._maps)
        return self, kept, self.hash, self.plan, self.function, *self.packed_metadata, direct, allocate

    def launch(self, grid: Any, stream: int, arguments: Iterable) -> None:
        """Launches with a value for each parameter, constants among them. *grid* has one to three dimensions."""
        x, y, z = (*grid, 1, 1)[:3]
        scratch = self._allocate_all((x, y, z), stream)
        passed = tuple(self._passed(arguments))
        self.plan.launch(x, y, z, stream, self.function, self.packed_metadata, None, None, None, *scratch, passed)

    def _passed(self, arguments: Iterable) -> Iterator:
        """What is passed for *arguments*, constants among it."""
        plans = iter(self._maps)
        for type_, value in zip(self._types, dispatch.leaves(self._signature, arguments), strict=True):
            if type_.startswith("tensordesc"):
                yield from descriptors.pass_on(value, next(plans), start().fill_tma_descriptor_tiled)
            else:
                yield value

    def _allocate_all(self, grid: tuple[int, int, int], stream: int) -> tuple[Any, Any]:
        """Buffers for the kernel's global and profile scratch memory; None for one that it does not use."""
        own, profile = (self._allocate(math.prod(grid), *kind, stream) for kind in self._scratch)
        return own, profile

    def _allocate(self, programs: int, size: int, alignment: int, stream: int) -> Any:
        if size == 0:
            return None
        if _allocate is None:
            raise OutOfResourcesError(
                f"kernel '{self.name}' needs {size} bytes of scratch memory for each program, and there is no allocator for it; set one with "
                "triton_graft_runtime.set_allocator(fn), where fn(size, alignment, stream) returns the memory"
            )
        return _allocate(programs * self.packed_metadata[1] * size, alignment, stream)
