# SPDX-License-Identifier: MIT
"""A kernel is not launched when a value that was compiled into it has changed, whichever way the launch goes.

What a compiled kernel was made from stands in its `_graft_reads` (backend/cache/reads.py); the tests write it there.
"""

import gc
import sys
import types
import weakref
from collections import namedtuple

import launching
import pytest
import triton
import triton.language as tl
from launching import FAST, FIRST, FROZEN, NEW_KEY, TUNED, in_threads, ptr
from triton import knobs
from triton.backends.graft.cache import readset
from triton.backends.graft.cache.current_kernels import CurrentKernels, is_current
from triton.backends.graft.cache.reads import ABSENT, UNSTABLE
from triton.backends.graft.driver import Driver
from triton.backends.graft.launch import launcher
from triton.runtime._async_compile import FutureKernel

X = ptr(0x1000)
STALE = "a value that was compiled in has changed"


class Answers:
    """Stands in for `readset.still_holds`: says *answer*, after calling *meanwhile*, and notes what it was asked about."""

    def __init__(self):
        self.answer, self.asked, self.meanwhile = False, [], None

    def still_holds(self, compiled):
        self.asked.append(id(compiled))
        if self.meanwhile is not None:
            self.meanwhile(compiled)
        return self.answer

    def times(self):
        """How often it was asked since the last time."""
        number = len(self.asked)
        self.asked.clear()
        return number


@pytest.fixture
def python(monkeypatch):
    """What Python says of kernels that are not known to be current."""
    answers = Answers()
    monkeypatch.setattr(readset, "still_holds", answers.still_holds)
    return answers


def single(value):
    pass


def compiled_with(kernel, reads, *args, **kwargs):
    """*kernel* compiled for *args*, from *reads*; it is not launched."""
    compiled = kernel.warmup(*(args or (X,)), grid=(1,), **kwargs)
    compiled._graft_reads = reads
    return compiled


class Config:
    BLOCK = 64


def dict_of(cls):
    """The dict of a class itself, not a view of it."""
    return gc.get_referents(vars(cls))[0]


# -- What counts as a change


def module_reads(present):
    module = types.ModuleType("cfg")
    if present:
        module.BLOCK = 64
    return module, ((vars(module), "BLOCK", module.BLOCK if present else ABSENT),)


def replaced():
    module, reads = module_reads(present=True)
    return reads, lambda: setattr(module, "BLOCK", 65)


def deleted():
    module, reads = module_reads(present=True)
    return reads, lambda: delattr(module, "BLOCK")


def added():
    module, reads = module_reads(present=False)
    return reads, lambda: setattr(module, "BLOCK", 64)


def cleared():
    module, reads = module_reads(present=True)
    return reads, vars(module).clear


def written_with_another_string():
    module, reads = module_reads(present=True)
    return reads, lambda: vars(module).update({"".join(["BLO", "CK"]): 65})


def second_namespace():
    (_, first), (module, second) = module_reads(present=True), module_reads(present=True)
    return first + second + first, lambda: setattr(module, "BLOCK", 65)


def class_attribute():
    cls = type("Own", (Config,), {"BLOCK": 32})
    return ((dict_of(cls), "BLOCK", 32),), lambda: setattr(cls, "BLOCK", 33)


def class_attribute_hidden():
    cls = type("Own", (Config,), {})
    return ((dict_of(cls), "BLOCK", ABSENT), (dict_of(Config), "BLOCK", 64)), lambda: setattr(cls, "BLOCK", 64)


def cell_changed():
    cell = types.CellType(64)
    return ((cell, None, 64),), lambda: setattr(cell, "cell_contents", 65)


def cell_emptied():
    cell = types.CellType(64)
    return ((cell, None, 64),), lambda: delattr(cell, "cell_contents")


def cell_filled():
    cell = types.CellType()
    return ((cell, None, ABSENT),), lambda: setattr(cell, "cell_contents", 64)


def function_changed():
    def function(n=1):
        return n

    kept = function.__defaults__
    return ((function, None, (function.__code__, kept, None)),), lambda: setattr(function, "__defaults__", (2,))


def bases_changed():
    cls = type("Own", (Config,), {})
    other = type("Other", (Config,), {})
    return ((cls, None, (type, cls.__mro__)),), lambda: setattr(cls, "__bases__", (other,))


def class_of_instance_changed():
    value = type("Own", (), {})()
    return ((value, None, type(value)),), lambda: setattr(value, "__class__", type("Other", (), {}))


def item_of_list_changed():
    value = [64]
    return ((value, None, (value[0],)),), lambda: value.__setitem__(0, 65)


def dict_reordered():
    value = {"a": 1, "b": 2}
    return ((value, None, ("a", value["a"], "b", value["b"])),), lambda: value.update(a=value.pop("a"))


def attribute_added():
    cls = type("Own", (Config,), {})
    return ((dict_of(cls), None, len(vars(cls))),), lambda: setattr(cls, "other", 64)


def property_made_again():
    made = property(lambda self: 64, None, single)
    return ((made, None, (made.fget, None, single)),), lambda: made.__init__(made.fget, single, single)


def static_method_made_again():
    made = staticmethod(single)
    return ((made, None, (single,)),), lambda: made.__init__(lambda: 65)


def class_method_made_again():
    made = classmethod(single)
    return ((made, None, (single,)),), lambda: made.__init__(lambda cls: 65)


CHANGES = [replaced, deleted, added, cleared, written_with_another_string, second_namespace, class_attribute]
CHANGES += [function_changed, bases_changed, class_of_instance_changed, item_of_list_changed, dict_reordered, attribute_added]
CHANGES += [property_made_again, static_method_made_again, class_method_made_again]
CHANGES += [class_attribute_hidden, cell_changed, cell_emptied, cell_filled]
each_change = pytest.mark.parametrize("make", CHANGES, ids=lambda make: make.__name__)


@each_change
def test_a_changed_value_is_noticed_by_the_next_launch(rig, python, make):
    """What is stale is forgotten and compiled anew in the same launch."""
    (reads, change), kernel = make(), triton.jit(single)
    old = compiled_with(kernel, reads)
    assert [kernel[(2,)](X) for _ in range(3)] == [old] * 3
    assert rig.went() == {FIRST: 1, FAST: 2} and python.times() == 0
    change()
    new = kernel[(2,)](X)
    assert new is not old and python.times() == 1 and rig.went() == {STALE: 1}
    assert list(kernel.device_caches[0][0].values()) == [new] and kernel._graft_target.variants() == 1
    assert [kernel[(2,)](X) for _ in range(2)] == [new] * 2 and rig.went() == {FAST: 2}
    assert len(rig.launches()) == 6


@each_change
def test_a_changed_value_that_says_the_same_is_no_change(rig, python, make):
    """Python decides, and is asked each time if it leaves the reads as they are."""
    (reads, change), kernel = make(), triton.jit(single)
    old, python.answer = compiled_with(kernel, reads), True
    kernel[(2,)](X)
    change()
    assert [kernel[(2,)](X) for _ in range(3)] == [old] * 3
    assert python.times() == 3 and rig.went() == {FIRST: 1, FAST: 3}


@each_change
def test_a_changed_value_is_noticed_by_tritons_own_run(rig, python, make):
    """Where no native code takes part."""
    (reads, change), kernel = make(), triton.jit(single)
    old = compiled_with(kernel, reads)
    assert kernel.warmup(X, grid=(1,)) is old and launching.run_tritons_way(kernel, X, grid=(2,), warmup=False) is old
    change()
    assert not is_current(old) and python.times() == 1
    new = launching.run_tritons_way(kernel, X, grid=(2,), warmup=False)
    assert new is not old and kernel.warmup(X, grid=(1,)) is new and python.times() == 1
    assert rig.went() == {}


def test_reads_that_python_replaces_are_those_of_the_next_launch(rig, python):
    """So that a new object that says the same is asked about once."""
    module, reads = module_reads(present=True)
    kernel, python.answer = triton.jit(single), True
    old = compiled_with(kernel, reads)

    def follow(compiled):
        compiled._graft_reads = ((vars(module), "BLOCK", module.BLOCK),)

    python.meanwhile = follow
    kernel[(2,)](X)
    for value in (1000, 2000):
        module.BLOCK = value
        assert [kernel[(2,)](X) for _ in range(3)] == [old] * 3
        assert python.times() == 1
    python.meanwhile = lambda compiled: setattr(compiled, "_graft_reads", None)
    module.BLOCK = 3000
    kernel[(2,)](X)
    module.BLOCK = 4000
    assert kernel[(2,)](X) is old and python.times() == 1
    assert rig.went() == {FIRST: 1, FAST: 8}


def test_a_value_that_can_change_in_place_is_asked_about_each_time(rig, python):
    """`UNSTABLE` never holds, also beside what does."""
    _, reads = module_reads(present=True)
    kernel, python.answer = triton.jit(single), True
    old = compiled_with(kernel, (*reads, (reads[0][0], "BLOCK", UNSTABLE)))
    assert [kernel[(2,)](X) for _ in range(3)] == [old] * 3 and python.times() == 3
    assert kernel.warmup(X, grid=(1,)) is old and python.times() == 1
    python.answer = False
    assert kernel[(2,)](X) is not old and python.times() == 1
    assert rig.went() == {FIRST: 1, FAST: 2, STALE: 1}


def test_other_names_and_a_value_that_is_put_back_are_no_change(rig, python):
    """Only what was read counts."""
    module, reads = module_reads(present=True)
    kernel, block = triton.jit(single), module.BLOCK
    compiled_with(kernel, reads)
    for number in range(4):
        module.other = number
        kernel[(2,)](X)
        module.BLOCK = 1000 + number
        module.BLOCK = block
        kernel[(2,)](X)
    assert python.times() == 0 and rig.went() == {FIRST: 1, FAST: 7}


@pytest.mark.parametrize("reads", [None, ()])
def test_nothing_that_was_read_is_nothing_to_ask_about(rig, python, reads):
    """None, and no triples."""
    kernel = triton.jit(single)
    old = compiled_with(kernel, reads)
    assert [kernel[(2,)](X), kernel[(2,)](X), kernel.warmup(X, grid=(1,))] == [old] * 3
    assert python.times() == 0 and rig.went() == {FIRST: 1, FAST: 1}


class Namespace(dict):
    """No exact dict: what it says need not be what it has."""


@pytest.mark.parametrize("reads", [[], ((1, 2),), ((Namespace(a=1), "a", 1),), (({}, None, ABSENT),), (({}, 5, ABSENT),), 7])
def test_reads_that_are_not_understood_are_never_current(rig, python, reads):
    """Native code does not trip over them."""
    kernel, python.answer = triton.jit(single), True
    compiled_with(kernel, reads)
    for _ in range(3):
        kernel[(2,)](X)
    assert python.times() == 3 and rig.went() == {FIRST: 1, FAST: 2}


def test_an_error_in_asking_is_raised(rig, python):
    """And the kernel stays as it is."""
    module, reads = module_reads(present=True)
    kernel = triton.jit(single)
    old = compiled_with(kernel, reads)
    kernel[(2,)](X)
    module.BLOCK = 65
    python.meanwhile = lambda compiled: 1 // 0
    for call in (lambda: kernel[(2,)](X), lambda: kernel.warmup(X, grid=(1,))):
        with pytest.raises(ZeroDivisionError):
            call()
    module.BLOCK, python.meanwhile = 64, None
    assert kernel[(2,)](X) is old and len(rig.launches()) == 2


# -- Which kernels


def test_one_variant_may_be_stale_and_the_others_not(rig, python):
    """They stay on the fast path."""
    (first, reads), (_, others) = module_reads(present=True), module_reads(present=True)
    kernel = triton.jit(single)
    old = compiled_with(kernel, reads, 16), compiled_with(kernel, others, 17), compiled_with(kernel, others, 2.5)
    for value in (16, 17, 2.5):
        kernel[(2,)](value)
    rig.went()
    first.BLOCK = 65
    new = [kernel[(2,)](value) for value in (16, 17, 2.5, 16)]
    assert new[0] is not old[0] and new[1:3] == [*old[1:]] and new[3] is new[0]
    assert python.times() == 1 and rig.went() == {STALE: 1, FAST: 3}


def test_a_kernel_may_be_stale_on_one_device(rig, python):
    """Each device has kernels of its own."""
    module, reads = module_reads(present=True)
    kernel = triton.jit(single)
    kernels = []
    for device in (0, 1):
        rig.driver.set_current_device(device)
        kernels.append(compiled_with(kernel, reads if device else ()))
        kernel[(2,)](X)
    module.BLOCK = 65
    assert kernel[(2,)](X) is not kernels[1]
    rig.driver.set_current_device(0)
    assert kernel[(2,)](X) is kernels[0]
    assert python.times() == 1 and rig.went() == {FIRST: 2, STALE: 1, FAST: 1}


def tuned(value, SIZE: tl.constexpr):
    pass


def test_an_autotuned_kernel_is_compiled_anew_and_not_tuned_again(rig, python):
    """Its configuration stays."""
    module, reads = module_reads(present=True)
    inner = triton.jit(tuned)
    configs = [triton.Config({"SIZE": size}) for size in (32, 64)]
    kernel = triton.autotune(configs, key=["value"], do_bench=lambda call, quantiles: [call() or 1.0] * 3)(inner)
    for config in configs:
        compiled_with(inner, reads, 7, **config.all_kwargs())
    old = kernel[(2,)](7)
    assert rig.went().pop(NEW_KEY) == 1 and kernel[(2,)](7) is old
    module.BLOCK = 65
    new = kernel[(2,)](7)
    assert new is not old and kernel[(2,)](7) is new and python.times() == 1
    counts = rig.went()
    assert counts[STALE] == 1 and counts[TUNED] == 3 and NEW_KEY not in counts


def test_a_kernel_with_heuristics_is_compiled_anew(rig, python):
    """As the kernel that it wraps."""
    module, reads = module_reads(present=True)
    inner = triton.jit(tuned)
    kernel = triton.heuristics({"SIZE": lambda args: 32})(inner)
    old = compiled_with(inner, reads, 7, SIZE=32)
    assert [kernel[(2,)](7) for _ in range(2)] == [old] * 2
    module.BLOCK = 65
    assert kernel[(2,)](7) is not old and rig.went() == {FIRST: 1, FAST: 1, STALE: 1} and python.times() == 1


def test_a_frozen_launch_does_not_look_again(rig, python):
    """As documented; the next one that is frozen does."""
    module, reads = module_reads(present=True)
    kernel = triton.jit(single)
    compiled_with(kernel, reads)
    launch = launcher.freeze(kernel, (2,), X, vary=("value",))
    module.BLOCK = 65
    launch(X)
    assert rig.went() == {FROZEN: 1} and python.times() == 0
    launcher.freeze(kernel, (2,), X, vary=("value",))
    assert python.times() == 1 and len(rig.compiler.compiled) == 2


def test_a_kernel_that_is_still_being_compiled_is_not_waited_for():
    """It has no attribute of its own that says what it was made from, and asking for one would wait."""
    future = FutureKernel(None, None, None)
    kernels = CurrentKernels(triton.jit(single), {"key": future})
    assert kernels.get("key") is future and kernels.get("other", 5) == 5


# -- The order of things


def global_reads(present=True):
    return ((globals(), "SIZE", globals()["SIZE"]),) if present else ()


SIZE = tl.constexpr(4)


def uses_global(x):
    x + SIZE


def test_a_used_global_that_changed_is_still_an_error(rig, python, monkeypatch):
    """Before Python is asked, and before anything is compiled."""
    kernel = triton.jit(uses_global)
    old = compiled_with(kernel, global_reads())
    kernel[(2,)](X)
    with monkeypatch.context() as patch:
        patch.setitem(globals(), "SIZE", tl.constexpr(8))
        for call in (
            lambda: kernel[(2,)](X),
            lambda: launching.run_tritons_way(kernel, X, grid=(2,), warmup=False),
            lambda: kernel.warmup(X, grid=(1,)),
        ):
            with pytest.raises(RuntimeError, match="Global variable SIZE has changed"):
                call()
    assert len(rig.compiler.compiled) == 1
    python.times()
    assert kernel[(2,)](X) is old and python.times() == 0


def test_python_is_asked_after_the_hooks_and_before_the_grid(rig, python):
    """Both are called once, also where the kernel is compiled anew."""
    module, reads = module_reads(present=True)
    seen, kernel = [], triton.jit(single)
    compiled_with(kernel, reads)
    kernel.add_pre_run_hook(lambda *args, **kwargs: seen.append("hook"))
    python.meanwhile = lambda compiled: seen.append("asked")

    def launch():
        seen.clear()
        kernel[lambda meta: seen.append("grid") or (2,)](X)
        return list(seen)

    assert launch() == launch() == ["hook", "grid"]
    module.BLOCK = 65
    assert launch() == ["hook", "asked", "grid"] and launch() == ["hook", "grid"]
    assert len(rig.launches()) == 4 and rig.went() == {FIRST: 1, FAST: 2, STALE: 1}


def test_launch_hooks_that_are_set_while_python_is_asked_are_called(rig, python):
    """What a launch knew of them is from before."""
    module, reads = module_reads(present=True)
    seen, kernel, python.answer = [], triton.jit(single), True
    compiled_with(kernel, reads)
    kernel[(2,)](X)
    module.BLOCK = 65
    python.meanwhile = lambda compiled: knobs.runtime.launch_enter_hook.add(seen.append)
    kernel[(2,)](X)
    assert len(seen) == 1


# -- What may happen meanwhile


@pytest.mark.parametrize("answer", [True, False])
@pytest.mark.parametrize("what", ["clear", "replace", "launch", "collect", "forget"])
def test_anything_may_happen_while_python_is_asked(rig, python, what, answer):
    """No kernel that is gone is launched, and none that somebody else has put there is taken away."""
    module, reads = module_reads(present=True)
    kernel = triton.jit(single)
    old = compiled_with(kernel, reads)
    kernel[(2,)](X)
    other = kernel.warmup(ptr(dtype="fp16"), grid=(1,))

    def meanwhile(compiled):
        python.meanwhile = None
        caches = kernel.device_caches
        if what == "clear":
            caches.clear()
        elif what == "replace":
            caches[0][0][next(iter(caches[0][0]))] = other
        elif what == "launch":
            python.answer = True
            kernel[(2,)](X)
            python.answer = answer
        elif what == "collect":
            gc.collect()
        else:
            launcher._launcher.forget_kernels()

    python.meanwhile, python.answer = meanwhile, answer
    module.BLOCK = 65
    result = kernel[(2,)](X)
    if answer:
        assert result is old
    elif what == "replace":
        assert result is other
    else:
        assert result not in (old, other)
    del old, result
    gc.collect()
    kernel[(2,)](X)
    assert len(rig.launches()) == 3 + (what == "launch")


def test_a_key_that_runs_code_may_change_everything(rig, python):
    """Looking a name up compares it with whatever else has its hash."""
    module, _ = module_reads(present=False)
    kernel, python.answer = triton.jit(single), True

    class Key:
        def __hash__(self):
            return hash("BLOCK")

        def __eq__(self, other):
            if other == "BLOCK" and armed:
                armed.clear()
                kernel.device_caches.clear()
                compiled._graft_reads = None
                python.meanwhile = None
            return False

    armed = []
    space = vars(module)
    space[Key()] = 1
    space["BLOCK"] = 64
    compiled = compiled_with(kernel, ((space, "BLOCK", 64),))
    kernel[(2,)](X)
    armed.append(1)
    space["other"] = 5
    space["BLOCK"] = 64
    for _ in range(3):
        kernel[(2,)](X)
    assert len(rig.launches()) == 4


def test_threads_meet_a_stale_kernel_at_once(rig, python):
    """Each launches a kernel that is current."""
    module, _ = module_reads(present=True)
    kernel = triton.jit(single)
    for number in range(20):
        kernel.device_caches.clear()
        old = compiled_with(kernel, ((vars(module), "BLOCK", module.BLOCK),))
        kernel[(2,)](X)
        module.BLOCK = 1000 + number
        results = [None] * 4

        def work(index, results=results):
            results[index] = kernel[(2,)](X)

        in_threads(4, work)
        assert old not in results and None not in results


# -- Lifetimes


def test_launches_that_look_keep_no_references(rig, python):
    """Whatever the answer is."""
    module, reads = module_reads(present=True)
    kernel, python.answer = triton.jit(single), True
    cell, value = types.CellType(64), object()
    module.BLOCK = value
    reads = ((vars(module), "BLOCK", value), (cell, None, 64))
    compiled = compiled_with(kernel, reads)
    kernel[(2,)](X)
    objects = [kernel, module, vars(module), cell, value, reads, compiled, ABSENT, UNSTABLE, python.still_holds, None]

    def work():
        kernel[(2,)](X)
        module.BLOCK = 5
        kernel[(2,)](X)
        module.BLOCK = value
        cell.cell_contents = 65
        kernel[(2,)](X)
        cell.cell_contents = 64

    for _ in range(2):
        work()
    before = [sys.getrefcount(item) for item in objects]
    for _ in range(40):
        work()
    python.asked.clear()
    assert [sys.getrefcount(item) for item in objects] == before


def test_a_stale_kernel_goes(rig, python):
    """With its module, when nobody else has it."""
    module, reads = module_reads(present=True)
    kernel = triton.jit(single)
    old = compiled_with(kernel, reads)
    kernel[(2,)](X)
    gone, module.BLOCK = weakref.ref(old), 65
    del old
    new = kernel[(2,)](X)
    gc.collect()
    assert gone() is None and rig.stub.modules == {new.module}


def test_the_collector_finds_cycles_through_what_was_read(rig, python):
    """The namespaces of a kernel have the kernel as a rule."""
    module, _ = module_reads(present=True)
    cell = types.CellType()
    kernel = triton.jit(single)
    module.kernel = cell.cell_contents = kernel
    compiled_with(kernel, ((vars(module), "kernel", kernel), (cell, None, kernel)))
    for _ in range(2):
        kernel[(2,)](X)
    gone = weakref.ref(kernel), weakref.ref(module)
    del kernel, module, cell
    triton.runtime.jit._triton_jit_function_registry.clear()
    gc.collect()
    assert [reference() for reference in gone] == [None, None] and rig.stub.modules == set()


# -- Our other drivers


@pytest.fixture(params=["compile-only", "GRAFT_LAUNCHER=0"])
def other_driver(request, tmp_path, activate, monkeypatch):
    """Drivers of ours that compile and launch as Triton does."""
    if request.param == "compile-only":
        activate(Driver(target="cuda:90"))
        monkeypatch.setattr(triton.compiler, "compile", launching.Compiler(tmp_path).compile)
        yield
        return
    with launching.rig(tmp_path) as rig:
        monkeypatch.setenv("GRAFT_LAUNCHER", "0")
        driver = launching.make_driver(rig.stub)
        assert not driver.launches_natively
        rig.use(driver)
        yield
        rig.use(rig.driver)


def test_drivers_that_do_not_launch_natively_look_as_well(other_driver, python):
    """All of ours have the same caches."""
    module, reads = module_reads(present=True)
    kernel = triton.jit(tuned)
    old = compiled_with(kernel, reads, X, SIZE=0)
    assert kernel.warmup(X, grid=(1,), SIZE=0) is old
    module.BLOCK = 65
    assert kernel.warmup(X, grid=(1,), SIZE=0) is not old
    assert len({id(kernel.warmup(X, grid=(1,), SIZE=size)) for size in (0, 0.0, False, -0.0)}) == 4


# -- Keys

A, B, SameName = namedtuple("A", "a b"), namedtuple("B", "b a"), namedtuple("A", "b a")

#: Values that Triton's key shows alike.
ALIKE = [
    [tl.constexpr(1), tl.constexpr("1")],
    [tl.constexpr(True), tl.constexpr("True")],
    [tl.constexpr(None), tl.constexpr("None")],
    [tl.constexpr(tl.float32), tl.constexpr("fp32")],
    [(tl.constexpr(1), X), (tl.constexpr("1"), X)],
    [A(7, X), B(7, X), SameName(7, X), (7, X)],
    [(A(7, X), 8), (B(7, X), 8), ((7, X), 8)],
]


@pytest.mark.parametrize("values", ALIKE)
@pytest.mark.parametrize("launch", ["native", "run", "Triton's run", "warmup"])
def test_values_that_tritons_key_shows_alike_have_kernels_of_their_own(rig, values, launch):
    """On the fast path and on Triton's."""
    calls = {
        "native": lambda kernel, value: kernel[(2,)](value),
        "run": lambda kernel, value: kernel.run(value, grid=(2,), warmup=False),
        "Triton's run": lambda kernel, value: launching.run_tritons_way(kernel, value, grid=(2,), warmup=False),
        "warmup": lambda kernel, value: kernel.warmup(value, grid=(2,)),
    }
    kernel = triton.jit(single)
    made = [calls[launch](kernel, value) for value in values]
    assert len(set(map(id, made))) == len(values) == len(kernel.device_caches[0][0])
    for call in calls.values():
        assert [call(kernel, value) for value in values] == made


@pytest.mark.parametrize(
    "values", [[1, "1"], [True, "True"], [A(1, 2), B(1, 2), (1, 2)], [tl.float32, "triton.language.float32"]]
)
def test_constants_that_look_alike_have_kernels_of_their_own(rig, values):
    """Given to a parameter that is a constexpr."""
    kernel = triton.jit(tuned)
    made = [kernel[(2,)](X, value) for value in values]
    assert len(set(map(id, made))) == len(values)
    assert [kernel[(2,)](X, value) for value in values] == made and rig.went() == {FIRST: len(values), FAST: len(values)}


def keys_of(rig, driver, *values):
    """The keys under which Triton shows *values* to its hooks."""
    rig.use(driver)
    rig.compile_with(launching.Compiler(rig.folder))
    kernel, seen = triton.jit(single), []
    knobs.runtime.jit_cache_hook = lambda *, key, **_: seen.append(key) and None
    for value in values:
        kernel[(2,)](value)
    knobs.runtime.jit_cache_hook = None
    assert set(kernel.device_caches[0][0]) == set(seen)
    return seen


def test_keys_are_tritons_own_where_they_are_exact(rig):
    """`jit_cache_hook` is shown them, and `preload` takes them."""
    values = [X, 1, 7, 2.5, None, True, (7, X), (1, (2, X))]
    assert keys_of(rig, rig.driver, *values) == keys_of(rig, rig.in_tree, *values)


def test_keys_are_tritons_own_and_more_where_they_are_not(rig):
    """So that they are the same in each process."""
    values = [tl.constexpr(1), A(7, X)]
    ours, tritons = keys_of(rig, rig.driver, *values), keys_of(rig, rig.in_tree, *values)
    assert all(key.startswith(start) and key != start for key, start in zip(ours, tritons, strict=True))
    assert not any(" at 0x" in key for key in ours)
