# SPDX-License-Identifier: MIT
"""Kernels made at random from a seed, the same text everywhere: for bundles that are built on one machine and run on another."""

import random

HEAD = """import triton
import triton.language as tl


@triton.jit
def bend(x, y):
    return tl.where(x > y, x - y, x * 0.5 + y)
"""

BODY = """

@triton.jit
def generated_{number:02}(x, y, out, n, m, BLOCK: tl.constexpr, FACTOR: tl.constexpr = {factor}):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    a = tl.load(x + offs, mask, 0.0).to(tl.float32)
    b = tl.load(y + offs, mask, 1.0).to(tl.float32)
{lines}
    tl.store(out + offs, a.to(out.dtype.element_ty), mask)
"""

LINES = (
    "a = a + b * FACTOR",
    "a = tl.maximum(a, b) - tl.minimum(b, 0.25)",
    "b = tl.exp(-tl.abs(a))",
    "a = bend(a, b)",
    "b = tl.sqrt(tl.abs(b) + 1.0)",
    "a = a / (tl.abs(b) + 1.0)",
    "a = a - tl.max(a, 0)",
    "a = tl.where(offs % 3 == 0, a, b + m)",
    "a = a * m",
    "b = b + tl.cumsum(tl.abs(a), 0) * 0.001",
    "for i in range(m):\n        a = a * 0.5 + b",
    "if m > 2:\n        a = a + 1.0",
)

#: Element types, lengths, m, BLOCK and options with which each kernel is launched: one, multiples of 16 and others.
CASES = (
    ("fp32", 1000, 3, 256, {}),
    ("fp16", 1024, 1, 256, {"num_warps": 8}),
    ("bf16", 1, 16, 128, {}),
)


def kernels_text(seed: int, count: int) -> str:
    """A module with *count* kernels `generated_<number>(x, y, out, n, m, BLOCK, FACTOR)`."""
    numbers = random.Random(seed)
    text = HEAD
    for number in range(count):
        lines = "\n".join(f"    {line}" for line in numbers.choices(LINES, k=numbers.randint(2, 6)))
        text += BODY.format(number=number, factor=round(numbers.uniform(-2, 2), 3), lines=lines)
    return text


WARMUP = """

def warmup():
    import sys

    sys.path[:0] = {path!r}
    from all_examples import EXAMPLES
    from generated_kernels import CASES

    for example in EXAMPLES:
        for shape in example.shapes:
            for dtype in example.dtypes:
                example.warmup(dtype, shape)
    for name, kernel in sorted(globals().items()):
        if name.startswith("generated_"):
            for dtype, n, m, block, options in CASES:
                pointers = [triton.MockTensor(getattr(tl, {{"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}}[dtype]))] * 3
                kernel.warmup(*pointers, n, m, BLOCK=block, grid=(1,), **options)
"""


def warmup_text(seed: int, count: int, path: list[str]) -> str:
    """The kernels, and a function `warmup` that compiles them and the examples, for which *path* is searched."""
    return kernels_text(seed, count) + WARMUP.format(path=path)
