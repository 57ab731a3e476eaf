# SPDX-License-Identifier: MIT
"""graft-swizzle-programs: the new program ids are those of a bijection of the grid, and kernels are compiled with them."""

import itertools
import random
import re

import product_kernels
import pytest
import triton
from program_ids import read_ids
from support import make_vector_add, target, warm_up_vector_add
from sweeps import sampled
from triton._C.libtriton import ir
from triton.backends.graft import opt, settings
from triton.backends.graft.compiler import Backend
from triton.backends.graft.driver import Driver
from triton.backends.graft.passes import chips
from triton.compiler import ASTSource

PRODUCT = """
tt.func public @product(%n: i32, %wide: i64, %k: i32, %p: !tt.ptr<f16>, %ids: !tt.ptr<i32>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  IDS
  %ptrs = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %cols = tt.splat %col : i32 -> tensor<16x16xi32>
  %rows = tt.splat %row : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %ptrs, %rows : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %ptrs, %cols : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %k step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  tt.return
}
"""
STORE = "tt.store %ids, {} : !tt.ptr<i32>"
TWO_D = [
    "%col = tt.get_program_id x : i32", "%row = tt.get_program_id y : i32", STORE.format("%col"), STORE.format("%row"),
]  # fmt: skip
ONE_D = [
    "%id = tt.get_program_id x : i32", "%row = arith.divsi %id, %n : i32", "%col = arith.remsi %id, %n : i32", STORE.format("%id"),
]  # fmt: skip
ONE_D_WIDE = [
    "%id = tt.get_program_id x : i32", "%id64 = arith.extsi %id : i32 to i64", "%row64 = arith.divsi %id64, %wide : i64",
    "%col64 = arith.remsi %id64, %wide : i64", "%row = arith.trunci %row64 : i64 to i32",
    "%col = arith.trunci %col64 : i64 to i32", STORE.format("%id"),
]  # fmt: skip


def swizzled(tmp_path, ids, options):
    """What the pass makes of a kernel's *ids*, as a Python function: from a program and its grid to what is stored."""
    (tmp_path / "product.mlir").write_text(PRODUCT.replace("IDS", "\n  ".join(ids)))
    text = opt.run(tmp_path / "product.mlir", [f"-graft-swizzle-programs={options}"], False)
    return read_ids(text, {"%arg0": "n", "%arg1": "n", "%arg2": "k"}, ["%arg4"])


def grouped(columns, rows, group):
    """The places of a grid in the order in which programs get them, written down independently: (column, row)."""
    places = []
    for first in range(0, rows, group):
        height = min(group, rows - first)
        places += [(column, first + row) for column in range(columns) for row in range(height)]
    return places


def grouped_1d(count, n, group):
    """The same for *count* programs in rows of *n*: ids."""
    if not 0 < n <= count:
        return list(range(count))
    places = grouped(n, count // n, group)
    return [row * n + column for column, row in places] + list(range(len(places), count))


# -- What is written is a bijection


@pytest.mark.parametrize("group", sampled(2, [2, 4, 7, 16, 1024]))
def test_the_new_ids_are_a_bijection_of_2d_grids_of_every_size(group, tmp_path):
    ids = swizzled(tmp_path, TWO_D, f"group={group}")
    rng = random.Random(group)
    around = [size for number in (1, 2, 3) for size in range(number * group - 1, number * group + 2) if 0 < size < 60]
    sizes = [*itertools.product(range(1, 12), range(1, 12)), *itertools.product((1, 5, 32), around)]
    sizes += [(rng.randint(1, 60), rng.randint(1, 60)) for _ in range(400)]
    for columns, rows in sizes:
        order = [ids(x, columns, y, rows) for y in range(rows) for x in range(columns)]
        assert sorted(order) == list(itertools.product(range(columns), range(rows))), (columns, rows)
        assert order == grouped(columns, rows, group), (columns, rows)


@pytest.mark.parametrize(("form", "group"), sampled(2, [ONE_D, ONE_D_WIDE], [2, 4, 7, 1024]))
def test_the_new_ids_are_a_bijection_of_1d_grids_of_every_size(group, form, tmp_path):
    ids = swizzled(tmp_path, form, f"group={group}")
    rng = random.Random(group)
    sizes = [(count, n) for count in range(1, 30) for n in (*range(-2, 32), -(2**31), 2**31 - 1)]
    sizes += [(rng.randint(1, 400), rng.randint(1, 60)) for _ in range(300)]
    sizes += [(count, n) for count in (1, 100) for n in (2**40, 2**63 - 1, -(2**63))] if form is ONE_D_WIDE else []
    for count, n in sizes:
        order = [ids(x, count, n=n) for x in range(count)]
        assert sorted(order) == list(range(count)), (count, n)
        assert order == grouped_1d(count, n, group), (count, n)


@pytest.mark.parametrize("rows", [1, 3, 8, 65535])
@pytest.mark.parametrize("columns", [1, 2**24 + 1, 2**28 - 1, 2**28, 2**28 + 1, 2**31 - 1])
@pytest.mark.parametrize("options", ["group=8", "multiprocessors=64 l2-bytes=0"])
def test_ids_of_the_largest_2d_grids_stay_in_them_and_have_one_origin(columns, rows, options, tmp_path):
    """Compared with the inverse, written down independently. A group of more than 2^31 places is none."""
    ids = swizzled(tmp_path, TWO_D, options)
    group = 8 if columns * 8 < 2**31 else 1
    rng = random.Random(columns)
    for _ in range(2000):
        x, y = rng.randrange(columns), rng.randrange(rows)
        new_x, new_y = ids(x, columns, y, rows, k=2**31 - 1)
        assert 0 <= new_x < columns and 0 <= new_y < rows
        first = new_y - new_y % group
        place = new_x * min(rows - first, group) + new_y - first
        assert (place % columns, first + place // columns) == (x, y), (x, y)


@pytest.mark.parametrize("n", [1, 2, 3, 46341, 2**16, 2**28 - 1, 2**28, 2**30, 2**31 - 2, 2**31 - 1])
@pytest.mark.parametrize("options", ["group=8", "multiprocessors=64 l2-bytes=0"])
def test_ids_of_the_largest_1d_grids_stay_in_them_and_have_one_origin(n, options, tmp_path):
    ids = swizzled(tmp_path, ONE_D, options)
    group = 8 if n * 8 < 2**31 else 1
    rng = random.Random(n)
    for count in (2**31 - 1, 2**31 - 2, 2**30 + 1):
        for x in [0, count - 1, *(rng.randrange(count) for _ in range(700))]:
            new = ids(x, count, n=n, k=2**31 - 1)
            assert 0 <= new < count
            row, column, rows = new // n, new % n, count // n
            first = row - row % group
            height = min(rows - first, group)
            assert x == (new if row == rows else first * n + column * height + row - first), (count, x)


# -- The group that the pass chooses


def is_small(programs, columns, rows, k):
    """Whether a grid of 16 x 16 tiles of fp16 is left alone for a device of 6 multiprocessors and 30720 bytes of cache."""
    return programs <= 2 * 6 or (columns + rows) * 16 * 16 * 2 * max(k, 0) <= 30720


SMALL_CHIP = "multiprocessors=6 l2-bytes=30720"


def test_a_2d_grid_is_in_natural_order_where_it_is_small_and_in_groups_of_two_elsewhere(tmp_path):
    ids = swizzled(tmp_path, TWO_D, SMALL_CHIP)
    seen = set()
    for columns, rows, k in itertools.product(range(1, 13), range(1, 13), (-(2**31), -1, 0, 1, 2, 3, 4, 9, 60, 2**31 - 1)):
        group = 1 if is_small(columns * rows, columns, rows, k) else 2
        order = [ids(x, columns, y, rows, k=k) for y in range(rows) for x in range(columns)]
        assert order == grouped(columns, rows, group), (columns, rows, k)
        seen.add(group)
    assert seen == {1, 2}


def test_a_1d_grid_is_in_natural_order_where_it_is_small_and_in_groups_of_two_elsewhere(tmp_path):
    ids = swizzled(tmp_path, ONE_D, SMALL_CHIP)
    seen = set()
    for count, n, k in itertools.product((*range(1, 24), 60, 143), (-1, 0, 1, 2, 3, 7, 12, 59, 2**31 - 1), (-1, 0, 1, 2, 3, 9)):
        columns = min(max(n, 1), count)
        group = 1 if is_small(count, columns, count // columns, k) else 2
        assert [ids(x, count, n=n, k=k) for x in range(count)] == grouped_1d(count, n, group), (count, n, k)
        seen.add(group)
    assert seen == {1, 2}


def test_each_target_has_a_chip_and_another_one_that_of_the_target_before():
    assert set(chips.CHIPS) == set(settings.CAPABILITIES)
    for capability in settings.CAPABILITIES:
        assert chips.get_chip(capability) == chips.CHIPS[capability]
    assert (chips.get_chip(70), chips.get_chip(88), chips.get_chip(999)) == (chips.CHIPS[75], chips.CHIPS[87], chips.CHIPS[121])


# -- Kernels

TILES = {"BM": 64, "BN": 128, "BK": 64}
#: Kernels with products, by what the programs of a row read: tiles below each other, or side by side.
BELOW = ("rows_first", "one_wide_number", "warp_specialized")
SIDE_BY_SIDE = ("columns_first", "one_number", "in_a_branch", "batched", "by_descriptors")
LEFT_ALONE = ("grouped_by_hand", "persistent", "split_k", "in_turns")


def ttir_of(name, arch, **options):
    """The TTIR of a kernel, without places in files, which are not what is compared."""
    kernel, backend, context = getattr(product_kernels, name), Backend(target(arch)), ir.context()
    ir.load_dialects(context)
    backend.load_dialects(context)
    parsed = backend.parse_options(options)
    signature = {**dict.fromkeys("abc", "*fp16"), **dict.fromkeys("mnk", "i32"), **dict.fromkeys(TILES, "constexpr")}
    functions, modules = backend.get_codegen_implementation(parsed), backend.get_module_map()
    module = ASTSource(kernel, signature, constexprs=TILES).make_ir(target(arch), parsed, functions, modules, context)
    text = str(backend.make_ttir(module, {}, parsed, arch))
    return re.sub(r" loc\(.*|^#loc.*\n", "", text, flags=re.M)


def compile_product(name, **options):
    arguments = [triton.MockTensor("fp16")] * 3 + [1000] * 3
    return getattr(product_kernels, name).warmup(*arguments, **TILES, grid=(64,), **options)


@pytest.mark.parametrize("arch", [80, 90, 100])
@pytest.mark.parametrize("name", BELOW + SIDE_BY_SIDE)
def test_programs_of_a_product_are_renumbered_where_it_is_asked_for(arch, name):
    plain, given = ttir_of(name, arch, swizzle_programs=0), ttir_of(name, arch, swizzle_programs=16)
    assert [text.count("arith.remui") for text in (plain, given)] == [0, 2]
    assert "arith.constant 16 : i32" in given
    assert not any(f"arith.constant {number} : i64" in given for number in chips.get_chip(arch))


@pytest.mark.parametrize(("arch", "group"), [(80, 4), (90, 4), (100, 8)])
@pytest.mark.parametrize("name", BELOW)
def test_programs_of_a_product_are_renumbered_by_default_where_a_row_reads_tiles_below_each_other(arch, group, name):
    """The group is the power of two below the root of half of 56, 114 and 148 multiprocessors: a column is half a row."""
    chosen = ttir_of(name, arch)
    assert chosen.count("arith.remui") == 2
    chip = chips.get_chip(arch)
    assert f"arith.constant {group} : i32" in chosen
    assert all(f"arith.constant {number} : i64" in chosen for number in (2 * chip.multiprocessors, chip.l2_bytes))


@pytest.mark.parametrize(("arch", "group", "columns"), [(80, 8, 21), (90, 8, 35), (100, 16, 33)])
@pytest.mark.parametrize("name", SIDE_BY_SIDE)
def test_rows_that_read_tiles_side_by_side_are_grouped_by_default_where_they_are_long(arch, group, columns, name):
    """From as many columns of 16 KiB on, natural order reads twice as much as groups, whose rows have 8 KiB."""
    chosen = ttir_of(name, arch)
    assert f"arith.constant {group} : i32" in chosen
    assert f"arith.constant {columns - 1} : i32" in chosen


@pytest.mark.parametrize("arch", [80, 90, 100])
@pytest.mark.parametrize("name", LEFT_ALONE)
def test_other_kernels_are_left_alone(arch, name):
    plain = ttir_of(name, arch, swizzle_programs=0)
    assert ttir_of(name, arch) == plain
    assert ttir_of(name, arch, swizzle_programs=8) == plain


def test_a_kernel_that_is_left_alone_is_the_same_bytes(activate):
    activate(Driver(target="cuda:90"))
    for compiled in (
        [warm_up_vector_add(make_vector_add(), swizzle_programs=value) for value in (0, 8, "auto")],
        [compile_product("grouped_by_hand", swizzle_programs=value) for value in (0, 8, "auto")],
    ):
        assert len({kernel.asm["cubin"] for kernel in compiled}) == 1
        assert len({kernel.hash for kernel in compiled}) == 3


@pytest.mark.parametrize(("arch", "name"), sampled(4, [90, 100], ["rows_first", "columns_first"]))
def test_a_group_that_is_chosen_or_given_changes_the_code(activate, arch, name):
    activate(Driver(target=f"cuda:{arch}"))
    chosen, plain, given = (compile_product(name, swizzle_programs=value).asm for value in ("auto", 0, 8))
    for stage in ("ptx", "cubin"):
        assert len({chosen[stage], plain[stage], given[stage]}) == 3


@pytest.mark.parametrize(
    ("name", "group", "options"),
    sampled(
        4,
        [("rows_first", "auto"), ("one_wide_number", "auto"), ("one_number", 8), ("by_descriptors", 8)],
        [{}, {"num_ctas": 2}, {"num_stages": 1}, {"num_warps": 8}],
    ),
    ids=str,
)
def test_a_renumbered_product_passes_every_stage(activate, name, group, options):
    activate(Driver(target="cuda:90"))
    compiled = compile_product(name, swizzle_programs=group, **options)
    assert compiled.asm["ttir"].count("arith.remui") == 2
    assert compiled.asm["cubin"].startswith(b"\x7fELF")


@pytest.mark.parametrize("group", ["auto", 8])
def test_a_product_with_assertions_keeps_its_order(group):
    """Their messages tell people the ids of the hardware."""
    asserted = ttir_of("rows_first", 90, debug=True, swizzle_programs=group)
    assert "tt.assert" in asserted
    assert asserted == ttir_of("rows_first", 90, debug=True, swizzle_programs=0)


@pytest.mark.parametrize("arch", [80, 90, 100])
def test_a_renumbered_product_that_is_to_be_warp_specialized_passes_every_stage(activate, arch):
    activate(Driver(target=f"cuda:{arch}"))
    compiled = compile_product("warp_specialized")
    assert compiled.asm["ttir"].count("arith.remui") == 2
    assert compiled.asm["cubin"].startswith(b"\x7fELF")


def test_programs_that_steal_work_renumber_what_they_stole(activate):
    """`clc` puts a loop around the kernel, which begins again with another program's ids."""
    activate(Driver(target="cuda:100"))
    ttgir = compile_product("by_descriptors", clc=True, swizzle_programs=8).asm["ttgir"]
    assert ttgir.index("scf.while") < ttgir.index("arith.remui") < ttgir.index("ttng.clc_get_program_id")
