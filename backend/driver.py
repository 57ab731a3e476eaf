# SPDX-License-Identifier: MIT
"""The driver: switches the backend on, launches on the CUDA device, or compiles for a target without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from triton.backends.compiler import GPUTarget
from triton.backends.nvidia import driver as nvidia

from . import hooks, wings
from .errors import CompileOnlyError, NoDeviceError, OptionError
from .settings import NAME, PREFIX, is_default_backend, parse_target, target_for_process


class _Caches(dict[int, tuple]):
    """What `JITFunction.device_caches` holds for a device, made when it is first asked for.

    What another thread's switch of drivers makes another backend's in the meantime serves whoever asked, and is not kept.
    """

    def __init__(self, create: Callable[[], tuple], kernel: Any, target: GPUTarget | None):
        self._create, self._kernel, self._target = create, kernel, target

    def __missing__(self, device: int) -> tuple:
        kernels, keys, target, backend, binder = made = self._create()
        # Told by its module, which Triton has imported beside this one.
        if type(backend).__module__ != f"{__package__}.compiler" or self._target not in (None, target):
            return made
        return self.setdefault(device, (kernels, keys, target, backend.for_kernel(self._kernel), binder))


class Driver(nvidia.CudaDriver):
    """Owns the `cuda` target while it is Triton's active driver.

        triton.runtime.driver.set_active(Driver())                  # compile and launch
        triton.runtime.driver.set_active(Driver(target="cuda:90"))  # compile only, no GPU needed

    *target* (or `GRAFT_TARGET`) asks for the compile-only mode. Then `kernel.warmup(...)` and `triton.compile(...)` give cubins on a
    machine without libcuda, C compiler or PyTorch. A launch raises `CompileOnlyError`.

    *key* (or `GRAFT_CACHE_KEY`) replaces the identity of the compiler in cache keys. Set it if you decide yourself when kernels are
    compiled again: whatever version of Triton and of the backend compiled a kernel, it is found until you change *key*.

    Make the driver active before threads compile. What a thread compiles during a switch may go to either driver.

    Raises `OptionError` for a target or key that is not allowed and `NoDeviceError` if there is neither a target nor a device.
    """

    def __init__(self, target: str | GPUTarget | None = None, key: str | None = None):
        if key is not None and not (isinstance(key, str) and key):
            raise OptionError("key", key, "a text that is not empty, or None")
        #: What stands for the identity of the compiler in cache keys, if it is not to be found out.
        self.key = key
        self.target = parse_target("target", target) if target is not None else target_for_process()
        #: Whether kernels are launched natively while this driver is active.
        self.launches_natively = False
        if self.target is not None:
            self._init_compile_only(self.target)
        elif hooks.has_device():
            self._init_device()
        else:
            raise NoDeviceError(
                f"no CUDA device was found, so the {NAME} driver cannot launch kernels; to compile without one, name "
                f'the target: Driver(target="cuda:90") or {PREFIX}TARGET=cuda:90.'
            )
        for wing in wings.present().values():
            wing.driver_made(self)
        hooks.watch(self)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in ("get_current_device", "get_current_stream"):
            self._changed()

    @staticmethod
    def is_active() -> bool:
        """Whether Triton may choose this driver by itself. It may only if `TRITON_DEFAULT_BACKEND` asks for it.

        Exactly one driver has to say yes. On a machine with a CUDA device that is the in-tree one.
        """
        return is_default_backend()

    @property
    def cache_scope(self) -> str:
        """Drivers of one scope can share what a kernel has compiled and loaded in this process."""
        if self.target is not None:
            return f"cuda:{self.target.arch}"
        return "native" if self.launches_natively else "device"

    def caches_of(self, kernel: Any) -> dict[int, tuple]:
        """The caches of *kernel* for each device, for the drivers of one `cache_scope`."""
        return _Caches(wings.first(lambda wing: wing.make_binder(kernel)) or kernel.create_binder, kernel, self.target)

    def _init_device(self) -> None:
        """Sets what `CudaDriver.__init__` sets, or lets a wing do so."""
        if not any(wing.init_device(self) for wing in wings.present().values()):
            super().__init__()

    def _changed(self) -> None:
        if hooks.active_driver() is self:
            for wing in wings.present().values():
                wing.driver_changed(self)

    def _init_compile_only(self, target: GPUTarget) -> None:
        """Sets what `CudaDriver.__init__` sets, without a device behind it: there is one device, number 0."""
        self.utils = _CompileOnlyUtils(target)
        self.launcher_cls = _refuse_launch
        self.get_current_target = lambda: target
        self.get_device_capability = lambda device=0: divmod(target.arch, 10)
        self.get_current_device = lambda: 0
        self.set_current_device = lambda device: None
        self.get_current_stream = lambda device=0: 0

    def get_active_torch_device(self) -> Any:
        self._need_device("PyTorch's device")
        return super().get_active_torch_device()

    def get_device_interface(self) -> Any:
        self._need_device("PyTorch's device interface")
        return super().get_device_interface()

    def get_empty_cache_for_benchmark(self) -> Any:
        self._need_device("a benchmark")
        return super().get_empty_cache_for_benchmark()

    def _need_device(self, what: str) -> None:
        if self.target is not None:
            raise _compile_only_error(what, self.target)


class _CompileOnlyUtils:
    """Stands in for `CudaUtils` where there is no device: whatever is asked of it is refused by name."""

    def __init__(self, target: GPUTarget):
        self._target = target

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        def refuse(*args: Any, **kwargs: Any) -> None:
            raise _compile_only_error(f"utils.{name}", self._target)

        return refuse

    def unload_module(self, module: Any) -> None:
        """Unloads a module that another driver loaded: its kernel may die while this driver is the active one."""
        nvidia.CudaUtils.instance.unload_module(module)


def _refuse_launch(src: Any, metadata: Any) -> None:
    """Stands in for the launcher class, which Triton calls before a kernel is loaded."""
    raise _compile_only_error(f"launching kernel '{metadata.name}'", metadata.target)


def _compile_only_error(what: str, target: GPUTarget) -> CompileOnlyError:
    return CompileOnlyError(
        f"{what} needs a CUDA device, but the active {NAME} driver only compiles, for {target.backend}:{target.arch}; "
        f"activate Driver() without a target (and without {PREFIX}TARGET) on a machine with a device."
    )


hooks.prepare_for_default()
