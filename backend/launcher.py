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
import operator
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import triton
from triton import knobs
from triton._C.libtriton import native_specialize_impl
from triton._instrumentation import is_enabled
from triton.backends.compiler import BaseBackend
from triton.backends.driver import expand_signature
from triton.backends.nvidia import driver as nvidia
from triton.compiler import CompiledKernel
from triton.language.core import constexpr, dtype
from triton.runtime import _allocation
from triton.runtime.autotuner import Autotuner, Heuristics
from triton.runtime.jit import JITFunction, KernelParam

from . import _launcher, torch_layout
from .errors import FreezeError, LaunchError, SpecializationError
from .settings import NAME, PREFIX

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
        #: The types of nested arguments; None if there are none.
        self._nested = expanded if any(isinstance(type_, tuple) for type_ in expanded) else None
        self.plan = _launcher.Plan(
            metadata.name, tuple(_leaves(expanded, expanded)), bool(metadata.launch_cooperative_grid), bool(metadata.launch_pdl)
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
        scratch = self._allocate_scratch((grid_x, grid_y, grid_z), stream)
        if self._gsan:
            args += _gsan_arguments(stream, self._metadata.launch_pdl)
        hooks = launch_metadata, enter_hook, exit_hook
        self._launch(grid_x, grid_y, grid_z, stream, function, kernel_metadata, *hooks, *scratch, args)

    def _launch_values(self, *request: Any) -> None:
        """Launches; the last of *request* holds the arguments, with descriptors expanded."""
        values = request[-1]
        self.plan.launch(*request[:-1], tuple(values if self._nested is None else _leaves(self._nested, values)))

    def _allocate_scratch(self, grid: tuple[int, int, int], stream: int) -> tuple[Any, Any]:
        """Buffers for the kernel's global and profile scratch memory; None for one that it does not use."""
        metadata = self._metadata
        own = profile = None
        if metadata.global_scratch_size > 0:
            size = self._programs(grid) * metadata.global_scratch_size
            own = _allocation._allocator.get()(size, metadata.global_scratch_align, stream)
        if metadata.profile_scratch_size > 0:
            size = self._programs(grid) * metadata.profile_scratch_size
            has_allocator = _allocation.has_profile_allocator()
            driver = triton.runtime.driver.active
            allocate = _allocation._profile_allocator.get() if has_allocator else driver.allocate_default_profile_scratch
            profile = allocate(size, metadata.profile_scratch_align, stream)
        return own, profile

    def _programs(self, grid: tuple[int, int, int]) -> int:
        """How many CTAs a launch over *grid* has."""
        return grid[0] * grid[1] * grid[2] * getattr(self._metadata, "num_ctas", 1)


def _leaves(types: Iterable, values: Iterable) -> Iterator:
    """What *values* has where *types*, tuples nested in the same way, has types. A constant may be a tuple of its own."""
    for type_, value in zip(types, values, strict=False):
        if isinstance(type_, tuple):
            yield from _leaves(type_, value)
        else:
            yield value


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
    """What equality overlooks in *value*: types and signs, also inside."""
    if isinstance(value, tuple):
        return (type(value), *map(_kinds, value))
    if isinstance(value, constexpr):
        return (type(value), _kinds(value.value))
    # Equal objects may hold 1 and 1.0; those that show themselves by their address hold what their class compares.
    shown = None if isinstance(value, str) or type(value).__repr__ is object.__repr__ else repr(value)
    return (type(value), shown)


def create_binder(kernel: JITFunction) -> tuple:
    """What `JITFunction.create_binder` returns, with a cache of keys that tells constants apart."""
    kernels, _, target, backend, binder = kernel.create_binder()
    return kernels, TypedKeys(), target, backend, binder


# -- What the native launcher asks for


#: The values of `Rule` in lib/Launcher/Arguments.h.
_CONSTEXPR, _SPECIALIZED, _TYPED, _FLOAT, _BOOL = range(5)

#: Options that `JITFunction.run` sets at each launch.
_SET_OPTIONS = ("debug", "instrumentation_mode", "fpsan_homomorphic_casts")
#: Those, and keywords of `run`: a kernel with such a parameter is Triton's.
_RESERVED = {"self", "grid", "warmup", *_SET_OPTIONS}
_MAX_PARAMETERS = 256


def _make(launched: Any) -> Any:
    """What launches *launched* natively, kept in its attributes; None if it is to be launched by Triton."""
    if isinstance(launched, JITFunction):
        target = _make_dispatcher(launched)
    elif isinstance(launched, Autotuner):
        target = _launcher.Tuner(_own_run(launched, Autotuner), tuple(launched.arg_names), tuple(launched.keys))
    elif isinstance(launched, Heuristics):
        target = _launcher.Heuristic(_own_run(launched, Heuristics), tuple(launched.arg_names))
    else:  # the interpreter's, or somebody's own
        target = None
    if target is not None:
        launched.__dict__[f"_{NAME}_target"] = target
    return target


def _make_dispatcher(kernel: JITFunction) -> Any:
    params = kernel.params
    if len(params) > _MAX_PARAMETERS or any(param.name in _RESERVED for param in params):
        return None
    return _launcher.Dispatcher(_own_run(kernel, JITFunction), kernel.device_caches, tuple(map(_describe, params)))


def _own_run(launched: Any, origin: type) -> tuple[dict, tuple[dict, ...], Any]:
    """The attributes of *launched* and of its classes down to *origin*, as live dicts, and Triton's `run`."""
    classes = type(launched).__mro__
    classes = classes[: classes.index(origin) + 1]
    # A class shows its dict through a read-only view; the view refers to nothing else.
    return launched.__dict__, tuple(gc.get_referents(vars(base))[0] for base in classes), _runs[origin]


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
    """Stands in for a kernel as the `self` of `JITFunction.run`, and notes under which key the kernel was looked up.

    *hook_keywords* are what the pre-run hooks were given by name if they have been called: options are read before them.
    """

    def __init__(self, kernel: JITFunction, hook_keywords: dict | None):
        self._kernel = kernel
        self._kernels: dict = {}
        self._key: Any = None
        self._options: dict = {}
        if hook_keywords is not None:
            self.pre_run_hooks: list = []
            self._options = {name: hook_keywords[name] for name in _SET_OPTIONS}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kernel, name)

    @property
    def device_caches(self) -> Any:
        return self

    def __getitem__(self, device: int) -> tuple:
        self._kernels, keys, target, backend, binder = self._kernel.device_caches[device]
        if self._options:
            return self, keys, target, backend, lambda *args, **kwargs: binder(*args, **(kwargs | self._options))
        return self, keys, target, backend, binder

    def _pack_args(self, backend: Any, kwargs: dict, *bound: Any) -> tuple:
        return self._kernel._pack_args(backend, kwargs | self._options, *bound)

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


def _compile(kernel: JITFunction, grid: Any, args: tuple, kwargs: dict, hook_keywords: dict | None) -> tuple[Any, tuple | None]:
    """Launches Triton's way; returns what `run` returns, and what the native launcher may remember of it."""
    if _launcher.knows_foreign_arrays():
        args = tuple(map(_as_pointer, args))
        kwargs = {name: _as_pointer(value) for name, value in kwargs.items()}
    _follow_torch(sys.modules.get("torch"))
    recorder = _Recorder(kernel, hook_keywords)
    result = _runs[JITFunction](recorder, *args, grid=grid, warmup=False, **kwargs)  # type: ignore[arg-type]
    return result, recorder.facts(result)


def _finish(compiled: CompiledKernel, grid: Any, stream: int, values: Any) -> None:
    """Launches a variant that was found, with all that a launch can need; *values* are those of the parameters."""
    size = len(grid)
    x, y, z = grid[0], grid[1] if size > 1 else 1, grid[2] if size > 2 else 1
    metadata = compiled.launch_metadata(grid, stream, *values)
    hooks = knobs.runtime.launch_enter_hook, knobs.runtime.launch_exit_hook
    compiled.run(x, y, z, stream, compiled.function, compiled.packed_metadata, metadata, *hooks, *values)


def _tune(tuner: Autotuner, grid: Any, args: tuple, kwargs: dict) -> tuple[Any, tuple | None]:
    """Launches Triton's way, which tunes; returns what `run` returns, and what the native launcher may remember of it."""
    result = _runs[Autotuner](tuner, *args, grid=grid, warmup=False, **kwargs)
    key = None
    if len(tuner.configs) > 1:
        given = dict(zip(tuner.arg_names, args, strict=False)) | kwargs
        named = {name: value for name, value in given.items() if name in tuner.arg_names}
        values = [named[name] for name in tuner.keys if name in named]
        key = (*values, *(str(value.dtype) for value in named.values() if hasattr(value, "dtype")))
    config = tuner.configs[0] if key is None else tuner.cache.get(key)
    if config is None:
        return result, None
    keywords = config.all_kwargs()
    return result, (config, vars(config), key, tuple(keywords), tuple(keywords.values()))


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
    if isinstance(value, tuple):
        items = tuple(map(_as_pointer, value))
        if all(map(operator.is_, items, value)):
            return value
        return type(value)(*items) if hasattr(value, "_fields") else items
    described = _launcher.describe_foreign_array(value)
    return value if described is None else _ForeignArray(value, *described)


# -- Frozen launches


def freeze(
    kernel: Any, grid: Any, /, *args: Any, vary: Sequence[str], hold_gil: bool = False, **kwargs: Any
) -> Callable[..., None]:
    """A launch of *kernel* in which only the arguments named in *vary* vary; the others, and *grid*, are fixed.

        launch = freeze(add[...], (n // 1024,), x, y, out, n, BLOCK=1024, vary=("x", "out"))
        launch(x2, out2)

    *args* and *kwargs* are those of `kernel[grid](...)`, with examples for what varies. Nothing is launched now, but the kernel
    is compiled and loaded; one that is autotuned is launched once, which tunes it. A callable grid is called once, now. Knobs,
    used globals, pre-run hooks and the kernel's caches are not looked at again; launch hooks are.

    *hold_gil* saves some 70 ns: Python's other threads wait while the driver takes the launch, which is long only where about a
    thousand launches are pending. Never use it where the device waits for Python, as for a host function on a stream that
    is written in Python: if the queue is full then, neither goes on.

    Calling the result raises `SpecializationError` for an argument of another specialisation than its example: another
    type or dtype, aligned to 16 bytes or divisible by 16 or equal to 1 where the example is not, or the other way round.

    Raises `FreezeError` for what cannot vary or be frozen, and what `kernel[grid](...)` raises.
    """
    if not _launcher.is_active():
        raise FreezeError(
            f"freeze needs the native launcher: make a {NAME} Driver() the active one on a machine with a CUDA device, and "
            f"leave {PREFIX}LAUNCHER unset."
        )
    _follow_torch(sys.modules.get("torch"))  # what tells its dtypes apart must not become another afterwards
    inner, kwargs = _unwrap(kernel, grid, args, kwargs)
    names = [param.name for param in inner.params]
    bound = inner.signature.bind(*args, **{name: value for name, value in kwargs.items() if name in names})
    bound.apply_defaults()
    _check_varying(inner, vary)
    facts = _load(inner, grid, args, kwargs)
    values = tuple(bound.arguments[name] for name in names)
    size = grid(dict(zip(names, values, strict=True))) if callable(grid) else grid
    device = triton.runtime.driver.active.get_current_device()
    order = [names.index(name) for name in vary]
    params = tuple(map(_describe, inner.params))
    try:
        return _launcher.Frozen(inner, facts, device, tuple(size), params, values, order, hold_gil)
    except TypeError as error:
        raise FreezeError(f"{inner.__name__}: {error}; launch it with kernel[grid](...).") from None


def _unwrap(kernel: Any, grid: Any, args: tuple, kwargs: dict) -> tuple[JITFunction, dict]:
    """The kernel inside autotuners and heuristics, and the keyword arguments with those that they add."""
    while not isinstance(kernel, JITFunction):
        if isinstance(kernel, Autotuner):
            kernel[grid](*args, **kwargs)
            if kernel.best_config.pre_hook is not None:
                raise FreezeError(
                    "the configuration that was chosen has a pre_hook, which a frozen launch does not call; launch the kernel "
                    "with kernel[grid](...)."
                )
            kwargs = kwargs | kernel.best_config.all_kwargs()
        elif isinstance(kernel, Heuristics):
            for name, heuristic in kernel.values.items():
                named = dict(zip(kernel.arg_names, args, strict=False))
                kwargs = kwargs | {name: heuristic({**named, "grid": grid, "warmup": False, **kwargs})}
        else:
            raise FreezeError(f"freeze takes a kernel made with triton.jit, autotune or heuristics, got {kernel!r}.")
        kernel = kernel.fn
    return kernel, kwargs


def _check_varying(kernel: JITFunction, vary: Sequence[str]) -> None:
    """Raises `FreezeError` unless *vary* names parameters of *kernel* that can vary, each once."""
    params = {param.name: param for param in kernel.params}
    if isinstance(vary, str):
        raise FreezeError(f"vary={vary!r}: expected a sequence of names; write vary=({vary!r},).")
    for index, name in enumerate(vary):
        if name not in params:
            raise FreezeError(f"vary: {name!r} is no parameter of {kernel.__name__}; it has {', '.join(params)}.")
        if name in vary[:index]:
            raise FreezeError(f"vary: {name!r} is named twice.")
        if params[name].is_constexpr:
            raise FreezeError(
                f"vary: {name!r} is a constexpr, and another value is another kernel; freeze one launch for each."
            )
        if params[name]._param.kind is inspect.Parameter.VAR_POSITIONAL:
            raise FreezeError(f"vary: {name!r} takes any number of arguments, and a frozen launch passes a fixed number.")


def _load(kernel: JITFunction, grid: Any, args: tuple, kwargs: dict) -> tuple:
    """Compiles and loads *kernel* without launching it; what the native launcher needs of it."""
    recorder = _Recorder(kernel, hook_keywords=None)
    compiled = _runs[JITFunction](recorder, *args, grid=grid, warmup=True, **kwargs)  # type: ignore[arg-type]
    if compiled is None:
        raise FreezeError(f"{kernel.__name__} was not compiled: knobs.runtime.jit_cache_hook keeps it from that.")
    compiled._init_handles()
    facts = recorder.facts(compiled)
    if facts is None or not compiled._run.direct:
        raise FreezeError(
            f"{kernel.__name__} needs Python at each launch (scratch memory, tensor descriptors, a sanitiser, or asynchronous "
            "compilation) and cannot be frozen; launch it with kernel[grid](...)."
        )
    return facts


def _refuse(kernel: JITFunction, index: int, example: Any, value: Any) -> None:
    """Raises the error for *value*, which was passed to a frozen launch for the parameter number *index*."""
    param = kernel.params[index]
    specialize, align = not param.do_not_specialize, not param.do_not_specialize_on_alignment

    def describe(value: Any) -> str:
        kind, special = native_specialize_impl(BaseBackend, value, param.is_const, specialize, align)
        detail = {"D": ", a multiple of 16", "": ", not a multiple of 16"}.get(special, "")
        return f"{value!r} (the constant {value!r})" if kind == "constexpr" else f"{_short(value)} ({kind}{detail})"

    raise SpecializationError(
        f"argument '{param.name}' of {kernel.__name__} was frozen as {describe(example)} and cannot be {describe(value)}; "
        "freeze another launch for it, or use kernel[grid](...)."
    )


def _short(value: Any) -> str:
    """*value* for a message: numbers as they are, arrays by their type."""
    return repr(value) if isinstance(value, int | float) else f"a {type(value).__name__}"


# -- Switching on and off

#: Triton's own.
_runs: dict[type, Callable] = {cls: cls.run for cls in (JITFunction, Autotuner, Heuristics)}
_get_item = triton.runtime.jit.KernelInterface.__getitem__


def install(driver: Any) -> Callable[[], None] | None:
    """Makes launches native while *driver* is active; returns what undoes it, or None if Triton is not as expected."""
    if any("__getitem__" in vars(cls) or cls.__getitem__ is not _get_item for cls in _runs):
        return None
    _launcher.set_errors(LaunchError)
    _launcher.set_triton(knobs, knobs.HookChain, constexpr, dtype, JITFunction)
    _launcher.set_callbacks(_make, _compile, _finish, _get_item)
    _launcher.set_tune_callback(_tune)
    _launcher.set_frozen_callbacks(_refuse, _finish)
    follow(driver)
    ours = {cls: _launcher.make_getitem(cls) for cls in _runs}
    for cls, get_item in ours.items():
        cls.__getitem__ = get_item  # type: ignore[method-assign]
        _launcher.shorten(cls)
    _launcher.set_active(True)

    def undo() -> None:
        _launcher.set_active(False)
        _launcher.set_sources(None, None, False, False, False, None)  # *driver* may go
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


#: The torch whose tensors the native launcher knows, and whether there is nothing more to learn about them.
_known_torch: tuple[Any, bool] = (None, False)


def _follow_torch(torch: Any) -> None:
    """Tells the native launcher how torch's tensors lie in memory, those on a CUDA device once CUDA is in use."""
    global _known_torch
    if torch is None or _known_torch == (torch, True):
        return
    if torch is _known_torch[0] and not torch.cuda.is_initialized():
        return
    layout, _ = torch_layout.prove(torch)
    _launcher.set_torch((torch.Tensor, torch.nn.Parameter), layout.pack() if layout is not None else None)
    _known_torch = (torch, layout is None or layout.knows_cuda)


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


__all__ = ["Launcher", "format_stats", "freeze", "stats"]
