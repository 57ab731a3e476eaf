# SPDX-License-Identifier: MIT
"""Random products whose programs wait for one another, or could otherwise notice in which order they run, and a device to run them.

The programs of a launch have numbers, in which the hardware starts them. Each kernel writes a flag for its number when it is done,
and may wait for the flags of smaller numbers: under the hardware's numbers every launch ends, on any number of slots.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kernel_cases import Case, Writer

#: Whom a program waits for, if that is the number of an earlier one: expressions in Triton and Python both.
AWAITED = (
    "number - 1",
    "number - columns",
    "number - columns - 1",
    "number - columns + 1",
    "number // columns * columns - 1",  # the last one of the row before
    "number // columns * columns",
    "number % columns",
    "number // 2",
    "number - 7",
    "0",
)

#: Ways to wait until `flag` points to 1.
SPINS = {
    "atomic_poll": ("tl.atomic_poll(flag, 1)",),
    "atomic_load": ("while tl.atomic_load(flag) == 0:", "    pass"),
    "atomic_add": ("while tl.atomic_add(flag, 0) == 0:", "    pass"),
    "atomic_cas": ("while tl.atomic_cas(flag, 1, 1) == 0:", "    pass"),
    "volatile": ("while tl.load(flag, volatile=True) == 0:", "    pass"),
    # Triton drops loops that only read, unless somebody wants to know how often they ran.
    "fetched_again": (
        "tries = 0",
        "while tl.load(flag, cache_modifier='.cv') == 0:",
        "    tries += 1",
        "tl.store(extra, tries)",
    ),
    "load": ("tries = 0", "while tl.load(flag) == 0:", "    tries += 1", "tl.store(extra, tries)"),
    "bounded": ("seen = 0", "for _ in range(1 << 30):", "    if seen == 0:", "        seen = tl.load(flag, volatile=True)"),
    "assembly": (
        "while tl.inline_asm_elementwise('ld.acquire.gpu.u32 $0, [$1];', '=r,l', [flag], tl.int32, False, 1) == 0:",
        "    pass",
    ),
    "assembly_that_spins": (
        "tl.inline_asm_elementwise('{ .reg .pred p; w: ld.relaxed.gpu.u32 $0, [$1]; setp.eq.u32 p, $0, 0; @p bra w; }', "
        "'=r,l', [flag], tl.int32, False, 1)",
    ),
    "pure_assembly_that_spins": (
        "got = tl.inline_asm_elementwise('{ .reg .pred p; w: ld.relaxed.gpu.u32 $0, [$1]; setp.eq.u32 p, $0, 0; @p bra w; }', "
        "'=r,l', [flag], tl.int32, True, 1)",
        "tl.store(flag, got)",
    ),
}  # fmt: skip

#: Ways to tell the others, through `done`.
SIGNALS = ("tl.atomic_store(done, 1)", "tl.atomic_xchg(done, 1)", "tl.store(done, 1)", "tl.atomic_add(done, 1, sem='release')")

#: Other ways to notice the order of programs, their count, or the hardware's numbers.
OBSERVATIONS = {
    "hardware_id": "tl.store(extra, tl.inline_asm_elementwise('mov.u32 $0, %ctaid.x;', '=r,r', [number], tl.int32, True, 1))",
    "multiprocessor": "tl.store(extra, tl.extra.cuda.smid())",
    "clock": "tl.store(extra, tl.extra.cuda.globaltimer().to(tl.int32))",
    "print": "tl.device_print('number', number)",
    "count": "tl.store(extra, tl.num_programs(0))",
    "ticket": "tl.store(extra + tl.atomic_add(extra, 1), number)",
    "sum": "tl.atomic_add(bias + cols, tl.sum(acc, 0))",
    "stop": "if tl.atomic_load(extra) == 0:\n        tl.atomic_store(extra, 1)",
}

#: What products often have behind them, or before: nothing of it tells a program of others.
BEFORE = {
    "assume": "tl.assume(m > 0)",
    "previous_launch": "tl.extra.cuda.gdc_wait()",
    "early_return": "if pid_m * BM >= m:\n        return",
    "asserted": "tl.device_assert(m > 0)",
    "hints": "tl.store(extra, tl.load(extra + 1, cache_modifier='.cg', eviction_policy='evict_last'), cache_modifier='.cs')",
    "table": "tl.store(tl.load(table).to(tl.pointer_type(tl.int32)), number)",
}
BEHIND = {
    "bias": "acc += tl.load(bias + cols)[None, :]",
    "residual": "acc += tl.load(c + rows[:, None] * n + cols[None, :]).to(tl.float32)",
    "tanh": "acc = tl.extra.cuda.libdevice.tanh(acc)",
    "gelu": "acc = 0.5 * acc * (1 + tl.erf(acc * 0.7071))",
    "silu": "acc = acc * tl.sigmoid(acc)",
    "norm": "acc = acc * tl.rsqrt(tl.sum(acc * acc, 1) / BN + 1e-6)[:, None]",
    "softmax": "acc = tl.softmax(acc)",
    "scan": "acc = tl.cumsum(acc, 1)",
    "dropout": "acc = tl.where(tl.rand(7, rows[:, None] * n + cols[None, :]) > 0.1, acc, 0.0)",
    "barrier": "tl.debug_barrier()",
    "branch": "if pid_m == 0:\n        tl.store(bias + cols, tl.max(acc, 0))",
    "halves": "left, right = tl.split(tl.reshape(acc, (BM, BN // 2, 2)))\n    acc = tl.reshape(tl.join(right, left), (BM, BN))",
    "gather": "acc = tl.gather(acc, (rows[:, None] + cols[None, :]) % BN, 1)",
    "counts": "tl.store(extra + tl.arange(0, 16), tl.histogram(rows % 16, 16))",
    "next_launch": "tl.extra.cuda.gdc_launch_dependents()",
}

#: How programs are given tiles: the lines that do it, and the matrix dimension that the columns of the grid are.
ORDERS = {
    "rows_first": (("pid_m = tl.program_id(0)", "pid_n = tl.program_id(1)"), "m"),
    "columns_first": (("pid_n = tl.program_id(0)", "pid_m = tl.program_id(1)"), "n"),
    "flat": (("number = tl.program_id(0)", "pid_m = number // columns", "pid_n = number % columns"), "n"),
    "flat_by_columns": (("number = tl.program_id(0)", "pid_n = number // columns", "pid_m = number % columns"), "m"),
    "flat_wide": (
        ("number = tl.program_id(0).to(tl.int64)", "pid_n = number // columns", "pid_m = number - pid_n * columns"),
        "m",
    ),
}


@dataclass(frozen=True)
class Launch:
    """A kernel, its grid, and which numbers the program of a number waits for."""

    case: Case
    #: The number of a program is `y * columns + x`, as long as nothing gives it another.
    columns: int
    rows: int
    #: Of which number a program waits for; an expression of `AWAITED`.
    awaited: str | None
    #: Whether a program could notice anything; otherwise its order is free.
    is_observed: bool

    @property
    def grid(self) -> tuple[int, int]:
        """The grid's two dimensions."""
        x, y, *_ = (*self.case.grid, 1)
        return x, y

    def wait_for(self, number: int) -> int | None:
        """The program whose flag that of *number* waits for."""
        if self.awaited is None:
            return None
        awaited = eval(self.awaited, {"number": number, "columns": self.columns})
        return awaited if 0 <= awaited < number else None


def make_launch(seed: int) -> Launch:
    """The launch that *seed* stands for: a third of them wait, a third observe, and a third do neither."""
    rng = random.Random(seed)
    kind = ("waits", "observes", "neither")[seed % 3]
    w = Writer(rng)
    columns, rows = rng.randint(1, 24), rng.randint(2, 24)
    order, dimension = ORDERS[name := w.choose(*ORDERS)]
    _arguments(w, {dimension: columns, "nm"["mn".index(dimension)]: rows})
    w.add(f"columns = tl.cdiv({dimension}, {'B' + dimension.upper()})", *order)
    if not name.startswith("flat"):
        across, down = ("pid_m", "pid_n") if dimension == "m" else ("pid_n", "pid_m")
        w.add(f"number = {down} * columns + {across}")
    w.add("tl.store(x_ids, tl.program_id(0))", "tl.store(y_ids, tl.program_id(1))")
    awaited = w.choose(*AWAITED) if kind == "waits" else None
    way = f"waits_by_{w.choose(*SPINS)}" if awaited else w.choose(*OBSERVATIONS) if kind == "observes" else "neither"
    waits_first = w.chance(0.5)
    if awaited and waits_first:
        _wait(w, awaited, SPINS[way.removeprefix("waits_by_")])
    _add_some(w, BEFORE)
    _product(w)
    _add_some(w, BEHIND)
    if awaited and not waits_first:
        _wait(w, awaited, SPINS[way.removeprefix("waits_by_")])
    if kind == "observes":
        w.add(OBSERVATIONS[way])
    w.add("tl.store(c + rows[:, None] * n + cols[None, :], acc.to(tl.float16))")
    if awaited:
        w.add("tl.debug_barrier()", "done = flags + number", w.choose(*SIGNALS))
    grid = (columns * rows,) if name.startswith("flat") else (columns, rows)
    return Launch(w.case(seed, f"{name}, {way}", grid), columns, rows, awaited, kind != "neither")


def _arguments(w: Writer, tiles: dict[str, int]) -> None:
    """Adds the arguments of all kernels: a matrix has as many *tiles* in each dimension."""
    for name in "abc":
        w.pointer(name, "fp16")
    w.pointer("bias", "fp32")
    w.pointer("table", "i64")
    for name in ("flags", "extra", "x_ids", "y_ids"):
        w.pointer(name, "i32")
    for dimension in "mn":
        block = w.choose(16, 32)
        w.constant("B" + dimension.upper(), block)
        w.number(dimension, block * tiles[dimension] - w.rng.randrange(block - 1))  # Triton compiles a 1 in
    w.constant("BK", 16)
    w.number("k", w.choose(16, 1000, 1 << 22))  # the last with operands that no cache holds
    w.options |= {"num_warps": 4}


def _product(w: Writer) -> None:
    w.add("rows = (pid_m * BM + tl.arange(0, BM)).to(tl.int32)", "cols = (pid_n * BN + tl.arange(0, BN)).to(tl.int32)")
    w.add("acc = tl.zeros((BM, BN), tl.float32)")
    w.open("for start in range(0, k, BK):")
    w.add("inner = start + tl.arange(0, BK)")
    w.add("x = tl.load(a + rows[:, None] * k + inner[None, :])", "y = tl.load(b + inner[:, None] * n + cols[None, :])")
    w.add("acc = tl.dot(x, y, acc)")
    w.close()


def _add_some(w: Writer, extras: dict[str, str]) -> None:
    for name in w.rng.sample(sorted(extras), w.choose(0, 0, 1, 2)):
        w.add(extras[name])


def _wait(w: Writer, awaited: str, spin: Sequence[str]) -> None:
    w.add(f"awaited = {awaited}", "flag = flags + awaited")
    w.open("if (awaited >= 0) & (awaited < number):")
    w.add(*spin)
    w.close()


def run(order: Sequence[int], slots: int, wait_for: Callable[[int], int | None]) -> int:
    """How many programs end on a device that gives a free slot to the next of *order*; fewer than all, if it stands still."""
    done: set[int] = set()
    running: list[int] = []
    started = 0
    while True:
        while len(running) < slots and started < len(order):
            running.append(order[started])
            started += 1
        ended = [number for number in running if (awaited := wait_for(number)) is None or awaited in done]
        if not ended:
            return len(done)
        done.update(ended)
        running = [number for number in running if number not in done]
