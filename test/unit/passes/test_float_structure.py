# SPDX-License-Identifier: MIT
"""The passes round as the in-tree backend does: the same products become parts of sums, and reductions keep their order."""

import random
import re

import pytest
import triton
from float_structure import float_operations
from kernel_cases import Case, Writer
from kernel_compiling import Compilation
from sweeps import slow
from triton.backends.graft.driver import Driver

#: Not sm_100, where LLVM takes two fp32 elements at once where it can, which docs/passes.md makes an exception of.
TARGETS = (80, 90)

#: What a random kernel computes, from values *a* and *b*. Products and sums come from all sides of a boundary mask.
OPERATIONS = (
    "{a} * {b}", "{a} * {b}", "{a} * {b}", "{a} * scale", "{a} + {b}", "{a} + {b}", "{a} - {b}", "-{a}", "tl.maximum({a}, {b})",
    "tl.exp({a})", "tl.where(mask, {a}, 0.0)", "tl.where(mask, {a}, 0.0)", "{a} + tl.sum({b}, 0)", "tl.sum({a} * {b}, 0) * {b}",
)  # fmt: skip


def random_case(seed: int) -> Case:
    """A kernel over the tiles of a vector that loads, multiplies, adds, selects, reduces and stores in any order."""
    rng = random.Random(f"floats {seed}")
    w = Writer(rng)
    block = w.elements = w.constants[w.constant("BLOCK", w.choose(256, 512, 1024))]
    w.pointer("scales", "fp32")
    w.number("n", 2 * block + 5)
    w.add("offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)", "mask = offs < n", "scale = tl.load(scales)")
    names: list[str] = []

    def load(mask: str) -> None:
        at = len(w.buffers)
        place = "offs" if mask else "tl.arange(0, BLOCK)"
        w.pointer(f"x{at}", w.choose("fp16", "bf16", "fp32"))
        w.add(f"v{len(names)} = tl.load(x{at} + {place}{mask}).to(tl.float32)")
        names.append(f"v{len(names)}")

    load("")
    masked_at = rng.randrange(6)
    for step in range(10):
        if step == masked_at or w.chance(0.1):
            load(", mask" if w.chance(0.5) else ", mask, 0.0")
        elif w.chance(0.1):
            load("")
        elif w.chance(0.08):
            w.add(f"tl.store({w.pointer(f'early{step}', 'fp32')} + tl.arange(0, BLOCK), {w.choose(*names)})")
        w.add(f"v{len(names)} = {w.choose(*OPERATIONS).format(a=w.choose(*names[-4:]), b=w.choose(*names[-4:]))}")
        names.append(f"v{len(names)}")
    for at, name in enumerate(names[-2:]):
        w.add(f"tl.store({w.pointer(f'out{at}', 'fp32')} + offs, {name}, mask)")
    w.options["enable_fp_fusion"] = True
    return w.case(seed, "floats", (3,))


def handmade(*lines: str) -> Case:
    """A kernel of *lines* over tiles of 1024 elements: `a` is in front of the mask, `b` is masked."""
    w = Writer(random.Random(0))
    for name in ("x", "y", "out", "other"):
        w.pointer(name, "fp32")
    w.add(
        "offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)",
        "mask = offs < n",
        "a = tl.load(x + tl.arange(0, BLOCK))",
        *lines,
    )
    case = w.case(0, "handmade", (3,))
    aligned = {name: buffer._replace(shift=0) for name, buffer in case.buffers.items()}
    return case.replace(
        buffers=aligned, numbers={"n": 1029}, constants={"BLOCK": 1024}, unspecialised=(),
        options={"num_warps": 4, "enable_fp_fusion": True},
    )  # fmt: skip


LOAD = "b = tl.load(y + offs, mask)"
CASES = {
    "a product in front that is added behind": ("p = a * 3.7", LOAD, "tl.store(out + offs, p + b, mask)"),
    "one with another use behind": (
        "p = a * 3.7", LOAD, "tl.store(out + offs, p + b, mask)", "tl.store(other + offs, tl.exp(p), mask)",
    ),
    "one that is used in front as well": (
        "p = a * 3.7", "tl.store(other + tl.arange(0, BLOCK), p)", LOAD, "tl.store(out + offs, p + b, mask)",
    ),
    "one beside another product": ("p = a * 3.7", LOAD, "tl.store(out + offs, p + b * b, mask)"),
    "one that is spread over the lanes": (
        "p = tl.sum(a, 0) * 3.7", "tl.store(other, tl.exp(p))", LOAD, "tl.store(out + offs, b - p, mask)",
    ),
    "one with a sum in front": (
        "p = a * 3.7", "q = p - a", LOAD, "tl.store(out + offs, p + b, mask)", "tl.store(other + offs, q * b, mask)",
    ),
    "a selection between product and sum": (LOAD, "tl.store(out + tl.program_id(0), tl.sum(tl.where(mask, b * a, 0.0), 0))"),
}  # fmt: skip


class Both:
    """A kernel compiled with the passes off and on."""

    def __init__(self, case: Case, arch: int, folder, **options: object):
        triton.runtime.driver.set_active(Driver(target=f"cuda:{arch}"))
        compilation = Compilation(case, arch, folder)
        self.case = case
        self.off, self.on = (
            compilation.compile("ptx", version_tiles=on, swizzle_programs=0, **options) for on in (False, True)
        )

    @property
    def changed(self) -> bool:
        return self.off["ttir"] != self.on["ttir"]

    def difference(self) -> str:
        off, on = (float_operations(stages["ptx"]) for stages in (self.off, self.on))
        orders = [sorted(set(reduced_layouts(stages["ttgir"]))) for stages in (self.off, self.on)]
        if orders[0] != orders[1]:
            return f"{self.case}\nreduces in {orders[0]} without the passes, in {orders[1]} with them"
        return (
            f"{self.case}\nonly without the passes: {sorted(off - on)}\nonly with them: {sorted(on - off)}" if off != on else ""
        )


def reduced_layouts(ttgir: str) -> list[str]:
    """The layouts of what is reduced in *ttgir*, written out."""
    names = dict(re.findall(r"^(#\w+) = (.*)$", ttgir, re.MULTILINE))
    types = re.findall(r"^ *}\) : \((.*?)\) ->", ttgir, re.MULTILINE)
    return [re.sub(r"#\w+", lambda match: names.get(match[0], match[0]), text) for text in types]


@pytest.fixture
def both(activate, tmp_path):
    def compile_both(case: Case, arch: int = 90, **options: object) -> Both:
        activate(Driver(target=f"cuda:{arch}"))
        return Both(case, arch, tmp_path, **options)

    return compile_both


@pytest.mark.parametrize("what", CASES)
def test_what_becomes_one_operation_stays_what_it_is(both, what):
    assert both(handmade(*CASES[what])).difference() == ""


@pytest.mark.parametrize("kernels", [15, slow(60)])
def test_random_kernels_have_the_same_floating_point_operations(both, kernels):
    changed = 0
    for seed in range(kernels):
        compiled = both(random_case(seed), TARGETS[seed % len(TARGETS)])
        assert compiled.difference() == ""
        changed += compiled.changed
    assert changed >= kernels / 4


@pytest.mark.parametrize("what", CASES)
def test_exact_bits_leave_alone_what_holds_products_and_sums(both, what):
    assert not both(handmade(*CASES[what]), exact_bits=True).changed


def test_exact_bits_take_what_only_adds_or_only_multiplies(both):
    for line in ("a + b", "a * b", "tl.maximum(a, b)"):
        assert both(handmade(LOAD, f"tl.store(out + offs, {line}, mask)"), exact_bits=True).changed


# -- What would be wrong is found


PTX = "mul.f32 %r3, %r1, %r2;\nadd.f32 %r5, %r3, %r4;"


def test_a_product_that_became_part_of_a_sum_is_seen():
    assert float_operations(PTX) == {"mul.f32(x, x)", "add.f32(mul.f32(x, x), x)"}
    assert float_operations("fma.rn.f32 %r5, %r1, %r2, %r4;") == {"fma.f32(x, x, x)"}


def test_which_of_two_products_became_part_is_seen():
    products = "mul.f32 %r3, %r1, %r2;\nmul.f32 %r4, %r3, %r3;\n"
    one, other = "fma.rn.f32 %r5, %r1, %r2, %r4;", "fma.rn.f32 %r5, %r3, %r3, %r3;"
    assert float_operations(products + one) != float_operations(products + other)


def test_registers_packing_and_the_order_of_operands_do_not_matter():
    packed = "mul.bf16x2 %r3, %r1, %r2;\nmov.b32 {%rs1, %rs2}, %r3;\nadd.bf16 %rs4, %rs3, %rs1;"
    assert float_operations(packed) == float_operations("mul.bf16 %rs1, %rs8, %rs9;\nadd.bf16 %rs4, %rs1, %rs3;")


def test_what_several_blocks_write_is_not_looked_into():
    assert float_operations("@%p1 mov.b32 %r3, %r1;\n@!%p1 mov.b32 %r3, %r2;\nadd.f32 %r5, %r3, %r4;") == {"add.f32(x, x)"}
