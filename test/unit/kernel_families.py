# SPDX-License-Identifier: MIT
"""Random kernels by family: `make_case(seed)` is the case of a seed, the same everywhere.

Every address that a kernel forms under a true mask is in its buffers because these are made to fit; what a family has to see
to is that they stay small, that no two programs store to the same element, that no result depends on a lane that is masked
and has no `other`, and that floating-point numbers stay integers that their type holds exactly.
"""

import random
from collections.abc import Callable

from kernel_cases import FLOATS, LANGUAGE_NAMES, Case, Writer

INPUTS = ("fp16", "fp16", "bf16", "fp32", "fp32", "fp64", "i8", "i16", "i32", "i64", "u8", "i1")
OUTPUTS = ("fp16", "bf16", "fp32", "fp64", "i8", "i16", "i32", "i64", "u8", "i1")

#: Integers up to which each type in which kernels compute holds every one, with room for a sum of two.
EXACT = {"bf16": 120, "fp16": 1000, "fp32": 1 << 22, "fp64": 1 << 40, "i32": 1 << 30, "i64": 1 << 60}

#: Operations on two operands, with the bound of the result by those of the operands.
OPERATIONS: tuple[tuple[str, Callable[[int, int], int]], ...] = (
    ("{a} + {b}", lambda a, b: a + b),
    ("{a} - {b}", lambda a, b: a + b),
    ("{a} * 3", lambda a, b: 3 * a),
    ("tl.maximum({a}, {b})", max),
    ("tl.minimum({a}, {b})", max),
    ("tl.where({a} > {b}, {a}, {b} + 1)", lambda a, b: max(a, b + 1)),
    ("tl.where({a} == {b}, 1, {a})", lambda a, b: max(a, 1)),
    ("tl.abs({a})", lambda a, b: a),
)
INTEGER_OPERATIONS = (*OPERATIONS, *((f"{{a}} {sign} {{b}}", lambda a, b: 2 * max(a, b) + 1) for sign in "&|^"))

HINTS = ("eviction_policy='evict_first'", "eviction_policy='evict_last'", "cache_modifier='.cg'", "volatile=True")


# -- Parts of kernels


def near(rng: random.Random, block: int, most: int) -> int:
    """A length from 0 to *most*, most often one beside which a mask or a vector width changes."""
    anywhere = rng.randint(0, most)
    edge = rng.choice((0, 1, 2, 16, block - 1, block, block + 1, 2 * block, 3 * block, most, anywhere, anywhere, anywhere))
    kind = rng.random()
    if kind < 0.35:
        edge += rng.choice((-17, -16, -9, -8, -1, 1, 7, 8, 9, 15))
    elif kind < 0.55:
        edge = edge // 16 * 16 + 8
    elif kind < 0.85:
        edge |= 1
    return max(0, min(edge, most))


def read(w: Writer, pointers: str, mask: str, other: str | None, wanted: str) -> str:
    """A load as an expression of type *wanted*."""
    extra = [mask] if mask else []
    if mask and other is not None:
        extra.append(f"other={other}" if w.chance(0.5) else other)
    if w.chance(0.15):
        extra.append(w.choose(*HINTS))
    return f"tl.cast(tl.load({', '.join([pointers, *extra])}), tl.{LANGUAGE_NAMES[wanted]})"


def write(w: Writer, pointers: str, value: str, computed: str, dtype: str, mask: str) -> None:
    """A store of *value*, of type *computed*, to elements of type *dtype*."""
    if dtype == "i1":
        typed = f"{value} > 0"
    elif dtype[0] == "u" and computed in FLOATS:  # conversions of negative numbers to unsigned ones are undefined
        typed = f"tl.cast(tl.cast({value}, tl.int32), tl.{LANGUAGE_NAMES[dtype]})"
    elif dtype == "bf16" and computed not in ("bf16", "fp32"):  # Triton's interpreter gets these wrong
        typed = f"tl.cast(tl.cast({value}, tl.float32), tl.bfloat16)"
    else:
        typed = f"tl.cast({value}, tl.{LANGUAGE_NAMES[dtype]})"
    w.add(f"tl.store({', '.join([pointers, typed, *([mask] if mask else [])])})")


def compute(w: Writer, names: list[str], dtype: str, bound: int, steps: int) -> tuple[str, int]:
    """Adds *steps* operations on *names*, which are at most *bound*; returns the name of the result and its bound."""
    bounds = dict.fromkeys(names, bound)
    last = names[-1]
    for _ in range(steps):
        a, b = w.choose(*bounds), w.choose(*bounds)
        text, grow = w.choose(*(OPERATIONS if dtype in FLOATS else INTEGER_OPERATIONS))
        if grow(bounds[a], bounds[b]) > min(EXACT[dtype], 120):
            continue
        last = f"v{len(bounds)}"
        w.add(f"{last} = {text.format(a=a, b=b)}")
        bounds[last] = grow(bounds[a], bounds[b])
    return last, bounds[last]


def type_to_compute_in(w: Writer, dtypes: list[str]) -> str:
    """A type in which values of *dtypes* can be computed with."""
    if len(set(dtypes)) == 1 and dtypes[0] in ("fp16", "bf16") and w.chance(0.3):
        return dtypes[0]
    return w.choose("fp32", "fp32", "i32", "fp64" if "fp64" in dtypes else "fp32", "i64" if "i64" in dtypes else "i32")


def other_for(w: Writer, dtype: str) -> str | None:
    """What masked lanes are to hold, or None."""
    if w.chance(0.4):
        return None
    if dtype == "i1":
        return "0"
    return w.choose("0.0", "1.0", "2.0") if dtype in FLOATS else w.choose("0", "1", "3")


def use(w: Writer, value: str, mask: str, has_other: bool) -> str:
    """*value* with something known in lanes that are masked and have no `other`."""
    return value if has_other else f"tl.where({mask}, {value}, 2)"


# -- One dimension


def _range_term(w: Writer, offs: str, n: int, wide: bool) -> str:
    """A comparison of *offs* with one bound, near *n* from below or above; new arguments hold the bounds."""
    at = len(w.numbers)
    kind = w.rng.randrange(8)
    if kind <= 1:
        return w.commuted(offs, "<", w.number(f"n{at}", n))
    if kind == 2:
        return w.commuted(offs, "<=", w.number(f"last{at}", n - 1))
    if kind == 3:
        return w.commuted(offs, ">=", w.number(f"low{at}", w.choose(0, 1, 3, 16, 17, n // 2, n, n + 1)))
    if kind == 4:
        return w.commuted(offs, ">", w.number(f"under{at}", w.choose(-1, 0, 7, 8, n // 3)))
    if kind == 5:
        shift = w.choose(1, 5, 16, 100)
        return w.commuted(f"{offs} + {shift}", "<", w.number(f"n{at}", n + w.choose(0, 0, shift)))
    if kind == 6:
        shift = w.number(f"shift{at}", w.choose(0, 1, 16, 33))
        return w.commuted(offs, "<", f"{w.number(f'n{at}', n)} - {shift}")
    unsigned = "uint64" if wide else "uint32"
    return w.commuted(f"tl.cast({offs}, tl.{unsigned})", "<", f"tl.cast({w.number(f'n{at}', n)}, tl.{unsigned})")


def _mask(w: Writer, offs: str, n: int, wide: bool) -> str:
    """A mask over *offs*: most often one bound, sometimes several or one that no bound describes."""
    terms = [_range_term(w, offs, n, wide)]
    while w.chance(0.3) and len(terms) < 3:
        terms.append(_range_term(w, offs, n, wide))
    if w.chance(0.1):
        terms.append(f"{w.number(f'flag{len(w.numbers)}', w.choose(0, 1, 2, 3))} != 0")
    if w.chance(0.05):
        terms.append(f"{offs} % 3 != 0")
    return w.conjunction(terms)


def elementwise(w: Writer) -> tuple[int, ...]:
    """Loads, arithmetic and stores over tiles of a vector, under masks of all forms."""
    block = w.constant("BLOCK", w.choose(32, 64, 128, 256, 512, 512, 1024, 1024, 1024, 2048, 2048))
    length = w.elements = w.constants[block]
    most = w.choose(1, 3, 5, 8) * length
    n = near(w.rng, length, most)
    programs = max(1, -(-n // length) + w.choose(0, 0, 0, 1))
    wide, base = w.chance(0.2), 0
    index = f"{w.choose('tl.cast(tl.program_id(0), tl.int64)') if wide else 'tl.program_id(0)'} * BLOCK + tl.arange(0, BLOCK)"
    if w.chance(0.5):
        w.add(f"start = {index.partition(' + ')[0]}")
        index = "start + tl.arange(0, BLOCK)"
    offs = place = "offs"
    if w.chance(0.12):  # near the end of the 32-bit numbers: some lanes wrap around, of which addresses know nothing
        base = w.choose(2**31 - 1, 2**31 - length, 2**31 - most, 2**31 - most - 1) - w.choose(0, 1, 16, n)
        w.number("base", base)
        w.add(f"near = {index}", "offs = near + base")
        place = w.choose("near", "(offs - base)")
    elif w.chance(0.1):
        w.number("base", w.choose(1, 7, 16, 100))
        w.add(f"offs = {index} + base")
    elif w.chance(0.1):
        w.number("base", n - 1)
        w.add(f"offs = base - ({index})")
        place = f"(tl.cast(offs, tl.int64) - {w.number('lowest', -programs * length)})"
    else:
        w.add(f"offs = {index}")
    if w.chance(0.1):
        place = f"{place} * {w.number('stride', w.choose(1, 2, 3, -1, 16))}"
    bound = min(n + base, 2**31 - 1) if w.chance(0.9) or not wide else n + base
    w.add(f"mask = {_mask(w, offs, bound, wide)}")
    _body(w, place, n)
    return (programs,)


def _body(w: Writer, place: str, n: int) -> None:
    """Loads one to three vectors at *place* under `mask`, and stores one or two."""
    if w.chance(0.1):
        return _copy_bits(w, place)
    dtypes = [w.choose(*INPUTS) for _ in range(w.choose(1, 2, 2, 3))]
    if w.chance(0.5):
        dtypes = dtypes[:1] * len(dtypes)
    computed = type_to_compute_in(w, dtypes)
    names, others = [], []
    for at, dtype in enumerate(dtypes):
        mask, other = "mask", other_for(w, dtype)
        if w.chance(0.08):  # a conjunct that only data decides
            w.pointer(f"gate{at}", "i8", 1)
            w.add(f"mask{at} = mask & (tl.load(gate{at} + {place}, mask, other=0) != 0)")
            mask = f"mask{at}"
        text = read(w, f"{w.pointer(f'x{at}', dtype)} + {place}", mask, other, computed)
        w.add(f"a{at} = {use(w, text, mask, other is not None)}")
        names.append(f"a{at}")
        others.append(other is not None)
    value, _ = compute(w, names, computed, 4, w.rng.randint(0, 4))
    for at in range(w.choose(1, 1, 1, 2)):
        dtype = w.choose(*OUTPUTS) if w.chance(0.5) else w.choose(computed, dtypes[0])
        # Without a mask, what masked lanes hold is seen.
        unmasked = w.chance(0.15)
        write(w, f"{w.pointer(f'out{at}', dtype)} + {place}", value, computed, dtype, "" if unmasked else "mask")
    if w.chance(0.1):
        w.add(f"tl.store({w.pointer('again', 'i32')} + {place}, 1, mask)")


def _copy_bits(w: Writer, place: str) -> None:
    """Moves elements whatever they are: NaN, infinity and numbers of every size keep their bits."""
    dtype = w.choose("fp16", "bf16", "fp32", "fp64", "i8", "i16", "i32", "i64", "u8")
    w.pointer("x0", dtype, None)
    w.pointer("out0", dtype)
    w.add(f"a0 = tl.load(x0 + {place}, mask)", f"tl.store(out0 + {place}, a0, mask)")


def gather(w: Writer) -> tuple[int, ...]:
    """Addresses that come from memory."""
    block = w.elements = w.constants[w.constant("BLOCK", w.choose(128, 512, 1024))]
    n = near(w.rng, block, 4 * block)
    w.number("n", n)
    w.add("offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)", f"mask = {w.commuted('offs', '<', 'n')}")
    w.pointer("places", w.choose("i32", "i64", "u8"), 100)
    w.add("place = tl.load(places + offs, mask, other=0)")
    dtype = w.choose("fp16", "fp32", "i8")
    text = read(w, f"{w.pointer('x', dtype)} + place", "mask", "0" if dtype == "i8" else "0.0", "fp32")
    w.add(f"a = {text}")
    write(w, f"{w.pointer('out', 'fp16')} + offs", "a", "fp32", "fp16", "mask")
    return (-(-n // block) or 1,)


def atomics(w: Writer) -> tuple[int, ...]:
    """Integer atomics under masks: counts by place, and one number for all programs."""
    block = w.elements = w.constants[w.constant("BLOCK", w.choose(64, 256, 1024))]
    n = near(w.rng, block, 4 * block)
    w.add("offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)", f"mask = {_mask(w, 'offs', n, False)}")
    source, target = w.choose("i8", "i16", "i32"), w.choose("i32", "i32", "i64", "u32")
    name = LANGUAGE_NAMES[target]
    w.add(f"a = tl.cast(tl.load({w.pointer('x', source)} + offs, mask, other=0), tl.{name})")
    operation = w.choose("add", "add", "max", "min", "and", "or", "xor")
    bins = w.choose("offs % 64", "offs // 8", "offs", "offs * 0")
    w.add(f"tl.atomic_{operation}({w.pointer('counts', target)} + {bins}, a, mask{w.choose('', ', sem=' + repr('relaxed'))})")
    if w.chance(0.4):
        w.pointer("total", target)
        w.add("tl.atomic_add(total, tl.sum(tl.where(mask, a, 0), 0))")
    return (-(-n // block) + w.choose(0, 1) or 1,)


# -- Two and three dimensions


def _axis(w: Writer, name: str, axis: int, most: int) -> tuple[int, int]:
    """Adds `<name>` as the indices of a tile along program axis *axis*, and its size; returns that and the programs."""
    block = w.choose(*(size for size in (1, 4, 8, 16, 32, 64, 128, 256) if most // 32 <= size <= most))
    w.constant(f"B{name}", block)
    w.elements = max(1, w.elements) * block
    size = max(0, near(w.rng, block, 3 * block))
    w.number(f"n_{name}", size)
    w.add(f"{name} = tl.program_id({axis}) * B{name} + tl.arange(0, B{name})")
    return size, max(1, -(-size // block))


def _strides(w: Writer, name: str, row_length: int, sign: int = 1) -> str:
    """A new argument: how far apart rows of *row_length* elements are, contiguous, padded or oddly padded."""
    aligned = -(-row_length // 16) * 16
    padded = w.choose(row_length, row_length, aligned, aligned, aligned, row_length + 3, row_length | 1)
    return w.number(name, sign * max(1, padded))


def tiles(w: Writer) -> tuple[int, ...]:
    """Tiles of matrices with a mask for rows, columns or both."""
    rows, row_programs = _axis(w, "rows", w.choose(0, 0, 1), 64)
    first_axis = 0 if "program_id(0)" in w.lines[-1] else 1
    cols, col_programs = _axis(w, "cols", 1 - first_axis, 256)
    # Where only one axis is masked, the whole of the other is there.
    masked = w.choose("both", "both", "both", "rows", "cols", "none")
    row_term, col_term = (
        w.commuted(f"{name}[{spread}]", "<", f"n_{name}") for name, spread in (("rows", ":, None"), ("cols", "None, :"))
    )
    terms = {"both": [row_term, col_term], "rows": [row_term], "cols": [col_term], "none": []}[masked]
    if terms and w.chance(0.15):
        terms.append(f"cols[None, :] >= {w.number('low', w.choose(0, 1, 8, 16, cols // 2))}")
    if terms and w.chance(0.1):
        terms.append(f"rows[:, None] >= cols[None, :] {w.choose('', '- 5')}")
    if terms and len(terms) > 1 and w.chance(0.2):  # masks along each axis, spread afterwards
        w.add(f"row_mask = {w.commuted('rows', '<', 'n_rows')}", f"col_mask = {w.commuted('cols', '<', 'n_cols')}")
        terms = ["row_mask[:, None]", "col_mask[None, :]"]
    if terms:
        w.add(f"mask = {w.conjunction(terms)}")
        mask = "mask"
        if len(terms) == 1:
            w.add("mask = tl.broadcast_to(mask, [Brows, Bcols])")
    else:
        mask = ""
    width = max(cols, 1) if masked in ("both", "cols") else col_programs * w.constants["Bcols"]
    names, dtypes = [], [w.choose(*INPUTS) for _ in range(w.choose(1, 1, 2))]
    computed = type_to_compute_in(w, dtypes)
    for at, dtype in enumerate(dtypes):
        stride = _strides(w, f"stride{at}", width, w.choose(1, 1, 1, -1))
        if w.chance(0.1):
            w.numbers[stride] = 0  # every row is the same one
        other = other_for(w, dtype)
        places = f"{w.pointer(f'x{at}', dtype)} + rows[:, None] * {stride} + cols[None, :]"
        text = read(w, places, mask, other, computed)
        w.add(f"a{at} = {use(w, text, mask, other is not None) if mask else text}")
        names.append(f"a{at}")
    value, bound = compute(w, names, computed, 4, w.rng.randint(0, 3))
    _store_tile(w, value, computed, bound, mask, width, max(rows, 1))
    return (row_programs, col_programs) if first_axis == 0 else (col_programs, row_programs)


def _store_tile(w: Writer, value: str, computed: str, bound: int, mask: str, width: int, height: int) -> None:
    """Stores the tile *value*, as it is or transposed, or its sums by row."""
    dtype = w.choose(*OUTPUTS)
    out = w.pointer("out", dtype)
    kind = w.rng.random()
    if kind < 0.7:
        stride = _strides(w, "out_stride", width, w.choose(1, 1, 1, -1))
        write(w, f"{out} + rows[:, None] * {stride} + cols[None, :]", value, computed, dtype, mask)
    elif kind < 0.85:
        blocks = -(-height // w.constants["Brows"]) * w.constants["Brows"]
        stride = _strides(w, "out_stride", blocks)
        write(w, f"{out} + cols[None, :] * {stride} + rows[:, None]", value, computed, dtype, mask)
    else:
        w.buffers[out] = w.buffers[out]._replace(dtype="fp64")
        w.number("parts", 4)
        axis = "program_id(1)" if "rows = tl.program_id(0)" in "\n".join(w.lines) else "program_id(0)"
        kept = f"tl.where({mask}, {value}, 0)" if mask else value
        sums = f"tl.cast(tl.sum(tl.cast({kept}, tl.float32), 1), tl.float64)"
        w.add(f"tl.store({out} + rows * parts + tl.{axis}, {sums}, rows < n_rows)")


def boxes(w: Writer) -> tuple[int, ...]:
    """Tiles of three dimensions."""
    w.elements = 4 * 8 * 64
    sizes = {name: near(w.rng, block, 2 * block) for name, block in (("i", 4), ("j", 8), ("k", 64))}
    w.add(f"i = tl.program_id(0) * {w.constant('BI', 4)} + tl.arange(0, BI)")
    w.add(f"j = tl.program_id(1) * {w.constant('BJ', 8)} + tl.arange(0, BJ)", f"k = tl.arange(0, {w.constant('BK', 64)})")
    for name, size in sizes.items():
        w.number(f"n_{name}", size)
    length = max(1, min(sizes["k"], 64))
    w.number("stride_j", w.choose(length, length + 3, length + 16, 64, 80))
    w.number("stride_i", 17 * w.numbers["stride_j"])
    terms = [f"{w.commuted('i[:, None, None]', '<', 'n_i')}", f"{w.commuted('j[None, :, None]', '<', 'n_j')}"]
    w.add(f"mask = {w.conjunction([*terms, w.commuted('k[None, None, :]', '<', 'n_k')])}")
    w.add("place = i[:, None, None] * stride_i + j[None, :, None] * stride_j + k[None, None, :]")
    dtype = w.choose("fp16", "fp32", "i8")
    text = read(w, f"{w.pointer('x', dtype)} + place", "mask", None, "fp32")
    w.add(f"a = {text}")
    write(w, f"{w.pointer('out', dtype)} + place", "a + 1", "fp32", dtype, "mask")
    return (-(-sizes["i"] // 4) or 1, -(-sizes["j"] // 8) or 1)


def descriptors(w: Writer) -> tuple[int, ...]:
    """Tensor descriptors, which become masks on targets without TMA; with it, see `kernel_cases.with_whole_units`."""
    dtype = w.choose("fp16", "bf16", "fp32", "i8", "i32")
    rows, row_programs = _axis(w, "rows", 0, 64)
    cols, col_programs = _axis(w, "cols", 1, 128)
    block = w.constants["Bcols"] = max(16, w.constants["Bcols"])
    w.numbers["n_rows"], w.numbers["n_cols"] = max(1, rows), max(1, cols)
    w.lines = []
    w.number("stride", -(-max(cols, block) // 16) * 16 + w.choose(0, 16))
    for name in ("x", "out"):
        w.pointer(name, dtype)
        w.buffers[name] = w.buffers[name]._replace(shift=0)
        w.add(f"{name}_desc = tl.make_tensor_descriptor({name}, [n_rows, n_cols], [stride, 1], [Brows, Bcols])")
    w.add("at = [tl.program_id(0) * Brows, tl.program_id(1) * Bcols]")
    w.add("a = x_desc.load(at)", f"out_desc.store(at, a {w.choose('+ a', '', '* 2')})")
    return (row_programs, -(-max(1, cols) // block) if col_programs else 1)


# -- Rows


def rows(w: Writer) -> tuple[int, ...]:
    """A row for each program, as a whole or tile by tile: sums, greatest elements, running sums, and what is made of them."""
    block = w.elements = w.constants[w.constant("BLOCK", w.choose(32, 128, 1024, 1024, 2048, 2048))]
    n = w.choose(near(w.rng, block, block), block - 3, block - 1, block // 2 + 8, block - 16)
    w.number("n", max(0, n))
    height = w.choose(1, 3, 6)
    for name in ("x", "out"):
        _strides(w, f"{name}_stride", max(1, n), 1 if w.chance(0.9) else -1)
    w.add(w.choose("row = tl.program_id(0)", "row = tl.cast(tl.program_id(0), tl.int64)"))
    w.add("cols = tl.arange(0, BLOCK)", f"mask = {w.commuted('cols', '<', 'n')}")
    dtype = w.choose("fp16", "bf16", "fp32", "fp32", "i8", "i32")
    computed = "fp32" if dtype in FLOATS else "i32"
    reduction = w.choose("sum", "max", "min", "argmax", "cumsum", "none")
    other = {"max": "-4", "min": "4", "argmax": "-5", "sum": "0", "cumsum": "0"}.get(reduction)
    if other and dtype in FLOATS:
        other += ".0"
    w.add(f"x_row = {w.pointer('x', dtype)} + row * x_stride")
    w.add(f"a = {read(w, 'x_row + cols', 'mask', other, computed)}")
    if reduction != "none":
        w.add(f"s = tl.{reduction}(a, 0)")
    out_dtype = w.choose(dtype, "fp32", "i32")
    if reduction in ("sum", "cumsum", "argmax"):
        out_dtype = "fp32"
    value = {"none": "a + 1", "cumsum": "s", "argmax": "tl.where(cols == s, a, 1)"}.get(reduction, "a - s")
    write(w, f"{w.pointer('out', out_dtype)} + row * out_stride + cols", value, computed, out_dtype, "mask")
    if reduction not in ("none", "cumsum") and w.chance(0.5):
        w.add(f"tl.store({w.pointer('sums', 'fp32')} + row, tl.cast(s, tl.float32))")
    if w.chance(0.2):  # a second pass over the same memory
        w.add(f"b = {read(w, 'x_row + cols', 'mask', other or '0', computed)}")
        write(w, f"{w.pointer('more', 'i32')} + row * out_stride + cols", "b", computed, "i32", "mask")
    return (height,)


def looped_rows(w: Writer) -> tuple[int, ...]:
    """Rows that a loop takes tile by tile, in one pass or two."""
    block = w.elements = w.constants[w.constant("BLOCK", w.choose(32, 256, 1024, 1024))]
    n = near(w.rng, block, 5 * block)
    w.number("n", n)
    dtype = w.choose("fp16", "bf16", "fp32", "i8", "i32")
    computed = "fp32" if dtype in FLOATS else "i32"
    _strides(w, "stride", max(1, n))
    w.add("row = tl.program_id(0)", f"x_row = {w.pointer('x', dtype)} + row * stride")
    w.add(f"acc = tl.zeros([BLOCK], tl.{LANGUAGE_NAMES[computed]})")
    _loop_over(w, n)
    text = read(w, "x_row + offs", "mask", "0.0" if dtype in FLOATS else "0", computed)
    w.add(f"acc += {text}" if w.chance(0.7) else f"acc = tl.maximum(acc, {text})")
    w.close()
    w.add("total = tl.sum(acc, 0)", f"tl.store({w.pointer('sums', computed)} + row, total)")
    if w.chance(0.5):
        _loop_over(w, n)
        text = read(w, "x_row + offs", "mask", None, computed)
        w.add(f"a = {text}")
        write(w, f"{w.pointer('out', computed)} + row * stride + offs", "a - total", computed, computed, "mask")
        w.close()
    return (w.choose(1, 2, 5),)


def _loop_over(w: Writer, n: int) -> None:
    """Opens a loop over the tiles of [0, n), in which `offs` and `mask` are known."""
    iterate = w.choose("range(", "tl.range(", "tl.range(")
    stages = f", num_stages={w.choose(1, 2, 3, 4)}" if iterate.startswith("tl") and w.chance(0.6) else ""
    kind = w.rng.randrange(3)
    if kind == 0:
        w.open(f"for start in {iterate}0, n, BLOCK{stages}):")
        w.add("offs = start + tl.arange(0, BLOCK)", f"mask = {w.commuted('offs', '<', 'n')}")
    elif kind == 1:
        w.open(f"for step in {iterate}0, tl.cdiv(n, BLOCK){stages}):")
        w.add("within = tl.arange(0, BLOCK)", f"mask = {w.commuted('within', '<', 'n - step * BLOCK')}")
        w.add("offs = step * BLOCK + within")
    else:
        w.open(f"for start in {iterate}0, n, BLOCK{stages}):")
        w.add("within = tl.arange(0, BLOCK)", f"mask = {w.commuted('start + within', '<', 'n')}", "offs = start + within")


# -- Loops


def grid_stride(w: Writer) -> tuple[int, ...]:
    """Every program takes each so-manieth tile."""
    block = w.elements = w.constants[w.constant("BLOCK", w.choose(64, 256, 1024))]
    n = near(w.rng, block, 7 * block)
    w.number("n", n)
    if w.chance(0.3):
        w.add("start = tl.program_id(0) * BLOCK")
        w.open("while start < n:")
    else:
        stages = w.choose("", "", ", num_stages=3")
        w.open(f"for start in {'tl.' if stages else ''}range(tl.program_id(0) * BLOCK, n, tl.num_programs(0) * BLOCK{stages}):")
    w.add("offs = start + tl.arange(0, BLOCK)", f"mask = {_mask(w, 'offs', n, False) if w.chance(0.3) else 'offs < n'}")
    _body(w, "offs", n)
    if any("while" in line for line in w.lines):
        w.add("start += tl.num_programs(0) * BLOCK")
    w.close()
    return (w.choose(1, 2, 3),)


def advancing(w: Writer) -> tuple[int, ...]:
    """Pointers that a loop moves on, under a mask that the iteration decides or that stays the same."""
    _, programs = _axis(w, "rows", 0, 32)
    block = w.constants[w.constant("BLOCK", w.choose(16, 64, 128))]
    w.elements *= block
    k = near(w.rng, block, 5 * block)
    w.number("k", k)
    stride = _strides(w, "stride", max(1, k))
    dtype = w.choose("fp16", "fp32", "i8")
    w.add("inner = tl.arange(0, BLOCK)", f"ptrs = {w.pointer('x', dtype)} + rows[:, None] * {stride} + inner[None, :]")
    w.add("acc = tl.zeros([Brows, BLOCK], tl.float32)")
    stages = w.choose("", ", num_stages=2", ", num_stages=3")
    w.open(f"for step in tl.range(0, tl.cdiv(k, BLOCK){stages}):")
    inside = w.commuted("inner[None, :]", "<", "k - step * BLOCK")
    w.add(f"mask = {w.conjunction([inside, w.commuted('rows[:, None]', '<', 'n_rows')])}")
    w.add(f"acc += {read(w, 'ptrs', 'mask', '0' if dtype == 'i8' else '0.0', 'fp32')}", "ptrs += BLOCK")
    w.close()
    w.add(f"tl.store({w.pointer('out', 'fp32')} + rows, tl.sum(acc, 1), {w.commuted('rows', '<', 'n_rows')})")
    return (programs,)


# -- Choosing


def families() -> dict[str, tuple[int, Callable[[Writer], tuple[int, ...]]]]:
    """Each family by name, with how often it is chosen."""
    from kernel_bounds import BOUNDS
    from kernel_forms import FORMS

    return {
        "elementwise": (30, elementwise), "gather": (3, gather), "atomics": (6, atomics), "tiles": (22, tiles), "boxes": (5, boxes),
        "descriptors": (6, descriptors), "rows": (14, rows), "looped_rows": (8, looped_rows), "grid_stride": (8, grid_stride),
        "advancing": (6, advancing), **FORMS, **BOUNDS,
    }  # fmt: skip


def make_case(seed: int, family: str | None = None) -> Case:
    """The case of *seed*; of *family*, where one is given."""
    rng = random.Random(f"kernel {seed}")
    known = families()
    chosen = rng.choices([*known], [weight for weight, _ in known.values()])[0]
    name = family or chosen
    writer = Writer(rng)
    grid = known[name][1](writer)
    return writer.case(seed, name, grid)
