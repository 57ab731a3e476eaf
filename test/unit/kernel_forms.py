# SPDX-License-Identifier: MIT
"""Random kernels in forms that are common in the wild: matrix products in every program order, and what PyTorch's Inductor writes."""

from kernel_cases import FLOATS, LANGUAGE_NAMES, Writer
from kernel_families import compute, near, other_for, read, type_to_compute_in, use, write

# -- Matrix products


def product(w: Writer) -> tuple[int, ...]:
    """c = a @ b with masks on all of M, N and K, in natural, one-dimensional or grouped program order."""
    dtype = w.choose("fp16", "fp16", "bf16", "fp32", "i8")
    blocks = {name: w.choose(16, 32, 64) for name in ("BM", "BN", "BK")}
    if dtype == "i8":
        blocks["BK"] = max(32, blocks["BK"])
    for name, block in blocks.items():
        w.constant(name, block)
    m, n = (max(1, near(w.rng, blocks[name], 3 * blocks[name])) for name in ("BM", "BN"))
    k = near(w.rng, blocks["BK"], 3 * blocks["BK"])
    for name, size in (("m", m), ("n", n), ("k", k)):
        w.number(name, size)
    grid = _program_order(w, -(-m // blocks["BM"]), -(-n // blocks["BN"]))
    a_row, a_col = _matrix_strides(w, "a", m, max(1, k))
    b_row, b_col = _matrix_strides(w, "b", max(1, k), n)
    w.pointer("a", dtype, 2)
    w.pointer("b", dtype, 2)
    w.add("rows = pid_m * BM + tl.arange(0, BM)", "cols = pid_n * BN + tl.arange(0, BN)")
    loaded_rows, loaded_cols = "rows", "cols"
    wraps = w.chance(0.25)
    if wraps:  # no mask but that of K: lanes past the end take other elements of the matrix
        w.add("near_rows = rows % m", "near_cols = cols % n")
        loaded_rows, loaded_cols = "near_rows", "near_cols"
    summed = "i32" if dtype == "i8" else "fp32"
    w.add(f"acc = tl.zeros([BM, BN], tl.{LANGUAGE_NAMES[summed]})")
    other = "0" if dtype == "i8" else "0.0"
    masks = None if wraps else ("rows[:, None] < m", "cols[None, :] < n")
    _inner_loop(w, loaded_rows, loaded_cols, (a_row, a_col, b_row, b_col), other, masks)
    out = w.choose("fp32", dtype, "fp16") if dtype in FLOATS else "i32"
    stride = w.number("c_row", n + w.choose(0, 0, 3, 16 - n % 16))
    mask = w.conjunction([w.commuted("rows[:, None]", "<", "m"), w.commuted("cols[None, :]", "<", "n")])
    write(w, f"{w.pointer('c', out)} + rows[:, None] * {stride} + cols[None, :]", "acc", summed, out, mask)
    w.options |= {"num_stages": w.choose(1, 2, 3, 4), "num_warps": w.choose(4, 4, 8)}
    return grid


def _program_order(w: Writer, across_m: int, across_n: int) -> tuple[int, ...]:
    """Adds `pid_m` and `pid_n`; returns the grid."""
    kind = w.choose("rows first", "columns first", "flat", "flat", "flat by columns", "grouped")
    if kind == "rows first":
        w.add("pid_m = tl.program_id(0)", "pid_n = tl.program_id(1)")
        return (across_m, across_n)
    if kind == "columns first":
        w.add("pid_m = tl.program_id(1)", "pid_n = tl.program_id(0)")
        return (across_n, across_m)
    w.add("pid = tl.program_id(0)")
    if kind == "flat":
        w.add("tiles_n = tl.cdiv(n, BN)", "pid_m = pid // tiles_n", "pid_n = pid % tiles_n")
    elif kind == "flat by columns":
        w.add("tiles_m = tl.cdiv(m, BM)", "pid_n = pid // tiles_m", "pid_m = pid % tiles_m")
    else:
        w.constant("GROUP", w.choose(2, 4, 8))
        w.add(
            "tiles_m = tl.cdiv(m, BM)",
            "tiles_n = tl.cdiv(n, BN)",
            "in_group = GROUP * tiles_n",
            "first = pid // in_group * GROUP",
        )
        w.add(
            "height = min(tiles_m - first, GROUP)",
            "pid_m = first + pid % in_group % height",
            "pid_n = pid % in_group // height",
        )
    return (across_m * across_n,)


def _matrix_strides(w: Writer, name: str, rows: int, cols: int) -> tuple[str, str]:
    """How far apart rows and columns of a matrix are, as factors in source: in either order, contiguous or padded."""
    by_rows = w.chance(0.8)
    length = cols if by_rows else rows
    apart = length + w.choose(0, 1, 3, *[-length % 16] * 4)
    if by_rows:
        return f"* {w.number(f'{name}_row', apart)}", w.choose("", f"* {w.number(f'{name}_col', 1)}")
    return "", f"* {w.number(f'{name}_col', apart)}"


def _inner_loop(w: Writer, rows: str, cols: str, strides: tuple[str, ...], other: str, masks: tuple[str, str] | None) -> None:
    """Sums products of tiles into `acc`, over addresses that are made anew in each iteration, or moved on."""
    a_row, a_col, b_row, b_col = strides
    stages = w.choose("", "", ", num_stages=1", ", num_stages=3")
    moves = w.chance(0.6)
    a_mask, b_mask = ("{} & " * bool(masks)).format(f"({masks[0]})" if masks else ""), ""
    if masks:
        b_mask = f" & ({masks[1]})"
    w.add("inner = tl.arange(0, BK)")
    if moves:
        w.add(f"a_ptrs = a + {rows}[:, None] {a_row} + inner[None, :] {a_col}")
        w.add(f"b_ptrs = b + inner[:, None] {b_row} + {cols}[None, :] {b_col}")
        inside = w.choose("inner{} < k - step * BK", "inner{} + step * BK < k", "k - step * BK > inner{}")
        w.open(f"for step in tl.range(0, tl.cdiv(k, BK){stages}):")
    else:
        w.open(f"for start in tl.range(0, k, BK{stages}):")
        w.add("along = start + inner", f"a_ptrs = a + {rows}[:, None] {a_row} + along[None, :] {a_col}")
        w.add(f"b_ptrs = b + along[:, None] {b_row} + {cols}[None, :] {b_col}")
        inside = "along{} < k"
    a_inside, b_inside = inside.format("[None, :]"), inside.format("[:, None]")
    w.add(f"x = tl.load(a_ptrs, mask={a_mask}({a_inside}), other={other})")
    w.add(f"y = tl.load(b_ptrs, mask=({b_inside}){b_mask}, other={other})")
    w.add("acc = tl.dot(x, y, acc)")
    if moves:
        w.add(f"a_ptrs += BK {a_col}", f"b_ptrs += BK {b_row}")
    w.close()


# -- Inductor's forms


def _numel(w: Writer, name: str, value: int) -> None:
    """Makes *name* an argument or, as Inductor does for shapes that it knows, a number in the source."""
    if w.chance(0.5):
        w.add(f"{name} = {value}")
    else:
        w.number(name, value)


def inductor_pointwise(w: Writer) -> tuple[int, ...]:
    """One index, taken apart by the sizes of dimensions."""
    block = w.elements = w.constants[w.constant("XBLOCK", w.choose(64, 128, 256, 512, 1024))]
    n = max(1, near(w.rng, block, 4 * block))
    _numel(w, "xnumel", n)
    w.add("xoffset = tl.program_id(0) * XBLOCK", "xindex = xoffset + tl.arange(0, XBLOCK)[:]")
    w.add("xmask = xindex < xnumel" if w.chance(0.9) else "xmask = tl.full([XBLOCK], True, tl.int1)")
    size = w.choose(3, 7, 64, 100)
    w.add(w.choose("x2 = xindex", "x2 = xindex + 0"), f"x0 = xindex % {size}", f"x1 = xindex // {size}")
    dtypes = [w.choose("fp16", "bf16", "fp32", "i64", "i1") for _ in range(w.choose(1, 2, 3))]
    computed, names = type_to_compute_in(w, dtypes), []
    for at, dtype in enumerate(dtypes):
        place = w.choose("(x2)", "(x2)", "(x0)", "(x1)", f"(x0 + {size + w.choose(0, 1)}*x1)")
        hint = w.choose("", ", eviction_policy='evict_last'")
        w.add(
            f"tmp{at} = tl.cast(tl.load({w.pointer(f'in_ptr{at}', dtype)} + {place}, xmask{hint}), tl.{LANGUAGE_NAMES[computed]})"
        )
        w.add(f"tmp{at} = tl.where(xmask, tmp{at}, 0)")
        names.append(f"tmp{at}")
    value, _ = compute(w, names, computed, 4, w.rng.randint(1, 3))
    write(
        w,
        f"{w.pointer('out_ptr0', w.choose('fp16', 'fp32', 'i8'))} + (x2)",
        value,
        computed,
        w.buffers["out_ptr0"].dtype,
        "xmask",
    )
    return (-(-n // block),)


def inductor_tiled(w: Writer) -> tuple[int, ...]:
    """Two indices, one of which is read along and the other written along: a transposition."""
    sizes, blocks = {}, {"x": w.choose(16, 32, 64), "y": w.choose(16, 32, 64)}
    w.elements = blocks["x"] * blocks["y"]
    for name, axis in (("y", 1), ("x", 0)):
        upper, block = name.upper(), blocks[name]
        sizes[name] = max(1, near(w.rng, block, 3 * block))
        w.constant(f"{upper}BLOCK", block)
        _numel(w, f"{name}numel", sizes[name])
        spread = "[None, :]" if name == "x" else "[:, None]"
        w.add(
            f"{name}offset = tl.program_id({axis}) * {upper}BLOCK",
            f"{name}index = {name}offset + tl.arange(0, {upper}BLOCK){spread}",
        )
        w.add(f"{name}mask = {name}index < {name}numel")
    dtype = w.choose("fp16", "fp32", "i8", "i64")
    other = other_for(w, dtype)
    text = read(
        w, f"{w.pointer('in_ptr0', dtype)} + (xindex + {sizes['x'] + w.choose(0, 1, 5)}*yindex)", "xmask & ymask", other, "fp32"
    )
    w.add(f"tmp0 = {use(w, text, 'xmask & ymask', other is not None)}")
    write(w, f"{w.pointer('out_ptr0', dtype)} + (yindex + {sizes['y']}*xindex)", "tmp0", "fp32", dtype, "xmask & ymask")
    return (-(-sizes["x"] // blocks["x"]), -(-sizes["y"] // blocks["y"]))


def inductor_reduction(w: Writer) -> tuple[int, ...]:
    """Rows, several to a program, reduced at once or in a loop."""
    x_block = w.constants[w.constant("XBLOCK", w.choose(1, 4, 8, 32))]
    r_block = w.constants[w.constant("RBLOCK", w.choose(32, 128, 512) if x_block > 8 else w.choose(512, 1024, 2048))]
    w.elements = x_block * r_block
    persistent = w.chance(0.4)
    x_size = max(1, near(w.rng, x_block, 3 * x_block))
    r_size = max(1, near(w.rng, r_block, r_block if persistent else 3 * r_block))
    _numel(w, "xnumel", x_size)
    _numel(w, "rnumel", r_size)
    w.add("xoffset = tl.program_id(0) * XBLOCK", "xindex = xoffset + tl.arange(0, XBLOCK)[:, None]", "xmask = xindex < xnumel")
    dtype = w.choose("fp16", "bf16", "fp32", "i8")
    # Rows of a tensor of its own are next to each other; those of a view may be padded.
    padded = -(-r_size // 16) * 16
    between = w.choose("rnumel", padded, padded, padded, padded + 8)
    pointers = f"{w.pointer('in_ptr0', dtype)} + (rindex + {between}*xindex)"
    hint = w.choose("eviction_policy='evict_first', ", "")
    load = f"tmp0 = tl.cast(tl.load({pointers}, rmask & xmask, {hint}other=0), tl.float32)"
    w.add("rbase = tl.arange(0, RBLOCK)[None, :]")
    written = f"(rindex + {w.choose('rnumel', between)}*xindex)"
    if persistent:
        w.add("rindex = rbase", "rmask = rindex < rnumel", load, "tmp1 = tl.broadcast_to(tmp0, [XBLOCK, RBLOCK])")
        w.add("tmp3 = tl.where(rmask & xmask, tmp1, 0)", "tmp4 = tl.sum(tmp3, 1)[:, None]")
        write(w, f"{w.pointer('out_ptr1', 'fp32')} + {written}", "tmp0 - tmp4", "fp32", "fp32", "rmask & xmask")
    else:
        w.add("_tmp2 = tl.full([XBLOCK, RBLOCK], 0, tl.float32)")
        w.open("for roffset in range(0, rnumel, RBLOCK):")
        w.add("rindex = roffset + rbase", "rmask = rindex < rnumel", load, "tmp1 = tl.broadcast_to(tmp0, [XBLOCK, RBLOCK])")
        w.add("tmp3 = _tmp2 + tmp1", "_tmp2 = tl.where(rmask & xmask, tmp3, _tmp2)")
        w.close()
        w.add("tmp4 = tl.sum(_tmp2, 1)[:, None]")
        if w.chance(0.5):
            w.open("for roffset in range(0, rnumel, RBLOCK):")
            w.add("rindex = roffset + rbase", "rmask = rindex < rnumel", load)
            write(w, f"{w.pointer('out_ptr1', 'fp32')} + {written}", "tmp0 - tmp4", "fp32", "fp32", "rmask & xmask")
            w.close()
    w.add(f"tl.store({w.pointer('out_ptr0', 'fp32')} + (xindex), tmp4, xmask)")
    return (-(-x_size // x_block),)


FORMS = {
    "product": (16, product),
    "inductor_pointwise": (10, inductor_pointwise),
    "inductor_tiled": (6, inductor_tiled),
    "inductor_reduction": (10, inductor_reduction),
}
