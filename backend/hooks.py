# SPDX-License-Identifier: MIT
"""Every attribute of Triton's that we replace, in one table, with the reason and its undoing.

The `cuda` target belongs to whoever's driver is active. Triton 3.9 has no such notion: it asks every backend whether it
takes a target and wants exactly one yes, and kernels remember the backend that they first met. The hooks below supply it.

Three states decide what is in place:
- *asleep*: no driver of ours was made and `TRITON_DEFAULT_BACKEND` does not name us: Triton is untouched;
- *watching*: a driver of ours exists: Triton's driver configuration tells us when it becomes active, or stops being;
- *active*: ours is the active driver: the other hooks are in place too. When it stops being active they are undone, and
  Triton has the very same objects as before.

A hook is put in place only where it finds what Triton 3.9 has; otherwise it declines with one warning.
"""

from __future__ import annotations

import threading
import warnings
import weakref
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import triton
from triton.backends.nvidia import compiler as nvidia_compiler

from .errors import GraftWarning
from .settings import NAME, is_default_backend

#: Puts a hook in place and returns what undoes it, or None if Triton is not as expected.
Install = Callable[[], Callable[[], None] | None]

_lock = threading.RLock()
_drivers: weakref.WeakSet = weakref.WeakSet()


def active_driver() -> Any:
    """Our driver if it is the active one, else None. Does not make Triton choose a driver."""
    driver = _config().__dict__.get("_active")
    return driver if driver is not None and driver in _drivers else None


def owns_cuda() -> bool:
    """Whether the `cuda` target is ours now.

    If no driver is active yet and `TRITON_DEFAULT_BACKEND` names us, this makes Triton create ours; an error in doing so,
    such as that there is no device, is the answer to whoever asked for a backend.
    """
    config = _config()
    if config.__dict__.get("_active") is None and is_default_backend():
        config.active  # noqa: B018 - a property that creates the default driver
    return active_driver() is not None


def _config() -> Any:
    return triton.runtime.driver


# -- CUDABackend.supports_target: two backends for one target are an error in Triton


class _DeclineCuda:
    """Stands in for `CUDABackend.supports_target`: a no to the registry while the cuda target is ours.

    Triton's registry asks the class. An instance asks itself when somebody makes one on purpose, and gets the old answer,
    and so do other people's subclasses.
    """

    def __init__(self, original: staticmethod):
        self.original = original

    def __get__(self, instance: object, owner: type) -> Callable[[Any], bool]:
        ask = self.original.__get__(instance, owner)
        if instance is not None or owner is not nvidia_compiler.CUDABackend:
            return ask
        return lambda target: ask(target) and not owns_cuda()


def _install_decline_cuda() -> Callable[[], None] | None:
    original = vars(nvidia_compiler.CUDABackend).get("supports_target")
    if not isinstance(original, (staticmethod, _DeclineCuda)):
        return None
    ours = _DeclineCuda(original)  # type: ignore[arg-type]
    return _replace_attribute(nvidia_compiler.CUDABackend, "supports_target", original, ours)


# -- JITFunction.device_caches: a kernel that ran before a switch must not be served by the old backend


class _CachesOfActiveDriver:
    """Stands in for `JITFunction.device_caches` while ours is active: each kernel has separate caches for us.

    They hang on the kernel, as Triton's do, and not on the driver: a CUDA graph may replay what they hold long after the
    driver was switched.
    """

    attribute = f"_{NAME}_device_caches"

    def __get__(self, kernel: Any, owner: type) -> Any:
        driver = active_driver()
        if kernel is None:
            return self
        if driver is None:  # another thread has just switched drivers
            return kernel.__dict__["device_caches"]
        scopes = kernel.__dict__.setdefault(self.attribute, {})
        caches = scopes.get(driver.cache_scope)
        if caches is None:
            caches = scopes.setdefault(driver.cache_scope, defaultdict(kernel.create_binder))
        return caches

    def __set__(self, kernel: Any, caches: Any) -> None:
        kernel.__dict__["device_caches"] = caches


def _install_device_caches() -> Callable[[], None] | None:
    if "device_caches" in vars(triton.JITFunction):
        return None
    ours = _CachesOfActiveDriver()
    triton.JITFunction.device_caches = ours  # type: ignore[attr-defined]

    def undo() -> None:
        if vars(triton.JITFunction).get("device_caches") is ours:
            del triton.JITFunction.device_caches  # type: ignore[attr-defined]

    return undo


# -- triton.runtime.driver: who is active?


def _install_watch() -> Callable[[], None] | None:
    """Makes assignments to `triton.runtime.driver._active`, which set_active and reset_active end in, known to us."""
    config, base = _config(), type(_config())
    if "_active" not in config.__dict__ or not hasattr(base, "set_active"):
        return None

    class WatchedDriverConfig(base):  # type: ignore[misc, valid-type]
        def __setattr__(self, name: str, value: Any) -> None:
            if name != "_active":
                super().__setattr__(name, value)
                return
            with _lock:
                _ACTIVE.undo()
                super().__setattr__(name, value)
                if active_driver() is not None:
                    _QUESTION.install()
                    _ACTIVE.install()
                elif not is_default_backend():
                    _QUESTION.undo()

    WatchedDriverConfig.__name__ = base.__name__
    config.__class__ = WatchedDriverConfig

    def undo() -> None:
        if type(config) is WatchedDriverConfig:
            config.__class__ = base

    return undo


def _replace_attribute(holder: type, name: str, original: Any, ours: Any) -> Callable[[], None]:
    """Sets an attribute, and returns what puts the original back unless somebody else has replaced it since."""
    setattr(holder, name, ours)

    def undo() -> None:
        if vars(holder).get(name) is ours:
            setattr(holder, name, original)

    return undo


@dataclass(frozen=True)
class Hook:
    """One attribute of Triton's that we replace."""

    where: str
    what: str
    why: str
    install: Install


#: The table.
HOOKS = {
    "watch": Hook(
        "triton.runtime.driver.__class__",
        "a subclass that tells us when the active driver changes",
        "set_active and reset_active have no listeners",
        _install_watch,
    ),
    "question": Hook(
        "triton.backends.nvidia.compiler.CUDABackend.supports_target",
        "a no to the registry while the cuda target is ours",
        "make_backend wants exactly one backend for a target",
        _install_decline_cuda,
    ),
    "caches": Hook(
        "triton.JITFunction.device_caches",
        "caches of its own for our driver",
        "kernels remember the backend that they first met",
        _install_device_caches,
    ),
}


class _Set:
    """Hooks that come and go together."""

    def __init__(self, *names: str):
        self.hooks = [HOOKS[name] for name in names]
        self.undos: list[Callable[[], None]] = []
        self.warned = False

    def install(self) -> None:
        if self.undos:
            return
        for hook in self.hooks:
            undo = hook.install()
            if undo is not None:
                self.undos.append(undo)
            elif not self.warned:
                self.warned = True
                warnings.warn(
                    f"triton-graft leaves {hook.where} alone, which is not as in Triton 3.9; switching between drivers "
                    "may mix up their kernels.",
                    GraftWarning,
                    stacklevel=2,
                )

    def undo(self) -> None:
        while self.undos:
            self.undos.pop()()


_WATCH = _Set("watch")
_QUESTION = _Set("question")
_ACTIVE = _Set("caches")


def watch(driver: Any) -> None:
    """Follows whether *driver*, which is ours, is active. To be called when it is ready for use."""
    with _lock:
        _drivers.add(driver)
        weakref.finalize(driver, _sleep_if_unused).atexit = False
        _WATCH.install()


def prepare_for_default() -> None:
    """To be called when Triton is imported: if `TRITON_DEFAULT_BACKEND` names us, the target is ours from the start."""
    if is_default_backend():
        with _lock:
            _QUESTION.install()


def _sleep_if_unused() -> None:
    """Stops watching when the last driver of ours is gone; an active one cannot go."""
    with _lock:
        if not any(True for _ in _drivers):  # its length may still count the one that goes
            _WATCH.undo()
