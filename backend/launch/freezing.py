# SPDX-License-Identifier: MIT
"""Frozen launches: a variant, a grid and most arguments fixed once, launched with the rest."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any

import triton
from triton._C.libtriton import native_specialize_impl
from triton.backends.compiler import BaseBackend
from triton.runtime.autotuner import Autotuner, Heuristics
from triton.runtime.jit import JITFunction

from ..errors import did_you_mean
from ..settings import NAME, PREFIX
from . import _launcher, arrays, callbacks
from .errors import FreezeError, SpecializationError


def freeze(
    kernel: Any, grid: Any, /, *args: Any, vary: Sequence[str], hold_gil: bool = False, **kwargs: Any
) -> Callable[..., None]:
    """A launch of *kernel* in which only the arguments named in *vary* change. The others, and *grid*, are fixed.

        launch = freeze(add[...], (n // 1024,), x, y, out, n, BLOCK=1024, vary=("x", "out"))
        launch(x2, out2)

    *args* and *kwargs* are those of `kernel[grid](...)`, with examples for the arguments that change. The kernel is compiled and
    loaded, but not launched. An autotuned kernel is launched once, to tune it. A callable grid is called once. Later calls look at
    launch hooks, but no longer at knobs, globals that the kernel uses, pre-run hooks and the kernel's caches.

    *hold_gil* saves about 70 ns a launch. Other Python threads then wait while the driver takes the launch. That is long only when
    about a thousand launches are pending. Never use it where the device waits for Python, as for a host function in Python on a
    stream: with a full queue, both would wait for ever.

    Calling the result raises `SpecializationError` for an argument that Triton would compile another kernel for than for its
    example. Such an argument has another type or dtype, or only one of the two is 1, divisible by 16, or aligned to 16 bytes.

    Raises `FreezeError` for what cannot change or be frozen, and whatever `kernel[grid](...)` raises.
    """
    if not _launcher.is_active():
        raise FreezeError(
            f"freeze needs the native launcher: make a {NAME} Driver() the active one on a machine with a CUDA device, and "
            f"leave {PREFIX}LAUNCHER unset."
        )
    arrays.follow_torch(sys.modules.get("torch"))  # what tells its dtypes apart must not become another afterwards
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
    params = tuple(map(callbacks.describe, inner.params))
    try:
        return _launcher.Frozen(inner, facts, device, tuple(size), params, values, order, hold_gil)
    except TypeError as error:
        raise FreezeError(f"{inner.__name__}: {error}; launch it with kernel[grid](...).") from None


def _unwrap(kernel: Any, grid: Any, args: tuple, kwargs: dict) -> tuple[JITFunction, dict]:
    """The kernel inside autotuners and heuristics, and the keyword arguments with those that they add."""
    while True:
        _check_run(kernel)
        if isinstance(kernel, JITFunction):
            return kernel, kwargs
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


def _check_run(kernel: Any) -> None:
    """Raises `FreezeError` for a kernel whose `run` is not Triton's."""
    run = getattr(getattr(kernel, "run", None), "__func__", None)
    if isinstance(kernel, tuple(callbacks.RUNS)) and run not in (*callbacks.NATIVE_RUNS.values(), *callbacks.RUNS.values()):
        raise FreezeError(
            f"{kernel!r} has a run of its own, which a frozen launch does not call; launch the kernel with kernel[grid](...)."
        )


def _check_varying(kernel: JITFunction, vary: Sequence[str]) -> None:
    """Raises `FreezeError` unless *vary* names parameters of *kernel* that can vary, each once."""
    params = {param.name: param for param in kernel.params}
    if isinstance(vary, str):
        raise FreezeError(f"vary={vary!r}: expected a sequence of names; write vary=({vary!r},).")
    for index, name in enumerate(vary):
        if name not in params:
            raise FreezeError(
                f"vary: {name!r} is not a parameter of {kernel.__name__}; it has {', '.join(params)}{did_you_mean(name, params) or '.'}"
            )
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
    recorder = callbacks.Recorder(kernel, hook_keywords=None)
    compiled = callbacks.RUNS[JITFunction](recorder, *args, grid=grid, warmup=True, **kwargs)  # type: ignore[arg-type]
    if compiled is None:
        raise FreezeError(f"{kernel.__name__} was not compiled: knobs.runtime.jit_cache_hook keeps it from that.")
    compiled._init_handles()
    facts = recorder.describe(compiled)
    if facts is None or not compiled._run.direct:
        raise FreezeError(
            f"{kernel.__name__} needs Python at each launch (tensor descriptors before compute capability 9.0 or beside "
            "scratch memory, a sanitiser, or asynchronous compilation) and cannot be frozen; launch it with kernel[grid](...)."
        )
    return facts


def refuse(kernel: JITFunction, index: int, example: Any, value: Any) -> None:
    """Raises the error for *value*, which was passed to a frozen launch for the parameter number *index*."""
    param = kernel.params[index]
    specialize, align = not param.do_not_specialize, not param.do_not_specialize_on_alignment

    def shown(value: Any) -> str:
        kind, special = native_specialize_impl(BaseBackend, value, param.is_const, specialize, align)
        detail = {"D": ", a multiple of 16", "": ", not a multiple of 16"}.get(special, "")
        return f"{value!r} (the constant {value!r})" if kind == "constexpr" else f"{_short(value)} ({kind}{detail})"

    raise SpecializationError(
        f"argument '{param.name}' of {kernel.__name__} was frozen as {shown(example)} and cannot be {shown(value)}; "
        "freeze another launch for it, or use kernel[grid](...)."
    )


def _short(value: Any) -> str:
    """*value* for a message: numbers as they are, arrays by their type."""
    return repr(value) if isinstance(value, int | float) else f"a {type(value).__name__}"
