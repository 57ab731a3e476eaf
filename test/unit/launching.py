# SPDX-License-Identifier: MIT
"""Our driver on the stub libcuda.so.1 with compilation faked, for tests of single behaviours of the launcher.

    with rig(tmp_path) as rig:
        kernel = triton.jit(function)
        kernel[(4,)](...)
        assert rig.went() == {FIRST: 1}

`Compiler` makes the kernels; a test that wants a real one says so with `rig.compiling()`.
"""

import contextlib
import gc
import struct
import threading
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import stub_cuda
import triton
from launch_sides import FakeCompiler
from launch_values import Pointer, without_addresses
from triton import knobs
from triton.backends.graft.driver import Driver
from triton.backends.graft.launch import _launcher, launcher
from triton.compiler import CompiledKernel

#: How `launcher.stats()` calls what these tests meet.
FAST, FIRST, TUNED, FROZEN = "launched", "first launch of a variant", "tuned (a configuration chosen before)", "launched frozen"
NEW_KEY = "tuning key not seen before"


class Outcome(NamedTuple):
    """What one call did: *result* numbers compiled kernels in the order in which they were compiled."""

    result: str
    error: str
    launches: tuple[stub_cuda.Launch, ...]
    compiled: tuple[str, ...]


class Compiler(FakeCompiler):
    """With `settings["metadata"]`: what is to be another in a kernel's metadata."""

    def _write(self, metadata: dict, cubin: bytes) -> dict[str, str]:
        return super()._write(metadata | self.settings.get("metadata", {}), cubin)


class Rig:
    """Our driver, active on the stub; see `rig`."""

    def __init__(self, stub: stub_cuda.Stub, folder: Path):
        self.stub, self.folder = stub, folder
        self.driver = make_driver(stub)
        self.compiler = Compiler(folder)

    @cached_property
    def in_tree(self) -> Any:
        """Triton's own driver on the same stub."""
        return self.stub.in_tree_driver()

    def launches(self) -> list[stub_cuda.Launch]:
        """The launches that reached the CUDA driver since the last time."""
        return self.stub.launches()

    def went(self) -> dict[str, int]:
        """Which way the launches since the last time went, as `launcher.stats()` has it."""
        counts = launcher.stats()
        _launcher.reset_stats()
        return counts

    def use(self, driver: Any) -> None:
        """Makes *driver* the active one."""
        triton.runtime.driver.set_active(driver)

    def compile_with(self, compiler: Compiler) -> None:
        """Has *compiler* make what is compiled from now on."""
        self.compiler = compiler
        triton.compiler.compile = compiler.compile

    @contextlib.contextmanager
    def compiling(self) -> Iterator[None]:
        """Kernels that are launched for the first time in here are compiled for real."""
        triton.compiler.compile = _compile
        try:
            yield
        finally:
            triton.compiler.compile = self.compiler.compile

    def same(self, make: Callable[[], Any], *works: Callable[[Any], Any]) -> list[Outcome]:
        """What *works* do in turn with a kernel that *make* makes: the same with Triton's own driver as with ours."""
        outcomes = []
        settings = self.compiler.settings
        for driver in (self.in_tree, self.driver):
            self.use(driver)
            self.compile_with(Compiler(self.folder))
            self.compiler.settings = dict(settings)
            self.launches(), self.went()
            kernel = make()
            outcomes.append([self.outcome(work, kernel) for work in works])
        reference, ours = outcomes
        for number, (expected, seen) in enumerate(zip(reference, ours, strict=True)):
            assert seen == expected, f"call {number}\n  Triton's own: {expected}\n  ours: {seen}"
        return ours

    def outcome(self, work: Callable[[Any], Any], kernel: Any) -> Outcome:
        """What *work* does with *kernel*."""
        self.compiler.compiled.clear()
        result = error = ""
        try:
            result = _show(work(kernel))
        except Exception as caught:
            error = without_addresses(f"{type(caught).__name__}: {caught}")
        return Outcome(result, error, tuple(self.launches()), tuple(self.compiler.compiled))


_compile = triton.compiler.compile
#: Where Triton keeps each kernel under its name, until there is another of the same name.
_registry = triton.runtime.jit._triton_jit_function_registry


def _show(value: Any) -> str:
    return f"kernel {value.number}" if isinstance(value, CompiledKernel) else repr(value)


def make_driver(stub: stub_cuda.Stub) -> Driver:
    """A driver of ours for the devices of *stub*."""
    with stub.process_without_torch():
        return Driver()


@contextlib.contextmanager
def rig(folder: Path, devices: int = 2) -> Iterator[Rig]:
    """Our driver active on *devices* devices of the stub. Afterwards knobs, hooks and compiler are as before, and what the
    test has made is collected while there is a driver to unload it."""
    stub = stub_cuda.load()
    stub.reset(devices=devices)
    gc.freeze()  # so that collecting is quick
    registered = dict(_registry)
    try:
        with _restoring_knobs():
            made = Rig(stub, folder)
            made.use(made.driver)
            made.compile_with(made.compiler)
            made.went()
            try:
                yield made
            finally:
                stub.forget()
                made.use(made.driver)
                made.driver.set_current_device(0)
                triton.compiler.compile = _compile
                triton.compiler.compiler.max_shared_mem.cache_clear()
                _registry.clear()
                _registry.update(registered)
                gc.collect()
                for kernel in gc.get_objects():
                    if type(kernel) is CompiledKernel:  # the traceback of a failed test has it
                        kernel.module = None
                triton.runtime.driver._active = None
                made.__dict__.clear()
                gc.collect()
    finally:
        gc.unfreeze()
        stub.reset(devices=0)


@contextlib.contextmanager
def _restoring_knobs() -> Iterator[None]:
    """Afterwards the knobs that launches read are the same objects with the same values."""
    groups = {name: getattr(knobs, name) for name in ("runtime", "compilation", "autotuning")}
    values = {name: dict(group.__dict__) for name, group in groups.items()}
    runtime = groups["runtime"]
    chains = [runtime.launch_enter_hook, runtime.launch_exit_hook, runtime.kernel_load_start_hook]
    chains += [runtime.kernel_load_end_hook, runtime.kernel_unload_hook]
    calls = [list(chain.calls) for chain in chains]
    try:
        yield
    finally:
        for name, group in groups.items():
            setattr(knobs, name, group)
            group.__dict__.clear()
            group.__dict__.update(values[name])
        for chain, before in zip(chains, calls, strict=True):
            chain.calls[:] = before


# -- What tests pass and look at


def ptr(address: int = 0x1000, dtype: str = "fp32") -> Pointer:
    """Something with an address and a dtype."""
    return Pointer(address, dtype)


def values(launch: stub_cuda.Launch, formats: str) -> tuple:
    """The parameters of *launch* without the two scratch pointers, unpacked by *formats* of the module `struct`."""
    *params, _, _ = launch.params
    assert len(params) == len(formats), f"{len(params)} parameters"
    return tuple(struct.unpack(f"<{form}", param)[0] for form, param in zip(formats, params, strict=True))


def run_tritons_way(kernel: Any, *args: Any, **kwargs: Any) -> Any:
    """What `kernel.run` does under Triton's own driver: it is native under ours."""
    from triton.backends.graft.launch import callbacks

    return callbacks.RUNS[triton.JITFunction](kernel, *args, **kwargs)


def in_thread(work: Callable[[], Any]) -> Any:
    """The result of *work* in a new thread; raises what it raises."""
    done: list = []

    def run() -> None:
        try:
            done.extend([work(), None])
        except BaseException as error:
            done.extend([None, error])

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if done[1] is not None:
        raise done[1]
    return done[0]


def in_threads(number: int, work: Callable[[int], Any]) -> None:
    """Runs *work* with 0, 1, ... in as many threads at the same time; raises the first thing that one of them raises."""
    errors: list[BaseException] = []
    together = threading.Barrier(number)

    def run(index: int) -> None:
        try:
            together.wait()
            work(index)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
