# SPDX-License-Identifier: MIT
"""graft-swizzle-programs: the new program ids are those of a bijection of the grid, and kernels are compiled with them."""

import itertools
import random
import re

import pytest
from support import make_matmul, make_vector_add, warm_up_matmul, warm_up_vector_add
from triton.backends.graft import opt
from triton.backends.graft.driver import Driver

PRODUCT = """
tt.func public @product(%n: i32, %p: !tt.ptr<f16>) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %init = arith.constant dense<0.0> : tensor<16x16xf32>
  %x = tt.get_program_id x : i32
  %y = tt.get_program_id y : i32
  %ptrs = tt.splat %p : !tt.ptr<f16> -> tensor<16x16x!tt.ptr<f16>>
  %xs = tt.splat %x : i32 -> tensor<16x16xi32>
  %ys = tt.splat %y : i32 -> tensor<16x16xi32>
  %a_ptrs = tt.addptr %ptrs, %xs : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %b_ptrs = tt.addptr %ptrs, %ys : tensor<16x16x!tt.ptr<f16>>, tensor<16x16xi32>
  %sum = scf.for %i = %zero to %n step %one iter_args(%acc = %init) -> (tensor<16x16xf32>) : i32 {
    %a = tt.load %a_ptrs : tensor<16x16x!tt.ptr<f16>>
    %b = tt.load %b_ptrs : tensor<16x16x!tt.ptr<f16>>
    %next = tt.dot %a, %b, %acc : tensor<16x16xf16> * tensor<16x16xf16> -> tensor<16x16xf32>
    scf.yield %next : tensor<16x16xf32>
  }
  %c = arith.truncf %sum : tensor<16x16xf32> to tensor<16x16xf16>
  tt.store %a_ptrs, %c : tensor<16x16x!tt.ptr<f16>>
  tt.return
}
"""

#: Operations on two 64-bit numbers, as Python writes them; no result leaves [0, 2^63).
OPERATORS = {
    "addi": "{} + {}",
    "subi": "{} - {}",
    "muli": "{} * {}",
    "divui": "{} // {}",
    "remui": "{} % {}",
    "minui": "min({}, {})",
}
SOURCES = {
    "tt.get_num_programs x": "columns", "tt.get_num_programs y": "rows", "tt.get_program_id x": "x", "tt.get_program_id y": "y",
}  # fmt: skip


def swizzled(tmp_path, group):
    """The pass as a Python function: from the ids and the size of the grid to the new ids."""
    (tmp_path / "product.mlir").write_text(PRODUCT)
    text = opt.run(tmp_path / "product.mlir", [f"-graft-swizzle-programs=group={group}"], False)
    lines, values = ["def ids(x, y, columns, rows):"], {}
    for name, operation in re.findall(r"^    (%\S+) = (.*)$", text, re.M):
        code = python_of(operation.partition(" loc(")[0], values)
        if code is not None:
            values[name] = f"v{len(values)}"
            lines.append(f"    {values[name]} = {code}")
    used = re.findall(r"tt\.splat (%\S+) : i32", text)
    lines.append(f"    return {values[used[0]]}, {values[used[1]]}")
    namespace = {}
    exec("\n".join(lines), namespace)
    return namespace["ids"]


def python_of(operation, values):
    """*operation* as a Python expression; None for one that has no part in the ids."""
    name, _, rest = operation.partition(" ")
    if operation.split(" :")[0] in SOURCES:
        return SOURCES[operation.split(" :")[0]]
    if constant := re.fullmatch(r"(\d+) : i64", rest):
        return constant[1]
    operands = [values.get(operand) for operand in re.findall(r"%\w+", rest)]
    if name in ("arith.extui", "arith.trunci") and operands[0]:
        return operands[0]
    kind = name.removeprefix("arith.")
    return OPERATORS[kind].format(*operands) if kind in OPERATORS and None not in operands and len(operands) == 2 else None


@pytest.mark.parametrize("group", [1, 2, 7, 8, 16, 1024])
def test_the_new_ids_are_a_bijection_of_grids_of_every_size(group, tmp_path):
    ids = swizzled(tmp_path, group)
    rng = random.Random(group)
    around = [size for number in (1, 2, 3) for size in range(number * group - 1, number * group + 2) if 0 < size < 60]
    sizes = [*itertools.product(range(1, 12), range(1, 12)), *itertools.product((1, 5, 32), around)]
    sizes += [(rng.randint(1, 60), rng.randint(1, 60)) for _ in range(400)]
    for columns, rows in sizes:
        places = set(itertools.product(range(columns), range(rows)))
        assert {ids(x, y, columns, rows) for x, y in places} == places, (columns, rows)


@pytest.mark.parametrize(("columns", "rows"), [(2**31 - 1, 65535), (1, 65535), (2**31 - 1, 1), (2**24 + 1, 65535)])
def test_ids_of_the_largest_grids_stay_in_them_and_have_one_origin(columns, rows, tmp_path):
    """Compared with the inverse, written down independently."""
    group = 8
    ids = swizzled(tmp_path, group)
    rng = random.Random(columns)
    for _ in range(2000):
        x, y = rng.randrange(columns), rng.randrange(rows)
        new_x, new_y = ids(x, y, columns, rows)
        assert 0 <= new_x < columns and 0 <= new_y < rows
        first = new_y - new_y % group
        place = new_x * min(rows - first, group) + new_y - first
        assert (place % columns, first + place // columns) == (x, y)


def test_programs_of_a_group_have_one_row_after_the_other(tmp_path):
    ids = swizzled(tmp_path, 2)
    order = [ids(x, y, 3, 3) for y in range(3) for x in range(3)]
    assert order == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (0, 2), (1, 2), (2, 2)]


def test_a_matrix_product_is_compiled_in_groups_where_it_is_asked_for(activate):
    activate(Driver(target="cuda:90"))
    kernel = make_matmul()
    plain, grouped = warm_up_matmul(kernel), warm_up_matmul(kernel, swizzle_programs=8)
    assert "arith.remui" not in plain.asm["ttir"]
    assert "arith.remui" in grouped.asm["ttir"]
    assert plain.hash != grouped.hash


def test_other_kernels_are_the_same_bytes(activate):
    activate(Driver(target="cuda:90"))
    kernel = make_vector_add()
    plain, grouped = warm_up_vector_add(kernel), warm_up_vector_add(kernel, swizzle_programs=8)
    assert plain.asm["cubin"] == grouped.asm["cubin"]
