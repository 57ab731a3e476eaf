# SPDX-License-Identifier: MIT
"""What graft-version-tiles promises, checked by evaluating what it writes: first in TTIR, then in PTX."""

import random
import re
from dataclasses import dataclass, field

import pytest
import triton
import triton.language as tl
from support import make_vector_add, warm_up_vector_add
from sweeps import sampled
from triton.backends.graft import opt
from triton.backends.graft.driver import Driver
from ttir_eval import Function, Value, read_functions, same_up_to_names
from ttir_writer import Writer

PREDICATES = ("eq", "ne", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge")
ORDERS = PREDICATES[2:]
FUNCTIONS_PER_SEED = 400
TRIALS_PER_FUNCTION = 16


@dataclass
class Case(Writer):
    """A function with a random mask."""

    #: Pairs of an index and the argument that bounds it, where an argument alone does.
    bounds: list[tuple[str, str]] = field(default_factory=list)
    #: Arguments that a mask divides by: no number is, where one of them is not positive.
    divisors: list[str] = field(default_factory=list)
    #: Whether the pass promises to find every whole tile: each index holds one range, and lane 0 is part of the tile.
    is_precise: bool = True

    def range(self) -> str:
        start = 0 if self.rng.random() < 0.8 else self.rng.choice((1, 7, self.lanes, 1000))
        self.is_precise &= start == 0
        return self.emit(f"tt.make_range {{end = {start + self.lanes} : i32, start = {start} : i32}} : {self.tensor(32)}")

    def uniform(self, width: int) -> str:
        """The same number in every lane."""
        kind = self.rng.random()
        if kind < 0.5:
            return self.splat(self.argument(width), width)
        if kind < 0.7:
            return self.constant(self.rng.choice((1, 2, 3, 1000, -1, -7, (1 << (width - 1)) - 1, -(1 << (width - 1)))), width)
        if kind < 0.85:
            narrow = self.rng.choice([bits for bits in (8, 16, 32) if bits < width])
            value = self.splat(self.argument(narrow), narrow)
            if self.rng.random() < 0.5:
                name = self.rng.choice(("addi", "subi", "muli"))
                value = self.binary(name, value, self.splat(self.argument(narrow), narrow), narrow)
            return self.extended(value, narrow, width)
        name = self.rng.choice(("addi", "subi", "muli"))
        return self.binary(name, self.splat(self.argument(width), width), self.splat(self.argument(width), width), width)

    def index(self, width: int) -> str:
        """A range, with a few scalars added, subtracted and multiplied, that reaches *width* at some point."""
        value, current = self.range(), 32
        for _ in range(self.rng.randint(1, 4)):
            if current < width and self.rng.random() < 0.4:
                value, current = self.extended(value), 64
            kind = self.rng.random()
            if kind < 0.75:
                value = self.binary(self.rng.choice(("addi", "subi")), value, self.uniform(current), current)
            elif kind < 0.8:
                value = self.binary("muli", value, self.splat(self.argument(current), current), current)
                self.is_precise = False
            elif kind < 0.95:
                factor = self.rng.choice((2, 3, 16, -1, -2, 0, 1 << 20, 1 << 30))
                value = self.binary("muli", value, self.constant(factor, current), current)
            else:
                other = self.range()
                value = self.binary("subi", value, other if current == 32 else self.extended(other), current)
                self.is_precise = False
        return value if current == width else self.extended(value)

    def divided(self, index: str, width: int) -> str:
        """The quotient of *index* and an argument or a constant."""
        name = self.rng.choice(("divsi", "divsi", "divui"))
        if self.rng.random() < 0.3:
            divisor = self.constant(self.rng.choice((1, 2, 3, 16, 1000)), width)
        else:
            self.divisors.append(self.argument(width))
            divisor = self.splat(self.divisors[-1], width)
        # Without a sign, a whole tile may wrap around as signed numbers do.
        self.is_precise &= name == "divsi"
        return self.emit(f"arith.{name} {index}, {divisor} : {self.tensor(width)}")

    def divides_by_positive_numbers(self, arguments: dict[str, int]) -> bool:
        return all(arguments[name] < 1 << (self.arguments[name] - 1) for name in self.divisors)

    def comparison(self) -> str:
        """An index, or its quotient, below or above something that is the same in every lane."""
        width = self.rng.choice((32, 64))
        index = self.index(width)
        while self.rng.random() < 0.15:
            index = self.divided(index, width)
        if self.rng.random() < 0.7:
            argument = self.argument(width)
            self.bounds.append((index, argument))
            bound = self.splat(argument, width)
        else:
            bound = self.uniform(width)
        predicate = self.rng.choice(PREDICATES if self.rng.random() < 0.05 else ORDERS)
        compared = self.binary(f"cmpi {predicate},", index, bound, width)
        if self.rng.random() < 0.9:
            return compared
        return self.emit(f"arith.xori {compared}, {self.constant('true', 1)} : {self.tensor(1)}")

    def mask(self) -> str:
        """A comparison, or the conjunction of two or three, or of one and an argument."""
        mask = self.comparison()
        for _ in range(self.rng.choice((0, 0, 0, 1, 1, 2))):
            other = self.comparison() if self.rng.random() < 0.7 else self.splat(self.argument(1), 1)
            mask = self.binary("andi", mask, other, 1)
        return mask


def make_case(name: str, rng: random.Random) -> tuple[Case, str]:
    """A random function and the name of its mask."""
    case = Case(name, rng.choice((8, 16, 32)), rng)
    return case, case.mask()


def text_of(case: Case, mask: str) -> str:
    """The function, in MLIR's syntax."""
    return case.function([*case.lines, *case.accesses(f", {mask}", ", %value")])


def choose_arguments(case: Case, function: Function) -> dict[str, int]:
    """Arguments around which the mask changes; where one is a bound, often right beside the lanes it bounds."""
    arguments = {name: case.number(width) for name, width in case.arguments.items()}
    for name in case.divisors:  # by zero, and the smallest number by -1, the mask itself has no value
        least = 1 << (case.arguments[name] - 1)
        arguments[name] = case.rng.choice((1, 2, 3, 16, case.lanes, least - 1, least, least + 1, arguments[name] or 1))
        arguments[name] -= arguments[name] == 2 * least - 1
    for index, bound in case.bounds:
        if case.rng.random() < 0.7:
            value = function.evaluate(arguments, case.lanes)[index]
            beside = case.rng.choice((min(value.lanes), max(value.lanes), min(value.signed()), max(value.signed())))
            arguments[bound] = (beside + case.rng.choice((-1, 0, 0, 1))) % (1 << value.width)
    return arguments


@dataclass
class Versioned:
    """The parts of a function that the pass has versioned."""

    prefix: list[str]
    condition: str
    taken: list[str]
    original: list[str]
    #: What of the mask is left where the branch is taken; None if nothing is.
    rest: str | None
    #: The function up to the accesses where the branch is taken.
    before_taken: Function


def take_apart(case: Case, function: Function) -> Versioned | None:
    """The parts of *function*, or None if the pass left it as it was."""
    branch = next((at for at, line in enumerate(function.lines) if line.startswith("scf.if ")), None)
    if branch is None:
        return None
    middle, end = function.lines.index("} else {"), function.lines.index("}")
    taken = function.lines[branch + 1 : middle]
    rest = re.search(r"tt\.store [^,]+, [^,]+, (%[\w#-]+)", taken[-1])
    return Versioned(
        function.lines[: len(case.lines)],
        function.lines[branch].split()[1],
        taken[-2:],
        function.lines[middle + 1 : end],
        rest and rest[1],
        Function(function.name, function.arguments, [*function.lines[:branch], *taken]),
    )


def run_pass(folder, text: str) -> str:
    """*text* after the pass, for CTAs of one thread, so that small tiles have something to gain."""
    path = folder / "cases.mlir"
    path.write_text(text)
    return opt.run(path, ["-graft-version-tiles=threads=1"], False)


@pytest.mark.parametrize("seed", sampled(6, range(6)))
def test_condition_holds_only_for_whole_tiles_and_for_all_that_do_not_wrap(seed, tmp_path):
    rng = random.Random(seed)
    cases = [make_case(f"f{number}", rng) for number in range(FUNCTIONS_PER_SEED)]
    text = "".join(text_of(*case) for case in cases)
    before, after = read_functions(text), read_functions(run_pass(tmp_path, text))
    versioned = whole = 0
    for case, mask in cases:
        parts = take_apart(case, after[case.name])
        original = before[case.name]
        if parts is None:
            assert same_up_to_names(original.lines, after[case.name].lines)
            continue
        versioned += 1
        assert same_up_to_names([*parts.prefix, *parts.original], original.lines[:-1])
        accesses = case.accesses("", "") if parts.rest is None else case.accesses(f", {parts.rest}", ", %value")
        assert same_up_to_names(
            parts.taken, [line.replace(" :", " {tt.versioned_by_graft} :") if parts.rest else line for line in accesses]
        )
        for _ in range(TRIALS_PER_FUNCTION):
            arguments = choose_arguments(case, original)
            expected = original.evaluate(arguments, case.lanes)[mask]
            renamed = dict(zip(after[case.name].arguments, arguments.values(), strict=True))
            values = parts.before_taken.evaluate(renamed, case.lanes)
            condition = values[parts.condition].lanes[0]
            report = f"seed {seed}, {arguments}, in\n{text_of(case, mask)}\n" + "\n".join(after[case.name].lines)
            if condition:
                whole += 1
                rest = values[parts.rest].lanes if parts.rest else (1,) * case.lanes
                assert expected.lanes == rest, f"taken with a lane that is masked: {report}"
            elif case.is_precise and expected.exact_signed and case.divides_by_positive_numbers(arguments):
                assert not all(expected.lanes), f"not taken, with every lane true and no wrap-around: {report}"
    # Otherwise the trials above would prove nothing.
    assert versioned > FUNCTIONS_PER_SEED / 2
    assert whole > versioned


def test_evaluation_wraps_around_as_the_hardware_does():
    function = read_functions(
        "tt.func @f(%a: i32) {\n"
        "%r = tt.make_range {end = 4 : i32, start = 0 : i32} : tensor<4xi32>\n"
        "%s = tt.splat %a : i32 -> tensor<4xi32>\n"
        "%i = arith.addi %s, %r : tensor<4xi32>\n"
        "%w = arith.extsi %i : tensor<4xi32> to tensor<4xi64>\n"
        "%u = arith.extui %i : tensor<4xi32> to tensor<4xi64>\n"
        "%c = arith.cmpi slt, %i, %s : tensor<4xi32>\n"
        "tt.return\n}\n"
    )["f"]
    values = function.evaluate({"%a": 2**31 - 2}, 4)
    assert values["%i"].signed() == [2**31 - 2, 2**31 - 1, -(2**31), -(2**31) + 1]
    assert not values["%i"].exact_signed
    assert values["%i"].exact_unsigned
    assert values["%w"].lanes[2:] == (2**64 - 2**31, 2**64 - 2**31 + 1)
    assert values["%u"].lanes[2:] == (2**31, 2**31 + 1)
    assert values["%c"] == Value(1, (0, 0, 1, 1), False, False)


def test_a_renaming_has_to_be_one_to_one():
    assert same_up_to_names(["%a = f %b"], ["%x = f %y"])
    assert not same_up_to_names(["%a = f %b"], ["%x = f %x"])
    assert not same_up_to_names(["%a = f %a"], ["%x = f %y"])
    assert not same_up_to_names(["%a = f %b"], ["%x = g %y"])


# -- What it is for

WIDE_LOAD = re.compile(r"ld\.global\.(v4\.(b|u|f)32|b128|v2\.(b|u|f)64)")


def ptx_of(dtype: str, n: int, **options) -> str:
    """The PTX of a vector addition of 4096 elements a tile for Hopper."""
    ptx = warm_up_vector_add(make_vector_add(), block=4096, n=n, dtype=dtype, **options).asm["ptx"]
    return ptx[: ptx.index(".section") if ".section" in ptx else None]


@pytest.mark.parametrize("dtype", ["fp16", "bf16", "fp32", "i8"])
def test_vector_addition_of_any_length_has_128_bit_loads_with_the_pass_alone(dtype, activate):
    activate(Driver(target="cuda:90"))
    assert WIDE_LOAD.search(ptx_of(dtype, 1023, version_tiles=True))
    assert not WIDE_LOAD.search(ptx_of(dtype, 1023, version_tiles=False))


@pytest.mark.parametrize("dtype", ["fp16", "bf16", "fp32", "i8"])
def test_a_length_that_is_a_multiple_of_16_compiles_to_the_same_ptx_with_and_without_the_pass(dtype, activate):
    activate(Driver(target="cuda:90"))
    assert ptx_of(dtype, 1024, version_tiles=True) == ptx_of(dtype, 1024, version_tiles=False)


@triton.jit
def scaled_rows(x, out, n, stride, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    total = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, n, BLOCK):
        offs = start + tl.arange(0, BLOCK)
        total += tl.load(x + row * stride + offs, offs < n, 0.0)
    tl.store(out + row, tl.sum(total))


def test_a_loop_over_the_tiles_of_a_row_has_128_bit_loads_with_the_pass_alone(activate):
    activate(Driver(target="cuda:90"))
    pointer = triton.MockTensor("fp32")
    arguments = {"n": 1001, "stride": 1024, "BLOCK": 2048, "grid": (1,)}
    assert WIDE_LOAD.search(scaled_rows.warmup(pointer, pointer, **arguments, version_tiles=True).asm["ptx"])
    assert not WIDE_LOAD.search(scaled_rows.warmup(pointer, pointer, **arguments, version_tiles=False).asm["ptx"])
