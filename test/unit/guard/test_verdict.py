# SPDX-License-Identifier: MIT
"""What ptxas says of a kernel that our passes changed, and what is kept of it."""

import os
import re
import threading

import product_kernels
import pytest
import slice_kernels
import triton
from support import OtherDriver, make_vector_add, target, warm_up_vector_add
from triton.backends.graft.compiler import Backend
from triton.backends.graft.driver import Driver
from triton.backends.graft.guard import pressure, verdict
from triton.backends.graft.guard.verdict import Account
from triton.backends.graft.passes import chips, steps
from triton.backends.graft.steps import Kernel


def warm_up_slices(**options):
    """A variant of `slices` for which ptxas has room for one CTA less if it is versioned."""
    pointers = [triton.MockTensor(dtype) for dtype in ("bf16", "fp32", "fp32", "bf16", "fp32")]
    return triton.jit(slice_kernels.slices.fn).warmup(
        *pointers, N=37, C=333, H=2, BN=32, BC=128, grid=(1,), num_warps=4, **options
    )


@pytest.fixture
def stages(monkeypatch):
    """The names of the stages that run from now on."""
    ran = []
    for name in ("ttgir", "llir", "ptx", "cubin"):
        method = getattr(Backend, f"make_{name}")

        def run(*arguments, name=name, method=method):
            ran.append(name)
            return method(*arguments)

        static = isinstance(Backend.__mro__[1].__dict__[f"make_{name}"], staticmethod)
        monkeypatch.setattr(Backend, f"make_{name}", staticmethod(run) if static else run)
    return ran


def account(registers=64, stack=0, ctas=8, most_ctas=16, code=1000, warps=4):
    return Account(registers, stack, ctas, most_ctas, code, warps)


def replace_stage(monkeypatch, name, replacement):
    """Has *replacement* called as the stage *name* of all backends, with the stage as it was as its first argument."""
    method = Backend.__dict__.get(f"make_{name}") or Backend.__mro__[1].__dict__[f"make_{name}"]
    function = getattr(method, "__func__", method)
    wrap = staticmethod if isinstance(method, staticmethod) else lambda made: made
    monkeypatch.setattr(Backend, f"make_{name}", wrap(lambda *arguments: replacement(function, *arguments)))


# -- The rule


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        (account(), True),
        (account(stack=4), False),
        (account(ctas=4), True),
        (account(ctas=3), False),
        (account(ctas=2, most_ctas=2), True),
        (account(ctas=2, most_ctas=2, stack=8), False),
    ],
)
def test_a_kernel_without_stack_and_with_room_for_a_quarter_of_the_warps_is_good(ours, expected):
    assert ours.is_good(64) is expected


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        ({}, ""),
        ({"stack": 16}, ""),
        ({"ctas": 9, "code": 1749}, ""),
        ({"stack": 24}, "a stack of 24 bytes, and 16 without"),
        ({"ctas": 7, "registers": 72}, "72 registers, which leave room for 7 CTAs, and 64 for 8 without"),
        ({"code": 1750}, "1750 bytes of code, and 1000 without"),
    ],
)
def test_ours_is_worse_with_more_stack_fewer_ctas_or_much_more_code(ours, expected):
    assert account(**{"stack": 16, **ours}).objection(account(stack=16)) == expected


@pytest.mark.parametrize(
    ("capability", "registers", "warps", "shared", "expected"),
    [
        (90, 32, 4, 0, 16),
        (90, 33, 4, 0, 12),
        (90, 128, 4, 0, 4),
        (90, 168, 4, 0, 3),
        (90, 255, 8, 0, 1),
        (90, 32, 1, 0, 32),
        (90, 32, 4, 100 << 10, 2),
        (75, 32, 4, 0, 8),
        (86, 40, 4, 0, 12),
    ],
)
def test_resident_ctas_are_those_of_the_occupancy_calculator(capability, registers, warps, shared, expected):
    assert chips.get_multiprocessor(capability).resident_ctas(registers, warps, shared) == expected


# -- Kernels


@pytest.fixture
def unbounded(monkeypatch):
    """Lifts the budget, which declines before ptxas is asked."""
    monkeypatch.setattr(steps, "_FLOOR", 100_000)


def test_a_kernel_that_would_lose_a_cta_is_compiled_as_in_tree(activate, capfd, monkeypatch, unbounded):
    activate(OtherDriver(90))
    theirs = warm_up_slices()
    monkeypatch.setenv("MLIR_ENABLE_DIAGNOSTICS", "remarks")
    activate(Driver(target="cuda:90"))
    ours = warm_up_slices()
    assert ours.asm["ptx"] == theirs.asm["ptx"]
    made = ("name", "shared", "num_warps", "tmem_size", "global_scratch_size", "tensordesc_meta")
    assert [getattr(ours.metadata, field) for field in made] == [getattr(theirs.metadata, field) for field in made]
    line = slice_kernels.slices.fn.__code__.co_firstlineno + 1
    said = re.findall(
        rf"^{re.escape(slice_kernels.__file__)}:{line}:\d+: remark: graft-verdict: (.*)$", capfd.readouterr().err, re.M
    )
    assert len(said) == 1
    assert re.fullmatch(
        r"the kernel without graft-version-tiles was kept: ptxas gives it with graft-version-tiles \d+ registers, "
        r"which leave room for 2 CTAs, and \d+ for 3 without",
        said[0],
    )


def test_a_group_that_was_asked_for_stays_where_ptxas_has_doubts(activate, monkeypatch, stages):
    """There is nothing to compare it with."""
    monkeypatch.setattr(Account, "is_good", lambda self, most_warps: False)
    activate(Driver(target="cuda:90"))
    arguments = [triton.MockTensor("fp16")] * 3 + [1000] * 3
    tiles = {"BM": 64, "BN": 128, "BK": 64}
    options = {"swizzle_programs": 8, "version_tiles": False}
    compiled = product_kernels.rows_first.warmup(*arguments, **tiles, grid=(64,), **options)
    assert "arith.remui" in compiled.asm["ttir"]
    assert stages == ["ttgir", "llir", "ptx", "cubin"]


def test_no_stage_runs_twice_for_the_variant_that_is_kept(activate, stages):
    activate(Driver(target="cuda:90"))
    assert "scf.if" in warm_up_vector_add(make_vector_add()).asm["ttir"]
    assert stages == ["ttgir", "llir", "ptx", "cubin"]


def test_where_ptxas_judges_both_each_is_compiled_once(activate, stages, unbounded):
    activate(Driver(target="cuda:90"))
    warm_up_slices()
    assert sorted(stages) == sorted(["ttgir", "llir", "ptx", "cubin"] * 2)


def test_a_kernel_that_no_pass_changes_is_not_judged(activate, monkeypatch):
    monkeypatch.setattr(verdict.Judge, "_choose", lambda *_: pytest.fail("judged"))
    activate(Driver(target="cuda:90"))
    warm_up_vector_add(make_vector_add(), n=1024)


def test_a_judged_kernel_has_the_files_and_metadata_of_one_that_is_not(activate, monkeypatch):
    activate(Driver(target="cuda:90"))
    judged = warm_up_vector_add(make_vector_add())
    monkeypatch.setattr(verdict.Judge, "_choose", lambda self, ours, before, context: ours)
    monkeypatch.setenv("TRITON_CACHE_DIR", os.environ["TRITON_CACHE_DIR"] + "-other")
    plain = warm_up_vector_add(make_vector_add())
    assert judged.metadata == plain.metadata
    assert {name: judged.asm[name] for name in judged.asm} == {name: plain.asm[name] for name in plain.asm}


def test_the_decision_is_the_same_each_time(activate, monkeypatch, unbounded):
    activate(Driver(target="cuda:90"))
    monkeypatch.setenv("TRITON_ALWAYS_COMPILE", "1")
    first, second = warm_up_slices(), warm_up_slices()
    assert first.asm["cubin"] == second.asm["cubin"]


def test_a_kernel_that_does_not_compile_with_our_passes_is_compiled_without(activate, monkeypatch):
    make_llir = Backend.make_llir

    def fail_if_versioned(self, src, *rest):
        if "scf.if" in str(src):
            raise RuntimeError("no llir")
        return make_llir(self, src, *rest)

    monkeypatch.setattr(Backend, "make_llir", fail_if_versioned)
    activate(Driver(target="cuda:90"))
    with pytest.warns(match="is compiled without graft-version-tiles, as it does not compile with them: no llir"):
        compiled = warm_up_vector_add(make_vector_add())
    assert "scf.if" not in compiled.asm["ttir"]


def test_a_group_that_was_asked_for_goes_where_the_kernel_does_not_compile_with_it(activate, monkeypatch):
    def fail_if_grouped(make, *arguments):
        if "arith.remui" in str(arguments[1]):
            raise RuntimeError("no llir")
        return make(*arguments)

    replace_stage(monkeypatch, "llir", fail_if_grouped)
    activate(Driver(target="cuda:90"))
    arguments = [triton.MockTensor("fp16")] * 3 + [1000] * 3
    tiles = {"BM": 64, "BN": 128, "BK": 64}
    options = {"swizzle_programs": 4, "version_tiles": False}
    with pytest.warns(match="is compiled without graft-swizzle-programs, as it does not compile with them: no llir"):
        compiled = product_kernels.rows_first.warmup(*arguments, **tiles, grid=(64,), **options)
    assert "arith.remui" not in compiled.asm["ttir"]


def test_a_hook_may_change_what_the_verdict_compiled(activate, monkeypatch):
    def inspect(*arguments):
        if not arguments:
            return "key", "hash"
        stages = arguments[1]
        own = stages["llir"]
        stages["llir"] = lambda src, metadata: own(src, metadata) + "\n; seen\n"

    monkeypatch.setattr(triton.knobs.runtime, "add_stages_inspection_hook", inspect)
    activate(Driver(target="cuda:90"))
    compiled = warm_up_vector_add(make_vector_add())
    assert compiled.asm["llir"].endswith("; seen\n")
    assert "ld.global.b32" in compiled.asm["ptx"]


def test_a_file_that_overrides_a_stage_takes_the_place_of_what_the_verdict_compiled(activate, monkeypatch, tmp_path):
    activate(Driver(target="cuda:90"))
    path = tmp_path / "other.ptx"
    path.write_text(warm_up_vector_add(make_vector_add(), version_tiles=False).asm["ptx"])
    compiled = warm_up_vector_add(make_vector_add(), ir_override=str(path))
    assert compiled.asm["ptx"] == path.read_text()
    assert "scf.if" in compiled.asm["ttir"]


# -- Both at the same time


@pytest.fixture
def beside(activate, monkeypatch, unbounded):
    """Has the kernel without our passes compiled beside the other, as if another core were idle."""
    activate(Driver(target="cuda:90"))
    monkeypatch.setenv("TRITON_ALWAYS_COMPILE", "1")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    monkeypatch.setattr(verdict, "_MANY_HELD", 0)


def is_beside():
    return threading.current_thread() is not threading.main_thread()


def threads_of_verdicts():
    return [thread for thread in threading.enumerate() if thread.name == "graft-verdict"]


def test_a_kernel_for_which_ptxas_is_likely_to_be_asked_twice_is_compiled_both_ways_at_the_same_time(beside, monkeypatch):
    both = threading.Barrier(2)

    def meet(make, *arguments):
        both.wait(timeout=120)
        return make(*arguments)

    replace_stage(monkeypatch, "llir", meet)
    assert "scf.if" not in warm_up_slices().asm["ttir"]
    assert not threads_of_verdicts()


def test_the_decision_does_not_depend_on_what_runs_at_once(beside, monkeypatch):
    at_once = warm_up_slices()
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    replace_stage(monkeypatch, "llir", lambda make, *arguments: pytest.fail("beside") if is_beside() else make(*arguments))
    in_turn = warm_up_slices()
    assert at_once.asm["cubin"] == in_turn.asm["cubin"]
    assert {**at_once.metadata._asdict(), "target": 0} == {**in_turn.metadata._asdict(), "target": 0}


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_what_ends_a_compilation_ends_the_one_beside_it(beside, monkeypatch, error):
    is_raised, later = threading.Event(), []

    def fail(make, *arguments):
        if is_beside():
            assert is_raised.wait(timeout=120)
            return make(*arguments)
        is_raised.set()
        raise error

    replace_stage(monkeypatch, "llir", fail)
    replace_stage(monkeypatch, "cubin", lambda make, *arguments: later.append("cubin") or make(*arguments))
    with pytest.raises(error):
        warm_up_slices()
    assert not threads_of_verdicts()
    assert later == []


def test_an_error_of_the_compilation_beside_is_raised_where_its_result_is_needed(beside, monkeypatch):
    def fail(make, *arguments):
        if is_beside():
            raise RuntimeError("no ptx")
        return make(*arguments)

    replace_stage(monkeypatch, "ptx", fail)
    with pytest.raises(RuntimeError, match="no ptx"):
        warm_up_slices()


def test_a_good_kernel_does_not_wait_for_stages_of_the_other(beside, monkeypatch):
    is_judged, later = threading.Event(), []

    def wait(make, *arguments):
        result = make(*arguments)
        assert not is_beside() or is_judged.wait(timeout=120)
        return result

    end = verdict._Beside.end
    replace_stage(monkeypatch, "ttgir", wait)
    replace_stage(monkeypatch, "cubin", lambda make, *arguments: later.append(is_beside()) or make(*arguments))
    monkeypatch.setattr(Account, "is_good", lambda self, most_warps: True)
    monkeypatch.setattr(verdict._Beside, "end", lambda self: (setattr(self, "_is_stopped", True), is_judged.set(), end(self)))
    assert "scf.if" in warm_up_slices().asm["ttir"]
    assert later == [False]


def test_compilers_that_print_do_not_run_at_once(beside, monkeypatch, capfd):
    monkeypatch.setenv("MLIR_ENABLE_DIAGNOSTICS", "remarks")
    replace_stage(monkeypatch, "llir", lambda make, *arguments: pytest.fail("beside") if is_beside() else make(*arguments))
    warm_up_slices()
    assert "graft-verdict" in capfd.readouterr().err


def test_without_another_thread_the_kernels_are_compiled_in_turn(beside, monkeypatch, stages):
    start = threading.Thread.start

    def refuse(thread):
        if thread.name == "graft-verdict":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert "scf.if" not in warm_up_slices().asm["ttir"]
    assert stages == ["ttgir", "llir", "ptx", "cubin"] * 2


# -- The budget


def budget(size, weight):
    """What the passes may make of a kernel of *size* operations that are *weight* instructions: one number for all that copy code."""
    options = Backend(target(90)).parse_options({})
    kernel = Kernel(options, 90, size, " %0 = arith.constant 1 : i32\n" * weight)
    limits = {step.name: step.options(kernel).get("max_size") for step in steps.STEPS}
    assert limits.pop("graft-swizzle-programs") is None
    (limit,) = set(limits.values())
    return limit


def test_all_passes_together_add_a_share_of_a_large_kernel():
    assert budget(400, 4000) == 500


def test_a_small_kernel_may_grow_by_more_than_a_share():
    assert budget(100, 1000) == 180
    assert budget(100, 500) == 260
    assert [budget(48, 48_000), budget(49, 49_000)] == [96, 61]


def test_the_weight_counts_what_a_thread_holds():
    text = """
    tt.func public @f() {
      %0 = arith.constant 1 : i32
      %1 = tt.splat %0 : i32 -> tensor<4x512xi32>
      %2:2 = scf.for %3 = %0 to %0 step %0 iter_args(%4 = %1) -> (tensor<64xi32>) : i32 {
      tt.store %1, %2 : tensor<4x512x!tt.ptr<f16>>
"""
    assert steps.weigh(text, 128) == 1 + 16 + 1


def test_registers_hold_what_is_loaded_as_long_as_it_is_used():
    text = """
    tt.func public @f() {
      %p = tt.splat %arg : !tt.ptr<f32> -> tensor<1024x!tt.ptr<f32>>
      %a = tt.load %p : tensor<1024x!tt.ptr<f32>>
      %b = tt.load %q : tensor<1024x!tt.ptr<f16>>
      %c = arith.extf %b : tensor<1024xf16> to tensor<1024xf32>
      %d = arith.addf %a, %c : tensor<1024xf32>
      tt.store %p, %d : tensor<1024x!tt.ptr<f32>>
"""
    assert pressure.count_held(text, 128) == 8 + 8
    assert pressure.count_held("", 128) == 0


def test_a_kernel_whose_copy_is_too_large_is_left_as_it_is(activate, monkeypatch):
    monkeypatch.setattr(steps, "_SHARE", 0)
    monkeypatch.setattr(steps, "_FLOOR", 0)
    monkeypatch.setattr(steps, "_FEW", 0)
    activate(Driver(target="cuda:90"))
    assert "scf.if" not in warm_up_vector_add(make_vector_add()).asm["ttir"]
