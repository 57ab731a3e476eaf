# SPDX-License-Identifier: MIT
"""Autotuned kernels and those with heuristics: what a launch does once a configuration is chosen, and what chooses one."""

import gc
import itertools
import sys
import weakref

import launching
import pytest
import triton
import triton.language as tl
from launching import FAST, FIRST, NEW_KEY, TUNED, in_threads, ptr, values
from triton import knobs
from triton.runtime.autotuner import Autotuner

X, Y = ptr(0x1000), ptr(0x2000)
HALF = ptr(0x1000, "fp16")
REPLACED = "run is not Triton's own"


def add(x, y, n, m=5, *, BLOCK: tl.constexpr):
    pass


def with_even(x, y, n, m=5, *, BLOCK: tl.constexpr, EVEN: tl.constexpr):
    pass


class Bench:
    """A benchmark whose times are those that it is given, over and over; it counts what it was asked."""

    def __init__(self, *times):
        self.times, self.asked = times or (2.0, 1.0), 0

    def __call__(self, call, quantiles):
        call()
        self.asked += 1
        return [self.times[(self.asked - 1) % len(self.times)]] * 3


def small(**options):
    return triton.Config({"BLOCK": 64}, num_warps=2, **options)


def large(**options):
    return triton.Config({"BLOCK": 128}, num_warps=8, **options)


def tuned(function=add, configs=None, key=("n",), do_bench=None, **options):
    """An autotuned kernel of *function*; *large* is the faster configuration."""
    configs = [small(), large()] if configs is None else configs
    return triton.autotune(configs, key=list(key), do_bench=do_bench or Bench(), **options)(triton.jit(function))


def warps(compiled):
    return compiled.metadata.num_warps


def launch(n, **keywords):
    return lambda kernel: kernel[(2,)](X, Y, n, **keywords)


def showing(work):
    """What *work* does, and which configuration is shown as the best one afterwards."""

    def shown(kernel):
        result = work(kernel)
        return getattr(result, "number", result), str(kernel.best_config), kernel.nargs

    return shown


# -- Choosing a configuration


def test_a_new_key_is_tuned_once(rig):
    """And launched with what was chosen ever after, without Triton's Python."""
    bench = Bench(2.0, 1.0, 1.0, 2.0)
    kernel = tuned(do_bench=bench)
    assert [warps(kernel[(2,)](X, Y, n)) for n in (7, 7, 9, 7, 9, 9)] == [8, 8, 2, 8, 2, 2]
    assert bench.asked == 4 and len(rig.launches()) == 4 + 6
    assert rig.went() == {NEW_KEY: 2, TUNED: 4, FIRST: 2, FAST: 8}


def test_a_tuned_launch_is_that_of_triton(rig):
    """Its result, its launches, and the configuration that it shows; `nargs` is None afterwards."""
    numbers = [7, 7, 9, 7, 16, 9, 7]

    def make():
        return tuned(do_bench=Bench(2.0, 1.0, 1.0, 2.0))

    outcomes = rig.same(make, *(showing(launch(n)) for n in numbers))
    assert all(outcome.result.endswith("None)") for outcome in outcomes)
    assert [launched.block[0] for outcome in outcomes[3:] for launched in outcome.launches][-1] == 256
    assert rig.went()[TUNED] == 4


def test_the_best_configuration_is_shown_after_each_launch(rig):
    """It is that of the launch, and the very object."""
    configs = [small(), large()]
    kernel = tuned(configs=configs, do_bench=Bench(2.0, 1.0, 1.0, 2.0))
    for n, config in ((7, configs[1]), (9, configs[0]), (7, configs[1]), (9, configs[0]), (9, configs[0])):
        kernel[(2,)](X, Y, n)
        assert kernel.best_config is config
    kernel.best_config = None
    kernel[(2,)](X, Y, 9)
    assert kernel.best_config is configs[0]


def test_the_dtypes_of_arguments_are_part_of_the_key(rig):
    """Of all of them, in order."""
    bench = Bench()
    works = [
        lambda k, xy=xy: k[(2,)](*xy, 7) for xy in ((X, Y), (HALF, Y), (X, HALF), (X, Y), (HALF, Y), (X, HALF), (HALF, HALF))
    ]
    outcomes = rig.same(lambda: tuned(do_bench=bench), *works)
    assert bench.asked == 2 * 2 * 4
    assert [outcome.result for outcome in outcomes[3:6]] == [outcome.result for outcome in outcomes[:3]]
    assert rig.went()[TUNED] == 3


def test_regression_no_dtype_is_told_from_every_dtype(rig):
    """Regression: a number and a tensor of torch's first dtype were one key, and the launch had the other's configuration."""
    torch = pytest.importorskip("torch")
    dtypes = ["uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "bool", "bfloat16"]
    benches, tensors = [], [torch.zeros(16, dtype=getattr(torch, name)) for name in dtypes]

    def make():
        benches.append(Bench(*range(7)))
        return tuned(key=[], do_bench=benches[-1])

    rig.same(make, *(showing(lambda k, y=y: k[(2,)](X, y, 7)) for y in (*tensors, 3, None, 2.5, True, *tensors, 3, None)))
    assert benches[0].asked == benches[1].asked == 2 * (len(dtypes) + 1)


@pytest.mark.parametrize("key", [["n"], ["n", "m"], ["m", "n"], [], ["x"]])
def test_arguments_of_the_key_may_be_passed_in_any_way(rig, key):
    """By position, by keyword or by default: what is defaulted is not part of it."""
    works = [
        lambda k: k[(2,)](X, Y, 7),
        lambda k: k[(2,)](X, Y, n=7),
        lambda k: k[(2,)](n=7, y=Y, x=X),
        lambda k: k[(2,)](X, Y, 7, 5),
        lambda k: k[(2,)](X, Y, 7, m=5),
        lambda k: k[(2,)](X, Y, 9, m=5),
        lambda k: k[(2,)](X, Y, 7, m=6),
    ]
    benches = []

    def make():
        benches.append(Bench())
        return tuned(key=key, do_bench=benches[-1])

    rig.same(make, *works, *works)
    assert benches[0].asked == benches[1].asked
    assert rig.went().get(TUNED, 0) >= (0 if key == ["x"] else len(works))  # only plain values are looked up natively


def test_equal_values_of_the_key_share_a_configuration(rig):
    """As they do in Triton's cache: 0, 0.0 and False."""
    benches = []

    def make():
        benches.append(Bench())
        return tuned(do_bench=benches[-1])

    rig.same(make, *(launch(n) for n in (16, 16.0, 16, 0, False, 0.0, -0.0, 0, "text", (1, 2), None, None)))
    assert [bench.asked for bench in benches] == [benches[0].asked] * 2


def test_a_key_that_cannot_be_hashed_is_tritons_error(rig):
    """Each time."""
    for outcome in rig.same(tuned, launch(7), launch([1]), launch([1]))[1:]:
        assert outcome.error.startswith("TypeError: unhashable type")


def test_a_single_configuration_is_not_tuned(rig):
    """There is nothing to choose."""
    bench = Bench()
    works = [showing(launch(n)) for n in (7, 9, 7, 16)]
    rig.same(lambda: tuned(configs=[large()], do_bench=bench), *works)
    assert bench.asked == 0
    assert rig.went() == {NEW_KEY: 2, TUNED: 2, FIRST: 1, FAST: 1} or rig.went() == {}


def test_a_second_configuration_is_noticed(rig):
    """The list may grow, shrink, and be another."""
    bench = Bench()
    kernel = tuned(configs=[small()], do_bench=bench)
    assert [warps(kernel[(2,)](X, Y, 7)) for _ in range(2)] == [2, 2]
    kernel.configs.append(large())
    assert [warps(kernel[(2,)](X, Y, 7)) for _ in range(2)] == [8, 8] and bench.asked == 2
    kernel.configs = [triton.Config({"BLOCK": 32}, num_warps=1)]
    assert [warps(kernel[(2,)](X, Y, 7)) for _ in range(2)] == [1, 1] and bench.asked == 2
    rig.went()
    kernel.configs = (small(), large())
    assert [warps(kernel[(2,)](X, Y, 9)) for _ in range(2)] == [8, 8] and bench.asked == 4
    kernel.configs = (small(),)
    assert [warps(kernel[(2,)](X, Y, 9)) for _ in range(2)] == [2, 2] and rig.went()[TUNED] == 2


def test_configurations_are_pruned(rig):
    """By the user's function, by a model, and neither on a hit."""
    seen = []

    def early(configs, named, **keywords):
        seen.append(("early", dict(named), sorted(keywords)))
        return configs[1:]

    def model(**keywords):
        seen.append(("model", keywords["BLOCK"], keywords["n"]))
        return keywords["BLOCK"]

    configs = [triton.Config({"BLOCK": 2**size}, num_warps=2 ** (size % 3)) for size in range(4, 8)]
    prune = {"early_config_prune": early, "perf_model": model, "top_k": 2}
    bench = Bench(1.0, 2.0)
    works = [launch(7), launch(7), launch(9), launch(7)]
    outcomes = rig.same(lambda: tuned(configs=configs, do_bench=bench, prune_configs_by=prune), *works)
    assert bench.asked == 8 and len(seen) == 2 * 2 * 4 and seen[:8] == seen[8:]
    assert [len(outcome.launches) for outcome in outcomes] == [3, 1, 3, 1] and rig.went()[TUNED] == 2


def test_pruning_to_one_configuration_needs_no_benchmark(rig):
    """And to none is an error."""
    bench, left = Bench(), [1]
    prune = {"early_config_prune": lambda configs, named, **keywords: configs[: left[0]]}
    make = lambda: tuned(do_bench=bench, prune_configs_by=prune)  # noqa: E731

    def to_none(kernel):
        left[0] = 0
        try:
            return kernel[(2,)](X, Y, 9)
        finally:
            left[0] = 1

    outcomes = rig.same(make, launch(7), launch(7), to_none, to_none)
    assert bench.asked == 0 and "AutotunerError" in outcomes[3].error


# -- What the cache of configurations has


def test_a_cache_that_is_cleared_is_tuned_anew(rig):
    """In place, or by another one in its place."""
    bench = Bench(2.0, 1.0, 1.0, 2.0)
    kernel = tuned(do_bench=bench)
    assert [warps(kernel[(2,)](X, Y, 7)) for _ in range(2)] == [8, 8]
    kernel.cache.clear()
    assert [warps(kernel[(2,)](X, Y, 7)) for _ in range(2)] == [2, 2]
    kernel.cache = {}
    assert [warps(kernel[(2,)](X, Y, 7)) for _ in range(2)] == [8, 8] and bench.asked == 6


def test_a_cache_that_is_filled_by_hand_is_respected(rig):
    """For keys that were tuned, and for those that were not."""
    bench, own = Bench(), triton.Config({"BLOCK": 32}, num_warps=1)
    kernel = tuned(do_bench=bench)
    kernel[(2,)](X, Y, 7)
    (key,) = kernel.cache
    kernel.cache[key] = own
    assert [warps(kernel[(2,)](X, Y, 7)) for _ in range(2)] == [1, 1] and kernel.best_config is own
    kernel.cache[(9, *key[1:])] = own
    assert [warps(kernel[(2,)](X, Y, 9)) for _ in range(2)] == [1, 1] and bench.asked == 2
    del kernel.cache[key]
    assert warps(kernel[(2,)](X, Y, 7)) == 8 and bench.asked == 4


def test_caches_of_the_kernel_may_be_cleared(rig):
    """The configuration stays, and is compiled anew."""

    def clear(kernel):
        kernel.fn.device_caches.clear()
        return launch(7)(kernel)

    outcomes = rig.same(tuned, launch(7), launch(7), clear, launch(7))
    assert [outcome.result for outcome in outcomes] == ["kernel 2", "kernel 2", "kernel 3", "kernel 3"]


def test_a_configuration_serves_all_devices(rig):
    """As in Triton: the key does not hold the device."""
    bench = Bench()
    kernel = tuned(do_bench=bench)
    for device in (0, 1, 0, 1):
        rig.driver.set_current_device(device)
        assert warps(kernel[(2,)](X, Y, 7)) == 8
    assert bench.asked == 2 and [each.device for each in rig.launches()][2:] == [0, 1, 0, 1]


# -- Hooks


def test_the_hook_of_a_configuration_is_called_before_each_launch(rig):
    """With all arguments by name, in Triton's order."""
    seen = []

    def hook(arguments):
        seen.append(list(arguments.items()))

    make = lambda: tuned(configs=[large(pre_hook=hook)])  # noqa: E731
    works = [lambda k: k[(2,)](X, Y, 7), lambda k: k[(2,)](X, Y, n=7, m=8), lambda k: k[(2,)](X, n=7, y=Y)]
    rig.same(make, *works, *works)
    assert seen[:6] == seen[6:] and seen[:3] == seen[3:6]
    assert dict(seen[1]) == {
        "x": X, "y": Y, "n": 7, "m": 8, "grid": (2,), "warmup": False, "BLOCK": 128, "num_warps": 8, "num_ctas": 1, "num_stages": 3,
    }  # fmt: skip
    assert rig.went()[TUNED] == 3


def test_what_the_hook_of_a_configuration_changes_is_launched(rig):
    """It runs before arguments are specialised: a pointer that it moves is looked at where it is then."""
    moving = ptr(0x1000)

    def hook(arguments):
        arguments["x"].address ^= 0x3004
        arguments["n"] = 1000  # a dictionary of its own

    def make():
        moving.address = 0x1000
        return tuned(configs=[large(pre_hook=hook)])

    outcomes = rig.same(make, *[lambda k: k[(2,)](moving, Y, 7)] * 4)
    assert [values(outcome.launches[0], "QQii")[0] for outcome in outcomes] == [0x2004, 0x1000] * 2
    assert [values(outcome.launches[0], "QQii")[2] for outcome in outcomes] == [7] * 4


def test_an_error_in_the_hook_of_a_configuration_is_raised(rig):
    """Nothing is launched."""
    failing = []

    def hook(arguments):
        if failing:
            raise ZeroDivisionError("not today")

    def fail(kernel):
        failing.append(True)
        try:
            return kernel[(2,)](X, Y, 7)
        finally:
            failing.clear()

    outcomes = rig.same(lambda: tuned(configs=[large(pre_hook=hook)]), launch(7), launch(7), fail, launch(7))
    assert outcomes[2].error == "ZeroDivisionError: not today" and not outcomes[2].launches


def test_a_hook_that_is_given_later_is_called(rig):
    """And one that is taken away is not."""
    seen = []
    kernel = tuned(configs=[large()])
    kernel[(2,)](X, Y, 7)
    kernel.configs[0].pre_hook = lambda arguments: seen.append(arguments["n"])
    kernel[(2,)](X, Y, 8)
    kernel[(2,)](X, Y, 9)
    kernel.configs[0].pre_hook = None
    kernel[(2,)](X, Y, 10)
    assert seen == [8, 9]


def test_hooks_of_the_tuner_are_called_for_tuning_alone(rig):
    """`pre_hook`, `post_hook` and `reset_to_zero`."""
    seen = []
    options = {
        "pre_hook": lambda arguments, reset_only=False: seen.append(("pre", arguments["BLOCK"], reset_only)),
        "post_hook": lambda arguments, exception: seen.append(("post", arguments["BLOCK"], exception)),
    }
    rig.same(lambda: tuned(**options), launch(7), launch(7), launch(7))
    one = [("pre", 64, False), ("post", 64, None), ("pre", 128, False), ("post", 128, None), ("pre", 128, True)]
    assert seen == one * 2


def test_the_listener_is_told_of_tuning_alone(rig):
    """On a hit there is nothing to tell."""
    told = []
    knobs.autotuning.listener = lambda **told_: told.append((told_["key"], str(told_["best_config"]), told_["cache_hit"]))
    rig.same(tuned, launch(7), launch(7), launch(9), launch(7))
    assert len(told) == 4 and told[:2] == told[2:]


def test_nothing_is_printed_on_a_hit(rig, capsys, monkeypatch):
    """With `knobs.autotuning.print`, tuning is."""
    monkeypatch.setenv("TRITON_PRINT_AUTOTUNING", "1")
    kernel = tuned()
    kernel[(2,)](X, Y, 7)
    assert "best config selected: BLOCK: 128" in capsys.readouterr().out
    kernel[(2,)](X, Y, 7)
    assert capsys.readouterr().out == ""


# -- Launching


def test_a_callable_grid_sees_the_configuration(rig):
    """Its constants are bound arguments as others are."""
    grid = lambda meta: (meta["n"] // meta["BLOCK"] + meta["m"],)  # noqa: E731
    works = [lambda k: k[grid](X, Y, 256), lambda k: k[grid](X, Y, 256), lambda k: k[grid](X, Y, 256, m=9)]
    outcomes = rig.same(tuned, *works)
    assert [outcome.launches[-1].grid[0] for outcome in outcomes] == [7, 7, 11]


@pytest.mark.parametrize(
    "call",
    [
        lambda k: k[(2,)](X, Y, 7, BLOCK=32),
        lambda k: k[(2,)](X, Y, 7, num_warps=4),
        lambda k: k[(2,)](X, Y, 7, 8, 9),
        lambda k: k[(2,)](X, Y),
        lambda k: k[(2,)](X, Y, 7, n=7),
        lambda k: k[(2,)](X, Y, 7, nonsense=1),
        lambda k: k[(2,)](X, Y, 7, grid=(3,)),
        lambda k: k[(2,)](X, Y, 7, warmup=True),
        lambda k: k[(2,)](X, Y, 2**70),
        lambda k: k[None](X, Y, 7),
    ],
)
@pytest.mark.parametrize("configs", [1, 2])
def test_mistakes_are_tritons_errors(rig, call, configs):
    """For a kernel that is tuned already, and for one that is not."""
    make = lambda: tuned(configs=[small(), large()][:configs])  # noqa: E731
    for outcome in rig.same(make, call, launch(7), call, call, launch(7))[2:4]:
        assert outcome.error and not outcome.launches


def test_options_may_be_given_beside_the_configuration(rig):
    """`maxnreg` of the configuration, and others of the launch."""
    configs = [triton.Config({"BLOCK": 64}, num_warps=2, maxnreg=128), large()]
    works = [lambda k: k[(2,)](X, Y, 7, debug=True), lambda k: k[(2,)](X, Y, 7, debug=True), lambda k: k[(2,)](X, Y, 7)]
    outcomes = rig.same(lambda: tuned(configs=configs, do_bench=Bench(1.0, 2.0)), *works, *works)
    assert "'maxnreg': 128" in outcomes[0].compiled[0] and "'debug': True" in outcomes[0].compiled[0]


def test_errors_of_the_driver_are_raised_from_tuned_launches(rig):
    """And the next launch is as if nothing had been."""
    kernel = tuned()
    kernel[(2,)](X, Y, 7)
    kernel[(2,)](X, Y, 7)
    rig.stub.fail("cuLaunchKernelEx", 700)
    with pytest.raises(RuntimeError, match="an illegal memory access was encountered"):
        kernel[(2,)](X, Y, 7)
    assert warps(kernel[(2,)](X, Y, 7)) == 8


def test_a_tuned_kernel_is_warmed_up_in_all_configurations(rig):
    """`warmup` is Triton's own."""
    kernel = tuned()
    compiled = kernel.warmup(X, Y, 7, grid=(2,))
    assert [warps(each) for each in compiled] == [2, 8]
    assert rig.launches() == [] and rig.went() == {}
    assert kernel[(2,)](X, Y, 7) is compiled[1]


def test_a_subscript_of_a_tuned_kernel_may_be_kept(rig):
    """It is asked for the configuration at each call."""
    kept = tuned()[(2,)]
    assert [warps(kept(X, Y, n)) for n in (7, 7, 9, 7)] == [8] * 4
    assert rig.went() == {NEW_KEY: 2, TUNED: 2, FIRST: 2, FAST: 6}


# -- Heuristics


def heuristic(seen, name, answer):
    def function(arguments):
        seen.append((name, list(arguments.items())))
        return answer(arguments) if callable(answer) else answer

    return function


def test_heuristics_are_called_for_each_launch_with_all_arguments(rig):
    """And with what those before them gave, in Triton's order, `grid` and `warmup` included."""
    seen = []
    functions = {
        "BLOCK": heuristic(seen, "BLOCK", lambda arguments: 64 if arguments["n"] < 100 else 128),
        "EVEN": heuristic(seen, "EVEN", lambda arguments: arguments["n"] % arguments["BLOCK"] == 0),
    }
    works = [lambda k: k[(2,)](X, Y, 128), lambda k: k[(2,)](X, Y, n=32), lambda k: k[(2,)](X, Y, 128, num_warps=2)]
    works += [lambda k: k[(2,)](X, n=128, y=Y, m=7), lambda k: k[(2,)](X, Y, 256)]
    outcomes = rig.same(lambda: triton.heuristics(functions)(triton.jit(with_even)), *works, *works)
    half = len(seen) // 2
    assert half == 2 * 10 and seen[:half] == seen[half:]
    assert dict(seen[1][1]) == {"x": X, "y": Y, "n": 128, "grid": (2,), "warmup": False, "BLOCK": 128}
    assert "bool:True" in outcomes[0].compiled[0] and "bool:False" in outcomes[1].compiled[0]
    assert rig.went() == {FIRST: 3, FAST: 7}


def test_heuristics_get_dictionaries_of_their_own(rig):
    """What one keeps or changes does not reach the next, nor the launch."""
    kept = []

    def greedy(arguments):
        kept.append(arguments)
        arguments["n"] = arguments["x"] = "changed"
        return 64

    functions = {"BLOCK": greedy, "EVEN": lambda arguments: arguments["n"] == 7}
    make = lambda: triton.heuristics(functions)(triton.jit(with_even))  # noqa: E731
    outcomes = rig.same(make, launch(7), launch(7))
    assert [values(outcome.launches[0], "QQii") for outcome in outcomes] == [(0x1000, 0x2000, 7, 5)] * 2
    assert len({id(arguments) for arguments in kept}) == 4


def test_a_heuristic_replaces_what_was_given(rig):
    """By keyword; given by position, it is an error of Python's."""
    make = lambda: triton.heuristics({"BLOCK": lambda arguments: 2 * arguments["BLOCK"]})(triton.jit(add))  # noqa: E731
    outcomes = rig.same(make, *[lambda k: k[(2,)](X, Y, 7, BLOCK=16)] * 2, lambda k: k[(2,)](X, Y, 7))
    assert "int:32" in outcomes[0].compiled[0] and outcomes[2].error == "KeyError: 'BLOCK'"
    positional = lambda: triton.heuristics({"n": lambda arguments: 9})(triton.jit(add))  # noqa: E731
    for outcome in rig.same(positional, *[lambda k: k[(2,)](X, Y, 7, BLOCK=16)] * 2):
        assert "multiple values" in outcome.error


def test_an_error_in_a_heuristic_is_raised(rig):
    """Each time, and nothing is launched."""
    make = lambda: triton.heuristics({"BLOCK": lambda arguments: 64 // arguments["n"]})(triton.jit(add))  # noqa: E731
    outcomes = rig.same(make, launch(2), launch(0), launch(0), launch(2))
    assert [bool(outcome.launches) for outcome in outcomes] == [True, False, False, True]


def test_heuristics_may_be_changed(rig):
    """Added, replaced and taken away; and a mapping that is no dictionary is Triton's."""
    kernel = triton.heuristics({"BLOCK": lambda arguments: 64})(triton.jit(add))
    kernel[(2,)](X, Y, 7)
    kernel.values["num_warps"] = lambda arguments: 8
    assert [warps(kernel[(2,)](X, Y, 7)) for _ in range(2)] == [8, 8]
    kernel.values["num_warps"] = lambda arguments: 2
    assert warps(kernel[(2,)](X, Y, 7)) == 2
    del kernel.values["num_warps"]
    assert warps(kernel[(2,)](X, Y, 7)) == 4
    kernel.values = type("Values", (dict,), {})(BLOCK=lambda arguments: 32)
    assert warps(kernel[(2,)](X, Y, 7)) == 4 and len(rig.launches()) == 6


# -- One in the other


def nested(order):
    """An autotuner around heuristics, or the other way round."""
    kernel = triton.jit(with_even)
    functions = {"EVEN": lambda arguments: arguments["n"] % 2 == 0}
    for name in order:
        if name == "heuristics":
            kernel = triton.heuristics(functions)(kernel)
        else:
            kernel = triton.autotune([small(), large()], key=["n"], do_bench=Bench())(kernel)
    return kernel


@pytest.mark.parametrize(
    "order", [("heuristics", "autotune"), ("autotune", "heuristics"), ("heuristics", "heuristics", "autotune")]
)
def test_autotuners_and_heuristics_may_be_nested(rig, order):
    """In any order."""
    outcomes = rig.same(
        lambda: nested(order), *(launch(n) for n in (7, 8, 7, 8, 8)), lambda k: k[lambda meta: (meta["n"],)](X, Y, 7)
    )
    assert [outcome.result for outcome in outcomes[2:]] == [
        outcomes[0].result,
        outcomes[1].result,
        outcomes[1].result,
        outcomes[0].result,
    ]
    assert rig.went()[TUNED] == 4 and outcomes[5].launches[0].grid == (7, 1, 1)


def test_autotuners_may_be_nested(rig):
    """The outer one's keys are those of the launch."""

    def make():
        inner = triton.autotune([small(), large()], key=["n"], do_bench=Bench())(triton.jit(add))
        return triton.autotune([triton.Config({"m": 3}, num_warps=None, num_stages=None, num_ctas=None)], key=[])(inner)

    rig.same(make, *(launch(n) for n in (7, 9, 7, 9)))


def test_somebodys_own_kernel_may_be_tuned(rig):
    """Anything that has `run`: it is launched by that."""
    seen = []

    class Own:
        def __init__(self, fn):
            self.fn, self.arg_names = fn, fn.arg_names

        def run(self, *args, **kwargs):
            seen.append((len(args), sorted(kwargs)))
            return self.fn.run(*args, **kwargs)

    def make():
        seen.clear()
        return triton.autotune([small(), large()], key=["n"], do_bench=Bench())(Own(triton.jit(add)))

    rig.same(make, launch(7), launch(7), launch(7))
    assert len(seen) == 5 and seen[4] == (3, ["BLOCK", "grid", "num_ctas", "num_stages", "num_warps", "warmup"])
    make = lambda: triton.heuristics({"BLOCK": lambda arguments: 64})(Own(triton.jit(add)))  # noqa: E731
    rig.same(make, launch(7), launch(7))


# -- What others put in place of Triton's


def test_a_replaced_run_of_an_autotuner_is_respected(rig):
    """On the object, on the class, and on what it wraps."""
    seen = []

    def spy(run, name):
        def spied(*args, **kwargs):
            seen.append(name)
            return run(*args, **kwargs)

        return spied

    kernel = tuned()
    kernel[(2,)](X, Y, 7)
    kernel.run = spy(kernel.run, "tuner")
    kernel[(2,)](X, Y, 7)
    del kernel.run
    original = Autotuner.run
    Autotuner.run = spy(original, "class")
    try:
        kernel[(2,)](X, Y, 7)
    finally:
        Autotuner.run = original
    kernel.fn.run = spy(kernel.fn.run, "kernel")
    kernel[(2,)](X, Y, 7)
    del kernel.fn.run
    kernel[(2,)](X, Y, 7)
    assert seen == ["tuner", "class", "kernel"]
    went = rig.went()
    assert went[REPLACED] == 3 and went[TUNED] == 4


def test_a_replaced_run_of_heuristics_is_respected(rig):
    """As above."""
    kernel = triton.heuristics({"BLOCK": lambda arguments: 64})(triton.jit(add))
    kernel[(2,)](X, Y, 7)
    seen, run = [], kernel.run
    kernel.run = lambda *args, **kwargs: seen.append(sorted(kwargs)) or run(*args, **kwargs)
    kernel[(2,)](X, Y, 7)
    del kernel.run
    kernel[(2,)](X, Y, 7)
    assert seen == [["grid", "warmup"]] and len(rig.launches()) == 3


def test_another_kernel_may_be_put_into_an_autotuner(rig):
    """What it wraps is looked up at each launch."""
    kernel = tuned()
    first = kernel[(2,)](X, Y, 7)
    kernel.fn = triton.jit(with_even)
    kernel.fn = triton.jit(add)
    assert kernel[(2,)](X, Y, 7) is not first and len(rig.launches()) == 4


def test_a_subclass_of_the_autotuner_is_tuned(rig):
    """Natively, also below a `run` of its own."""
    seen = []

    class Plain(Autotuner):
        pass

    class Spying(Autotuner):
        def run(self, *args, **kwargs):
            seen.append(len(args))
            return super().run(*args, **kwargs)

    for cls in (Plain, Spying):
        kernel = cls(triton.jit(add), ["x", "y", "n", "m", "BLOCK"], [small(), large()], ["n"], None, None, do_bench=Bench())
        assert [warps(kernel[(2,)](X, Y, 7)) for _ in range(2)] == [8, 8]
    assert seen == [3, 3] and rig.went()[TUNED] == 2


# -- PyTorch's compiler


def filled(out, n, BLOCK: tl.constexpr):
    tl.store(out + tl.arange(0, BLOCK), n)


def test_pytorch_traces_kernels_autotuners_and_heuristics(rig, monkeypatch):
    """Without a break in the graph, as on a machine where it looks for Triton's kernels."""
    torch = pytest.importorskip("torch")
    monkeypatch.setattr("torch.utils._triton.has_triton", lambda *_: True)
    plain = triton.jit(filled)
    tuned_once = triton.autotune([triton.Config({"BLOCK": 16})], key=[])(triton.jit(filled))
    heuristic = triton.heuristics({"BLOCK": lambda arguments: 16})(triton.jit(filled))
    ways = [
        lambda out: plain[(triton.cdiv(5, 4),)](out, 5, BLOCK=16),
        lambda out: plain[lambda meta: (triton.cdiv(64, meta["BLOCK"]),)](out, 5, BLOCK=triton.next_power_of_2(9)),
        lambda out: tuned_once[(1,)](out, 5),
        lambda out: heuristic[(1,)](out, 5),
        lambda out: heuristic.run(out, 5, grid=(1,), warmup=False),
    ]
    for way in ways:

        def work(out, way=way):
            way(out)
            return out

        torch._dynamo.reset()
        torch.compile(work, fullgraph=True, backend="eager")(torch.zeros(64))


# -- References and threads


def test_tuned_launches_keep_no_references(rig):
    """To arguments, grids, values of the key and configurations."""
    kernel, n, grid = nested(("heuristics", "autotune")), 10**15, (2, 3)
    kernel.configs[1].pre_hook = lambda arguments: None
    works = [lambda: kernel[grid](X, Y, n), lambda: kernel[grid](X, y=Y, n=n), lambda: kernel[lambda meta: grid](X, Y, n)]
    for work in works:
        for _ in range(3):
            work()
    objects = [kernel, kernel.fn, kernel.fn.fn, X, Y, n, grid, *kernel.configs, None, True, False]
    before = [sys.getrefcount(item) for item in objects[:-3]]
    for _ in range(40):
        for work in works:
            work()
    assert [sys.getrefcount(item) for item in objects[:-3]] == before


def test_tuned_kernels_are_collected(rig):
    """With all that launches them."""
    kernel = nested(("heuristics", "autotune"))
    for n in (7, 8, 7, 8):
        kernel[(2,)](X, Y, n)
    gone = [weakref.ref(kernel), weakref.ref(kernel.fn), weakref.ref(kernel.fn.fn), weakref.ref(kernel.configs[0])]
    del kernel
    triton.runtime.jit._triton_jit_function_registry.clear()
    gc.collect()
    assert [reference() for reference in gone] == [None] * 4 and rig.stub.modules == set()


def test_keys_may_come_without_end(rig):
    """What is remembered of them is bounded, and each launch has its configuration."""
    kernel = tuned(configs=[small(), large()], do_bench=Bench(2.0, 1.0))
    chosen = triton.Config({"BLOCK": 32}, num_warps=1)
    kernel[(0,)](X, Y, 3)
    (key,) = kernel.cache
    for n in range(1500):
        kernel.cache[(16 * n + 3, *key[1:])] = chosen
    for n in range(1500):
        assert warps(kernel[(0,)](X, Y, 16 * n + 3)) == 1
    rig.went()
    for _ in range(2):
        assert warps(kernel[(0,)](X, Y, 16 * 1499 + 3)) == 1
    assert rig.went() == {TUNED: 2, FAST: 2}


def test_regression_threads_tune_and_launch_at_once(rig):
    """Regression: `nargs` is the tuner's, and threads took each other's; on a hit it is not used."""
    kernel = triton.autotune([small(), large()], key=["n"], do_bench=Bench())(triton.jit(add))
    for n in range(4):
        kernel[(2,)](X, Y, 1000 * n + 3)
    rig.launches(), rig.went()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def work(thread):
        for index in range(100):
            n = 1000 * ((thread + index) % 4) + 3
            compiled = kernel[(thread + 1,)](X, Y, n, 10 * thread + index % 10 + 2)
            assert warps(compiled) == 8

    try:
        in_threads(8, work)
    finally:
        sys.setswitchinterval(interval)
    launches = rig.launches()
    assert len(launches) >= 800 and kernel.nargs is None
    seen = {(each.grid[0] - 1, *values(each, "QQii")[2:]) for each in launches}
    expected = {
        (thread, 1000 * ((thread + index) % 4) + 3, 10 * thread + index % 10 + 2) for thread in range(8) for index in range(100)
    }
    assert expected <= seen


def test_what_is_written_in_more_ways_than_are_kept_is_launched_all_the_same(rig):
    """Kernels, autotuners and heuristics: each with the same keywords in another order, over and over."""
    names = "abcde"

    def five(a, b, c, d, e, BLOCK: tl.constexpr = 8):
        pass

    makers = [
        lambda: triton.jit(five),
        lambda: triton.autotune([triton.Config({"BLOCK": 8})], key=["a"])(triton.jit(five)),
        lambda: triton.heuristics({"BLOCK": lambda arguments: 8})(triton.jit(five)),
    ]
    orders = list(itertools.islice(itertools.permutations(names), 70))
    for make in makers:
        works = [lambda k, order=order: k[(1,)](**{name: names.index(name) + 2 for name in order}) for order in orders]
        for outcome in rig.same(make, *works, *works):
            assert launching.values(outcome.launches[0], "iiiii") == (2, 3, 4, 5, 6)
        assert rig.went()[FAST] >= 60
