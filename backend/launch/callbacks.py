# SPDX-License-Identifier: MIT
"""What the native launcher asks of Python: a dispatcher for a kernel, a compilation, a launch that needs more than the driver."""

from __future__ import annotations

import gc
import inspect
import operator
import sys
import types
from collections.abc import Callable
from typing import Any

from triton import knobs
from triton.compiler import CompiledKernel
from triton.runtime.autotuner import Autotuner, Config, Heuristics
from triton.runtime.jit import JITFunction, KernelParam

from ..cache.current_kernels import CurrentKernels, drop_stale
from ..settings import NAME
from . import _launcher, arrays, functions, tuning
from .kernel_launcher import Launcher

#: Triton's own `run`, by the class that has it, and what stands in for it while our driver is active: a copy that is called natively.
RUNS: dict[Any, Callable] = {cls: cls.run for cls in (JITFunction, Autotuner, Heuristics)}
NATIVE_RUNS: dict[Any, Callable] = {}


def find_runs() -> None:
    """Takes Triton's own `run` of each class, unless somebody has replaced it for now."""
    for cls, known in RUNS.items():
        run = vars(cls).get("run")
        is_known = cls in NATIVE_RUNS and run in (NATIVE_RUNS[cls], known)
        if not is_known and is_tritons(cls, run):
            RUNS[cls], NATIVE_RUNS[cls] = run, functions.copy_of(run)
            # Kernels show no function a dict of their keyword arguments.
            _launcher.set_run(cls, NATIVE_RUNS[cls], run, cls is not JITFunction)
            _launcher.forget_kernels()


#: The values of `Rule` in lib/Launcher/Call.h.
CONSTEXPR, SPECIALIZED, TYPED, FLOAT, BOOL = range(5)

#: Options that `JITFunction.run` sets at each launch.
_SET_OPTIONS = ("debug", "instrumentation_mode", "fpsan_homomorphic_casts")
#: Those, and keywords of `run`: a kernel with such a parameter is Triton's.
_RESERVED = {"self", "grid", "warmup", *_SET_OPTIONS}
_MAX_PARAMETERS = 256


def make(launched: Any) -> Any:
    """What launches *launched* natively, kept in its attributes; None if it is to be launched by Triton."""
    if sum(isinstance(launched, cls) for cls in RUNS) != 1:  # the interpreter's, or of several
        target = None
    elif isinstance(launched, JITFunction):
        target = _make_dispatcher(launched)
    elif isinstance(launched, Autotuner):
        target = _launcher.Tuner(_own_run(launched, Autotuner))
    else:
        target = _launcher.Heuristic(_own_run(launched, Heuristics))
    if target is not None:
        launched.__dict__[f"_{NAME}_target"] = target
    return target


def _make_dispatcher(kernel: JITFunction) -> Any:
    params = kernel.params
    if len(params) > _MAX_PARAMETERS or any(param.name in _RESERVED for param in params):
        return None
    return _launcher.Dispatcher(_own_run(kernel, JITFunction), kernel.device_caches, tuple(map(describe, params)))


def subscript(kernel: Any, grid: Any, called: Callable | None) -> Callable[..., Any]:
    """Triton's own `kernel[grid]`, past what stands in for its `run`; *called* is Triton's own `run` if that was called."""
    run = types.MethodType(called, kernel) if called is not None else kernel.run
    for cls, native in NATIVE_RUNS.items():
        if getattr(run, "__func__", None) is native and run.__self__ is kernel:
            run = types.MethodType(RUNS[cls], kernel)
    return lambda *args, **kwargs: run(*args, grid=grid, warmup=False, **kwargs)


def _own_run(launched: Any, origin: type) -> tuple[dict, tuple[dict, ...], Any, Any]:
    """The attributes of *launched* and of its classes down to *origin*, as live dicts, and what stands in for Triton's `run`."""
    classes = type(launched).__mro__
    classes = classes[: classes.index(origin) + 1]
    return (
        launched.__dict__,
        tuple(map(_dict_of, classes)),
        NATIVE_RUNS.get(origin),
        RUNS[origin] if origin in NATIVE_RUNS else None,
    )


def _dict_of(cls: type) -> dict:
    """The live dict of *cls*, which it shows through a read-only view; the view refers to nothing else."""
    return gc.get_referents(vars(cls))[0]  # type: ignore[return-value]


def compiled_kernel() -> tuple[dict, Any, Any]:
    """The dict of `CompiledKernel`, and Triton's own `run` and `launch_metadata` of it; None for one that was replaced before."""
    run, metadata = (
        method if is_tritons(CompiledKernel, method) else None
        for method in map(vars(CompiledKernel).get, ("run", "launch_metadata"))
    )
    return _dict_of(CompiledKernel), run, metadata


def is_tritons(cls: type, method: Any) -> bool:
    """Whether *method* of *cls*, which may be a property, is a function of the module of that class."""
    function = getattr(method, "fget", method)
    return type(function) is types.FunctionType and function.__globals__ is vars(sys.modules[cls.__module__])


def describe(param: KernelParam) -> tuple:
    """*param* as the native `Dispatcher` takes it."""
    annotation = param.annotation_type
    if param.is_constexpr:
        rule = CONSTEXPR
    elif annotation == "u1":
        rule = BOOL
    elif annotation[:2] in ("fp", "bf"):
        rule = FLOAT
    else:
        rule = TYPED if param.do_not_specialize else SPECIALIZED
    return (
        param.name,
        (param.default,) if param.has_default else (),
        rule,
        not param.do_not_specialize_on_alignment,
        annotation[:1] in ("u", "*"),  # where negative numbers are refused
        param._param.kind is inspect.Parameter.KEYWORD_ONLY,
        param._param.kind is inspect.Parameter.VAR_POSITIONAL,
    )


class Recorder:
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
        found = self._kernels.get(key)
        if found is None or type(self._kernels) is CurrentKernels:
            return default if found is None else found
        return default if drop_stale(self._kernel, self._kernels, key, found) else found

    def facts(self, result: Any) -> tuple | None:
        """What the native launcher needs to launch *result* again by itself, or None if it may not."""
        # Whether it is current is asked when it is launched again.
        return self.describe(result) if dict.get(self._kernels, self._key) is result else None

    def describe(self, result: Any) -> tuple | None:
        """The same whether or not the kernel's caches have it: another thread may have cleared them, or compiled it, too."""
        if type(result) is not CompiledKernel:
            return None
        launcher = result._run  # type: ignore[union-attr]
        if type(launcher) is not Launcher:
            return None
        config = (result.function, *result.packed_metadata)  # type: ignore[union-attr]
        return (result, self._kernels, self._key, launcher.plan, *config, launcher.direct, launcher.allocate)


def compile_and_launch(
    kernel: JITFunction, grid: Any, args: tuple, kwargs: dict, hook_keywords: dict | None
) -> tuple[Any, tuple | None]:
    """Launches Triton's way; returns what `run` returns, and what the native launcher may remember of it."""
    if _launcher.knows_foreign_arrays():
        args = tuple(map(_as_pointer, args))
        kwargs = {name: _as_pointer(value) for name, value in kwargs.items()}
    arrays.follow_torch(sys.modules.get("torch"))
    recorder = Recorder(kernel, hook_keywords)
    result = RUNS[JITFunction](recorder, *args, grid=grid, warmup=False, **kwargs)  # type: ignore[arg-type]
    return result, recorder.facts(result)


def finish(compiled: CompiledKernel, grid: Any, stream: int, values: Any, with_hooks: bool) -> None:
    """Launches a variant that was found, with all that a launch can need; *values* are those of the parameters.

    *with_hooks*: with launch hooks, which have not been called before.
    """
    size = len(grid)
    x, y, z = grid[0], grid[1] if size > 1 else 1, grid[2] if size > 2 else 1
    metadata = compiled.launch_metadata(grid, stream, *values) if with_hooks else None
    hooks = (knobs.runtime.launch_enter_hook, knobs.runtime.launch_exit_hook) if with_hooks else (None, None)
    compiled.run(x, y, z, stream, compiled.function, compiled.packed_metadata, metadata, *hooks, *values)


def tune(tuner: Autotuner, grid: Any, args: tuple, kwargs: dict) -> tuple[Any, tuple | None]:
    """Launches Triton's way, which tunes; returns what `run` returns, and what the native launcher may remember of it."""
    tuning.observe(tuner)
    result = RUNS[Autotuner](tuner, *args, grid=grid, warmup=False, **kwargs)
    key = tuning.key_of(tuner, dict(zip(tuner.arg_names, args, strict=False)) | kwargs)
    config = tuner.configs[0] if key is None else tuner.cache.get(key)
    return result, describe_config(config, key)


def describe_config(config: Any, key: tuple | None) -> tuple | None:
    """What the native launcher may remember of *config*, which was chosen for *key*; None if that is nothing."""
    if type(config) is not Config or type(config.kwargs) is not dict:
        return None
    keywords = config.all_kwargs()
    if not all(type(name) is str for name in keywords):
        return None
    dicts = vars(config), config.kwargs, _dict_of(Config)
    return (config, *dicts, key, tuple(keywords), tuple(keywords.values()))


def go_on(inner: Any, grid: Any, args: tuple, kwargs: dict, config: Config | None) -> Any:
    """What `run` of an autotuner or heuristics ends in, where their keywords are not what they were, or have odd names."""
    return inner.run(*args, grid=grid, warmup=False, **kwargs, **(config.all_kwargs() if config is not None else {}))


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
