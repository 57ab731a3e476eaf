# SPDX-License-Identifier: MIT
"""Launches with tensor descriptors: the same kernels, parameters and errors as Triton's own, most of them made natively."""

import gc
import os
import random
import weakref
from pathlib import Path

import launching
import pytest
import triton
import triton.language as tl
from launch_values import FP16, DType, Pointer, descriptor
from launching import FAST, FIRST, NEW_KEY, TUNED, ptr
from triton import knobs
from triton.tools.tensor_descriptor import TensorDescriptor

TYPE = "type of an argument"

X = ptr()


def single(a):
    pass


def several(a, x, b, n):
    pass


def numbered(a, n):
    pass


def jit(function):
    return lambda: triton.jit(function)


def launch(*arguments, grid=(2,)):
    """Launches with *arguments*."""
    return lambda kernel: kernel[grid](*arguments)


def map_of(outcome):
    """The tensor map that is the first parameter."""
    return outcome.launches[0].params[0]


def random_descriptor(rng):
    """A descriptor of rank 1 to 5, written in one of the ways in which people write them."""
    rank = rng.randint(1, 5)
    block = [rng.choice([1, 8, 16]) for _ in range(rank - 1)] + [16]
    shape = [rng.randint(1, 64) for _ in range(rank)]
    strides = [1]
    for extent in reversed(shape[1:]):
        strides.insert(0, (strides[0] * extent + 7) // 8 * 8)
    made = TensorDescriptor(Pointer(16 * rng.randint(1, 2**40), FP16), shape, strides, block)
    made.shape, made.strides, made.block_shape = (rng.choice([list, tuple])(each) for each in (shape, strides, block))
    made.padding, made.round_f32_to_tf32 = rng.choice(["zero", "nan"]), rng.random() < 0.5
    return made


@pytest.mark.parametrize("seed", range(20))
def test_random_descriptors_are_passed_as_in_tree(rig, seed):
    rng = random.Random(seed)
    works = []
    for _ in range(4):
        a, b = random_descriptor(rng), random_descriptor(rng)
        works += [launch(a, ptr(), b, 7), launch(a, ptr(), (b, 5, a), 7)] * 2
    outcomes = rig.same(jit(several), *works)
    assert all(len(outcome.launches) == 1 for outcome in outcomes)
    counts = rig.went()
    assert counts.keys() == {FIRST, FAST} and counts[FAST] >= len(works) // 2


@pytest.mark.parametrize(
    "change", [{"fp4_padded": True, "block_size": [8, 64]}, {"swizzle": 3}, {"elem_size": 4, "elem_type": 7}]
)
def test_a_map_is_made_as_the_compiler_wants_it(rig, change):
    tensor_map = {"swizzle": 1, "elem_size": 2, "elem_type": 6, "block_size": [8, 32], "fp4_padded": False, "is_im2col": False}
    rig.compiler.settings["metadata"] = {"tensordesc_meta": [tensor_map | change]}
    rounded = descriptor(0x1000, [16, 64], [8, 32])
    rounded.round_f32_to_tf32 = True
    rig.same(jit(single), *[launch(descriptor(0x1000, [16, 64], [8, 32]))] * 2, launch(rounded))
    assert rig.went() == {FIRST: 1, FAST: 2}


def test_a_descriptor_may_be_a_default_or_given_by_name(rig):
    def default(n, a=None, *rest):
        pass

    default.__defaults__ = (descriptor(0x1000, [16, 64], [8, 32]),)
    other = descriptor(0x2000, [32, 64], [8, 32])
    works = [launch(5), launch(5), lambda kernel: kernel[(2,)](5, a=other), launch(5, other, other), launch(5, other, other)]
    rig.same(jit(default), *works)
    assert rig.went() == {FIRST: 2, FAST: 3}


def test_torch_tensors_and_sizes_are_described(rig):
    torch = pytest.importorskip("torch")
    tensors = [torch.zeros(64, 64, dtype=torch.float16), torch.zeros(128, 64, dtype=torch.float16)[64:]]
    tensors.append(torch.nn.Parameter(torch.zeros(32, 64, dtype=torch.float16)))
    described = [TensorDescriptor.from_tensor(tensor, [16, 64]) for tensor in tensors]
    assert type(described[0].shape) is torch.Size
    rig.same(jit(single), *map(launch, described * 2))
    assert rig.went()[FAST] >= 3


def test_descriptors_of_gluon_are_launched_natively(rig):
    from triton.experimental.gluon.language import NVMMASharedLayout
    from triton.experimental.gluon.nvidia.hopper import TensorDescriptor as Gluons

    def make(swizzle):
        layout = NVMMASharedLayout(swizzle_byte_width=swizzle, element_bitwidth=16, rank=2)
        return Gluons(Pointer(0x1000, FP16), [16, 64], [64, 1], [8, 32], layout)

    rig.same(
        jit(single), *(launch(make(swizzle)) for swizzle in (64, 32, 64, 32)), launch(descriptor(0x1000, [16, 64], [8, 32]))
    )
    assert rig.went() == {FIRST: 3, FAST: 2}


def convolved(rank, swizzle=64, rng=None):
    """A descriptor for convolutions of a tensor of *rank* dimensions, with random corners and steps if there is *rng*."""
    from triton.experimental.gluon.language import NVMMASharedLayout
    from triton.experimental.gluon.nvidia.hopper import TensorDescriptorIm2Col

    layout = NVMMASharedLayout(swizzle_byte_width=swizzle, element_bitwidth=16, rank=2)
    strides = [32 * 8**power for power in range(rank - 2, -1, -1)] + [1]
    corners = {f"pixel_box_{end}_corner": [rng.randint(-3, 3) if rng else 0] * (rank - 2) for end in ("lower", "upper")}
    steps = [rng.randint(1, 8) for _ in range(rank - 1)] + [1] if rng and rng.random() < 0.5 else None
    shape = [1] + [8] * (rank - 2) + [32]
    return TensorDescriptorIm2Col(Pointer(0x1000, FP16), shape, strides, [8, 32], layout, element_strides=steps, **corners)


CONVOLVED = {"swizzle": 2, "elem_size": 2, "elem_type": 6, "block_size": [8, 32], "fp4_padded": False, "is_im2col": True}


@pytest.fixture
def natively(rig, monkeypatch):
    """Once something was launched, Python's launcher must not be."""

    def fail(*args):
        raise AssertionError("Python's launcher was called")

    return lambda: monkeypatch.setattr(launching.launcher.Launcher, "__call__", fail)


def test_descriptors_for_convolutions_are_launched_natively(rig, natively):
    rng = random.Random(5)
    rig.compiler.settings["metadata"] = {"tensordesc_meta": [CONVOLVED]}
    made = [convolved(4), convolved(5), convolved(4, 32), convolved(3, rng=rng), convolved(5, rng=rng)]
    outcomes = rig.same(jit(single), *map(launch, made * 2))
    assert [outcome.result for outcome in outcomes[:5]] == [f"kernel {number}" for number in (1, 2, 3, 4, 2)]
    assert rig.went() == {FIRST: 4, FAST: 6}
    kernel, changing = triton.jit(single), convolved(3)
    kernel[(2,)](changing)
    natively()
    maps = [map_of(rig.outcome(launch(changing), kernel))]
    for name, value in (("pixel_box_lower_corner", [-1]), ("pixel_box_upper_corner", [-1]), ("element_strides", [1, 2, 1])):
        setattr(changing, name, value)
        maps.append(map_of(rig.outcome(launch(changing), kernel)))
    assert len(set(maps)) == 4


@pytest.mark.parametrize("value", [None, 5, [], [0, 0, 0], [0.0], [True], [2**31], [-(2**31) - 1], ["0"]])
@pytest.mark.parametrize("name", ["pixel_box_lower_corner", "pixel_box_upper_corner", "element_strides"])
def test_what_is_odd_about_a_descriptor_for_convolutions_ends_as_triton_ends_it(rig, name, value):
    """Natively as by Triton's launcher: corners are read where the map is made."""
    rig.compiler.settings["metadata"] = {"tensordesc_meta": [CONVOLVED]}

    def make():
        return triton.jit(numbered), convolved(3)

    def change(made):
        setattr(made[1], name, value)

    def natively(made):
        return made[0][(2,)](made[1], 1000)

    def by_python(made):
        return made[0][lambda meta: meta.update(n=int("1000")) or (2,)](made[1], 1000)

    outcomes = []
    for work in (natively, by_python):
        made = make()
        natively(made)
        change(made)
        outcomes.append(rig.outcome(work, made))
        rig.launches()
    assert (outcomes[0].error, outcomes[0].launches) == (outcomes[1].error, outcomes[1].launches)


# -- Maps are kept


def test_the_map_of_an_unchanged_descriptor_is_made_once(rig):
    """Also that of another descriptor of the same."""
    kernel, made = triton.jit(several), [descriptor(0x1000 * i, [16, 64], [8, 32]) for i in (1, 2, 3)]
    kernel[(2,)](made[0], X, made[1], 7)
    before = rig.stub.calls()["cuTensorMapEncodeTiled"]
    for _ in range(5):
        kernel[(2,)](made[0], X, made[1], 7)
        kernel[(2,)](descriptor(0x1000, [16, 64], [8, 32]), X, made[2], 7)
    assert rig.stub.calls()["cuTensorMapEncodeTiled"] - before == 3


def test_descriptors_may_come_without_end(rig):
    """What is kept of them is bounded."""
    kernel, made = triton.jit(single), descriptor(0x1000, [16, 64], [8, 32])

    def go(number):
        for i in range(number):
            made.base.address, made.shape[0] = 0x1000 + 16 * i, i % 60 + 1
            kernel[(2,)](made)
            if i % 500 == 0:
                rig.launches()

    go(2000)
    before = resident()
    go(20_000)
    assert resident() - before < 4 << 20


def resident():
    """The memory that this process has, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# -- What changes between launches

CHANGES = {
    "base": lambda made: setattr(made, "base", Pointer(0x2000, made.base.dtype)),
    "address": lambda made: setattr(made.base, "address", 0x2000),
    "shape": lambda made: setattr(made, "shape", [32, 64]),
    "an extent": lambda made: made.shape.__setitem__(0, 3),
    "strides": lambda made: setattr(made, "strides", (128, 1)),
    "a stride": lambda made: made.strides.__setitem__(0, 96),
    "padding": lambda made: setattr(made, "padding", "nan"),
    "rounding": lambda made: setattr(made, "round_f32_to_tf32", True),
}


@pytest.mark.parametrize("what", CHANGES)
def test_the_map_follows_what_changes_in_a_descriptor(rig, what):
    def make():
        return triton.jit(single), descriptor(0x1000, [16, 64], [8, 32])

    def plain(made):
        return made[0][(2,)](made[1])

    def changed(made):
        CHANGES[what](made[1])
        return plain(made)

    before, same, after = rig.same(make, plain, plain, changed)
    assert map_of(before) == map_of(same) != map_of(after)
    assert rig.went() == {FIRST: 1, FAST: 2}


@pytest.mark.parametrize("what", CHANGES)
def test_a_grid_may_change_a_descriptor(rig, what):
    def make():
        return triton.jit(single), descriptor(0x1000, [16, 64], [8, 32])

    def changing(made):
        def grid(meta):
            CHANGES[what](meta["a"])
            return (2,)

        return made[0][grid](made[1])

    before, after = rig.same(make, lambda made: made[0][(2,)](made[1]), changing)
    assert map_of(before) != map_of(after)


def test_another_block_or_dtype_is_another_kernel(rig):
    made = [descriptor(0x1000, [16, 64], block) for block in ([8, 32], [8, 16], [8, 32])]
    made[2].base = Pointer(0x1000, DType("bf16"))
    outcomes = rig.same(jit(single), *map(launch, made * 2))
    assert [outcome.result for outcome in outcomes] == [f"kernel {number}" for number in (1, 2, 3)] * 2
    assert rig.went() == {FIRST: 3, FAST: 3}


# -- What is odd about a descriptor


class Iterated(list):
    """A list that gives other items than it has."""

    def __iter__(self):
        return iter([24, 64])


class Flag:
    """True, and no bool."""

    def __bool__(self):
        return True


class Gone(Pointer):
    """Its address is `answer`, or that is raised."""

    answer: object = ValueError

    def data_ptr(self):
        if isinstance(self.answer, type):
            raise self.answer("gone")
        return self.answer


class Lost(Gone):
    answer = KeyboardInterrupt


class Text(Gone):
    answer = "0x1000"


class Negative(Gone):
    answer = -16


class Huge(Gone):
    answer = 2**64 + 0x1000


ODD = {
    "base": [None, 0x1000, *(cls(0x1000, FP16) for cls in (Gone, Text, Negative, Huge)), Pointer(0x1008, FP16)],
    "shape": [None, 5, [], [16], [16, 64, 2], [16, 64.0], [True, 64], [16, 2**63], [-16, 64], [0, 0], "ab", Iterated([16, 64]),
              {16: 1, 64: 2}, (16, 2**31), (16, 2**32 + 64), [1] * 6],
    "strides": [None, [], [1], [64, 2], [64, True], [64, 1.0], [2**62, 1], [2**64, 1], [-64, 1], [64.5, 1], Iterated([64, 1]), iter([64, 1])],
    "padding": ["other", "", None, 1, DType("nan"), b"nan"],
    "round_f32_to_tf32": [1, 0, "", None, [], Flag()],
    "block_shape": [None, 5, [], [8], [8, True], [8, 2**70], [8, "32"], "ab", Iterated([8, 32]), (8, 32), [8, 32, 1]],
}  # fmt: skip


def natively_and_by_python(rig, change):
    """What launches do with a descriptor after *change* did something to it: by the native launcher, between launch hooks, and by the
    Python that stands behind it, as a grid that changes an argument needs that."""

    def changing(grid):
        return lambda meta: meta.update(n=int("1000")) or grid

    seen = []
    for by_python, hooks in ((False, []), (False, [lambda metadata: None]), (True, [])):
        kernel, made = triton.jit(numbered), descriptor(0x1000, [16, 64], [8, 32])
        rig.compile_with(type(rig.compiler)(rig.folder))
        kernel[(2,)](made, 1000)
        change(made)
        knobs.runtime.launch_enter_hook.calls[:] = hooks
        grids = [changing(grid) if by_python else grid for grid in ((2,), (0,))]
        seen.append([rig.outcome(launch(made, 1000, grid=grid), kernel) for grid in grids])
        knobs.runtime.launch_enter_hook.calls.clear()
        rig.launches()
    return seen


@pytest.mark.parametrize(("name", "index"), [(name, index) for name, values in ODD.items() for index in range(len(values))])
def test_what_is_odd_about_a_descriptor_ends_as_triton_ends_it(rig, name, index):
    natively, between_hooks, by_python = natively_and_by_python(rig, lambda made: setattr(made, name, ODD[name][index]))
    assert natively == between_hooks == by_python


@pytest.mark.parametrize("name", ODD)
def test_an_attribute_that_is_gone_is_the_error_of_python(rig, name):
    natively, between_hooks, by_python = natively_and_by_python(rig, lambda made: vars(made).pop(name, None))
    assert natively == between_hooks == by_python
    is_default = name in ("padding", "round_f32_to_tf32")
    assert natively[0].error == ("" if is_default else f"AttributeError: 'TensorDescriptor' object has no attribute '{name}'")


def test_an_interrupt_while_an_address_is_asked_for_arrives(rig):
    kernel, made = triton.jit(single), descriptor(0x1000, [16, 64], [8, 32])
    kernel[(2,)](made)
    made.base = Lost(0x1000, FP16)
    with pytest.raises(KeyboardInterrupt):
        kernel[(2,)](made)


def test_a_map_that_the_driver_refuses_is_the_error_of_triton(rig):
    def refused(kernel):
        rig.stub.fail("cuTensorMapEncodeTiled", 1)
        return launch(descriptor(0x1000, [16, 64], [8, 32]))(kernel)

    kernel = triton.jit(single)
    first = rig.outcome(refused, kernel)
    launch(descriptor(0x2000, [16, 64], [8, 32]))(kernel)
    again = rig.outcome(refused, kernel)
    assert first.error == again.error != ""
    assert first.error.startswith("LaunchError: Triton Error [CUDA]: Failed to create tensor map descriptor: invalid argument")
    assert "shape [16, 64], strides [64, 1] elements, block [8, 32]" in first.error


def test_descriptors_are_made_before_other_arguments_are_looked_at(rig):
    """Of two errors the first is Triton's."""

    def pair(x, a):
        pass

    stub, made = rig.stub, descriptor(0x1000, [16, 64], [8, 32])
    stub.host_memory(0x6000_0000, 0x6100_0000)
    kernel = triton.jit(pair)
    kernel[(2,)](ptr(), made)
    made.base = Gone(0x1000, FP16)
    with pytest.raises(ValueError, match="gone"):
        kernel[(2,)](ptr(0x6000_0000), made)


def test_other_classes_than_tritons_go_its_way(rig):
    class Sub(TensorDescriptor):
        pass

    base = Pointer(0x1000, FP16)
    rig.same(jit(single), *[launch(Sub(base, [16, 64], [64, 1], [8, 32]))] * 2)
    assert rig.went() == {TYPE: 2}


def test_an_attribute_of_the_class_is_followed(rig, monkeypatch):
    """Also one that runs code."""
    seen = []

    def make():
        return triton.jit(single)

    monkeypatch.setattr(TensorDescriptor, "shape", property(lambda self: seen.append(1) or [16, 64]), raising=False)
    made = object.__new__(TensorDescriptor)
    vars(made).update(base=Pointer(0x1000, FP16), strides=[64, 1], block_shape=[8, 32])
    rig.same(make, launch(made), launch(made))
    assert rig.went() == {FIRST: 1, FAST: 1} and len(seen) == 4


def test_code_that_runs_while_a_map_is_made_may_drop_what_is_launched(rig):
    class Clearing(Pointer):
        def data_ptr(self):
            if armed:
                armed.clear()
                kernel.device_caches.clear()
                vars(kernel).pop("_graft_target", None)
                kernel[(3,)](made)
                gc.collect()
                made.shape[0] = 32
                made.shape = [16, 64]
            return self.address

    kernel, armed = triton.jit(single), []
    made = descriptor(0x1000, [16, 64], [8, 32])
    kernel[(2,)](made)
    made.base = Clearing(0x1000, FP16)
    armed.append(True)
    kernel[(2,)](made)
    seen = [(launched.grid[0], int.from_bytes(launched.params[1], "little")) for launched in rig.launches()]
    assert seen == [(2, 16), (3, 16), (2, 32)]


def test_nothing_of_a_descriptor_is_kept(rig):
    kernel, made = triton.jit(single), descriptor(0x1000, [16, 64], [8, 32])
    kernel[(2,)](made)
    kernel[(2,)](made)
    gone = weakref.ref(made)
    del made
    assert gone() is None


# -- Together with other things


@pytest.mark.parametrize("taken_apart", [False, True])
def test_hooks_and_descriptors_that_are_taken_apart_need_python_at_the_launch_alone(rig, taken_apart):
    rig.compiler.settings["tensordesc"] = not taken_apart
    made, calls = descriptor(0x1000, [16, 64], [8, 32]), []

    def hooked(kernel):
        knobs.runtime.launch_enter_hook.add(calls.append)
        try:
            return launch(made)(kernel)
        finally:
            knobs.runtime.launch_enter_hook.calls.clear()

    rig.same(jit(single), launch(made), hooked, launch(made))
    assert rig.went() == {FIRST: 1, FAST: 2} and len(calls) == 2


def tunable(a, n, BLOCK: tl.constexpr):
    pass


def test_an_autotuner_finds_its_choice_for_descriptors(rig):
    def set_block(arguments):
        arguments["a"].block_shape = [8, arguments["BLOCK"]]

    def make():
        configs = [triton.Config({"BLOCK": block}, pre_hook=set_block) for block in (16, 32)]
        return triton.autotune(configs, key=["n"], do_bench=lambda call, quantiles: [1.0] * 3)(triton.jit(tunable))

    rig.same(make, *[launch(descriptor(0x1000, [16, 64], [8, 8]), 5)] * 3)
    counts = rig.went()
    assert counts[NEW_KEY] == 1 and counts[TUNED] == 2


@pytest.mark.parametrize("change", [dict.clear, lambda meta: meta.update(a=(meta["a"][0],)), lambda meta: meta.update(b=5)])
def test_a_grid_that_takes_arguments_away_from_a_descriptor_does_not_end_the_process(rig, change):
    def grid(meta):
        change(meta)
        return (2,)

    kernel, made = triton.jit(single), descriptor(0x1000, [16, 64], [8, 32])
    kernel[(2,)]((made, 5))
    with pytest.raises(TypeError, match=r"kernel 'single' takes \d arguments, got \d"):
        kernel[grid]((made, 5))


def test_a_launch_hook_that_is_added_while_an_address_is_told_is_called(rig):
    called = []

    class Telling(Pointer):
        armed = False

        def data_ptr(self):
            if self.armed:
                knobs.runtime.launch_enter_hook.add(lambda metadata: called.append(metadata.get()["name"]))
            return self.address

    def twice(kernel):
        called.clear()
        given = descriptor(0x1000, [16, 64], [8, 32])
        given.base = Telling(0x1000, FP16)
        kernel[(2,)](given)
        given.base.armed = True
        kernel[(2,)](given)
        knobs.runtime.launch_enter_hook.calls.clear()
        return len(called) > 0

    rig.same(jit(single), twice)
