# SPDX-License-Identifier: MIT
"""The launcher's Python side: switching it on and off, and asking what became of launches.

While our driver is active, `kernel[grid](...)` is native code (`lib/Launcher/`, the extension `_launcher`) from the subscript to
`cuLaunchKernelEx`. Python runs where a variant of a kernel is launched for the first time, which is Triton's own `run` with
somebody looking over its shoulder, and where a launch needs what only Triton's launcher does, such as a sanitiser (`callbacks`,
`kernel_launcher`).
"""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable
from typing import Any

import triton
from triton import knobs
from triton.backends.nvidia import driver as nvidia
from triton.language.core import constexpr, dtype
from triton.runtime.autotuner import Heuristics
from triton.runtime.jit import JITFunction

from ..cache.current_kernels import still_holds
from ..cache.reads import ABSENT, UNSTABLE
from ..runtime.errors import LaunchError
from ..settings import NAME
from . import _launcher, arrays, callbacks, functions
from .freezing import freeze, refuse
from .kernel_launcher import Launcher

#: What stands in for `CudaUtils`, which Triton compiles in every new cache folder: the extension has the same functions.
utils = _launcher

# -- A driver that launches natively


def prepare(driver: Any) -> None:
    """Sets what `CudaDriver.__init__` sets in *driver*; no C compiler is needed."""
    driver.launches_natively = True
    driver.utils = utils
    driver.launcher_cls = Launcher
    if "torch" in sys.modules:
        super(nvidia.CudaDriver, driver).__init__()  # PyTorch's functions
        return
    driver.get_device_capability = driver._get_device_capability
    driver.get_current_stream = driver._get_current_stream
    driver.get_current_device = driver._get_current_device
    driver.set_current_device = driver._set_current_device


# -- Switching on and off

#: Triton's own.
_get_item = triton.runtime.jit.KernelInterface.__getitem__


def install(driver: Any) -> Callable[[], None] | None:
    """Makes launches native while *driver* is active; returns what undoes it, or None if Triton is not as expected."""
    if any("__getitem__" in vars(cls) or cls.__getitem__ is not _get_item for cls in callbacks.RUNS):
        return None
    _launcher.set_errors(LaunchError)
    _launcher.set_triton(knobs, knobs.HookChain, constexpr, dtype, JITFunction, callbacks.compiled_kernel())
    _launcher.set_callbacks(
        make=callbacks.make,
        compile=callbacks.compile_and_launch,
        finish=callbacks.finish,
        subscript=callbacks.subscript,
        tune=callbacks.tune,
        describe=callbacks.describe_config,
        go_on=callbacks.go_on,
        refuse=refuse,
        still_holds=still_holds,
    )
    _launcher.set_reads(ABSENT, UNSTABLE)
    follow(driver)
    ours = {cls: _make_getitem(cls) for cls in callbacks.RUNS}
    for cls, get_item in ours.items():
        cls.__getitem__ = get_item
        _launcher.shorten(cls)
    give_back_runs = _replace_runs()
    _launcher.set_active(True)

    def undo() -> None:
        _launcher.set_active(False)
        _launcher.set_sources(None, None, False, False, False, None)  # *driver* may go
        give_back_runs()
        for cls, get_item in ours.items():
            if vars(cls).get("__getitem__") is get_item:
                del cls.__getitem__

    return undo


def _make_getitem(cls: type) -> Any:
    """A `__getitem__` for *cls*. PyTorch's compiler knows kernels and autotuners, and traces that of heuristics."""
    if cls is not Heuristics:
        return _launcher.make_getitem(cls)
    made = functions.copy_of(_get_item)
    _launcher.set_getitem(made)
    return made


def _replace_runs() -> Callable[[], None]:
    """Puts ours where a class has Triton's own `run`; returns what undoes it. Another one is its owner's to call."""
    callbacks.find_runs()
    for cls, run in callbacks.RUNS.items():
        if vars(cls)["run"] is run and cls in callbacks.NATIVE_RUNS:
            cls.run = callbacks.NATIVE_RUNS[cls]

    def undo() -> None:
        # Also where somebody took a run of their own away again, and put ours back.
        for cls, run in callbacks.RUNS.items():
            if vars(cls).get("run") is callbacks.NATIVE_RUNS.get(cls):
                cls.run = run

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
    arrays.follow_torch(torch)


# -- Statistics


def stats() -> dict[str, int]:
    """How many launches of this process took the native path (`launched`), and how many did not, by reason."""
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


__all__ = ["Launcher", "follow", "format_stats", "freeze", "install", "prepare", "print_stats_at_exit", "stats", "utils"]
