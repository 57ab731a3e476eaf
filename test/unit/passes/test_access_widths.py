# SPDX-License-Identifier: MIT
"""graft-remarks says of each line what the PTX of this line does: the widths of loads, stores, atomics and copies."""

import re
from collections import defaultdict
from math import prod

import pytest
import triton
import triton.language as tl
from sweeps import sampled
from triton.backends.graft.tools import compiling, kernel_report

TARGETS = ("cuda:80", "cuda:90", "cuda:100")

#: Bytes of the types in which PTX moves what is no plain number of bits.
PTX_BYTES = {"f16x2": 4, "bf16x2": 4}


@triton.jit
def copy(x, out, n, MASKED: tl.constexpr, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    if MASKED:
        value = tl.load(x + offs, offs < n)
        tl.store(out + offs, value.to(out.dtype.element_ty), offs < n)
    else:
        value = tl.load(x + offs)
        tl.store(out + offs, value.to(out.dtype.element_ty))


@triton.jit
def strided(x, out, stride, STEP: tl.constexpr, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + offs * stride)
    tl.store(out + offs // STEP * STEP * stride + offs % STEP, value)


@triton.jit
def rows(x, out, m, n, pitch, BM: tl.constexpr, BN: tl.constexpr):
    r = (tl.program_id(0) * BM + tl.arange(0, BM))[:, None]
    c = tl.arange(0, BN)[None, :]
    value = tl.load(x + r * pitch + c, (r < m) & (c < n), 0.0)
    tl.store(out + c * pitch + r, value, (r < m) & (c < n))


@triton.jit
def loop(x, out, n, BLOCK: tl.constexpr):
    offs = tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, n, BLOCK):
        total += tl.load(x + start + offs, start + offs < n, 0.0)
    tl.store(out + offs, total)


@triton.jit
def matmul(a, b, c, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    r = (tl.program_id(0) * BM + tl.arange(0, BM))[:, None]
    q = (tl.program_id(1) * BN + tl.arange(0, BN))[None, :]
    acc = tl.zeros((BM, BN), tl.float32)
    for start in range(0, k, BK):
        inner = start + tl.arange(0, BK)
        x = tl.load(a + r * k + inner[None, :], inner[None, :] < k, 0.0)
        y = tl.load(b + inner[:, None] * n + q, inner[:, None] < k, 0.0)
        acc = tl.dot(x, y, acc)
    tl.store(c + r * n + q, acc.to(c.dtype.element_ty), (r < m) & (q < n))


@triton.jit
def accumulate(x, out, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + offs, offs < n)
    old = tl.atomic_add(out + offs, value, offs < n)
    tl.atomic_max(x + offs, old, offs < n) if x.dtype.element_ty.is_int() else None
    tl.store(x + offs, old, offs < n)


@triton.jit
def exchange(x, flag):
    old = tl.atomic_cas(flag, 0, 1)
    tl.store(x, old + tl.load(flag))


@triton.jit
def through_descriptors(x, out):
    value = x.load([0, 0])
    out.store([0, 0], value)


def widths_of_ptx(ptx):
    """The bytes that instructions move to or from global memory, by line and kind."""
    found, line, is_assembly = defaultdict(set), 0, False
    for text in ptx.splitlines():
        if marker := re.match(r"\s*// (begin|end) inline asm", text):
            is_assembly = marker[1] == "begin"
        elif location := re.match(r"\s*\.loc\s+\d+\s+(\d+)", text):
            # LLVM counts the lines of assembly on.
            line = line if is_assembly else int(location[1])
        elif access := re.search(r"\b(ld|st|atom|red)\.(?:\w+\.)*?global\.(\S*)", text):
            kind = {"ld": "load", "st": "store"}.get(access[1], "atomic")
            found[line, kind].add(bytes_of_ptx(access[2]))
        elif copy := re.search(r"cp\.async\.c[ag]\.shared\.global\S* \[.*?\], \[.*?\], (\w+)", text):
            found[line, "async copy"].add(int(copy[1], 0))
    return {key: sizes for key, sizes in found.items() if key[0]}


def bytes_of_ptx(modifiers):
    """The bytes that an instruction with *modifiers*, such as `v4.b32`, moves."""
    parts = modifiers.split(".")
    vector = next((int(part[1:]) for part in parts if re.fullmatch(r"v\d", part)), 1)
    types = [
        PTX_BYTES.get(part) or int(re.sub(r"\D", "", part)) // 8 for part in parts if re.fullmatch(r"b?f?[bfsu]\d+(x2)?", part)
    ]
    return vector * types[-1]


def widths_of_remarks(lines):
    """The same as the remarks have it."""
    found = defaultdict(set)
    for line in lines:
        for access in line.accesses:
            found[line.number, access.fact.kind].add(access.fact.bytes)
    return dict(found)


def both(kernel, arguments, target, **options):
    """What the remarks and the PTX say, for a kernel of this file."""
    options = {"version_tiles": False, **options}
    launch = compiling.Launch.of(f"{__file__}:{kernel.__name__}", arguments, target, options)
    compiled = compiling.compile_launch(launch, last="ptx")
    said = widths_of_remarks(kernel_report.tell_lines(compiled.remarks, launch.function))
    return said, widths_of_ptx(compiled.results["ptx"])


DTYPES = ("i8", "fp8e5", "fp16", "bf16", "fp32", "i32", "fp64", "i64")

CASES = [
    *((copy, f"*{dtype}, *{dtype}, {n}, True, {block}") for dtype in DTYPES for n in (1001, 1024) for block in (128, 4096)),
    *((copy, f"*{dtype}, *{dtype}, 1, False, {block}") for dtype in DTYPES for block in (64, 2048)),
    *((copy, f"*{one}, *{other}, {n}, True, 4096") for one, other in (("fp16", "fp32"), ("fp32", "fp16"), ("i8", "fp32"),
                                                                    ("fp8e5", "fp16")) for n in (1001, 1024)),
    *((copy, f"*{dtype}:{alignment}, *{dtype}, 4096, {masked}, 1024")
      for dtype in ("i8", "fp16", "fp64") for alignment in (1, 8) for masked in (True, False)),
    *((strided, f"*fp16, *fp16, {stride}, {step}, 1024") for stride in (1, 3, 16) for step in (1, 8)),
    *((rows, f"*{dtype}, *{dtype}, 1000, {n}, {pitch}, 32, 64")
      for dtype in ("fp16", "fp32", "i8") for n, pitch in ((60, 64), (64, 64), (63, 63))),
    *((loop, f"*fp32, *fp32, {n}, {block}") for n in (1000, 1024) for block in (128, 1024)),
    *((accumulate, f"*{dtype}, *{dtype}, {n}, 2048") for dtype in ("fp16", "fp32", "i32") for n in (1001, 1024)),
    (exchange, "*i32, *i32"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kernel", "arguments", "target"), sampled(3, CASES, TARGETS), ids=lambda value: getattr(value, "__name__", value)
)
def test_widths_are_those_of_the_ptx(kernel, arguments, target):
    said, done = both(kernel, arguments, target)
    assert said == done


@pytest.mark.parametrize("arguments", ["*bf16, *bf16, 1001, 2048", "*bf16, *bf16, 1024, 2048"])
def test_atomics_on_vectors_of_bf16_are_those_of_the_ptx(arguments):
    """Before Hopper they are a loop that compares and swaps words of four bytes for each element."""
    for target in TARGETS[1:]:
        said, done = both(accumulate, arguments, target)
        assert said == done
    said, done = both(accumulate, arguments, "cuda:80")
    (line,) = [line for line, kind in said if kind == "atomic"]
    assert (said[line, "atomic"], done[line, "atomic"]) == ({2}, {4})


@pytest.mark.parametrize("target", TARGETS[1:])
@pytest.mark.parametrize(("dtype", "rows", "columns"), [("fp16", 64, 128), ("fp16", 32, 32), ("fp32", 64, 64), ("i8", 64, 256)])
def test_a_tma_copy_is_the_box_that_the_host_asks_for(dtype, rows, columns, target):
    block = f"{dtype}[{rows}, {columns}]"
    launch = compiling.Launch.of(f"{__file__}:through_descriptors", f"{block}, {block}", target, {})
    compiled = compiling.compile_launch(launch, last="ttgir")
    accesses = [one.fact for line in kernel_report.tell_lines(compiled.remarks, launch.function) for one in line.accesses]
    boxes = [prod(meta["block_size"]) for meta in compiled.metadata["tensordesc_meta"]]
    assert [(access.kind, access.elements) for access in accesses] == list(zip(("TMA load", "TMA store"), boxes, strict=True))


MATMULS = [
    f"*{dtype}, *{dtype}, *fp32, 1024, {n}, {k}, 64, 64, 32"
    for dtype in ("fp16", "fp32", "fp8e5")
    for n, k in ((1024, 1024), (1024, 1020), (1001, 1001))
]


@pytest.mark.parametrize(("arguments", "num_stages", "target"), sampled(6, MATMULS, (1, 3), TARGETS))
def test_widths_of_pipelined_loads_are_those_of_the_ptx(arguments, num_stages, target):
    said, done = both(matmul, arguments, target, num_stages=num_stages)
    assert said == done
