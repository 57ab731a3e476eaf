# SPDX-License-Identifier: MIT
"""What launches hold on to, and for how long: references, memory, kernels and modules; with threads, forks and code that comes
back while a launch is under way."""

import contextlib
import copy
import gc
import itertools
import os
import sys
import threading
import time
import types
import weakref
from pathlib import Path

import pytest
import stub_cuda
import triton
import triton.language as tl
from launching import FAST, FIRST, in_thread, in_threads, ptr, values
from support import in_child, make_vector_add, run_python, target, vector_add_source
from triton import knobs
from triton.backends.graft.launch import _launcher, handles

X, Y = ptr(0x1000), ptr(0x2000)
TOO_MANY = "too many arguments or call shapes"


def add(x, y, n, scale=1.5, BLOCK: tl.constexpr = 64):
    pass


def single(value):
    pass


def other(value):
    pass


def constant(C: tl.constexpr):
    pass


def variants(kernel):
    """How many variants of *kernel* the fast path knows."""
    return kernel._graft_target.variants()


def collect():
    """Collects kernels that nobody holds; Triton's registry holds those that were made last."""
    triton.runtime.jit._triton_jit_function_registry.clear()
    gc.collect()


# -- References


class Key:
    """A constant that is compared as Python compares it; all of them look alike to Triton."""

    def __init__(self, number=0):
        self.number = number

    def __eq__(self, other):
        return isinstance(other, Key) and self.number == other.number

    def __hash__(self):
        return hash(self.number)

    def __repr__(self):
        return "Key()"


def check_references(work, *objects, times=40):
    """Checks that *work*, once it has been done, leaves the numbers of references to *objects* alone."""
    for _ in range(2):
        with contextlib.suppress(Exception):
            work()
    before = [sys.getrefcount(item) for item in objects]
    for _ in range(times):
        with contextlib.suppress(Exception):
            work()
    after = [sys.getrefcount(item) for item in objects]
    # Python itself keeps None here and there, as when it specialises code that has run for a while; a call that loses one loses it each time.
    slack = [times // 2 if item is None else 0 for item in objects]
    assert all(abs(now - then) <= most for now, then, most in zip(after, before, slack, strict=True)), (before, after)


def test_launches_keep_no_references(rig):
    """Neither to arguments nor to the grid, the kernel, its keywords and what was compiled."""
    kernel, grid, scale, key = triton.jit(add), (1000, 2, 3), 123.456, Key()
    named, n, block = {"scale": scale}, 10**15, "block"
    compiled = kernel[grid](X, Y, n, BLOCK=block)
    objects = [kernel, grid, X, Y, scale, n, key, block, compiled, kernel.device_caches[0], X.dtype, named]
    works = [
        lambda: kernel[grid](X, Y, n, scale, block),
        lambda: kernel[grid](X, Y, n, **named),
        lambda: kernel[grid](X, Y, n, BLOCK=key),
        lambda: kernel[lambda meta: grid](X, Y, n, BLOCK=block),
        lambda: kernel[grid]((X, (Y, scale)), (n, tl.constexpr(key)), n, num_warps=8),
        lambda: kernel[(0,)](X, Y, n),
    ]
    for work in works:
        check_references(work, *objects)
    assert rig.went() == {FIRST: 4, FAST: 249}


def test_launches_with_hooks_keep_no_references(rig):
    """Nor where Python code runs."""
    kernel, scale, n = triton.jit(add), 123.456, 10**15
    kernel.add_pre_run_hook(lambda *args, **kwargs: None)
    knobs.runtime.launch_enter_hook.add(lambda metadata: metadata.get())
    check_references(lambda: kernel[lambda meta: (2,)](X, Y, n, scale=scale), kernel, X, Y, n, scale)

    def grid(meta):
        meta["n"] = 7
        return (2,)

    check_references(lambda: kernel[grid](X, Y, n, scale=scale), kernel, X, Y, n, scale, grid)
    assert rig.went() == {FIRST: 1, FAST: 83}


def test_launches_that_fail_keep_no_references(rig):
    """Nor where something is wrong: with an argument, the grid, a hook, or the driver."""
    kernel, n, bad = triton.jit(add), 10**15, 2**70
    rig.stub.host_memory(0x6000_0000, 0x6000_1000)
    host, key, unhashable, grid = ptr(0x6000_0000), Key(), [1], (1, 70000)
    kernel[(2,)](X, Y, n)

    def failing():
        rig.stub.fail("cuLaunchKernelEx", stub_cuda.ILLEGAL_ADDRESS)
        kernel[grid](X, Y, n)

    works = [
        lambda: kernel[(2,)](host, Y, n),
        lambda: kernel[grid](X, Y, n),
        lambda: kernel[(2,)](X, Y, bad),
        lambda: kernel[(2,)](X, Y, n, BLOCK=unhashable),
        lambda: kernel[(2,)](X, Y, n, nonsense=key),
        lambda: kernel[(2,)](X, x=Y, n=n),
        lambda: kernel[lambda meta: 1 // 0](X, Y, n),
        lambda: kernel[lambda meta: bad](X, Y, n),
        lambda: kernel[(2,)](X, Y, (n, "text")),
        lambda: kernel[None](X, Y, n),
        failing,
    ]
    for work in works:
        check_references(work, kernel, X, Y, n, bad, host, key, unhashable, grid, kernel.device_caches[0], None)


def test_a_first_launch_holds_what_tells_its_variant_apart_and_no_more(rig):
    """Constants that words do not hold, until the kernel goes."""
    kernel, key, pointer = triton.jit(add), Key(5), ptr(0x1000)
    gone = [weakref.ref(key), weakref.ref(pointer)]
    kernel[(2,)](pointer, Y, 7, BLOCK=key)
    del key, pointer
    gc.collect()
    assert gone[0]() is not None and gone[1]() is None
    del kernel
    collect()
    assert gone[0]() is None


def test_a_subscript_that_is_kept_holds_its_kernel_and_grid(rig):
    """And lets go of them."""
    kernel, grid = triton.jit(single), (1, 2, 3)
    before = sys.getrefcount(kernel), sys.getrefcount(grid)
    kept = [kernel[grid] for _ in range(10)]
    assert (sys.getrefcount(kernel), sys.getrefcount(grid)) == (before[0] + 10, before[1] + 10)
    kept[0](X)
    del kept
    gc.collect()
    assert sys.getrefcount(grid) == before[1]
    cycle = [kernel[grid]]
    cycle.append(kernel[cycle])
    gone = weakref.ref(kernel)
    del cycle, kernel
    triton.jit(other)[grid](X)  # the collector is not shown the last one that was made
    collect()
    assert gone() is None


# -- Memory


def resident():
    """The memory of this process in use, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_regression_a_million_launches_take_no_memory(rig):
    """Regression: caches and launches that grow without bound."""
    kernel, launch = triton.jit(add), triton.jit(add)[(0,)]
    empty, tuples = kernel[(0,)], [(X, 3), (Y, 7)]

    def work(times):
        for _ in range(times):
            empty(X, Y, 100)
            kernel[(0,)](X, Y, 100, scale=2.5)
            kernel[(0,)](X, y=Y, n=100)
            launch(X, tuples[0], 100)
            launch(Y, tuples[1], 101)

    work(2000)
    blocks, before = sys.getallocatedblocks(), resident()
    work(200_000)
    assert sys.getallocatedblocks() - blocks < 200
    assert resident() - before < 4 << 20
    assert rig.went()[FAST] > 1_000_000 and variants(kernel) == 1


def test_launches_that_reach_the_driver_take_no_memory(rig):
    """Nor do errors and what goes Triton's own way."""
    kernel = triton.jit(add)

    def work(times):
        for _ in range(times):
            kernel[(2, 3)](X, Y, 100)
            kernel[lambda meta: (2,)](X, Y, 100, num_warps=8)
            with contextlib.suppress(KeyError):
                kernel[(2,)](X, Y, 100, nonsense=1)
            rig.stub.fail("cuLaunchKernelEx", stub_cuda.ILLEGAL_ADDRESS)
            with contextlib.suppress(RuntimeError):
                kernel[(2, 3)](X, Y, 100)
            rig.stub.forget()

    work(200)
    blocks, before = sys.getallocatedblocks(), resident()
    work(5000)
    gc.collect()
    assert sys.getallocatedblocks() - blocks < 200
    assert resident() - before < 4 << 20


def test_regression_a_variant_has_one_entry(rig):
    """Regression: duplicate entries for launches that differ in nothing that a kernel is compiled for."""
    kernel = triton.jit(add)
    for index in range(300):
        kernel[(2,)](ptr(0x1000 + 16 * index), ptr(0x1001 + 16 * index), 3 + 16 * index, scale=float(index), BLOCK=64)
    assert variants(kernel) == 1 and rig.compiler.number == 1
    kernel[(2,)](X, Y, 16)
    assert variants(kernel) == 2


def test_regression_the_table_of_variants_is_bounded(rig):
    """Regression: a kernel that is given ever new constants held on to all of them."""
    kernel, keys = triton.jit(constant), [Key(number) for number in range(1500)]
    gone = [weakref.ref(key) for key in keys]
    first = kernel[(2,)](keys[0])
    most = 0
    for key in keys:
        assert kernel[(2,)](key) is first
        most = max(most, variants(kernel))
    assert most == 1024 and rig.compiler.number == 1
    rig.went()
    assert kernel[(2,)](keys[-1]) is kernel[(2,)](keys[-2]) is first and rig.went() == {FAST: 2}
    del keys, key
    kernel.device_caches[0][1].clear()  # Triton's own cache of keys, which is not bounded
    gc.collect()
    assert variants(kernel) == 1500 - 1024
    assert sum(reference() is not None for reference in gone) == variants(kernel) + 1  # the compiled kernel has the first


def test_regression_ways_of_writing_a_launch_are_bounded(rig):
    """Regression: each order of keywords is remembered, up to a number; beyond it, launches are Triton's own."""
    kernel = triton.jit(add)
    arguments = {"x": X, "y": Y, "n": 7, "scale": 2.5, "BLOCK": 32}
    orders = list(itertools.permutations(arguments))[:100]
    compiled = {kernel[(2,)](**{name: arguments[name] for name in order}) for order in orders}
    assert len(compiled) == 1 and variants(kernel) == 1
    assert rig.went() == {FIRST: 1, FAST: 63, TOO_MANY: 36}
    assert {values(launch, "QQif") for launch in rig.launches()} == {(0x1000, 0x2000, 7, 2.5)}
    kernel[(2,)](**arguments)
    assert rig.went() == {FAST: 1}


def test_classes_of_arrays_may_be_made_without_end(rig):
    """What is known of a type is dropped when there are too many."""
    kernel = triton.jit(single)
    gone = []
    for number in range(1200):
        cls = type(f"Array{number}", (), {"dtype": "fp32", "data_ptr": lambda self: 0x1000})
        kernel[(0,)](cls())
        gone.append(weakref.ref(cls))
    del cls
    gc.collect()
    assert sum(reference() is not None for reference in gone) <= 512
    assert rig.went() == {FIRST: 1, FAST: 1199}


def test_dtypes_may_be_made_without_end(rig):
    """Those that are too many are forgotten. In a child, as it is remembered for the whole process."""

    def work():
        kernel = triton.jit(single)
        for number in range(300):
            kernel[(2,)](ptr(0x1000, ("fp32", "fp16", "bf16")[number % 3]))
            with contextlib.suppress(KeyError, TypeError):
                kernel[(2,)](ptr(0x1000, f"unknown{number}"))
        kernel[(2,)](ptr(0x1000, "i64"))
        return len(rig.launches())

    assert in_child(work) == (0, "301")


# -- The end of kernels and modules


def test_a_kernel_goes_with_all_that_launches_it(rig):
    """The dispatcher hangs on the kernel, and nothing of ours holds the kernel."""
    kernel = triton.jit(add)
    compiled = kernel[(2,)](X, Y, 7)
    gone = [weakref.ref(kernel), weakref.ref(compiled)]
    assert len(rig.stub.modules) == 1
    del kernel, compiled
    collect()
    assert [reference() for reference in gone] == [None, None]
    assert rig.stub.modules == set() and number_of(_launcher.Dispatcher) == 0


def number_of(cls):
    """How many objects of *cls* there are."""
    return sum(type(item) is cls for item in gc.get_objects())


def test_kernels_may_be_made_and_dropped_without_end(rig):
    """One that gets the address of another that is gone, as many do here, is a kernel of its own."""
    for index in range(400):
        function = (single, other)[index % 2]
        kernel = triton.jit(function)
        kernel[(2,)](X)
        (launch,) = rig.launches()
        assert launch.function == function.__name__
        if index % 10 == 0:
            del kernel
            collect()
    del kernel
    collect()
    assert number_of(_launcher.Dispatcher) == 0 and rig.stub.modules == set()


def test_a_copied_kernel_is_launched_on_its_own(rig):
    """It shares Triton's caches, as Triton's copies do, and nothing else."""
    kernel = triton.jit(single)
    compiled = kernel[(2,)](X)
    copied = copy.copy(kernel)
    assert copied[(2,)](X) is compiled
    copied.debug = True
    assert copied[(2,)](X) is not compiled and kernel[(2,)](X) is compiled
    seen = []
    copied.run = lambda *args, **kwargs: seen.append(args)
    assert copied[(2,)](X) is None and kernel[(2,)](X) is compiled and seen == [(X,)]
    del copied.run
    assert copied[(2,)](X).metadata.debug is True


def test_regression_a_dropped_kernel_is_not_launched_again(rig):
    """Regression: a fast object outlived its module. The module stays while somebody holds the compiled kernel, and goes then."""
    kernel = triton.jit(single)
    held = kernel[(2,)](X)
    first = held.module
    kernel.device_caches.clear()
    second = kernel[(2,)](X)
    assert rig.stub.modules == {first, second.module}
    held[(2, 1, 1)](X)
    assert len(rig.launches()) == 3
    del held
    gc.collect()
    assert rig.stub.modules == {second.module}
    assert kernel[(2,)](X) is second
    kernel.device_caches[0][0].clear()
    second = second.module
    assert kernel[(2,)](X).module != second
    gc.collect()
    assert len(rig.stub.modules) == 1 and second not in rig.stub.modules
    assert len(rig.launches()) == 2


@pytest.mark.parametrize("when", ["pre-run hook", "data_ptr", "dtype", "grid", "enter hook", "hash", "equality"])
def test_caches_may_be_cleared_in_the_middle_of_a_launch(rig, when):
    """By whatever code runs in it. No function of an unloaded module is launched, which the stub would refuse."""
    kernel, now = triton.jit(add), []

    def clear(*args, **kwargs):
        if now != [when]:
            return
        kernel.device_caches.clear()
        triton.runtime.jit._triton_jit_function_registry.clear()
        kernel.__dict__.pop("_graft_target", None)
        _launcher.forget_kernels()
        gc.collect()

    class Clearing(Key):
        def __eq__(self, other):
            clear() if when == "equality" else None
            return super().__eq__(other)

        def __hash__(self):
            clear() if when == "hash" else None
            return super().__hash__()

    class Pointer:
        @property
        def dtype(self):
            clear() if when == "dtype" else None
            return "fp32"

        def data_ptr(self):
            clear() if when == "data_ptr" else None
            return 0x1000

    def grid(meta):
        clear() if when == "grid" else None
        return (2,)

    if when == "pre-run hook":
        kernel.add_pre_run_hook(clear)
    if when == "enter hook":
        knobs.runtime.launch_enter_hook.add(clear)
    launched = 0
    for round_ in range(6):
        now[:] = [when] if round_ % 2 else []
        for _ in range(2):
            compiled = kernel[grid](Pointer(), Y, 7, BLOCK=Clearing())
            launched += 1
            assert compiled.module in rig.stub.modules, round_
    assert [values(launch, "QQif") for launch in rig.launches()] == [(0x1000, 0x2000, 7, 1.5)] * launched


@pytest.mark.parametrize("when", ["pre-run hook", "data_ptr", "grid", "enter hook", "exit hook"])
def test_a_launch_may_launch_the_same_kernel(rig, when):
    """From code that runs in it."""
    kernel, depth, results = triton.jit(add), [0], []

    def again(*args, **kwargs):
        if depth[0] < 3:
            depth[0] += 1
            results.append(kernel[grid](Pointer(), Y, 100 + depth[0], num_warps=2))
            depth[0] -= 1

    class Pointer:
        dtype = "fp32"

        def data_ptr(self):
            if when == "data_ptr" and not depth[0]:
                again()
            return 0x1000

    def grid(meta):
        if when == "grid":
            again()
        return (2,)

    if when == "pre-run hook":
        kernel.add_pre_run_hook(again)
    if when.endswith("er hook") or when == "exit hook":
        chain = knobs.runtime.launch_enter_hook if when == "enter hook" else knobs.runtime.launch_exit_hook
        chain.add(again)
    for _ in range(3):
        outer = kernel[grid](Pointer(), Y, 7)
        assert outer.metadata.num_warps == 4
    assert {each.metadata.num_warps for each in results} == {2} and len(results) >= 3
    numbers = [values(launch, "QQif")[2] for launch in rig.launches()]
    assert numbers.count(7) == 3 and len(numbers) == 3 + len(results) and set(numbers) <= {7, 101, 102, 103}
    for _ in range(2):
        kernel[grid](Pointer(), Y, 7)


def test_drivers_may_be_switched_in_the_middle_of_a_launch(rig):
    """The launch goes on, and the next one is that of the other driver."""
    kernel = triton.jit(add)

    def grid(meta):
        rig.use(rig.in_tree)
        return (2,)

    ours = kernel[(2,)](X, Y, 7)
    assert kernel[grid](X, Y, 7) is ours
    assert kernel[(2,)](X, Y, 7) is not ours
    rig.use(rig.driver)
    assert kernel[grid](X, Y, 8, num_warps=8) is not ours
    rig.use(rig.driver)
    assert kernel[(2,)](X, Y, 7) is ours and len(rig.launches()) == 5


# -- Collecting


def test_launches_go_on_while_the_collector_runs_all_the_time(rig):
    """At every allocation, so that it meets whatever is half done."""
    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        for function in (add, add):
            kernel = triton.jit(function)
            for index in range(150):
                kernel[(0,)](X, (Y, tl.constexpr(Key(index % 3))), index, BLOCK=Key(index % 5))
                kernel[lambda meta: (0,)](X, Y, index, num_warps=2 ** (index % 3))
    finally:
        gc.set_threshold(*before)
    assert rig.went()[FAST] > 400


def test_the_collector_finds_cycles_through_a_kernel(rig):
    """Through a constant, a default, a global's value and the grid of a subscript."""
    key = Key()
    kernel = triton.jit(constant)
    key.kernel, key.subscript = kernel, kernel[(2, key)]
    kernel.cycle = kernel[(2,)]
    kernel[(2,)](key)
    gone = [weakref.ref(key), weakref.ref(kernel)]
    del key, kernel
    collect()
    assert [reference() for reference in gone] == [None, None] and rig.stub.modules == set()


# -- Threads


@pytest.fixture
def switching():
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_threads_launch_the_same_kernels_at_once(rig, switching):
    """From their first launch on; every launch arrives, with its own arguments."""
    kernels = [triton.jit(add), triton.jit(add), triton.jit(single)]

    def work(thread):
        for index in range(60):
            number = 1000 * thread + 16 * index + 3
            kernels[0][(2,)](X, Y, number, scale=float(thread))
            kernels[index % 2][(thread + 1,)](X, Y, n=number, BLOCK=2**thread)
            kernels[2][lambda meta: (3,)]((X, number))

    in_threads(8, work)
    launches = rig.launches()
    assert len(launches) == 8 * 60 * 3
    expected = sorted(1000 * thread + 16 * index + 3 for thread in range(8) for index in range(60))
    assert sorted(values(launch, "Qi")[1] for launch in launches if launch.function == "single") == expected
    seen = sorted(values(launch, "QQif")[2:] for launch in launches if launch.function == "add" and launch.grid == (2, 1, 1))
    first = [(number, float(number // 1000)) for number in expected]
    assert sorted(set(seen) & set(first)) == first


def test_threads_launch_on_devices_of_their_own(rig, switching):
    """Device and context are the thread's."""
    kernel = triton.jit(single)

    def work(thread):
        rig.driver.set_current_device(thread % 2)
        for index in range(50):
            kernel[(2,)](1000 * (thread % 2) + 16 * index + 3)

    in_threads(8, work)
    launches = rig.launches()
    assert len(launches) == 400
    assert all(launch.device == values(launch, "i")[0] // 1000 for launch in launches)


def test_threads_make_and_drop_kernels_at_once(rig, switching):
    """While others clear the caches of those that all launch."""
    shared = triton.jit(add)

    def work(thread):
        for index in range(25):
            own = triton.jit((single, other)[index % 2])
            own[(2,)](X)
            own[(2,)](X)
            shared[(2,)](X, Y, 7, BLOCK=thread)
            if index % 5 == thread % 5:
                shared.device_caches.clear()
                gc.collect()

    in_threads(6, work)
    assert len(rig.launches()) == 6 * 25 * 3
    collect()
    assert number_of(_launcher.Dispatcher) <= 3


@pytest.mark.parametrize("hook", ["kernel_load_start_hook", "kernel_load_end_hook"])
def test_a_kernel_that_one_thread_loads_is_whole_for_others(rig, hook):
    """They load it, too; one module stays. Triton's own launches without a function then, and leaves a module behind."""
    kernel, chain, met = triton.jit(single), getattr(triton.knobs.runtime, hook), []

    def another_launches(*_):
        chain.remove(another_launches)
        met.append(in_thread(lambda: kernel[(3,)](X).name))

    chain.add(another_launches)
    compiled = kernel[(2,)](X)
    kernel[(4,)](X)
    assert (met, [launch.grid[0] for launch in rig.launches()]) == (["single"], [3, 2, 4])
    assert rig.stub.modules == {compiled.module}
    assert not any("graft_loaded" in name for name in vars(compiled))


def test_no_module_is_unloaded_that_another_thread_has_made_the_kernels(rig, monkeypatch):
    """Regression: who came first unloaded what was its own, as the second had already given it to the kernel."""
    gone, others = [], [{"module": 2}]
    monkeypatch.setattr(rig.driver, "utils", types.SimpleNamespace(unload_module=gone.append))

    class Kernel:
        @property
        def module(self):
            if others:  # another thread takes its turn
                handles._settle(self, others.pop())
            return vars(self).get("module")

    kernel = Kernel()
    handles._settle(kernel, {"module": 1})
    monkeypatch.undo()
    assert (vars(kernel), gone) == ({"module": 1}, [2])


def test_a_launch_lets_other_threads_run(rig):
    """The driver may wait for a host function that needs the GIL: it is given up around `cuLaunchKernelEx`."""
    kernel = triton.jit(single)
    kernel[(2,)](X)
    turns, stop = [0], threading.Event()

    def take_turns():
        while not stop.is_set():
            turns[0] += 1
            time.sleep(0)

    thread = threading.Thread(target=take_turns)
    thread.start()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)  # nobody is asked to give it up
    try:
        rig.stub.launches_take(0.05)
        before = turns[0]
        kernel[(2,)](X)
        after = turns[0]
    finally:
        sys.setswitchinterval(interval)
        stop.set()
        thread.join()
    assert after > before


# -- Forks


def test_a_forked_child_launches_and_leaves_its_parent_alone(rig):
    """With kernels of its parent and with its own; the stub, unlike CUDA, goes on in the child."""
    kernel = triton.jit(single)
    kernel[(2,)](X)

    def work():
        kernel[(2,)](X)
        triton.jit(other)[(2,)](X)
        return [launch.function for launch in rig.launches()]

    rig.launches()
    assert in_child(work) == (0, "['single', 'other']")
    kernel[(2,)](X)
    assert [launch.function for launch in rig.launches()] == ["single"]


@pytest.mark.parametrize("default", ["", "graft"])
@pytest.mark.parametrize("active", ["ours", "in-tree", "none"])
def test_a_forked_child_compiles_for_a_target_that_is_named(active, default, rig, monkeypatch):
    """After its parent has used the driver, every call of CUDA fails in a child."""
    monkeypatch.setenv("TRITON_DEFAULT_BACKEND", default)
    rig.use(rig.in_tree if active == "in-tree" else rig.driver)
    triton.jit(single)[(2,)](X)
    assert rig.stub.calls()["cuLaunchKernelEx"] == 1
    if active == "none":
        triton.runtime.driver._active = None
    source = vector_add_source(make_vector_add())

    def compile_without_cuda():
        rig.stub.reset(devices=0)
        compiled = triton.compile(source, target=target(90))
        return compiled.asm["cubin"][:4], hasattr(compiled.metadata, "compiler_identity")

    ours = active == "ours" or (active, default) == ("none", "graft")
    assert in_child(compile_without_cuda) == (0, str((b"\x7fELF", ours)))


def test_a_child_of_a_thread_launches(rig):
    """Forked while another thread is about to launch, it meets no lock that is held."""
    kernel = triton.jit(single)
    kernel[(2,)](X)
    stop = threading.Event()

    def launch_on():
        while not stop.is_set():
            kernel[(0,)](X)

    thread = threading.Thread(target=launch_on)
    thread.start()
    try:
        for _ in range(5):
            assert in_thread(lambda: in_child(lambda: kernel[(0,)](X).name)) == (0, "single")
    finally:
        stop.set()
        thread.join()


# -- The end of the process

SCRIPT = """
import atexit, sys, threading
import stub_cuda
stub = stub_cuda.load()
stub.reset(devices=1)
import triton
import triton.language as tl
from triton.backends.graft.driver import Driver
from triton.backends.graft.launch import launcher
driver = Driver()
triton.runtime.driver.set_active(driver)

@triton.jit
def fill(out, value):
    tl.store(out, value)

class Pointer:
    dtype = "fp32"
    def data_ptr(self):
        return 0x1000

class Last:
    def __init__(self):
        self.launch = fill[(1,)]
    def __del__(self):
        self.launch(Pointer(), 4.5)

out = Pointer()
for _ in range(3):
    fill[(1,)](out, 2.5)
tuned = triton.autotune([triton.Config({}, num_warps=2)], key=[])(fill)
tuned[(1,)](out, 2.5)
kept = fill[(1,)]
frozen = launcher.freeze(fill, (1,), out, 2.5, vary=("out",))
frozen(out)
"""


@pytest.mark.parametrize(
    "end",
    [
        "",
        "sys.exit(0)",
        "atexit.register(lambda: fill[(1,)](out, 3.5))",
        "last = Last()",
        "sys.last = Last(); sys.kept = kept",
        "cycle = [fill, kept, frozen]; cycle.append(cycle); del fill, kept, frozen, tuned",
        "thread = threading.Thread(target=lambda: [fill[(0,)](out, 2.5) for _ in range(100_000)], daemon=True); thread.start()",
        "triton.runtime.driver.reset_active",
        "del driver; triton.runtime.driver._active = None",
    ],
)
def test_a_process_ends_well_with_kernels_alive(tmp_path, monkeypatch, end):
    """Whatever is still there, and whatever is launched while Python ends."""
    monkeypatch.setenv("TRITON_LIBCUDA_PATH", str(stub_cuda.BUILD))
    done = run_python(f"{SCRIPT}\n{end}\n", tmp_path, TRITON_CACHE_DIR=str(stub_cuda.BUILD / "cache"))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert done.stderr == "" or "Last.__del__" in done.stderr or "CompiledKernel.__del__" in done.stderr
