# SPDX-License-Identifier: MIT
"""The launcher's Python side: what the native launcher is told, what it asks for, and what it leaves to Triton.

While our driver is active, `kernel[grid](...)` is native code (`lib/Launcher/`, the extension `_launcher`) from the subscript to
`cuLaunchKernelEx`. Python runs where a variant of a kernel is launched for the first time, which is Triton's own `run` with
somebody looking over its shoulder, and where a launch needs more than the driver: hooks that do something, scratch memory,
tensor descriptors.
"""

from __future__ import annotations

import atexit
import gc
import inspect
import sys
from collections.abc import Callable
from typing import Any

import triton
from triton import knobs
from triton._instrumentation import is_enabled
from triton.backends.driver import expand_signature
from triton.backends.nvidia import driver as nvidia
from triton.compiler import CompiledKernel
from triton.language.core import constexpr, dtype
from triton.runtime import _allocation
from triton.runtime.jit import JITFunction, KernelParam

from . import _launcher, torch_layout
from .errors import LaunchError
from .settings import NAME

#: What stands in for `CudaUtils`, which Triton compiles in every new cache folder: the extension has the same functions.
utils = _launcher

# -- What Triton calls to launch a compiled kernel


class Launcher:
    """Launches one compiled kernel: Triton makes one when it loads a kernel, and calls it with what `run` has worked out.

    The native launcher needs `plan` alone where `direct` is true.
    """

    def __init__(self, src: Any, metadata: Any):
        signature = dict(src.signature)
        self._metadata = metadata
        self._gsan = is_enabled(metadata, "gsan")
        if self._gsan:
            signature |= {"_gsan_globals": "*i8", "_gsan_launch_table": "*i8", "_gsan_launch_index": "i64"}
        descriptors = getattr(metadata, "tensordesc_meta", None)
        expanded = expand_signature(signature.values(), descriptors, "nvTmaDesc")
        self._is_flat = not any(isinstance(type_, tuple) for type_ in expanded)
        self.plan = _launcher.Plan(
            metadata.name, tuple(_flatten(expanded)), bool(metadata.launch_cooperative_grid), bool(metadata.launch_pdl)
        )
        self._launch = nvidia.wrap_handle_tensordesc(self._launch_values, signature, descriptors)
        #: Whether launching takes nothing but the arguments and the driver.
        self.direct = (
            not self._gsan
            and self._launch == self._launch_values
            and metadata.global_scratch_size == 0
            and metadata.profile_scratch_size == 0
        )

    def __call__(
        self,
        grid_x: int,
        grid_y: int,
        grid_z: int,
        stream: int,
        function: int,
        kernel_metadata: tuple[int, int, int],
        launch_metadata: Any,
        enter_hook: Callable | None,
        exit_hook: Callable | None,
        *args: Any,
    ) -> None:
        """Launches with the arguments *args*, constexprs among them. *kernel_metadata*: warps, CTAs, shared memory in bytes."""
        scratch = self._allocate_scratch(grid_x * grid_y * grid_z, stream)
        if self._gsan:
            args += _gsan_arguments(stream, self._metadata.launch_pdl)
        if enter_hook is not None:
            enter_hook(launch_metadata)
        self._launch(grid_x, grid_y, grid_z, stream, function, kernel_metadata, *scratch, args)
        if exit_hook is not None:
            exit_hook(launch_metadata)

    def _launch_values(self, *request: Any) -> None:
        """Launches; the last of *request* holds the arguments, with descriptors expanded."""
        values = request[-1]
        self.plan.launch(*request[:-1], tuple(values if self._is_flat else _flatten(values)))

    def _allocate_scratch(self, programs: int, stream: int) -> tuple[Any, Any]:
        """Buffers for the kernel's global and profile scratch memory; None for one that it does not use."""
        metadata, ctas = self._metadata, programs * getattr(self._metadata, "num_ctas", 1)
        own = profile = None
        if metadata.global_scratch_size > 0:
            allocate = _allocation._allocator.get()
            own = allocate(ctas * metadata.global_scratch_size, metadata.global_scratch_align, stream)
        if metadata.profile_scratch_size > 0:
            has_allocator = _allocation.has_profile_allocator()
            driver = triton.runtime.driver.active
            allocate = _allocation._profile_allocator.get() if has_allocator else driver.allocate_default_profile_scratch
            profile = allocate(ctas * metadata.profile_scratch_size, metadata.profile_scratch_align, stream)
        return own, profile


def _flatten(values: Any) -> list:
    """The leaves of nested tuples and lists, in order."""
    return [leaf for value in values for leaf in (_flatten(value) if isinstance(value, tuple) else (value,))]


def _gsan_arguments(stream: int, pdl: bool) -> tuple[int, int, int]:
    """What the GPU sanitiser has a kernel take besides its own arguments."""
    driver = triton.runtime.driver.active
    if driver.utils.is_stream_capturing(stream):
        raise RuntimeError("GSan does not support CUDA graph capture")
    from triton.experimental.gsan import _allocator, _stream_sync

    device = driver.get_current_device()
    state = _allocator.get_global_state_pointer()
    state += _allocator.get_device_rank(device) * nvidia.GSAN_PER_DEVICE_STATE_STRIDE
    return (state, *_stream_sync.get_launch_state(device, stream, pdl))


# -- Kernel caches that tell constants apart


class TypedKeys(dict):
    """A kernel's cache of keys, in which constants are equal only if their types and signs are.

    To a dict, 0, 0.0, -0.0 and False are one key, and a kernel that was given one of them would be launched for all.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get((key, _kinds(key[0])), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__((key, _kinds(key[0])), value)


def _kinds(value: Any) -> Any:
    """What equality overlooks in *value*."""
    if isinstance(value, tuple):
        return (type(value), *map(_kinds, value))
    if isinstance(value, constexpr):
        return (type(value), _kinds(value.value))
    return (float, repr(value)) if isinstance(value, float) else type(value)


def create_binder(kernel: JITFunction) -> tuple:
    """What `JITFunction.create_binder` returns, with a cache of keys that tells constants apart."""
    kernels, _, target, backend, binder = kernel.create_binder()
    return kernels, TypedKeys(), target, backend, binder


# -- What the native launcher asks for


#: The values of `Rule` in lib/Launcher/Arguments.h.
_CONSTEXPR, _SPECIALIZED, _TYPED, _FLOAT, _BOOL = range(5)

#: Keywords of `JITFunction.run` and options that it sets at each launch: a kernel with such a parameter is Triton's.
_RESERVED = {"grid", "warmup", "debug", "instrumentation_mode", "fpsan_homomorphic_casts"}
_MAX_PARAMETERS = 256


def _make(kernel: Any) -> Any:
    """The native dispatcher for *kernel*, kept in its attributes; None if the kernel is to be launched by Triton."""
    params = getattr(kernel, "params", None)
    if not isinstance(kernel, JITFunction) or params is None:
        return None
    if len(params) > _MAX_PARAMETERS or any(param.name in _RESERVED for param in params):
        return None
    dispatcher = _launcher.Dispatcher(
        kernel.__dict__, kernel.device_caches, _class_dicts(type(kernel)), tuple(map(_describe, params))
    )
    kernel.__dict__[f"_{NAME}_dispatcher"] = dispatcher
    return dispatcher


def _class_dicts(cls: type) -> tuple[dict, ...]:
    """The attributes of *cls* and its bases down to `JITFunction`, as live dicts."""
    classes = cls.__mro__[: cls.__mro__.index(JITFunction) + 1]
    # A class shows its dict through a read-only view; the view refers to nothing else.
    return tuple(gc.get_referents(vars(base))[0] for base in classes)


def _describe(param: KernelParam) -> tuple:
    """*param* as the native `Dispatcher` takes it."""
    annotation = param.annotation_type
    if param.is_constexpr:
        rule = _CONSTEXPR
    elif annotation == "u1":
        rule = _BOOL
    elif annotation[:2] in ("fp", "bf"):
        rule = _FLOAT
    else:
        rule = _TYPED if param.do_not_specialize else _SPECIALIZED
    return (
        param.name,
        (param.default,) if param.has_default else (),
        rule,
        not param.do_not_specialize_on_alignment,
        annotation[:1] in ("u", "*"),  # where negative numbers are refused
        param._param.kind is inspect.Parameter.KEYWORD_ONLY,
        param._param.kind is inspect.Parameter.VAR_POSITIONAL,
    )


class _Recorder:
    """Stands in for a kernel as the `self` of `JITFunction.run`, and notes under which key the kernel was looked up."""

    def __init__(self, kernel: JITFunction, hooks_called: bool):
        self._kernel = kernel
        self._kernels: dict = {}
        self._key: Any = None
        if hooks_called:
            self.pre_run_hooks: list = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kernel, name)

    @property
    def device_caches(self) -> Any:
        return self

    def __getitem__(self, device: int) -> tuple:
        self._kernels, *rest = self._kernel.device_caches[device]
        return (self, *rest)

    def get(self, key: Any, default: Any = None) -> Any:
        self._key = key
        return self._kernels.get(key, default)

    def facts(self, result: Any) -> tuple | None:
        """What the native launcher needs to launch *result* again by itself, or None if it may not."""
        if type(result) is not CompiledKernel or self._kernels.get(self._key) is not result:
            return None
        launcher = result._run
        if type(launcher) is not Launcher:
            return None
        return (result, self._kernels, self._key, launcher.plan, result.function, *result.packed_metadata, launcher.direct)


def _compile(kernel: JITFunction, grid: Any, args: tuple, kwargs: dict, hooks_called: bool) -> tuple[Any, tuple | None]:
    """Launches Triton's way; returns what `run` returns, and what the native launcher may remember of it."""
    if _launcher.knows_foreign_arrays():
        args = tuple(map(_as_pointer, args))
        kwargs = {name: _as_pointer(value) for name, value in kwargs.items()}
    recorder = _Recorder(kernel, hooks_called)
    result = _run(recorder, *args, grid=grid, warmup=False, **kwargs)  # type: ignore[arg-type]
    return result, recorder.facts(result)


def _finish(compiled: CompiledKernel, grid: Any, stream: int, values: Any) -> None:
    """Launches a variant that was found, with all that a launch can need; *values* are those of the parameters."""
    size = len(grid)
    x, y, z = grid[0], grid[1] if size > 1 else 1, grid[2] if size > 2 else 1
    metadata = compiled.launch_metadata(grid, stream, *values)
    hooks = knobs.runtime.launch_enter_hook, knobs.runtime.launch_exit_hook
    compiled.run(x, y, z, stream, compiled.function, compiled.packed_metadata, metadata, *hooks, *values)


class _ForeignArray:
    """An array that has DLPack's C interface but neither `data_ptr` nor Triton's dtypes, as Triton's own path takes it."""

    def __init__(self, array: Any, address: int, dtype_name: str):
        self._array, self._address, self.dtype = array, address, dtype_name

    def data_ptr(self) -> int:
        return self._address

    def __getattr__(self, name: str) -> Any:
        return getattr(self._array, name)


def _as_pointer(value: Any) -> Any:
    """*value*, or what stands for it on Triton's own path."""
    described = _launcher.describe_foreign_array(value)
    return value if described is None else _ForeignArray(value, *described)


# -- Switching on and off

#: Triton's own.
_run = JITFunction.run
_get_item = triton.runtime.jit.KernelInterface.__getitem__

_LAUNCHED = (JITFunction,)


def install(driver: Any) -> Callable[[], None] | None:
    """Makes launches native while *driver* is active; returns what undoes it, or None if Triton is not as expected."""
    if any("__getitem__" in vars(cls) or cls.__getitem__ is not _get_item for cls in _LAUNCHED):
        return None
    _launcher.set_errors(LaunchError)
    _launcher.set_triton(knobs, knobs.HookChain, constexpr, dtype, JITFunction)
    _launcher.set_callbacks(_make, _compile, _finish, _run)
    follow(driver)
    ours = {cls: _launcher.make_getitem(cls) for cls in _LAUNCHED}
    for cls, get_item in ours.items():
        cls.__getitem__ = get_item  # type: ignore[method-assign]
    _launcher.set_active(True)

    def undo() -> None:
        _launcher.set_active(False)
        for cls, get_item in ours.items():
            if vars(cls).get("__getitem__") is get_item:
                del cls.__getitem__

    return undo


def follow(driver: Any) -> None:
    """Tells the native launcher where *driver* has the current device and stream from."""
    torch = sys.modules.get("torch")
    get_device, get_stream = driver.get_current_device, driver.get_current_stream
    torch_device = torch is not None and get_device is torch.cuda.current_device
    torch_stream = torch is not None and get_stream is getattr(torch._C, "_cuda_getCurrentRawStream", None)
    _launcher.set_sources(
        get_device,
        get_stream,
        get_device == driver._get_current_device,
        get_stream == driver._get_current_stream,
        torch_device,
        torch.Tensor if torch is not None and torch_stream else None,
    )
    _follow_torch(torch)


#: The torch whose tensors the native launcher knows.
_known_torch: Any = None


def _follow_torch(torch: Any) -> None:
    """Tells the native launcher how torch's tensors lie in memory, once that is known."""
    global _known_torch
    if torch is None or torch is _known_torch:
        return
    layout, _ = torch_layout.prove(torch)
    _launcher.set_torch((torch.Tensor, torch.nn.Parameter), layout.pack() if layout is not None else None)
    _known_torch = torch


# -- Statistics


def stats() -> dict[str, int]:
    """How many launches of this process went which way, by reason; `launched` are those of the fast path."""
    return _launcher.stats()


def format_stats(counts: dict[str, int]) -> str:
    """*counts* as lines of text, the most frequent first."""
    lines = [f"{count:>12}  {reason}" for reason, count in sorted(counts.items(), key=lambda item: -item[1])]
    return "\n".join([f"{NAME}: launches by what became of them", *lines, ""])


def print_stats_at_exit() -> None:
    """Has the statistics printed when the process ends."""
    atexit.unregister(_print_stats)
    atexit.register(_print_stats)


def _print_stats() -> None:
    sys.stderr.write(format_stats(stats()))


__all__ = ["Launcher", "format_stats", "stats"]
