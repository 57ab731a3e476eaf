# SPDX-License-Identifier: MIT
"""What the passes write grows no faster than what they read, and deep chains of operations end no process."""

import itertools
import resource
import subprocess
import sys

import pytest

TILE = """  %r = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %ps = tt.splat %p : !tt.ptr<f16> -> tensor<1024x!tt.ptr<f16>>
"""
HEAD = """tt.func public @f(%p: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %n: i32, %count: i32,
                  %start: i32 {tt.divisibility = 16 : i32}, %guard: i1) {
"""

#: Bytes of the stack of a pass, in the main thread and in others, an eighth of what is usual: chains need not be as long then.
STACK = 1 << 20

#: Only ends what hangs.
SECONDS = 300


def accesses(pointers: str, mask: str) -> str:
    kind = "tensor<1024x!tt.ptr<f16>>"
    return f"%v = tt.load {pointers}, {mask} : {kind}\ntt.store {pointers}, %v, {mask} : {kind}\n"


def offsets(start: str) -> str:
    """The indices and pointers of a tile from *start* on."""
    return (
        f"%ss = tt.splat {start} : i32 -> tensor<1024xi32>\n%o = arith.addi %ss, %r : tensor<1024xi32>\n"
        "%pp = tt.addptr %ps, %o : tensor<1024x!tt.ptr<f16>>, tensor<1024xi32>\n"
    )


def bounded(index: str, bound: str) -> str:
    return f"%ns = tt.splat {bound} : i32 -> tensor<1024xi32>\n%m = arith.cmpi slt, {index}, %ns : tensor<1024xi32>\n"


def doubled_bound(size: int) -> str:
    """A pipelined loop with a bound of which each step is the one before, twice."""
    sums = [f"%s{at} = arith.addi %s{at - 1}, %s{at - 1} : i32" for at in range(1, size + 1)]
    return "\n".join([
        HEAD + "  %zero = arith.constant 0 : i32\n  %one = arith.constant 1 : i32\n" + TILE + offsets("%start"),
        "scf.for %iv = %zero to %count step %one : i32 {\n%s0 = arith.subi %n, %iv : i32", *sums,
        bounded("%r", f"%s{size}") + accesses("%pp", "%m") + "} {tt.num_stages = 3 : i32}\ntt.return\n}",
    ])  # fmt: skip


def shared_masks(size: int) -> str:
    """Masks of which each is the conjunction of the one before with two others, twice."""
    lines = [HEAD + TILE + offsets("%start") + bounded("%o", "%n")]
    lines += ["%g = tt.splat %guard : i1 -> tensor<1024xi1>", accesses("%pp", "%m").replace("%v", "%w")]
    lines.append("%m0 = arith.andi %m, %g : tensor<1024xi1>")
    for at in range(1, size + 1):
        lines.append(f"%a{at} = arith.andi %m{at - 1}, %g : tensor<1024xi1>")
        lines.append(f"%b{at} = arith.andi %g, %m{at - 1} : tensor<1024xi1>")
        lines.append(f"%m{at} = arith.andi %a{at}, %b{at} : tensor<1024xi1>")
    return "\n".join([*lines, accesses("%pp", f"%m{size}"), "tt.return\n}"])


def chained_bound(size: int) -> str:
    """A guarded access whose bound takes many steps, which would have to move in front of the guard."""
    steps = [f"%s{at} = arith.xori %s{at - 1}, %start : i32" for at in range(1, size + 1)]
    first = "scf.if %guard {\n%s0 = arith.addi %n, %start : i32"
    return "\n".join([
        HEAD + TILE + offsets("%start"), first, *steps,
        bounded("%o", f"%s{size}") + accesses("%pp", "%m") + "}\ntt.return\n}",
    ])  # fmt: skip


def chained_masks(size: int) -> str:
    """A mask that is a long chain of conjunctions, beside an access that is versioned."""
    lines = [HEAD + TILE + offsets("%start") + bounded("%o", "%n") + "%g = tt.splat %guard : i1 -> tensor<1024xi1>"]
    lines += [accesses("%pp", "%m").replace("%v", "%w"), "%m0 = arith.andi %m, %g : tensor<1024xi1>"]
    lines += [f"%m{at} = arith.andi %m{at - 1}, %g : tensor<1024xi1>" for at in range(1, size + 1)]
    return "\n".join([*lines, accesses("%pp", f"%m{size}"), "tt.return\n}"])


def run_pass(folder, text: str, flag: str) -> tuple[int, str]:
    """How many operations *text* has after the pass, and what the pass says."""
    path = folder / "case.mlir"
    path.write_text(text)
    command = [sys.executable, "-m", "triton.backends.graft.opt", str(path), flag]
    limit = lambda: resource.setrlimit(resource.RLIMIT_STACK, (STACK, STACK))  # noqa: E731
    done = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.count(" = "), done.stderr


@pytest.mark.parametrize(
    ("make", "flag", "sizes"),
    [
        (doubled_bound, "-graft-peel-loops", (8, 16, 24, 32)),
        (shared_masks, "-graft-version-tiles=max-ops=1000000", (8, 16, 24, 32)),
        (shared_masks, "-graft-version-tiles=max-ops=1000000", (100, 200, 300, 400)),
    ],
)
def test_what_is_written_grows_by_as_much_for_each_step(make, flag, sizes, tmp_path):
    """Regression: each step that uses the one before twice doubled what was written, or the time that it took."""
    results = [run_pass(tmp_path, make(size), flag) for size in sizes]
    assert all("whole tiles run without masks" in remarks or "versioned" in remarks for _, remarks in results)
    counts = [count for count, _ in results]
    growths = {after - before for before, after in itertools.pairwise(counts)}
    assert len(growths) == 1, counts
    assert growths.pop() > 0


def test_a_bound_of_too_many_operations_is_declined_with_a_remark(tmp_path):
    _, remarks = run_pass(tmp_path, doubled_bound(100), "-graft-peel-loops")
    assert "mask kept: the bounds in the loop take more than 64 operations to compute" in remarks


@pytest.mark.parametrize("make", [chained_bound, chained_masks])
def test_chains_of_any_length_are_walked_without_recursion(make, tmp_path):
    """Regression: a chain of 160,000 operations in front of a mask overflowed a stack of 8 MiB."""
    _, remarks = run_pass(tmp_path, make(20_000), "-graft-version-tiles=max-ops=1000000")
    assert "versioned" in remarks
