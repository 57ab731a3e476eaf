# SPDX-License-Identifier: MIT
"""What a random kernel is: its source, what it is launched with, and the memory that its pointers point to.

A case is told by its seed; `kernel_families.make_case` makes it. It is plain data: compiling it (`kernel_compiling`),
evaluating it (`kernel_evaluation`), interpreting it (`kernel_interpreting`) and launching it (test/gpu/kernel_runs.py) are
done by others, each of which reads the same lines.
"""

import dataclasses
import hashlib
import importlib.util
import random
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

HEADER = "import triton\nimport triton.language as tl\n\n\n"

#: Bytes of one element, by Triton's name of its type.
SIZES = {
    "fp16": 2, "bf16": 2, "fp32": 4, "fp64": 8, "i1": 1,
    "i8": 1, "i16": 2, "i32": 4, "i64": 8, "u8": 1, "u16": 2, "u32": 4, "u64": 8,
}  # fmt: skip
#: The same types as `triton.language` calls them.
LANGUAGE_NAMES = {
    "fp16": "float16", "bf16": "bfloat16", "fp32": "float32", "fp64": "float64", "i1": "int1",
    "i8": "int8", "i16": "int16", "i32": "int32", "i64": "int64", "u8": "uint8", "u16": "uint16", "u32": "uint32", "u64": "uint64",
}  # fmt: skip
FLOATS = ("fp16", "bf16", "fp32", "fp64")


class Buffer(NamedTuple):
    """The memory behind a pointer argument. Only what the kernel may touch belongs to it, which evaluation finds out."""

    dtype: str
    #: Its elements before the launch are integers in [-limit, limit], or [0, limit] if unsigned; None for any bits.
    limit: int | None
    #: By how many elements the pointer is past a multiple of 16 bytes.
    shift: int = 0
    #: Whether the memory behind its last element is not mapped, where it can be had; otherwise that before its first.
    ends_at_guard: bool = True

    @property
    def size(self) -> int:
        """Bytes of one element."""
        return SIZES[self.dtype]

    @property
    def low(self) -> int:
        """The least value of its elements, where they are limited."""
        return 0 if self.dtype[0] == "u" or self.dtype == "i1" else -self.limit

    @property
    def poison(self) -> int:
        """The byte of which the memory around it is made: NaN, or a number that `Buffer.limit` does not allow."""
        return 0xFF if self.dtype in FLOATS else 0x6B


@dataclasses.dataclass(frozen=True)
class Case:
    """A kernel and one launch of it."""

    seed: int
    family: str
    #: The lines of the body, each with the indentation it has inside the function.
    lines: tuple[str, ...]
    buffers: Mapping[str, Buffer]
    #: Arguments that are integers.
    numbers: Mapping[str, int]
    #: Arguments that are compiled in.
    constants: Mapping[str, int]
    grid: tuple[int, ...]
    #: Options such as `num_warps`.
    options: Mapping[str, Any]
    #: The arguments of which neither alignment nor value is compiled in.
    unspecialised: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The module with the kernel, which is called `kernel`."""
        decorator = f"@triton.jit(do_not_specialize={list(self.unspecialised)})" if self.unspecialised else "@triton.jit"
        names = [*self.buffers, *self.numbers, *(f"{name}: tl.constexpr" for name in self.constants)]
        body = "".join(f"    {line}\n" for line in self.lines or ["pass"])
        return f"{HEADER}{decorator}\ndef kernel({', '.join(names)}):\n{body}"

    def __str__(self) -> str:
        """All there is to know of it."""
        memory = "".join(f"# {name}: {buffer}\n" for name, buffer in self.buffers.items())
        launch = f"# numbers {dict(self.numbers)}, constants {dict(self.constants)}, grid {self.grid}, options {dict(self.options)}\n"
        return f"# seed {self.seed}, {self.family}\n{self.source}{memory}{launch}"

    def replace(self, **changes: Any) -> "Case":
        return dataclasses.replace(self, **changes)


#: In the source of a kernel, a descriptor's buffer and the argument that is the size of its innermost dimension.
_DESCRIPTOR = re.compile(r"make_tensor_descriptor\((\w+), \[.*?(\w+)\]")


def with_whole_units(case: Case) -> Case:
    """*case* with the innermost sizes of descriptors rounded up to multiples of 16 bytes, as it has to be run through TMA.

    TMA writes that dimension in units of 16 bytes: where a tensor ends inside of one, its store goes on to the end of the unit,
    with our passes and without. Before compute capability 9.0 descriptors become masks, which are exact for any size.
    """
    numbers = dict(case.numbers)
    for buffer, size in _DESCRIPTOR.findall(case.source):
        unit = 16 // case.buffers[buffer].size
        numbers[size] = -(-numbers[size] // unit) * unit
    return case.replace(numbers=numbers)


class Pointer:
    """A pointer argument, as far as launching needs to know it. Without an address, it has the alignment of one."""

    def __init__(self, buffer: Buffer, address: int | None = None):
        self.dtype = buffer.dtype
        self.address = 4096 + buffer.shift * buffer.size if address is None else address

    def data_ptr(self) -> int:
        return self.address


def load(case: Case, folder: Path) -> Any:
    """The kernel of *case*, whose source is written to *folder*, as Triton reads it from a file."""
    source = case.source
    name = f"random_kernel_{hashlib.sha256(source.encode()).hexdigest()[:24]}"
    path = folder / f"{name}.py"
    path.write_text(source)
    specification = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(specification)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        specification.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module.kernel


class Writer:
    """Writes a case, line by line, as its random numbers want it."""

    def __init__(self, rng: random.Random):
        self.rng = rng
        self.lines: list[str] = []
        self.buffers: dict[str, Buffer] = {}
        self.numbers: dict[str, int] = {}
        self.constants: dict[str, int] = {}
        #: Options that are not left to `case`.
        self.options: dict[str, Any] = {}
        #: How many elements a tile has: too few for its threads, and no access can be a wide one.
        self.elements = 0
        self._depth = 0

    def add(self, *lines: str) -> None:
        """Adds lines at the current depth."""
        self.lines += [f"{'    ' * self._depth}{line}" for line in lines]

    def open(self, line: str) -> None:
        """Adds *line*, inside which the next ones stand."""
        self.add(line)
        self._depth += 1

    def close(self) -> None:
        self._depth -= 1

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def choose(self, *options: Any) -> Any:
        return self.rng.choice(options)

    def pointer(self, name: str, dtype: str, limit: int | None = 4) -> str:
        """A new pointer argument, one in six of which is not aligned."""
        shift = self.rng.randrange(1, 16) if self.chance(1 / 6) else 0
        self.buffers[name] = Buffer(dtype, limit, shift, self.chance(2 / 3))
        return name

    def number(self, name: str, value: int) -> str:
        """A new integer argument."""
        self.numbers[name] = value
        return name

    def constant(self, name: str, value: int) -> str:
        """A new argument that is compiled in."""
        self.constants[name] = value
        return name

    def commuted(self, a: str, operator: str, b: str) -> str:
        """`a operator b`, or the same written from the other side."""
        mirrored = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(operator, operator)
        return f"{b} {mirrored} {a}" if self.chance(0.3) else f"{a} {operator} {b}"

    def conjunction(self, terms: list[str]) -> str:
        """All of *terms*, in any order."""
        self.rng.shuffle(terms)
        return " & ".join(f"({term})" for term in terms)

    def case(self, seed: int, family: str, grid: tuple[int, ...]) -> Case:
        """What has been written, with options at random where none are set."""
        warps = [count for count in (1, 2, 4, 8) if self.elements >= 128 * count or self.chance(0.2)]
        chosen = {"num_warps": self.choose(*warps or (4,)), "enable_fp_fusion": self.chance(0.5)} | self.options
        arguments = [*self.buffers, *self.numbers]
        unspecialised = tuple(name for name in arguments if self.chance(0.3)) if self.chance(0.25) else ()
        return Case(
            seed, family, tuple(self.lines), self.buffers, self.numbers, self.constants, grid, chosen, unspecialised
        )  # fmt: skip
