# SPDX-License-Identifier: MIT
"""What differs between two texts of MLIR: no numbers of values, no indentation, and all the rest."""

from triton.backends.graft.tools import differences


def difference(before, after):
    """The rows as a diff writes them, without what is the same."""
    before, after = before.strip("\n").splitlines(), after.strip("\n").splitlines()
    rows = differences.compare(before, after)
    assert [row.before for row in rows if row.before is not None] == [*range(len(before))]
    assert [row.after for row in rows if row.after is not None] == [*range(len(after))]
    return [
        f"-{before[row.before].strip()}" if row.after is None else f"+{after[row.after].strip()}"
        for row in rows
        if row.before is None or row.after is None
    ]


BEFORE = """
tt.func @f(%x: i32, %y: i32) {
  %a = arith.addi %x, %y : i32
  %a_0 = arith.muli %a, %x : i32
  tt.return %a_0 : i32
"""


def test_values_with_other_numbers_are_no_difference():
    after = """
tt.func @f(%x: i32, %y: i32) {
  %new = arith.constant 3 : i32
  %a_7 = arith.addi %x, %y : i32
  %a_8 = arith.muli %a_7, %x : i32
  tt.return %a_8 : i32
"""
    assert difference(BEFORE, after) == ["+%new = arith.constant 3 : i32"]


def test_another_operand_is_a_difference():
    after = """
tt.func @f(%x: i32, %y: i32) {
  %a = arith.addi %x, %y : i32
  %a_0 = arith.muli %a, %y : i32
  tt.return %a_0 : i32
"""
    assert difference(BEFORE, after) == ["-%a_0 = arith.muli %a, %x : i32", "+%a_0 = arith.muli %a, %y : i32"]


def test_a_use_of_a_new_value_with_an_old_name_is_a_difference():
    after = """
tt.func @f(%x: i32, %y: i32) {
  %a_0 = arith.addi %x, %y : i32
  %a = arith.subi %x, %y : i32
  %a_1 = arith.muli %a, %x : i32
  tt.return %a_1 : i32
"""
    assert difference(BEFORE, after) == [
        "+%a = arith.subi %x, %y : i32", "-%a_0 = arith.muli %a, %x : i32", "+%a_1 = arith.muli %a, %x : i32",
    ]  # fmt: skip


def test_arguments_of_loops_are_matched():
    before = (
        "%r:2 = scf.for %i = %lo to %hi step %s iter_args(%p = %q, %t = %u) -> (i32, i32) {\n  %v = arith.addi %p, %t : i32"
    )
    after = (
        before.replace("%i ", "%arg3 ").replace("%p", "%arg4").replace("%t", "%arg5").replace("%v", "%0").replace("%r", "%1")
    )
    assert difference(before, after) == []


def test_code_that_moved_into_a_branch_is_no_difference():
    before = "tt.store %p, %v : i32\ntt.return"
    after = "scf.if %c {\n  tt.store %p, %v : i32\n}\ntt.return"
    assert difference(before, after) == ["+scf.if %c {", "+}"]


def test_another_constant_or_type_is_a_difference():
    assert difference("%a = arith.constant 3 : i32", "%a = arith.constant 4 : i32") == [
        "-%a = arith.constant 3 : i32", "+%a = arith.constant 4 : i32",
    ]  # fmt: skip
