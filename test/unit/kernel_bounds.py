# SPDX-License-Identifier: MIT
"""Random kernels whose bounds have other forms than `index < argument`: loaded, carried, wide, negated, smaller of two, flat or divided."""

from kernel_cases import FLOATS, LANGUAGE_NAMES, Writer
from kernel_families import near, read, write

DTYPES = ("fp16", "fp16", "bf16", "fp32", "i8", "i32")


def _zero(dtype: str) -> str:
    return "0.0" if dtype in FLOATS else "0"


def _computed(dtype: str) -> str:
    return "fp32" if dtype in FLOATS else "i32"


def ragged(w: Writer) -> tuple[int, ...]:
    """Rows that have a length each, which is loaded, in one tile or in a loop."""
    block = w.elements = w.constants[w.constant("BLOCK", w.choose(128, 1024, 1024, 2048))]
    lengths = w.pointer("lengths", w.choose("i32", "i32", "i64"), w.choose(16, block, block + 3, 2 * block))
    dtype = w.choose(*DTYPES)
    computed = _computed(dtype)
    w.number("stride", w.choose(2 * block + 16, 2 * block + 16, 2 * block + 3))
    w.add("row = tl.program_id(0)", f"n = tl.load({lengths} + row)")
    w.pointer("x", dtype)
    out = w.pointer("out", computed)
    loops = w.chance(0.4)
    if loops:
        stages = w.choose("", ", num_stages=1", ", num_stages=3")
        w.open(f"for start in tl.range(0, n, BLOCK{stages}):")
        w.add("cols = start + tl.arange(0, BLOCK)")
    else:
        w.add("cols = tl.arange(0, BLOCK)")
    w.add(f"mask = {w.commuted('cols', '<', 'n')}")
    w.add(f"a = {read(w, 'x + row * stride + cols', 'mask', _zero(dtype), computed)}")
    value = "a + 1"
    if not loops and w.chance(0.5):
        w.add("s = tl.sum(a, 0)")
        value = "a - s"
    write(w, f"{out} + row * stride + cols", value, computed, computed, "mask")
    if loops:
        w.close()
    return (w.choose(1, 3, 6),)


def negated(w: Writer) -> tuple[int, ...]:
    """Masks that say where a tile is not."""
    block = w.elements = w.constants[w.constant("BLOCK", w.choose(64, 1024, 1024))]
    n = near(w.rng, block, 4 * block)
    w.number("n", n)
    w.add("offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)")
    outside = w.choose(w.commuted("offs", ">=", "n"), w.commuted("offs", ">", "n - 1"))
    w.add(f"mask = ~({outside})")
    if w.chance(0.3):
        low = w.number("low", w.choose(0, 1, 8, 16, block // 2))
        w.add(f"mask = mask & ~({w.commuted('offs', '<', low)})")
    dtype = w.choose(*DTYPES)
    computed = _computed(dtype)
    w.pointer("x", dtype)
    w.add(f"a = {read(w, 'x + offs', 'mask', _zero(dtype), computed)}")
    write(w, f"{w.pointer('out', dtype)} + offs", "a + 1", computed, dtype, "mask")
    return (-(-n // block) or 1,)


BOUNDS = {"ragged": (6, ragged), "negated": (4, negated)}
