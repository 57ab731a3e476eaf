# SPDX-License-Identifier: MIT
"""What the launcher adds to the core: launches that are native code, and what Triton's own launches need beside it."""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from .. import hooks, replacing
from ..errors import GraftWarning
from ..settings import PREFIX, flag_for_process
from ..wings import Fact, Hook, Problem, State, Wing

_Install = Callable[[], Callable[[], None] | None]


def _if_native(install: _Install) -> _Install:
    """*install*, or nothing to undo where the native launcher is not used."""
    return lambda: install() if hooks.active_driver().launches_natively else lambda: None


# -- JITFunction.__getitem__: kernel[grid](...) without Triton's Python


def _install_launcher() -> Callable[[], None] | None:
    from . import launcher

    return launcher.install(hooks.active_driver())


# -- Autotuner.prune_configs: what is known already need not be measured


def _install_tuning() -> Callable[[], None] | None:
    from triton.runtime.autotuner import Autotuner

    from . import tuning

    def make(original: Any) -> Any:
        def prune_configs(self: Any, kwargs: dict) -> Any:
            chosen = tuning.choose(self, {**self.nargs, **kwargs})
            return original(self, kwargs) if chosen is None else [chosen]

        return prune_configs

    return replacing.replace_method(Autotuner, "prune_configs", "self kwargs", make)


# -- ConstexprFunction.__call__: triton.cdiv in the grid of a launch


def _install_host_functions() -> Callable[[], None] | None:
    from triton.runtime.jit import ConstexprFunction

    from . import _launcher, functions

    def make(original: Any) -> Any:
        made = functions.copy_of(original)
        _launcher.set_host_call(made, original)
        return made

    return replacing.replace_method(ConstexprFunction, "__call__", "self args _semantic kwargs", make)


# -- TensorDescriptor.__post_init__: a descriptor that is made for each launch


def _install_descriptor_check() -> Callable[[], None] | None:
    from triton._utils import TRITON_MAX_TENSOR_NUMEL
    from triton.tools.tensor_descriptor import TensorDescriptor

    from . import _launcher

    def make(original: Any) -> Any:
        return _launcher.make_descriptor_check(TensorDescriptor, original, TRITON_MAX_TENSOR_NUMEL)

    return replacing.replace_method(TensorDescriptor, "__post_init__", "self", make)


# -- CompiledKernel._init_handles: other threads launch a kernel while one loads it


def _install_load() -> Callable[[], None] | None:
    from triton.compiler.compiler import CompiledKernel

    from . import handles

    return replacing.replace_method(CompiledKernel, "_init_handles", "self", handles.make_whole)


_HOOKS = {
    "tuning": Hook(
        "triton.runtime.autotuner.Autotuner.prune_configs",
        "one configuration where a bundle that is loaded says which",
        "who has but one does not measure",
        State.ACTIVE,
        _install_tuning,
    ),
    "load": Hook(
        "triton.compiler.CompiledKernel._init_handles",
        "the same, for the kernel at once",
        "threads that launch a new kernel meet it half loaded, or load it twice and leave a module behind",
        State.ACTIVE,
        _install_load,
    ),
    "constants": Hook(
        "triton.runtime.jit.ConstexprFunction.__call__",
        "the same, at once for the host's numbers and texts",
        "triton.cdiv in a grid took half of a launch",
        State.ACTIVE,
        _if_native(_install_host_functions),
    ),
    "descriptors": Hook(
        "triton.tools.tensor_descriptor.TensorDescriptor.__post_init__",
        "the same, at once for PyTorch's tensors that are in order",
        "a descriptor is made for each launch, and its checks took half of that",
        State.ACTIVE,
        _if_native(_install_descriptor_check),
    ),
    "launch": Hook(
        "triton.JITFunction.__getitem__",
        "kernel[grid] of the native launcher, and `run` of it",
        "a launch of Triton's own takes several times what the driver does",
        State.ACTIVE,
        _if_native(_install_launcher),
    ),
}

_VARIABLES = {
    PREFIX + "LAUNCHER": "0: launch as Triton does, not with the native launcher",
    PREFIX + "LAUNCH_STATS": "1: print at exit how many launches went which way",
}


class Launch(Wing):
    """`kernel[grid](...)` at nearly the CUDA driver's own cost."""

    def init_device(self, driver: Any) -> bool:
        native = _import_launcher()
        if native is None:
            return False
        native.prepare(driver)
        return True

    def driver_changed(self, driver: Any) -> None:
        if driver.launches_natively and hooks.is_in_place("launch"):
            from . import launcher

            launcher.follow(driver)

    def make_binder(self, kernel: Any) -> Callable[[], tuple]:
        from . import typed_keys

        return lambda: typed_keys.create_binder(kernel)

    def report(self) -> Mapping[str, Mapping[str, Fact]]:
        flags = {PREFIX + name: functools.partial(_flag, name) for name in ("LAUNCHER", "LAUNCH_STATS")}
        environment = {variable: said for variable, said in flags.items() if variable in os.environ}
        return {"built parts": {"native launcher": _extension}, "environment": environment}


def _import_launcher() -> Any:
    """The module `launcher`, or None if Triton's own launcher is to be used."""
    if not flag_for_process("LAUNCHER", True):
        return None
    try:
        from . import launcher
    except ImportError as error:
        warnings.warn(
            f"triton-graft launches as Triton does, since its native launcher cannot be loaded ({error}); build it for this "
            f"Python (pip install .), or set {PREFIX}LAUNCHER=0.",
            GraftWarning,
            stacklevel=6,
        )
        return None
    if flag_for_process("LAUNCH_STATS", False):
        launcher.print_stats_at_exit()
    return launcher


def _flag(name: str) -> str:
    flag_for_process(name, False)
    return os.environ[PREFIX + name]


def _extension() -> str:
    try:
        from . import _launcher
    except ImportError as error:
        return Problem(f"cannot be loaded ({error}); build it for this Python: pip install .")
    return f"usable ({os.path.basename(_launcher.__file__ or '')})"


WING = Launch(hooks=_HOOKS, variables=_VARIABLES)
