# SPDX-License-Identifier: MIT
"""Programs that turn on the launcher while it launches: nothing that it works with ends under it, no interrupt is lost, and what
others put in Triton's place is followed."""

import ast
import ctypes
import gc
import itertools
import re
import signal
import threading
from pathlib import Path

import hostile_cases
import pytest
import triton
import triton.language as tl
from launch_values import descriptor
from launching import FAST, FIRST, TUNED, ptr
from support import in_child
from triton.backends.graft import hooks
from triton.backends.graft.driver import Driver
from triton.compiler import CompiledKernel
from triton.runtime.jit import JITCallable

SOURCES = Path(__file__).resolve().parents[3] / "lib" / "Launcher"
CHANGED, REPLACED = "a tuner's configuration has changed", "CompiledKernel is not Triton's own"


def plain(x, n):
    pass


def constant(x, n, C: tl.constexpr = 1):
    pass


def many(x, n, C: tl.constexpr = 1, D: tl.constexpr = 1):
    pass


# -- The fuzzer, and the rules it is about


def test_hostile_programs_neither_end_the_process_nor_lose_interrupts():
    """A sample; `make sanitize` runs many with AddressSanitizer."""
    seed = 7000
    result = hostile_cases.in_child(seed, 15)
    assert result.wrong == {}, f"{result.wrong}\n{result.output[-3000:]}"


def test_one_place_alone_clears_exceptions():
    """Who clears others loses interrupts. PyObject_HasAttr clears whatever is raised."""
    clearing = re.compile(r"\b(PyErr_Clear|PyObject_HasAttr(String)?|PyDict_GetItem(String)?|PyMapping_Has\w+)\(")
    found = {path.name: clearing.findall(path.read_text()) for path in sorted(SOURCES.iterdir())}
    assert {name: len(calls) for name, calls in found.items() if calls} == {"Errors.cpp": 2}


# -- What Python runs, ends what is borrowed


@pytest.mark.parametrize("in_thread", [False, True])
def test_a_grid_that_launches_itself_without_end_raises_recursion_error(rig, in_thread):
    kernel = triton.jit(plain)
    kernel[(1,)](ptr(), 5)

    def work():
        def grid(meta):
            kernel[grid](ptr(), 5)
            return (1,)

        ended = []

        def launch():
            with pytest.raises(RecursionError):
                kernel[grid](ptr(), 5)
            ended.append(True)

        thread = threading.Thread(target=launch)
        thread.start() if in_thread else launch()
        thread.join() if in_thread else None
        return ended

    assert in_child(work) == (0, "[True]")


def test_a_chain_of_subscripts_is_freed_without_recursion(rig):
    kernel = triton.jit(plain)

    def work():
        chain = (1,)
        for _ in range(300_000):
            chain = kernel[chain]
        del chain
        return "freed"

    assert in_child(work) == (0, "freed")


def test_a_table_may_be_emptied_while_its_entries_are_compared(rig):
    kernel = triton.jit(constant)
    armed = []

    class Key:
        def __init__(self, number):
            self.number = number

        def __hash__(self):
            return 7

        def __repr__(self):
            return f"Key({self.number})"

        def __eq__(self, other):
            if armed:
                armed.clear()
                kernel.device_caches.clear()
                kernel[(1,)](ptr(), 1)
                [bytes(64) for _ in range(2000)]
            return self.number == other.number

    def work():
        keys = [Key(number) for number in range(6)]
        for number in range(20):
            for key in keys:
                kernel[(1,)](ptr(), 5, key)
            kernel[(1,)](ptr(), 2)
            armed.append(True)
            kernel[(1,)](ptr(), 5, Key(99 + number))
        return "alive"

    assert in_child(work) == (0, "alive")


def test_globals_may_be_replaced_and_put_back_while_they_are_compared(rig):
    kernel, armed = triton.jit(plain), []

    class Flag:
        __hash__ = None

        def __ne__(self, other):
            if armed:
                armed.pop()()
            return False

        def __eq__(self, other):
            return True

    space = {"G": Flag(), "H": 5}
    both = {("G", 1): (space["G"], space), ("H", 1): (5, space)}

    def replace():
        kernel.used_global_vals = {("H", 1): (5, space)}
        kernel[(1,)](ptr(), 5)
        kernel.used_global_vals = both

    def work():
        kernel.used_global_vals = both
        kernel[(1,)](ptr(), 5)
        for _ in range(100):
            armed.append(replace)
            kernel[(1,)](ptr(), 5)
        return "alive"

    assert in_child(work) == (0, "alive")


def test_heuristics_that_change_their_dict_raise_what_triton_raises(rig):
    """Python's own iteration notices; 16 of them were written past their end."""

    def make():
        def rename(args):
            made.values[f"new{next(numbers)}"] = made.values.pop(next(iter(made.values)))
            return 5

        numbers = itertools.count()
        made = triton.heuristics({f"h{number}": rename for number in range(16)})(triton.jit(plain))
        return made

    outcomes = rig.same(make, lambda made: made[(1,)](ptr(), 5))
    assert outcomes[0].error.startswith("RuntimeError: dictionary keys changed")


def test_a_heuristic_that_is_named_by_no_string_raises_what_triton_raises(rig):
    make = lambda: triton.heuristics({7: lambda args: 1})(triton.jit(plain))  # noqa: E731
    assert "keywords must be strings" in rig.same(make, lambda made: made[(1,)](ptr(), 5))[0].error


# -- Interrupts


@pytest.mark.parametrize("where", ["data_ptr", "dtype", "hash"])
def test_an_interrupt_in_an_argument_ends_the_launch(rig, where):
    armed = []

    def perhaps(here):
        if here == where and armed:
            armed.clear()
            signal.raise_signal(signal.SIGINT)

    class Pointer:
        @property
        def dtype(self):
            perhaps("dtype")
            return "fp32"

        def data_ptr(self):
            perhaps("data_ptr")
            return 0x1000

    class Key:
        def __hash__(self):
            perhaps("hash")
            return 5

        def __eq__(self, other):
            return True

        def __repr__(self):
            return "Key()"

    kernel = triton.jit(constant)
    for _ in range(2):
        kernel[(1,)](Pointer(), 5, Key())
    rig.launches(), rig.went()
    armed.append(True)
    with pytest.raises(KeyboardInterrupt):
        kernel[(1,)](Pointer(), 5, Key())
    assert rig.launches() == [] and rig.went() == {}
    kernel[(1,)](Pointer(), 5, Key())
    assert rig.went() == {FAST: 1}


# -- What others change


def test_new_dtypes_are_known_after_any_number_of_others(rig):
    kernel = triton.jit(plain)

    class Dtype:
        def __str__(self):
            return "torch.float32"

    def work():
        for _ in range(600):
            pointer = ptr()
            pointer.dtype = Dtype()
            kernel[(1,)](pointer, 5)
        rig.went()
        for _ in range(10):
            kernel[(1,)](ptr(dtype="int16"), 5)
        return rig.went()

    assert in_child(work) == (0, str({FAST: 9, FIRST: 1}))


def tuned():
    configs = [triton.Config({"C": 64}), triton.Config({"C": 128})]
    bench = lambda call, quantiles: [call() or 1.0] * 3  # noqa: E731
    return triton.autotune(configs, key=["n"], do_bench=bench)(triton.jit(constant))


@pytest.mark.parametrize(
    "change",
    [
        lambda tuner: tuner.best_config.kwargs.update(C=32),
        lambda tuner: setattr(tuner.best_config, "kwargs", {"C": 32}),
        lambda tuner: setattr(tuner.best_config, "num_warps", 8),
        lambda tuner: setattr(tuner.best_config, "pre_hook", lambda args: tuner.best_config.kwargs.update(C=8)),
        lambda tuner: tuner.keys.append("x"),
        lambda tuner: setattr(tuner, "keys", []),
        lambda tuner: setattr(tuner, "configs", tuner.configs[:1]),
    ],
)
def test_a_tuner_that_is_changed_after_tuning_is_followed(rig, change):
    launch = lambda tuner: tuner[lambda meta: (meta["C"],)](0x1000, 5)  # noqa: E731
    rig.same(tuned, launch, launch, change, launch, launch, launch)


def test_a_configuration_that_has_changed_is_counted_and_launched_natively_again(rig):
    tuner = tuned()
    for _ in range(2):
        tuner[(1,)](0x1000, 5)
    rig.went()
    tuner.best_config.num_warps = 8
    for _ in range(3):
        tuner[(1,)](0x1000, 5)
    assert rig.went() == {CHANGED: 1, FIRST: 1, TUNED: 2, FAST: 2}


@pytest.mark.parametrize("name", ["run", "launch_metadata"])
def test_a_replaced_method_of_compiled_kernels_sees_every_launch(rig, monkeypatch, name):
    kernel, seen = triton.jit(plain), []
    kernel[(1,)](0x1000, 5)
    own = vars(CompiledKernel)[name]

    def metadata(self, *args):
        seen.append(args)
        return own(self, *args)

    def run(self):
        return lambda *args: seen.append(args) or own.fget(self)(*args)

    monkeypatch.setattr(CompiledKernel, name, property(run) if name == "run" else metadata)
    rig.went()
    for _ in range(3):
        kernel[(1,)](0x1000, 5)
    assert len(seen) == 3 and rig.went() == {REPLACED: 3}
    monkeypatch.undo()
    kernel[(1,)](0x1000, 5)
    assert len(seen) == 3 and rig.went() == {FAST: 1}


def test_what_somebody_puts_into_one_compiled_kernel_is_called(rig):
    kernel, seen = triton.jit(plain), []
    compiled = kernel[(1,)](0x1000, 5)
    own = compiled._run
    compiled._run = lambda *args: seen.append(args) or own(*args)
    for _ in range(2):
        kernel[(1,)](0x1000, 5)
    assert len(seen) == 2 and len(rig.launches()) == 3


def test_descriptors_are_ours_whoever_is_active(rig, monkeypatch):
    """As after `triton.runtime.driver` was loaded again, which launches do not look at."""
    kernel = triton.jit(plain)
    config = type(triton.runtime.driver)()
    kernel[(1,)](descriptor(0x1000, [16, 64], [8, 32]), 5)
    object.__setattr__(config, "_active", rig.in_tree)
    monkeypatch.setattr(triton.runtime, "driver", config)
    kernel[(1,)](descriptor(0x1000, [16, 64], [8, 32]), 5)
    assert len(rig.launches()) == 2


def test_a_cleared_environment_is_looked_at_anew(rig):
    """An array that was cleared may begin where the old one did, and be shorter."""
    kernel = triton.jit(plain)
    libc = ctypes.CDLL(None)

    def work():
        for number in range(300):
            libc.setenv(f"GRAFT_TEST_{number}".encode(), b"1", 1)
        kernel[(1,)](0x1000, 5)
        libc.clearenv()
        kernel[(1,)](0x1000, 5)
        for number in range(3):
            libc.setenv(f"GRAFT_TEST_{number}".encode(), b"1", 1)
            kernel[(1,)](0x1000, 5)
        libc.setenv(b"TRITON_FPSAN_HOMOMORPHIC_CASTS", b"1", 1)
        rig.went()
        kernel[(1,)](0x1000, 5)
        return rig.went()

    assert in_child(work) == (0, str({FIRST: 1}))


# -- Threads


def test_a_driver_that_is_collected_waits_for_nobody(rig):
    """The collector runs in threads that hold the locks of imports, for which the holder of the hooks' lock may wait."""
    done = threading.Event()

    def end():
        driver = Driver(target="cuda:90")
        cycle = [driver]
        cycle.append(cycle)
        start.set()
        assert held.wait(20)
        del driver, cycle
        gc.collect()
        done.set()

    start, held = threading.Event(), threading.Event()
    thread = threading.Thread(target=end)
    thread.start()
    assert start.wait(20)
    with hooks._lock:
        held.set()
        assert done.wait(20)
    thread.join()
    assert not hooks._lock._due


def test_what_python_miscounted_is_parsed_again(rig, monkeypatch):
    errors = ["AST constructor recursion depth mismatch (before=18, after=12)"] * 2
    parse = ast.parse

    def failing(*args, **kwargs):
        if errors:
            raise SystemError(errors.pop())
        return parse(*args, **kwargs)

    kernel = triton.jit(plain)
    monkeypatch.setattr(ast, "parse", failing)
    assert isinstance(kernel.parse(), ast.Module) and errors == []
    errors.append("something else")
    with pytest.raises(SystemError, match="something else"):
        kernel.parse()
    rig.use(rig.in_tree)
    assert vars(JITCallable)["parse"].__module__ == JITCallable.__module__
