# SPDX-License-Identifier: MIT
"""Ranges of arguments: what they expand to is exactly what a program could pass, and what is wrong with one is said before compiling."""

import itertools
import random

import pytest
import triton
import triton.language as tl
from support import make_vector_add
from triton._C.libtriton import native_specialize_impl
from triton.backends.compiler import BaseBackend
from triton.backends.graft.bundle.ranges import Array, Pointer, expand, warmup
from triton.backends.graft.driver import Driver
from triton.backends.graft.errors import BundleError
from triton.runtime.jit import JITFunction

INTEGER_LIMITS = (-(1 << 63), -(1 << 31), 0, 1, 16, 1 << 31, 1 << 32, 1 << 63)


def plain(x, n):
    pass


def annotated(x, n: tl.int64):
    pass


def narrow(x, n: tl.int32):
    pass


def real(x, n: tl.float32):
    pass


def constant(x, n: tl.constexpr):
    pass


def const_pointer(x: tl.const, n):
    pass


FUNCTIONS = (plain, annotated, narrow, real, constant, const_pointer)


def specialisation(param, value):
    """What Triton tells apart, as `JITFunction.run` finds it out, with none of our code."""
    if param.is_constexpr:
        return "constexpr", value
    specialize, align = not param.do_not_specialize, not param.do_not_specialize_on_alignment
    type_, special = native_specialize_impl(BaseBackend, value, param.is_const, specialize, align)
    annotation = param.annotation_type
    if annotation == "u1" or annotation[:2] in ("fp", "bf"):
        return annotation, None
    return annotation or type_, special


def specialisations(kernel, every):
    """The set of what Triton tells apart of lists of arguments."""
    return {tuple(specialisation(param, arguments[param.name]) for param in kernel.params) for arguments in every}


def brute_force(pointers, integers):
    """Every list of arguments."""
    arrays = [Array(pointer.dtype, aligned) for pointer in pointers for aligned in (True, False)
              if pointer.aligned in (None, aligned)]  # fmt: skip
    return [{"x": x, "n": n} for x in arrays for n in integers]


def random_range(rng):
    start = rng.choice(INTEGER_LIMITS) + rng.choice((0, rng.randrange(-40, 40)))
    integers = range(start, start + rng.randrange(1, 400), rng.choice((1, 1, 2, 3, 8, 16, 24, 32, 48)))
    integers = range(integers[0], integers[-1] + 1, integers.step)
    integers = integers if integers[0] >= -(1 << 63) else range(1, 100)
    return integers[::-1] if rng.random() < 0.2 else integers


def random_kernel(rng):
    names = [[], ["x"], ["n"], ["x", "n"]]
    return JITFunction(
        rng.choice(FUNCTIONS), do_not_specialize=rng.choice(names), do_not_specialize_on_alignment=rng.choice(names)
    )


@pytest.mark.parametrize("seed", range(200))
def test_an_expansion_has_exactly_the_specialisations_of_all_that_is_in_the_ranges(seed):
    rng = random.Random(seed)
    kernel, integers = random_kernel(rng), random_range(rng)
    pointers = [Pointer(rng.choice(("fp16", "i8")), rng.choice((None, None, True, False))) for _ in range(rng.randrange(1, 3))]
    expanded = [*expand(kernel, x=pointers, n=integers)]
    assert specialisations(kernel, expanded) == specialisations(kernel, brute_force(pointers, integers))
    assert all(arguments["n"] in integers for arguments in expanded)


@pytest.mark.parametrize("seed", range(50))
def test_one_integer_stands_for_each_specialisation(seed):
    rng = random.Random(seed)
    kernel = random_kernel(rng)
    expanded = [*expand(kernel, x=Pointer("fp16", aligned=True), n=random_range(rng))]
    assert len(expanded) == len(specialisations(kernel, expanded))


def values_of(kernel, name, **declared):
    """The values for the parameter *name* in the expansion, each once, in order."""
    return list(dict.fromkeys(arguments[name] for arguments in expand(kernel, **declared)))


@pytest.mark.parametrize(
    ("integers", "values"),
    [
        (range(1, 1 << 20), [1, 2, 16]),
        (range(0, 1 << 40, 16), [16, 1 << 31]),
        (range(0, 16, 16), [0]),
        (range(3, 1 << 33, 16), [3, (1 << 31) + 3]),
        (range(1 << 63, 1 << 64), [1 << 63, (1 << 63) + 1]),
        (range(-(1 << 63), 0), [-(1 << 63), 1 - (1 << 63), -(1 << 31), 1 - (1 << 31)]),
    ],
)
def test_integers_of_ranges_of_any_length(integers, values):
    assert values_of(triton.jit(plain), "n", x=None, n=integers) == values


def test_a_pointer_is_aligned_and_is_not_unless_that_is_said():
    kernel = triton.jit(plain)
    assert [x.aligned for x in values_of(kernel, "x", x="*fp16", n=1)] == [True, False]
    assert [x.aligned for x in values_of(kernel, "x", x=Pointer("fp16", aligned=False), n=1)] == [False]
    assert [x.aligned for x in values_of(JITFunction(plain, do_not_specialize_on_alignment=["x"]), "x", x="*fp16", n=1)] == [
        True
    ]


def test_lists_are_of_pointers_ranges_and_values():
    kernel = triton.jit(plain)
    found = values_of(kernel, "x", x=["*fp16", Pointer("fp32", aligned=True), None], n=1)
    assert [getattr(x, "dtype", x) for x in found] == ["fp16", "fp16", "fp32", None]
    assert values_of(kernel, "n", x=None, n=[range(16, 99, 16), 5, True, 0.5]) == [16, 5, True, 0.5]


def test_what_is_given_one_by_one_is_kept_as_heuristics_may_tell_it_apart():
    assert values_of(triton.jit(plain), "n", x=None, n=[16, 32, 48]) == [16, 32, 48]


def test_constexprs_and_options_have_every_value(vector_add):
    pointer = Pointer("fp16", aligned=True)
    every = [*expand(vector_add, x=pointer, y=pointer, out=pointer, n=16, BLOCK=range(64, 257, 64), num_warps=[4, 8])]
    assert [(arguments["BLOCK"], arguments["num_warps"]) for arguments in every] == [
        *itertools.product((64, 128, 192, 256), (4, 8))
    ]
    kernel = triton.jit(constant)
    assert values_of(kernel, "n", x=None, n=["relu", None, tl.float16, 1.5, True]) == ["relu", None, tl.float16, 1.5, True]


def test_the_items_of_tuples_are_expanded():
    found = values_of(triton.jit(plain), "n", x=None, n=(range(1, 99), (Pointer("fp16", aligned=True), 7)))
    assert [(first, second) for first, (_, second) in found] == [(1, 7), (2, 7), (16, 7)]


def test_an_argument_with_a_default_need_not_be_given():
    @triton.jit
    def kernel(x, BLOCK: tl.constexpr = 64):
        pass

    assert [*expand(kernel, x=1)] == [{"x": 1}]


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"n": 1}, "plain: there is nothing for x; each needs a range or a value"),
        ({"x": None, "m": 1}, "plain: 'm' is neither a parameter of the kernel nor an option of Triton; its parameters are x, n"),
        ({"x": None, "n": 1, "num_warp": 8},
         "plain: 'num_warp' is neither a parameter of the kernel nor an option of Triton; did you mean num_warps?"),
        ({"x": None, "n": range(5, 5)}, "plain: n: range(5, 5) is empty"),
        ({"x": [], "n": 1}, "plain: x: [] is empty"),
        ({"x": None, "n": range(1 << 65)}, "plain: n: range(0, 36893488147419103232) has integers that are too large for every type of Triton"),
        ({"x": "fp16", "n": 1}, "plain: x: 'fp16' is not a value that a kernel takes; a pointer is written as '*fp16', and only a constexpr "
                                "may be a text"),
        ({"x": "*fp17", "n": 1}, "plain: x: '*fp17' points to a type that Triton does not have; it has bf16, fp16, fp32, "
                                 "fp64, fp8e4b15, fp8e4b8, fp8e4nv, fp8e5, fp8e5b16, i16, i32, i64, i8, u1, u16, u32, u64, u8"),
        ({"x": None, "n": {1}}, "plain: n: Triton does not take {1} as an argument (failed to specialize argument of type: set)"),
        ({"x": ["*fp16"], "n": range(1 << 40), "num_warps": range(1, 1001)},
         "plain: these ranges make 10000 variants (x 2, n 5, num_warps 1000), and allowed are 4096; narrow them, or raise max_variants"),
        ({"x": None, "n": 1, "num_warps": range(1 << 70)},
         "plain: num_warps: range(0, 1180591620717411303424) has more than 4096 values, and each would be a variant"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_before_anything_is_expanded(declared, message):
    with pytest.raises(BundleError) as error:
        expand(triton.jit(plain), **declared)
    assert str(error.value) == message


def test_more_variants_can_be_asked_for():
    assert len([*expand(triton.jit(constant), max_variants=5000, x=None, n=range(5000))]) == 5000


def test_what_is_no_kernel_is_refused():
    with pytest.raises(
        BundleError, match=r"^ranges are for a kernel made with triton.jit, autotune or heuristics, and this is 5$"
    ):
        expand(5)


def test_a_kernel_that_takes_any_number_of_arguments_is_warmed_up_by_hand():
    @triton.jit
    def kernel(x, *rest):
        pass

    assert [*expand(kernel, x=1)] == [{"x": 1}]
    with pytest.raises(BundleError, match=r"^kernel: \*rest takes any number of arguments; .* kernel.warmup"):
        expand(kernel, x=1, rest=(1, 2))


# -- Compiling


@pytest.fixture
def compiled(monkeypatch):
    """The signatures and constants of what is compiled from now on, in order."""
    seen = []

    def listen(*, src, **_):
        seen.append((src.signature, {src.fn.arg_names[path[0]]: value for path, value in src.constants.items()}))

    monkeypatch.setattr(triton.knobs.compilation, "listener", listen, raising=False)
    triton.runtime.driver.set_active(Driver(target="cuda:90"))
    return seen


def test_a_warmup_compiles_each_specialisation_once(compiled):
    pointer = Pointer("fp16", aligned=True)
    assert warmup(make_vector_add(), x=pointer, y=pointer, out="*fp16", n=range(2, 1 << 20), BLOCK=64) == 4
    assert len(compiled) == 4


def test_a_warmup_of_an_autotuned_kernel_compiles_every_configuration(compiled):
    configs = [triton.Config({"BLOCK": block}, num_warps=warps) for block, warps in ((64, 2), (128, 4))]
    kernel = triton.autotune(configs, key=["n"])(make_vector_add())
    pointer = Pointer("fp16", aligned=True)
    assert warmup(kernel, x=pointer, y=pointer, out=pointer, n=range(16, 99, 16)) == 1
    assert [constants["BLOCK"] for _, constants in compiled] == [64, 128]


def test_who_prunes_configurations_gets_the_arguments_by_name(compiled):
    seen = []

    def prune(configs, named, **_):
        seen.append(named)
        return configs[:1]

    configs = [triton.Config({"BLOCK": block}) for block in (64, 128)]
    kernel = triton.autotune(configs, key=["n"], prune_configs_by={"early_config_prune": prune})(make_vector_add())
    warmup(kernel, x="*fp16", y=Pointer("fp16", True), out=Pointer("fp16", True), n=range(16, 99, 16))
    assert [named["n"] for named in seen] == [16, 16]


@pytest.mark.parametrize("heuristics_first", [True, False])
def test_heuristics_choose_and_autotuners_do_not_measure(compiled, heuristics_first):
    heuristic = triton.heuristics({"BLOCK": lambda args: triton.next_power_of_2(args["n"])})
    tuner = triton.autotune([triton.Config({}, num_warps=warps) for warps in (2, 4)], key=["n"])
    kernel = heuristic(tuner(make_vector_add())) if heuristics_first else tuner(heuristic(make_vector_add()))
    pointer = Pointer("fp16", aligned=True)
    assert warmup(kernel, x=pointer, y=pointer, out=pointer, n=[64, 200]) == 2
    assert [constants["BLOCK"] for _, constants in compiled] == [64, 64, 256, 256]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("BLOCK", "a heuristic chooses it"), ("num_warps", "the autotuner's configurations choose it")],
)
def test_what_a_wrapper_chooses_cannot_be_given(name, reason):
    heuristic = triton.heuristics({"BLOCK": lambda args: 64})
    kernel = triton.autotune([triton.Config({}, num_warps=2)], key=[])(heuristic(make_vector_add()))
    with pytest.raises(BundleError) as error:
        expand(kernel, x=None, y=None, out=None, n=1, **{name: 4})
    assert str(error.value) == f"vector_add: {name} cannot be given, as {reason}"


def test_the_wrong_range_of_the_last_parameter_keeps_the_first_from_being_compiled(compiled):
    with pytest.raises(BundleError):
        warmup(make_vector_add(), x="*fp16", y="*fp16", out="*fp16", n=range(0), BLOCK=64)
    assert compiled == []
