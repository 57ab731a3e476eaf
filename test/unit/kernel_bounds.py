# SPDX-License-Identifier: MIT
"""Random kernels whose bounds have other forms than `index < argument`: loaded, carried, wide, negated, smaller of two, flat or divided."""

from kernel_cases import FLOATS, Writer
from kernel_families import near, read, write

DTYPES = ("fp16", "fp16", "bf16", "fp32", "i8", "i32")


def _zero(dtype: str) -> str:
    return "0.0" if dtype in FLOATS else "0"


def _computed(dtype: str) -> str:
    return "fp32" if dtype in FLOATS else "i32"


def _one_more(w: Writer, dtype: str, written: str, mask: str = "mask") -> None:
    """Reads `x[offs]` of type *dtype* under `mask` and stores one more than it, as *written*, under *mask*."""
    w.pointer("x", dtype)
    w.add(f"a = {read(w, 'x + offs', 'mask', _zero(dtype), _computed(dtype))}")
    write(w, f"{w.pointer('out', written)} + offs", "a + 1", _computed(dtype), written, mask)


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
    _one_more(w, dtype, dtype)
    return (-(-n // block) or 1,)


def carried(w: Writer) -> tuple[int, ...]:
    """Rows in a loop that moves its index on, in steps of its own."""
    block = w.elements = w.constants[w.constant("BLOCK", w.choose(128, 1024, 1024))]
    n = near(w.rng, block, 5 * block)
    w.number("n", n)
    wide = w.chance(0.2)
    dtype = w.choose(*DTYPES)
    computed = _computed(dtype)
    w.number("stride", -(-max(1, n) // 16) * 16 + w.choose(0, 0, 3))
    w.pointer("x", dtype)
    out = w.pointer("out", computed)
    first = w.number("first", w.choose(0, 0, 0, 1, 16, block)) if w.chance(0.3) else ""
    index = "tl.arange(0, BLOCK)" + (f" + {first}" if first else "")
    w.add("row = tl.program_id(0)", f"offs = {f'tl.cast({index}, tl.int64)' if wide else index}")
    stages = w.choose("", "", ", num_stages=1", ", num_stages=3")
    # As many steps as the loop's, more or fewer.
    loop, factor = w.choose(("0, n, BLOCK", 1), ("0, tl.cdiv(n, BLOCK)", 1), ("0, n, 3 * BLOCK", 2), ("7, n + 7, 2 * BLOCK", 2))
    w.open(f"for step in tl.range({loop}{stages}):")
    w.add(f"mask = {w.commuted('offs', '<', 'n')}")
    w.add(f"a = {read(w, 'x + row * stride + offs', 'mask', _zero(dtype), computed)}")
    write(w, f"{out} + row * stride + offs", "a + 1", computed, computed, "mask")
    w.add(f"offs += {factor} * BLOCK" if factor > 1 else "offs += BLOCK")
    w.close()
    return (w.choose(1, 2, 5),)


def wide_rows(w: Writer) -> tuple[int, ...]:
    """Rows in a loop whose bounds have 64 bits."""
    block = w.elements = w.constants[w.constant("BLOCK", w.choose(128, 1024, 1024))]
    n = near(w.rng, block, 5 * block)
    w.number("short", n)
    dtype = w.choose(*DTYPES)
    computed = _computed(dtype)
    w.number("stride", -(-max(1, n) // 16) * 16)
    w.pointer("x", dtype)
    w.add(
        "row = tl.program_id(0)", "n = tl.cast(short, tl.int64)" if w.chance(0.3) else "n = short + tl.cast(row, tl.int64) * 0"
    )
    w.open(f"for start in tl.range(0, n, BLOCK{w.choose('', ', num_stages=3', ', num_stages=3')}):")
    w.add("offs = start + tl.arange(0, BLOCK)", f"mask = {w.commuted('offs', '<', 'n')}")
    w.add(f"a = {read(w, 'x + row * stride + offs', 'mask', _zero(dtype), computed)}")
    write(w, f"{w.pointer('out', computed)} + row * stride + offs", "a + 1", computed, computed, "mask")
    w.close()
    return (w.choose(1, 2, 5),)


def minimum(w: Writer) -> tuple[int, ...]:
    """Tiles that end at the smaller of what is left and a cap."""
    block = w.elements = w.constants[w.constant("BLOCK", w.choose(128, 1024, 1024))]
    n = near(w.rng, block, 5 * block)
    w.number("n", n)
    w.number("cap", w.choose(block, block, block - 3, block + 8, 2 * block, 16))
    dtype = w.choose(*DTYPES)
    computed = _computed(dtype)
    w.pointer("x", dtype)
    w.add("within = tl.arange(0, BLOCK)")
    w.open(f"for start in tl.range(0, n, BLOCK{w.choose('', ', num_stages=3', ', num_stages=3')}):")
    smaller = w.choose("tl.minimum(n - start, cap)", "tl.minimum(cap, n - start)")
    w.add(f"mask = {w.commuted('within', '<', smaller)}", "offs = start + within")
    w.add(f"a = {read(w, 'x + offs', 'mask', _zero(dtype), computed)}")
    write(w, f"{w.pointer('out', computed)} + offs", "a + 1", computed, computed, "mask")
    w.close()
    return (1,)


def carried_product(w: Writer) -> tuple[int, ...]:
    """A product whose index along K moves on, of matrices in padded rows: the second is masked by column."""
    dtype = w.choose("fp16", "fp16", "bf16")
    for name in ("BM", "BN", "BK"):
        w.constant(name, w.choose(32, 64))
    w.elements = w.constants["BM"] * w.constants["BN"]
    m, n = (max(1, near(w.rng, w.constants[name], 3 * w.constants[name])) for name in ("BM", "BN"))
    k = near(w.rng, w.constants["BK"], 3 * w.constants["BK"])
    for name, size in (("m", m), ("n", n), ("k", k)):
        w.number(name, size)
    w.number("a_row", -(-max(1, k) // 16) * 16)
    w.number("b_row", -(-n // 16) * 16)
    w.pointer("a", dtype, 2)
    w.pointer("b", dtype, 2)
    w.pointer("c", "fp32")
    w.add("rows = tl.program_id(0) * BM + tl.arange(0, BM)", "cols = tl.program_id(1) * BN + tl.arange(0, BN)")
    w.add("inner = tl.arange(0, BK)", "acc = tl.zeros([BM, BN], tl.float32)")
    wide = w.chance(0.3)
    w.add(f"end = {'tl.cast(k, tl.int64)' if wide else 'k'}")
    w.open(f"for start in tl.range(0, end, BK{w.choose('', '', ', num_stages=3')}):")
    moves = w.chance(0.5)
    w.add("along = inner" if moves else "along = start + inner")
    w.add("x = tl.load(a + rows[:, None] * a_row + along[None, :], (rows[:, None] < m) & (along[None, :] < end), 0.0)")
    w.add("y = tl.load(b + along[:, None] * b_row + cols[None, :], (along[:, None] < end) & (cols[None, :] < n), 0.0)")
    w.add("acc = tl.dot(x, y, acc)", "inner = inner + BK" if moves else "acc = acc * 1.0")
    w.close()
    w.add("tl.store(c + rows[:, None] * n + cols[None, :], acc, (rows[:, None] < m) & (cols[None, :] < n))")
    w.options |= {"num_stages": w.choose(1, 2, 3), "num_warps": 4}
    return (-(-m // w.constants["BM"]), -(-n // w.constants["BN"]))


def flat(w: Writer) -> tuple[int, ...]:
    """Tiles of a matrix whose rows lie one behind the other, and a mask that asks for the place in memory."""
    block = w.constants[w.constant("BN", w.choose(64, 512, 512))]
    height = w.constants[w.constant("BM", w.choose(2, 4, 4))]
    w.elements = block * height
    length = max(1, near(w.rng, block, 3 * block))
    if w.chance(0.8):
        length = -(-length // 16) * 16
    rows = w.choose(1, 3, 8, 9)
    w.number("length", length)
    w.number("numel", max(0, rows * length - w.choose(0, 1, 1, 3, 3, 16, length // 2 + 1)))
    dtype = w.choose(*DTYPES)
    row = w.choose("rows[:, None]", "rows[:, None]", "tl.cast(rows[:, None], tl.int64)")
    w.add("rows = tl.program_id(0) * BM + tl.arange(0, BM)", "cols = tl.program_id(1) * BN + tl.arange(0, BN)")
    w.add(f"offs = {row} * length + cols[None, :]", f"mask = {w.commuted('offs', '<', 'numel')}")
    w.add("inside = mask & (cols < length)[None, :]")  # the last tile of a row reaches into the next one
    _one_more(w, dtype, _computed(dtype), "inside")
    return (-(-rows // height), -(-length // block))


def divided(w: Writer) -> tuple[int, ...]:
    """Masks on the row of a place in memory, or on the group that it belongs to."""
    block = w.elements = w.constants[w.constant("BLOCK", w.choose(64, 256, 1024))]
    n = near(w.rng, block, 4 * block)
    width = w.choose(1, 2, 7, 16, 100, block)
    w.number("width", width)
    w.number("height", n // width)
    w.add("offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)")
    unsigned = w.chance(0.2)
    index, divisor, bound = (
        f"tl.cast({name}, tl.uint32)" if unsigned else name
        for name in ("offs", w.choose("width", "width", str(width)), "height")
    )
    quotient = w.choose(f"{index} // {divisor}", f"({index} // {divisor}) // 2")
    w.add(f"mask = {w.choose(w.commuted(quotient, '<', bound), f'~({quotient} >= {bound})')}")
    dtype = w.choose(*DTYPES)
    _one_more(w, dtype, _computed(dtype))
    return (-(-n // block) or 1,)


BOUNDS = {
    "ragged": (6, ragged),
    "negated": (4, negated),
    "carried": (8, carried),
    "wide_rows": (4, wide_rows),
    "minimum": (4, minimum),
    "carried_product": (8, carried_product),
    "flat": (5, flat),
    "divided": (4, divided),
}
