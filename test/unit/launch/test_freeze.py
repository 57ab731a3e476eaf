# SPDX-License-Identifier: MIT
"""Frozen launches: what they launch, what they refuse, and what they keep alive."""

import contextlib
import contextvars
import gc
import re
import struct
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor

import launching
import pytest
import stub_cuda
import triton
import triton.language as tl
from launch_values import DType, Pair, descriptor
from launching import FAST, FIRST, FROZEN, in_thread, in_threads, ptr, values
from support import ROOT, in_child
from triton import knobs
from triton.backends.graft.errors import FreezeError, GraftError, LaunchError, SpecializationError
from triton.backends.graft.launch import arrays, freeze, launcher

X, Y = ptr(0x1000), ptr(0x2000)


def add(x, y, n, scale=1.5, *, BLOCK: tl.constexpr = 64):
    pass


def three(x, y, out, n, BLOCK: tl.constexpr):
    pass


def single(value):
    pass


def variadic(x, *rest):
    pass


def annotated(h: tl.float16, b: tl.bfloat16, d: tl.float64, i: tl.int8, u: tl.uint32, flag: "u1"):  # noqa: F821
    pass


def seen(rig, formats="QQif"):
    """The parameters of what was launched since the last time."""
    return [values(launch, formats) for launch in rig.launches()]


def refused(call, error=FreezeError):
    """The message with which *call* is refused."""
    with pytest.raises(error) as caught:
        call()
    return str(caught.value)


# -- What is launched


def described(address=0x1000, columns=64):
    return descriptor(address, [16, columns], [8, 32])


def pair(a, n, b):
    pass


def test_descriptors_are_frozen_or_vary(rig):
    """What is launched is that of the kernel; a map that varies is made anew, and one that is frozen stays."""
    kernel, fixed = triton.jit(pair), described()
    launches = [
        (freeze(kernel, (2,), fixed, 7, described(0x2000), vary=("b",)), lambda made: (made,)),
        (
            freeze(kernel, (2,), described(), 7, described(0x2000), vary=("n", "b", "a")),
            lambda made: (9, made, described(0x3000, 32)),
        ),
        (freeze(kernel, (2,), (described(), 5), 7, described(), vary=("a",)), lambda made: ((made, 6),)),
    ]
    kernel[(2,)](fixed, 7, described(0x2000)), kernel[(2,)]((fixed, 5), 7, fixed)
    fixed.shape[0] = 8  # not looked at again
    for (launch, arguments), whole in zip(
        launches,
        (
            lambda made: (described(), 7, made),
            lambda made: (described(0x3000, 32), 9, made),
            lambda made: ((made, 6), 7, described()),
        ),
        strict=True,
    ):
        for made in (described(0x4000), described(0x5000, 96), described(0x4000)):
            rig.launches()
            launch(*arguments(made))
            kernel[(2,)](*whole(made))
            ours, triton_s = rig.launches()
            assert ours.params == triton_s.params
    assert rig.went()[FROZEN] == 9


def test_a_descriptor_of_another_block_is_refused(rig):
    launch = freeze(triton.jit(pair), (2,), described(), 7, described(), vary=("b",))
    message = refused(lambda: launch(descriptor(0x1000, [16, 64], [8, 16])), SpecializationError)
    assert message.startswith("argument 'b' of pair was frozen as a TensorDescriptor (tensordesc<fp16[8, 32]>)")
    assert rig.launches() == []


def test_an_odd_descriptor_is_left_to_tritons_launcher(rig):
    """Which raises."""
    launch, odd = freeze(triton.jit(pair), (2,), described(), 7, described(), vary=("b",)), described()
    odd.shape = [16, 64.5]
    with pytest.raises(TypeError, match="expected an int"):
        launch(odd)
    odd.shape = iter([16, 64])
    with pytest.raises(TypeError):
        launch(odd)
    assert rig.launches() == []


def test_a_frozen_launch_has_scratch_memory_of_its_own(rig):
    """Made for each launch by the allocator, also between launch hooks."""
    rig.compiler.settings["global_scratch_size"] = 64
    asked, hooked = [], []

    def allocate(size, align, stream):
        asked.append((size, align, stream))
        return ptr(0x90000 + 0x1000 * len(asked), "i8")

    def run():
        triton.set_allocator(allocate)
        launch = freeze(triton.jit(add), (3, 2), X, Y, 7, vary=("y",))
        launch(Y)
        launch(Y)
        knobs.runtime.launch_enter_hook.add(lambda metadata: hooked.append(metadata.get()["name"]))
        launch(Y)

    contextvars.copy_context().run(run)
    assert asked == [(384, 16, 0)] * 3 and hooked == ["add"]
    assert [struct.unpack("<Q", each.params[4])[0] for each in rig.launches()] == [0x91000, 0x92000, 0x93000]


@pytest.mark.parametrize("hold_gil", [False, True])
def test_a_frozen_launch_varies_in_what_it_is_given(rig, hold_gil):
    """The rest is as it was frozen. Nothing is launched by freezing, and the kernel is loaded."""
    kernel = triton.jit(add)
    launch = freeze(kernel, (3, 2), X, Y, 7, num_warps=8, vary=("y", "n"), hold_gil=hold_gil)
    assert rig.launches() == [] and len(rig.stub.modules) == 1
    assert launch(Y, 9) is None
    launch(ptr(0x3000), -3)
    (first, second) = rig.launches()
    assert (first.grid, first.block) == ((3, 2, 1), (256, 1, 1))
    assert [values(each, "QQif") for each in (first, second)] == [(0x1000, 0x2000, 9, 1.5), (0x1000, 0x3000, -3, 1.5)]
    assert rig.went() == {FROZEN: 2}


def test_a_frozen_launch_is_that_of_its_kernel(rig):
    """With the same attributes, shared memory, stream and parameters."""
    rig.compiler.settings["shared"] = 100_000
    options = {"num_ctas": 2, "launch_pdl": True, "launch_cooperative_grid": True}
    kernel = triton.jit(add)
    rig.driver.get_current_stream = lambda device: 0x70
    kernel[(3,)](X, Y, 7, 2.5, BLOCK=32, **options)
    freeze(kernel, (3,), X, Y, 9, 3.5, BLOCK=32, vary=("n", "scale"), **options)(7, 2.5)
    first, second = rig.launches()
    assert first == second and rig.compiler.number == 1


def test_the_kernel_is_the_one_of_its_cache(rig):
    """Freezing compiles it for `kernel[grid](...)` as well."""
    kernel = triton.jit(add)
    launch = freeze(kernel, (2,), X, Y, 7, vary=("n",))
    compiled = kernel[(2,)](X, Y, 9)
    launch(9)
    assert rig.compiler.number == 1 and len(rig.stub.modules) == 1 and compiled.module in rig.stub.modules
    assert rig.went() == {FIRST: 1, FROZEN: 1}


def test_another_thread_may_compile_the_same_while_it_is_frozen(rig):
    """Then the kernel's cache has the other's."""
    kernel, chain = triton.jit(add), triton.knobs.runtime.kernel_load_start_hook

    def another_compiles(*_):
        chain.remove(another_compiles)
        kernel.device_caches[0][0].clear()
        kernel[(2,)](X, Y, 5)

    chain.add(another_compiles)
    freeze(kernel, (2,), X, Y, 7, vary=("n",))(9)
    assert seen(rig) == [(0x1000, 0x2000, 5, 1.5), (0x1000, 0x2000, 9, 1.5)]


def test_all_or_nothing_may_vary(rig):
    """In the order that `vary` names, which need not be that of the parameters."""
    kernel = triton.jit(add)
    freeze(kernel, (2,), X, Y, 7, vary=())()
    freeze(kernel, (2,), X, Y, 7, vary=("scale", "n", "y", "x"))(2.5, 9, ptr(0x3000), ptr(0x4000))
    freeze(kernel, (2,), X, Y, 7, vary=["scale"])(0.5)
    assert seen(rig) == [(0x1000, 0x2000, 7, 1.5), (0x4000, 0x3000, 9, 2.5), (0x1000, 0x2000, 7, 0.5)]


def test_arguments_may_be_given_by_name(rig):
    """All of them, or those after the ones by position."""
    launch = freeze(triton.jit(add), (2,), X, Y, 7, vary=("y", "n", "scale"))
    launch(Y, 8, scale=0.5)
    launch(scale=0.25, n=9, y=ptr(0x3000))
    assert seen(rig) == [(0x1000, 0x2000, 8, 0.5), (0x1000, 0x3000, 9, 0.25)]


def test_examples_may_be_given_in_any_way(rig):
    """By position, by name, or by default."""
    kernel = triton.jit(add)
    for launch in (
        freeze(kernel, (2,), X, Y, 7, vary=("scale",)),
        freeze(kernel, (2,), n=7, y=Y, x=X, vary=("scale",)),
        freeze(kernel, (2,), X, n=7, y=Y, scale=3.5, BLOCK=64, vary=("scale",)),
    ):
        launch(2.5)
    assert seen(rig) == [(0x1000, 0x2000, 7, 2.5)] * 3


@pytest.mark.parametrize(
    ("example", "others", "form"),
    [
        (7, [8, -1, 2**31 - 1, 100], "i"),
        (16, [32, 0, -16, 2**31 - 16], "i"),
        (2**31, [2**40, -(2**40), 2**63 - 16], "q"),
        (2**63, [2**63 + 16, 2**64 - 16], "Q"),
        (1.5, [0.0, -0.0, 1.0, float("inf"), 1e-45], "f"),
        (True, [False, True], "B"),
    ],
)
def test_numbers_of_one_specialisation_may_vary(rig, example, others, form):
    """Integers of one type that are all multiples of 16 or all not, floats, and truth values."""
    launch = freeze(triton.jit(single), (2,), example, vary=("value",))
    for other in others:
        launch(other)
    found = [each.params[0] for each in rig.launches()]
    expected = [other.to_bytes(8, "little", signed=other < 0) if form != "f" else None for other in others]
    for param, other, bits in zip(found, others, expected, strict=True):
        assert param == (bits[: len(param)] if bits is not None else struct.pack("<f", other))


def test_values_that_are_annotated_vary_as_they_are_converted(rig):
    """Rounded, truncated and cut as for `kernel[grid](...)`."""
    kernel = triton.jit(annotated)
    launch = freeze(kernel, (2,), 1.0, 1.0, 1.0, 3, 3, True, vary=("h", "b", "d", "i", "u", "flag"))
    calls = [(0.1, 0.1, 0.1, 300, 2**31 - 1, False), (65519.0, 1 / 3, 1e300, -3, 7, True), (2, 3, 4, 5, 7, 1)]
    for call in calls:
        launch(*call)
    frozen = rig.launches()
    for call in calls:
        kernel[(2,)](*call)
    assert [each.params for each in rig.launches()] == [each.params for each in frozen]
    assert refused(lambda: launch(65520.0, 0.0, 0.0, 3, 3, True), OverflowError) == "float too large to pack with e format"


def test_tuples_may_vary_and_be_fixed(rig):
    """Element by element they have to be of the specialisation of the example. Named ones may be fixed."""
    launch = freeze(triton.jit(add), (2,), (X, 3), Pair(Y, (2.5, 5)), (7, (X,)), vary=("x", "n"))
    launch((ptr(0x3000), 9), (11, (Y,)))
    assert seen(rig, "QiQfiiQf") == [(0x3000, 9, 0x2000, 2.5, 5, 11, 0x2000, 1.5)]
    for wrong in (
        ((ptr(0x3000), 16), (7, (X,))),
        ((X, 3), (7, X)),
        ((X, 3, 4), (7, (X,))),
        (X, (7, (X,))),
        ((X, 3), Pair(7, (X,))),
    ):
        refused(lambda wrong=wrong: launch(*wrong), SpecializationError)
    assert rig.launches() == []


def test_none_and_one_are_constants(rig):
    """They may be fixed, and vary to themselves alone."""
    launch = freeze(triton.jit(add), (2,), X, None, 1, vary=("x", "y", "n"))
    launch(Y, None, 1)
    assert seen(rig, "Qf") == [(0x2000, 1.5)]
    for wrong in ((X, Y, 1), (X, None, 2), (X, None, 1.0), (X, None, True), (X, 1, None)):
        refused(lambda wrong=wrong: launch(*wrong), SpecializationError)


def test_constants_of_every_kind_may_be_fixed(rig):
    """Whatever a constexpr may be."""
    kernel = triton.jit(add)
    for constant in (64, 0.0, "text", (1, "a"), None, tl.float16, tl.constexpr(3), helper):
        freeze(kernel, (2,), X, Y, 7, BLOCK=constant, vary=("n",))(9)
    assert seen(rig) == [(0x1000, 0x2000, 9, 1.5)] * 8 and rig.compiler.number == 8


@triton.jit
def helper(x):
    return x


def test_a_callable_grid_is_called_once(rig):
    """When the launch is frozen, with the examples."""
    called = []

    def grid(meta):
        called.append(dict(meta))
        return meta["n"], meta["BLOCK"]

    launch = freeze(triton.jit(add), grid, X, Y, 7, vary=("n",))
    launch(9)
    launch(11)
    assert [each.grid for each in rig.launches()] == [(7, 64, 1)] * 2
    assert called == [{"x": X, "y": Y, "n": 7, "scale": 1.5, "BLOCK": 64}]


@pytest.mark.parametrize(("grid", "expected"), [([3], (3, 1, 1)), ([3, 2, 5], (3, 2, 5)), ((65536, 65535), (65536, 65535, 1))])
def test_a_grid_may_be_a_list_and_large(rig, grid, expected):
    """As for `kernel[grid](...)`."""
    freeze(triton.jit(add), grid, X, Y, 7, vary=("n",))(9)
    assert [each.grid for each in rig.launches()] == [expected]


def test_an_empty_grid_launches_nothing(rig):
    """And is no error."""
    freeze(triton.jit(add), (0,), X, Y, 7, vary=("n",))(9)
    assert rig.launches() == [] and rig.went() == {FROZEN: 1}


def test_pointers_are_translated(rig):
    """Those that are fixed once, those that vary at each launch."""
    rig.stub.mapped_memory(0x6100_0000, 0x6200_0000, 0x7300_0000)
    rig.stub.host_memory(0x6000_0000, 0x6100_0000)
    launch = freeze(triton.jit(add), (2,), ptr(0x6100_0010), ptr(0x6100_0020), 7, vary=("y",))
    launch(ptr(0x6100_0040))
    launch(Y)
    assert seen(rig) == [(0x7300_0010, 0x7300_0040, 7, 1.5), (0x7300_0010, 0x2000, 7, 1.5)]
    host = "Pointer argument cannot be accessed from Triton (cpu tensor?): address 0x60000000, kernel 'add'"
    assert refused(lambda: launch(ptr(0x6000_0000)), ValueError) == host
    assert refused(lambda: freeze(triton.jit(add), (2,), X, ptr(0x6000_0000), 7, vary=()), ValueError) == host


def test_a_tensor_that_moves_is_launched_where_it_is(rig):
    """If it varies: its address is read at each launch. One that is fixed is launched where it was."""
    moving = ptr(0x1000)
    launch = freeze(triton.jit(add), (2,), moving, moving, 7, vary=("x",))
    moving.address = 0x5000
    launch(moving)
    assert seen(rig) == [(0x5000, 0x1000, 7, 1.5)]
    moving.address = 0x5004
    assert "not a multiple of 16" in refused(lambda: launch(moving), SpecializationError)


def test_tensors_of_torch_may_vary(rig):
    """Of one dtype and alignment, parameters and views among them."""
    torch = pytest.importorskip("torch")
    base = torch.zeros(64)
    launch = freeze(triton.jit(add), (2,), base, base, 7, vary=("x", "y"))
    launch(base[4:], torch.nn.Parameter(base))
    assert seen(rig) == [(base.data_ptr() + 16, base.data_ptr(), 7, 1.5)]
    message = refused(lambda: launch(base[1:], base), SpecializationError)
    assert (
        "argument 'x' of add was frozen as a Tensor (*fp32, a multiple of 16) and cannot be a Tensor (*fp32, not a" in message
    )
    assert "a Tensor (*fp16, a multiple of 16)" in refused(lambda: launch(base, base.half()), SpecializationError)


def test_dtypes_are_told_apart_alike_before_and_after_cuda_is_in_use(rig, monkeypatch):
    """Regression: what is known of torch's tensors grows when CUDA is first used; a launch that was frozen before would have
    refused every tensor afterwards."""
    torch = pytest.importorskip("torch")
    launcher.utils.set_torch((torch.Tensor, torch.nn.Parameter), None)
    monkeypatch.setattr(arrays, "_known", {"torch": torch, "complete": False})
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    kernel, tensor = triton.jit(add), torch.zeros(64)
    launch = freeze(kernel, (2,), tensor, tensor, 7, vary=("x",))
    launch(tensor)
    kernel[(2,)](tensor, tensor, 7)
    launch(tensor)
    assert len(rig.launches()) == 3


# -- Hooks, knobs and caches


def test_launch_hooks_are_called(rig):
    """With the metadata of the kernel, whose function sees what varies; later ones, too."""
    noted, described = [], []

    def describe(grid, metadata, args):
        described.append((grid, args))
        return {"flops": args["n"]}

    launch = freeze(triton.jit(add, launch_metadata=describe), (2, 3), X, Y, 7, vary=("n", "y"))
    launch(9, Y)
    knobs.runtime.launch_enter_hook.add(lambda metadata: noted.append(("enter", metadata.get()["flops"])))
    knobs.runtime.launch_exit_hook.add(lambda metadata: noted.append(("exit", len(rig.stub.launches()))))
    launch(11, ptr(0x3000))
    launch(n=13, y=Y)
    knobs.runtime.launch_enter_hook.calls.clear()
    knobs.runtime.launch_exit_hook.calls.clear()
    launch(15, Y)
    assert noted == [("enter", 11), ("exit", 2), ("enter", 13), ("exit", 1)]
    assert [(grid, args["n"], args["y"].address) for grid, args in described] == [
        ((2, 3, 1), 11, 0x3000),
        ((2, 3, 1), 13, 0x2000),
    ]
    assert rig.went()[FROZEN] >= 2 and seen(rig) == [(0x1000, 0x2000, 15, 1.5)]


def test_errors_in_launch_hooks_are_raised(rig):
    """An enter hook's keeps the kernel from running."""

    def fail(metadata):
        raise ZeroDivisionError("not today")

    launch = freeze(triton.jit(add), (2,), X, Y, 7, vary=("n",))
    knobs.runtime.launch_enter_hook.add(fail)
    assert refused(lambda: launch(9), ZeroDivisionError) == "not today"
    assert rig.launches() == []


def test_what_is_looked_at_once_is_not_looked_at_again(rig):
    """Knobs, globals, pre-run hooks, and the kernel's caches."""
    kernel, called = triton.jit(add), []
    launch = freeze(kernel, (2,), X, Y, 7, vary=("n",))
    knobs.runtime.debug = True
    knobs.compilation.instrumentation_mode = "consan"
    kernel.add_pre_run_hook(lambda *args, **kwargs: called.append(args))
    kernel.device_caches.clear()
    kernel.debug = True
    gc.collect()
    launch(9)
    assert seen(rig) == [(0x1000, 0x2000, 9, 1.5)] and called == []


# -- Autotuners and heuristics


def bench(call, quantiles):
    call()
    bench.asked += 1
    return [bench.asked % 2] * 3


bench.asked = 0


def test_a_tuned_kernel_is_tuned_by_freezing_it(rig):
    """With the examples, by one launch; afterwards the configuration is fixed."""
    configs = [triton.Config({"BLOCK": 64}, num_warps=2), triton.Config({"BLOCK": 128}, num_warps=8)]
    kernel = triton.autotune(configs, key=["n"], do_bench=bench)(triton.jit(add))
    launch = freeze(kernel, lambda meta: (meta["BLOCK"],), X, Y, 7, vary=("n",))
    assert len(rig.launches()) == 3
    warps = kernel.best_config.num_warps
    launch(9)
    (frozen,) = rig.launches()
    assert frozen.block == (32 * warps, 1, 1) and frozen.grid == (16 * warps if warps == 8 else 64, 1, 1)
    assert rig.went()[FROZEN] == 1


def test_heuristics_are_called_once(rig):
    """When the launch is frozen, with what they are given at a launch: inside an autotuner, too."""
    given = []

    def block(arguments):
        given.append(list(arguments.items()))
        return 32

    kernel = triton.heuristics({"BLOCK": block, "num_warps": lambda arguments: arguments["BLOCK"] // 16})(triton.jit(add))
    kernel[(2,)](X, Y, n=7)
    rig.launches()
    launch = freeze(kernel, (2,), X, Y, n=7, vary=("n",))
    launch(9)
    assert [each.block for each in rig.launches()] == [(64, 1, 1)] and given[0] == given[1] and len(given) == 2
    tuned = triton.autotune([triton.Config({}, num_stages=2)], key=["n"])(triton.heuristics({"BLOCK": block})(triton.jit(add)))
    freeze(tuned, (2,), X, Y, 7, vary=("n",))(9)
    assert [values(each, "QQif")[2] for each in rig.launches()] == [7, 9]


# -- Devices, streams, threads and drivers


def test_a_launch_is_frozen_for_the_current_device(rig):
    """On another one it is refused; each device may have one."""
    kernel, launches = triton.jit(add), []
    for device in (0, 1):
        rig.driver.set_current_device(device)
        launches.append(freeze(kernel, (2,), X, Y, 7, vary=("n",)))
        launches[device](9)
    assert [each.device for each in rig.launches()] == [0, 1]
    assert refused(lambda: launches[0](9), RuntimeError) == (
        "this launch was frozen for device 0, and device 1 is the current one; freeze one for each device"
    )
    rig.driver.set_current_device(0)
    launches[0](9)
    assert [each.device for each in rig.launches()] == [0]


def test_the_stream_is_that_of_the_launch(rig):
    """And not that of freezing."""
    rig.driver.get_current_stream = lambda device: 0x70
    launch = freeze(triton.jit(add), (2,), X, Y, 7, vary=("n",))
    rig.driver.get_current_stream = lambda device: 0x80
    launch(9)
    assert [each.stream for each in rig.launches()] == [0x80]


def test_a_new_thread_gets_a_context(rig):
    """As for `kernel[grid](...)`."""
    launch = freeze(triton.jit(add), (2,), X, Y, 7, vary=("n", "x"))
    in_thread(lambda: launch(9, Y))
    assert seen(rig) == [(0x2000, 0x2000, 9, 1.5)]


def test_threads_may_share_a_frozen_launch(rig):
    """Each launches what it was given."""
    launch = freeze(triton.jit(add), (2,), X, Y, 7, vary=("x", "n", "scale"))
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def work(thread):
        for index in range(200):
            launch(ptr(0x1000 * (thread + 1)), 1000 * thread + 16 * index + 3, scale=float(index))

    try:
        in_threads(8, work)
    finally:
        sys.setswitchinterval(interval)
    expected = {
        (0x1000 * (thread + 1), 0x2000, 1000 * thread + 16 * i + 3, float(i)) for thread in range(8) for i in range(200)
    }
    launched = seen(rig)
    assert len(launched) == 1600 and set(launched) == expected


def test_another_driver_cannot_launch_it(rig):
    """Until ours is active again, which may be another one of ours."""
    launch = freeze(triton.jit(add), (2,), X, Y, 7, vary=("n",))
    rig.use(rig.in_tree)
    message = "a frozen launch needs the driver that it was frozen for to be the active one"
    assert refused(lambda: launch(9), RuntimeError) == message
    rig.use(launching.make_driver(rig.stub))
    launch(9)
    rig.use(rig.driver)
    launch(9)
    assert seen(rig) == [(0x1000, 0x2000, 9, 1.5)] * 2


def test_a_forked_child_may_call_it(rig):
    """Where the driver works, as the stub does."""
    launch = freeze(triton.jit(add), (2,), X, Y, 7, vary=("n",))
    assert in_child(lambda: (launch(9), seen(rig))) == (0, "(None, [(4096, 8192, 9, 1.5)])")


def test_an_error_of_the_driver_is_raised(rig):
    """With the call, the kernel and its launch; the next launch is as if nothing had been."""
    launch = freeze(triton.jit(add), (2, 3), X, Y, 7, vary=("n",))
    rig.stub.fail("cuLaunchKernelEx", stub_cuda.ILLEGAL_ADDRESS)
    assert refused(lambda: launch(9), LaunchError) == (
        "Triton Error [CUDA]: an illegal memory access was encountered (cuLaunchKernelEx: CUDA_ERROR_ILLEGAL_ADDRESS = 700, "
        "kernel 'add', grid (2, 3, 1), block (128, 1, 1), 0 bytes of shared memory)"
    )
    assert rig.went() == {}
    launch(9)
    assert seen(rig) == [(0x1000, 0x2000, 9, 1.5)]


# -- What calling refuses

OTHER = "freeze another launch for it, or use kernel[grid](...)."


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("x", ptr(0x1004), "a Pointer (*fp32, a multiple of 16) and cannot be a Pointer (*fp32, not a multiple of 16)"),
        ("x", ptr(0x1000, "fp16"), "a Pointer (*fp32, a multiple of 16) and cannot be a Pointer (*fp16, a multiple of 16)"),
        ("x", 7, "a Pointer (*fp32, a multiple of 16) and cannot be 7 (i32, not a multiple of 16)"),
        ("x", None, "a Pointer (*fp32, a multiple of 16) and cannot be None (the constant None)"),
        ("n", 16, "7 (i32, not a multiple of 16) and cannot be 16 (i32, a multiple of 16)"),
        ("n", 1, "7 (i32, not a multiple of 16) and cannot be 1 (the constant 1)"),
        ("n", 2**31 + 1, "7 (i32, not a multiple of 16) and cannot be 2147483649 (i64, not a multiple of 16)"),
        ("n", 7.0, "7 (i32, not a multiple of 16) and cannot be 7.0 (fp32)"),
        ("n", True, "7 (i32, not a multiple of 16) and cannot be True (u1)"),
        ("n", (7,), "7 (i32, not a multiple of 16) and cannot be a tuple (('i32',))"),
        ("scale", 2, "1.5 (fp32) and cannot be 2 (i32, not a multiple of 16)"),
        ("scale", X, "1.5 (fp32) and cannot be a Pointer (*fp32, a multiple of 16)"),
    ],
)
def test_an_argument_of_another_specialisation_is_refused(rig, name, value, message):
    """With both in the message; nothing is launched, and the next launch is as if nothing had been."""
    launch = freeze(triton.jit(add), (2,), X, Y, 7, vary=("x", "n", "scale"))
    given = {"x": X, "n": 7, "scale": 1.5} | {name: value}
    assert refused(lambda: launch(**given), SpecializationError) == f"argument '{name}' of add was frozen as {message}; {OTHER}"
    assert rig.launches() == [] and rig.went() == {}
    launch(X, 7, 1.5)
    assert seen(rig) == [(0x1000, 0x2000, 7, 1.5)]


def test_a_specialisation_error_is_a_type_error():
    """And one of ours."""
    assert issubclass(SpecializationError, TypeError) and issubclass(SpecializationError, GraftError)
    assert issubclass(FreezeError, ValueError) and issubclass(FreezeError, GraftError)


@pytest.mark.parametrize("value", ["text", object(), [1], {}, b"bytes", 2**70, -(2**63) - 1])
def test_what_no_launch_takes_is_refused(rig, value):
    """With the error of `kernel[grid](...)`, or ours."""
    launch = freeze(triton.jit(add), (2,), X, Y, 7, vary=("n",))
    with pytest.raises((TypeError, OverflowError)):
        launch(value)
    assert rig.launches() == []


def test_parameters_that_are_not_specialised_take_more(rig):
    """Multiples of 16 and 1 among other integers, and addresses that are not aligned."""
    kernel = triton.jit(add, do_not_specialize=["n"], do_not_specialize_on_alignment=["x"])
    launch = freeze(kernel, (2,), X, Y, 7, vary=("x", "n"))
    for n, address in ((16, 0x1004), (1, 0x1001), (0, 0x1000)):
        launch(ptr(address), n)
    assert [call[0:3:2] for call in seen(rig)] == [(0x1004, 16), (0x1001, 1), (0x1000, 0)]
    assert "(i64)" in refused(lambda: launch(X, 2**31), SpecializationError)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda launch: launch(X), "a frozen launch takes the 2 arguments that vary (x, n), got 1"),
        (lambda launch: launch(), "a frozen launch takes the 2 arguments that vary (x, n), got 0"),
        (lambda launch: launch(X, 7, 8), "a frozen launch takes the 2 arguments that vary (x, n), got 3"),
        (lambda launch: launch(X, n=7, y=Y), "a frozen launch takes the 2 arguments that vary (x, n), got 3"),
        (lambda launch: launch(X, y=Y), "unknown or fixed argument 'y' of a frozen launch"),
        (lambda launch: launch(X, nonsense=7), "unknown or fixed argument 'nonsense' of a frozen launch"),
        (lambda launch: launch(X, x=X), "repeated argument 'x' of a frozen launch"),
        (lambda launch: launch(n=7, grid=(2,)), "unknown or fixed argument 'grid' of a frozen launch"),
    ],
)
def test_other_arguments_than_those_that_vary_are_refused(rig, call, message):
    """By number and by name."""
    launch = freeze(triton.jit(add), (2,), X, Y, 7, vary=("x", "n"))
    assert refused(lambda: call(launch), TypeError) == message
    assert rig.launches() == []


# -- What freezing refuses


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        ("n", "vary='n': expected a sequence of names; write vary=('n',)."),
        (("z",), "vary: 'z' is not a parameter of add; it has x, y, n, scale, BLOCK."),
        (("x", "n", "x"), "vary: 'x' is named twice."),
        (("BLOCK",), "vary: 'BLOCK' is a constexpr, and another value is another kernel; freeze one launch for each."),
    ],
)
def test_what_cannot_vary_is_named(rig, vary, message):
    """And nothing is compiled."""
    assert refused(lambda: freeze(triton.jit(add), (2,), X, Y, 7, vary=vary)) == message
    assert rig.compiler.number == 0


def test_a_variadic_parameter_cannot_vary(rig):
    """But may be fixed."""
    kernel = triton.jit(variadic)
    message = "vary: 'rest' takes any number of arguments, and a frozen launch passes a fixed number."
    assert refused(lambda: freeze(kernel, (2,), X, 7, vary=("rest",))) == message
    freeze(kernel, (2,), X, 7, 2.5, vary=("x",))(Y)
    assert seen(rig, "Qif") == [(0x2000, 7, 2.5)]


def test_constants_inside_an_argument_cannot_vary(rig):
    """They are part of the kernel, as the type of a named tuple is. In an argument that is fixed they may be."""
    kernel = triton.jit(add)
    holds = "add: argument 'n' cannot vary: it holds constants or is a named tuple; launch it with kernel[grid](...)."
    for example in ((7, tl.constexpr("text")), Pair(7, 8)):
        assert refused(lambda example=example: freeze(kernel, (2,), X, Y, example, vary=("n",))) == holds
    freeze(kernel, (2,), X, Y, (7, tl.constexpr("text")), vary=("x",))(Y)
    assert seen(rig) == [(0x2000, 0x2000, 7, 1.5)]


def test_a_kernel_with_a_run_of_its_own_is_refused(rig):
    """A frozen launch would not call it."""

    class Doubling(triton.JITFunction):
        def run(self, value, **kwargs):
            return super().run(2 * value, **kwargs)

    patched = triton.jit(single)
    patched.run = lambda *args, **kwargs: None
    for kernel in (Doubling(single), patched, triton.autotune([triton.Config({})], key=[])(Doubling(single))):
        assert "has a run of its own, which a frozen launch does not call" in refused(
            lambda k=kernel: freeze(k, (2,), 7, vary=())
        )


@pytest.mark.parametrize("value", [None, 5, "add", add, print, object])
def test_something_that_is_no_kernel_is_refused(rig, value):
    """By what it is."""
    message = f"freeze takes a kernel made with triton.jit, autotune or heuristics, got {value!r}."
    assert refused(lambda: freeze(value, (2,), X, vary=())) == message


NEEDS_PYTHON = (
    "single needs Python at each launch (tensor descriptors before compute capability 9.0 or beside scratch memory, a sanitiser, "
    "or asynchronous compilation) and cannot be frozen; launch it with kernel[grid](...)."
)


@pytest.mark.parametrize(
    "what", ["descriptor taken apart", "descriptor beside scratch memory", "gsan", "asynchronous compilation"]
)
def test_a_kernel_that_needs_python_at_each_launch_is_refused(rig, what):
    """By what that can be."""
    argument, context = X, contextlib.nullcontext()
    if what == "gsan":
        knobs.compilation.instrumentation_mode = "gsan"
    elif what == "asynchronous compilation":
        context = triton.AsyncCompileMode(ThreadPoolExecutor(1))
    else:
        argument = descriptor(0x1000, [16, 64], [8, 32])
        assert isinstance(argument.base.dtype, DType)
        apart = what == "descriptor taken apart"
        rig.compiler.settings |= {"tensordesc": not apart, "global_scratch_size": 0 if apart else 64}
    with context:
        assert refused(lambda: freeze(triton.jit(single), (2,), argument, vary=())) == NEEDS_PYTHON
    assert rig.launches() == []


def test_a_kernel_that_a_hook_vetoes_is_refused(rig):
    """It was not compiled."""
    knobs.runtime.jit_cache_hook = lambda **kwargs: True
    message = "single was not compiled: knobs.runtime.jit_cache_hook keeps it from that."
    assert refused(lambda: freeze(triton.jit(single), (2,), X, vary=())) == message


def test_a_configuration_with_a_hook_is_refused(rig):
    """The hook may do what the kernel needs, such as setting its output to zero."""
    configs = [triton.Config({}, pre_hook=lambda arguments: None)]
    kernel = triton.autotune(configs, key=[])(triton.jit(single))
    assert refused(lambda: freeze(kernel, (2,), X, vary=())) == (
        "the configuration that was chosen has a pre_hook, which a frozen launch does not call; launch the kernel with "
        "kernel[grid](...)."
    )


def test_without_the_native_launcher_nothing_is_frozen(rig, monkeypatch):
    """With another driver, without one, and with `GRAFT_LAUNCHER=0`."""
    message = (
        "freeze needs the native launcher: make a graft Driver() the active one on a machine with a CUDA device, and leave "
        "GRAFT_LAUNCHER unset."
    )
    monkeypatch.setenv("GRAFT_LAUNCHER", "0")
    for driver in (rig.in_tree, launching.make_driver(rig.stub), None):
        rig.use(driver)
        assert refused(lambda: freeze(triton.jit(single), (2,), X, vary=())) == message
    rig.use(rig.driver)


@pytest.mark.parametrize(
    ("settings", "error"),
    [({"shared": 300_000}, "out of resource: shared memory"), ({"error": "no"}, "no"), ({"max_threads": 64}, "out of")],
)
def test_a_kernel_that_cannot_be_compiled_or_loaded_is_an_error(rig, settings, error):
    """That of `kernel[grid](...)`."""
    rig.compiler.settings.update(settings)
    for _ in range(2):
        with pytest.raises(Exception, match=f"^{error}"):
            freeze(triton.jit(single), (2,), X, vary=())


@pytest.mark.parametrize(
    "call",
    [
        lambda kernel: freeze(kernel, (2,), X, vary=()),
        lambda kernel: freeze(kernel, (2,), X, Y, 7, 8, 9, vary=()),
        lambda kernel: freeze(kernel, (2,), X, Y, 7, x=X, vary=()),
        lambda kernel: freeze(kernel, (2,), X, Y, "text", vary=()),
        lambda kernel: freeze(kernel, (2,), X, Y, 2**70, vary=()),
        lambda kernel: freeze(kernel, (2,), X, Y, 7, nonsense=1, vary=()),
        lambda kernel: freeze(kernel, (2,), X, Y, 7, stream=1, vary=()),
        lambda kernel: freeze(kernel, (2,), X, Y, 7, BLOCK=[1], vary=()),
        lambda kernel: freeze(kernel, (), X, Y, 7, vary=()),
        lambda kernel: freeze(kernel, None, X, Y, 7, vary=()),
        lambda kernel: freeze(kernel, 5, X, Y, 7, vary=()),
        lambda kernel: freeze(kernel, (1.5,), X, Y, 7, vary=()),
        lambda kernel: freeze(kernel, (2**31,), X, Y, 7, vary=()),
        lambda kernel: freeze(kernel, lambda meta: 1 // 0, X, Y, 7, vary=()),
        lambda kernel: freeze(kernel, (2,), X, Y, 7),
    ],
)
def test_mistakes_are_errors(rig, call):
    """And nothing is launched."""
    with pytest.raises((TypeError, KeyError, ValueError, OverflowError, AssertionError, ZeroDivisionError)):
        call(triton.jit(add))
    assert rig.launches() == []


# -- What is kept alive


def test_a_frozen_launch_keeps_what_is_fixed_and_its_kernel(rig):
    """The memory behind the fixed arguments, and the module; not the examples of what varies longer than itself."""
    kernel, fixed, example = triton.jit(add), ptr(0x1000), ptr(0x2000)
    launch = freeze(kernel, (2,), fixed, example, 7, vary=("y", "n"))
    gone = [weakref.ref(fixed), weakref.ref(kernel)]
    kernel.device_caches.clear()
    triton.runtime.jit._triton_jit_function_registry.clear()
    del fixed, kernel, example
    gc.collect()
    assert gone[0]() is not None and len(rig.stub.modules) == 1
    launch(Y, 9)
    assert seen(rig) == [(0x1000, 0x2000, 9, 1.5)]
    del launch
    gc.collect()
    assert [reference() for reference in gone] == [None, None] and rig.stub.modules == set()


def test_frozen_launches_keep_no_references(rig):
    """To what they are given, on success and on failure."""
    kernel, tuple_, number, wrong = triton.jit(add), (X, 10**15), 10**15 + 3, ptr(0x1004)
    launch = freeze(kernel, (2,), X, tuple_, number, vary=("x", "y", "n"))
    works = [
        lambda: launch(X, tuple_, number),
        lambda: launch(n=number, y=tuple_, x=X),
        lambda: launch(wrong, tuple_, number),
        lambda: launch(X, tuple_),
        lambda: launch(X, tuple_, z=number),
        lambda: launch(X, (X, "text"), number),
    ]
    objects = [kernel, launch, X, tuple_, number, wrong]
    for work in works:
        for _ in range(2):
            with contextlib.suppress(TypeError):
                work()
        before = [sys.getrefcount(item) for item in objects]
        for _ in range(50):
            with contextlib.suppress(TypeError):
                work()
        assert [sys.getrefcount(item) for item in objects] == before


def test_frozen_launches_take_no_memory(rig):
    """Half a million of them."""
    launch = freeze(triton.jit(add), (0,), X, Y, 7, vary=("x", "n"))
    for _ in range(1000):
        launch(X, 9)
    blocks = sys.getallocatedblocks()
    for index in range(250_000):
        launch(X, 9)
        launch(n=16 * index + 3, x=Y)
    assert sys.getallocatedblocks() - blocks < 100


def test_a_frozen_launch_in_a_cycle_is_collected(rig):
    """Through an argument that it keeps, and through its kernel."""
    kernel, fixed = triton.jit(add), ptr(0x1000)
    fixed.launch = kernel.launch = freeze(kernel, (2,), fixed, Y, 7, vary=("n",))
    gone = [weakref.ref(kernel), weakref.ref(fixed)]
    del kernel, fixed
    triton.runtime.jit._triton_jit_function_registry.clear()
    gc.collect()
    assert [reference() for reference in gone] == [None, None] and rig.stub.modules == set()


def test_a_frozen_launch_may_call_itself_and_go_while_it_runs(rig):
    """From code that runs in it."""
    kernel, holder = triton.jit(add), {}

    class Pointer:
        dtype = "fp32"
        inner = False

        def data_ptr(self):
            if not self.inner:
                self.inner = True
                holder["launch"](Y, 11)
                holder.clear()
                gc.collect()
            return 0x3000

    example = ptr(0x1000)
    holder["launch"] = freeze(kernel, (2,), example, Y, 7, vary=("x", "n"))
    holder["launch"](Pointer(), 9)
    assert sorted(call[2] for call in seen(rig)) == [9, 11]


def test_kernel_launches_go_on_beside_a_frozen_one(rig):
    """Neither notices the other."""
    kernel = triton.jit(add)
    launch = freeze(kernel, (2,), X, Y, 7, vary=("n",))
    for n in (9, 16, 1, 11):
        kernel[(3,)](X, Y, n)
        if n % 16 and n != 1:
            launch(n)
    assert rig.went() == {FIRST: 3, FAST: 1, FROZEN: 2} and len(rig.launches()) == 6


# -- The manual


def test_the_examples_of_the_manual_run(rig):
    manual = (ROOT / "docs" / "launcher.md").read_text()
    names = {"x": X, "y": Y, "out": ptr(0x3000), "x2": ptr(0x4000), "out2": ptr(0x5000), "n": 5000, "add": triton.jit(three)}
    for block in re.findall(r"^```python\n(.*?)^```$", manual, re.S | re.M):
        exec(block, names)
    assert [values(launch, "QQQi") for launch in rig.launches()] == [(0x4000, 0x2000, 0x5000, 5000)]
