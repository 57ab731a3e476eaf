# SPDX-License-Identifier: MIT
"""Who owns the `cuda` target, and the attributes of Triton's that we replace while it is ours.

The `cuda` target belongs to whoever's driver is active. Triton 3.9 has no such notion: it asks every backend whether it
takes a target and wants exactly one yes, and kernels remember the backend that they first met. The hooks below supply it.

Three states decide what is in place:
- *asleep*: no driver of ours exists, and `TRITON_DEFAULT_BACKEND` did not name us when Triton was imported: Triton is
  untouched;
- *present*: a driver of ours exists: the in-tree backend gives up the target exactly while ours is active, and Triton's
  driver configuration tells us when that begins and ends. When the last of our drivers is gone, this is undone;
- *active*: ours is the active driver: kernels have caches of their own for it, and the wings have their hooks in place. When it
  stops being active, this is undone.

`HOOKS` is the table of the core's own hooks, and each wing brings its own (`wings`). Undoing leaves Triton with the very same objects
as before. A hook is put in place only where it finds what Triton 3.9 has; otherwise it declines with one warning.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import warnings
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import triton
from triton.backends.nvidia import compiler as nvidia_compiler

from . import wings
from .errors import GraftWarning, UnregisteredError
from .forks import ForkedLock
from .settings import NAME, is_default_backend
from .wings import Hook, State


class _Lock:
    """Guards what is in place. A thread that holds it imports modules, and so waits for the locks of imports.

    The garbage collector ends drivers in any thread, whatever locks that thread holds, those of imports among them. So what is to
    be done then never waits: whoever has the lock does it when they are done.
    """

    def __init__(self) -> None:
        self._lock, self._depth, self._due = ForkedLock(threading.RLock), 0, False

    def __enter__(self) -> None:
        self._lock.acquire()
        self._depth += 1

    def __exit__(self, *error: object) -> None:
        self._depth -= 1
        self._lock.release()
        self.settle()

    def when_free(self) -> None:
        """Has `_sleep_if_unused` called with the lock, now or by whoever has it."""
        self._due = True
        self.settle()

    def settle(self) -> None:
        """Does what is due unless somebody has the lock, who then does it."""
        while self._due and self._lock.acquire(blocking=False):
            try:
                if self._depth:  # this thread is in the middle of something
                    return
                self._depth, self._due = 1, False
                try:
                    _sleep_if_unused()
                finally:
                    self._depth = 0
            finally:
                self._lock.release()


_lock = _Lock()
os.register_at_fork(after_in_parent=_lock.settle, after_in_child=_lock.settle)

_drivers: weakref.WeakSet = weakref.WeakSet()


def _config() -> Any:
    return triton.runtime.driver


def active_driver() -> Any:
    """Our driver if it is the active one, else None. Does not make Triton choose a driver."""
    driver = _config().__dict__.get("_active")
    return driver if driver is not None and driver in _drivers else None


# -- CUDABackend.supports_target: two backends for one target are an error in Triton


class _Verdict(threading.local):
    """Who owns the target that this thread is asking about, until the second of the two backends has heard it.

    Triton asks one backend after the other, with the same target object. Were each to look for itself, a switch of drivers
    in another thread could leave two backends for the target, or none.
    """

    target: Any = None
    ours = False
    first_asker = ""


_verdict = _Verdict()


def owns_cuda(target: Any, asker: str) -> bool:
    """Whether the `cuda` target is ours, for the backend *asker*, which was asked about *target*.

    If no driver is active yet and `TRITON_DEFAULT_BACKEND` names us, this makes Triton create ours. Where there is no device, the
    target is ours all the same, and kernels have our keys: whoever named it only compiles.
    """
    if "question" not in _undos:  # the in-tree backend answers for itself
        return active_driver() is not None
    if _verdict.target is target and _verdict.first_asker != asker:
        _verdict.target = None
        return _verdict.ours
    config = _config()
    is_ours = active_driver() is not None
    if config.__dict__.get("_active") is None and is_default_backend():
        is_ours = True
        with contextlib.suppress(RuntimeError):  # as in a forked child; who names the target needs no device
            config.active  # noqa: B018 - a property that creates the default driver
        if active_driver() is None:
            with _lock:
                _enter(State.PRESENT | State.DRIVERLESS)
    _verdict.target, _verdict.ours, _verdict.first_asker = target, is_ours, asker
    return _verdict.ours


class _DeclineCuda:
    """Stands in for `CUDABackend.supports_target`: a no to the registry while the cuda target is ours.

    Triton's registry asks the class. An instance asks itself when somebody makes one on purpose, and gets the old answer,
    and so do other people's subclasses.
    """

    ended = False

    def __init__(self, original: Any):
        self.original = original

    def __get__(self, instance: object, owner: type) -> Callable[[Any], bool]:
        ask = self.original.__get__(instance, owner)
        if self.ended or instance is not None or owner is not nvidia_compiler.CUDABackend:
            return ask
        return lambda target: ask(target) and not (target.backend == "cuda" and owns_cuda(target, "nvidia"))


def _install_decline_cuda() -> Callable[[], None] | None:
    backend, name = nvidia_compiler.CUDABackend, "supports_target"
    original = vars(backend).get(name)
    if not hasattr(original, "__get__"):
        return None
    ours = _DeclineCuda(original)
    setattr(backend, name, ours)

    def undo() -> None:
        ours.ended = True
        # Another backend made from this template may have put its own on top, and may have ended before us.
        while getattr(vars(backend)[name], "ended", False):
            setattr(backend, name, vars(backend)[name].original)

    return undo


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
            caches = scopes.setdefault(driver.cache_scope, driver.caches_of(kernel))
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
        ended = False

        def __setattr__(self, name: str, value: Any) -> None:
            if name != "_active" or WatchedDriverConfig.ended:
                super().__setattr__(name, value)
                return
            if value in _drivers:
                _check_registered()
            with _lock:
                _leave(State.ACTIVE | State.COMPILING | State.DRIVERLESS)
                super().__setattr__(name, value)
                _verdict.target = None  # what this thread has heard is no longer so
                if active_driver() is not None:
                    _enter(State.ACTIVE)

    WatchedDriverConfig.__name__ = base.__name__
    config.__class__ = WatchedDriverConfig

    def undo() -> None:
        WatchedDriverConfig.ended = True
        while vars(type(config)).get("ended", False):
            config.__class__ = type(config).__base__

    return undo


def _check_registered() -> None:
    """Raises `UnregisteredError` if Triton does not know this backend."""
    from triton.backends import backends

    if NAME in backends:
        return
    if os.environ.get("TRITON_BACKENDS_IN_TREE") == "1":
        why = "with TRITON_BACKENDS_IN_TREE=1 it looks only in its own folder, where an editable install is not: unset the variable, or "
        why += "install triton-graft without -e."
    else:
        why = "it finds backends by the entry points of what is installed: install triton-graft with pip."
    raise UnregisteredError(
        f"Triton has not found the backend {NAME} among its backends ({', '.join(sorted(backends)) or 'none'}), so it could not "
        f"compile; {why}"
    )


# -- CudaDriver.is_active: exactly one driver says that it is the one


def _install_activity() -> Callable[[], None] | None:
    from triton.backends.nvidia.driver import CudaDriver

    original = vars(CudaDriver).get("is_active")
    if not isinstance(original, staticmethod):
        return None
    ours = staticmethod(lambda: not is_default_backend() and original())
    CudaDriver.is_active = ours  # type: ignore[method-assign, assignment]

    def undo() -> None:
        if vars(CudaDriver).get("is_active") is ours:
            CudaDriver.is_active = original  # type: ignore[method-assign, assignment]

    _originals["is_active"] = original
    return undo


_originals: dict[str, Callable[[], bool]] = {}


def has_device() -> bool:
    """Whether the in-tree driver finds a device, whoever is to be the active driver."""
    from triton.backends.nvidia.driver import CudaDriver

    return bool(_originals.get("is_active", CudaDriver.is_active)())


#: The core's own. Those of the wings come after them.
HOOKS = {
    "watch": Hook(
        "triton.runtime.driver.__class__",
        "a subclass that tells us when the active driver changes",
        "set_active and reset_active have no listeners",
        State.PRESENT,
        _install_watch,
    ),
    "question": Hook(
        "triton.backends.nvidia.compiler.CUDABackend.supports_target",
        "a no to the registry while the cuda target is ours",
        "make_backend wants exactly one backend for a target",
        State.PRESENT | State.DEFAULT,
        _install_decline_cuda,
    ),
    "activity": Hook(
        "triton.backends.nvidia.driver.CudaDriver.is_active",
        "a no while TRITON_DEFAULT_BACKEND names us",
        "programs count the drivers that say yes, and do without Triton where there are two",
        State.DEFAULT,
        _install_activity,
    ),
    "caches": Hook(
        "triton.JITFunction.device_caches",
        "caches of its own for our driver",
        "kernels remember the backend that they first met",
        State.ACTIVE,
        _install_device_caches,
    ),
}


@functools.cache
def table() -> Mapping[str, Hook]:
    """All hooks by their names, the core's first, in the order in which they are put in place."""
    found = dict(HOOKS)
    for wing in wings.present().values():
        found |= wing.hooks
    return found


class _States:
    """The states that we are in."""

    now = State(0)


_states = _States()
#: The hooks in place, each with what undoes it, and those that have declined.
_undos: dict[str, Callable[[], None]] = {}
_declined: set[str] = set()


def _enter(state: State) -> None:
    """Puts the hooks of *state* in place that are not yet. Needs the lock."""
    _states.now |= state
    for name, hook in table().items():
        if not hook.during & state or name in _undos or name in _declined:
            continue
        undo = hook.install()
        if undo is not None:
            _undos[name] = undo
            continue
        _declined.add(name)
        warnings.warn(
            f"triton-graft leaves {hook.where} alone, which is not as in Triton 3.9; switching between drivers "
            "may mix up their kernels.",
            GraftWarning,
            stacklevel=2,
        )


def _leave(state: State) -> None:
    """Takes those hooks away that no other state needs. Needs the lock."""
    _states.now &= ~state
    for name, hook in reversed([*table().items()]):
        if name in _undos and not hook.during & _states.now:
            _undos.pop(name)()


def is_in_place(name: str) -> bool:
    """Whether the hook *name* is in place."""
    return name in _undos


def compiling() -> None:
    """To be called when TTIR is about to be made for a kernel that is ours."""
    with _lock:
        if _states.now & (State.ACTIVE | State.DRIVERLESS):
            _enter(State.COMPILING)


def watch(driver: Any) -> None:
    """Follows whether *driver*, which is ours, is active. To be called when it is ready for use."""
    with _lock:
        _drivers.add(driver)
        weakref.finalize(driver, _lock.when_free).atexit = False
        _enter(State.PRESENT)


def prepare_for_default() -> None:
    """To be called when Triton is imported: if `TRITON_DEFAULT_BACKEND` names us, the target is ours from the start.

    There is nothing to watch yet, as Triton's driver configuration does not exist.
    """
    if is_default_backend():
        with _lock:
            _enter(State.DEFAULT)


def _sleep_if_unused() -> None:
    """Undoes what is in place when the last driver of ours is gone; an active one cannot go. Needs the lock."""
    if not any(True for _ in _drivers):  # its length may still count the one that goes
        _leave(State.PRESENT | State.DEFAULT)
