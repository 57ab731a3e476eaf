# SPDX-License-Identifier: MIT
"""Writes random functions in MLIR's syntax, whose masks and conditions `ttir_eval` can evaluate."""

import random
from dataclasses import dataclass, field


@dataclass
class Writer:
    """A function over a tile of *lanes*, written line by line as MLIR prints it."""

    name: str
    lanes: int
    rng: random.Random
    lines: list[str] = field(default_factory=list)
    #: The integer arguments, with their widths.
    arguments: dict[str, int] = field(default_factory=dict)

    def emit(self, text: str) -> str:
        """Adds the operation *text* and returns the name of its result."""
        name = f"%v{len(self.lines)}"
        self.lines.append(f"{name} = {text}")
        return name

    def tensor(self, width: int) -> str:
        return f"tensor<{self.lanes}xi{width}>"

    def argument(self, width: int) -> str:
        """A new scalar argument."""
        name = f"%a{len(self.arguments)}"
        self.arguments[name] = width
        return name

    def splat(self, scalar: str, width: int) -> str:
        return self.emit(f"tt.splat {scalar} : i{width} -> {self.tensor(width)}")

    def constant(self, number: int | str, width: int) -> str:
        return self.emit(f"arith.constant dense<{number}> : {self.tensor(width)}")

    def binary(self, name: str, a: str, b: str, width: int) -> str:
        """An operation on tensors with its operands in either order."""
        if self.rng.random() < 0.5:
            a, b = b, a
        return self.emit(f"arith.{name} {a}, {b} : {self.tensor(width)}")

    def extended(self, value: str, width: int = 32, to: int = 64) -> str:
        """The tensor *value*, of *width* bits, with more of them."""
        name = self.rng.choice(("extsi", "extui"))
        return self.emit(f"arith.{name} {value} : {self.tensor(width)} to {self.tensor(to)}")

    def accesses(self, mask: str, other: str, element: int = 8) -> list[str]:
        """A load and a store under *mask* of elements of so many bits; both texts are empty where they have none."""
        pointers = f"tensor<{self.lanes}x!tt.ptr<i{element}>>"
        return [f"%x = tt.load %ptrs{mask}{other} : {pointers}", f"tt.store %ptrs, %x{mask} : {pointers}"]

    def function(self, lines: list[str], element: int = 8) -> str:
        """The function, made of *lines*, whose `%ptrs` are those of neighbours and aligned, and `%value` what is elsewhere."""
        attributes = f"{{tt.contiguity = {self.lanes} : i32, tt.divisibility = 16 : i32}}"
        pointers = f"%ptrs: tensor<{self.lanes}x!tt.ptr<i{element}>> {attributes}"
        scalars = "".join(f", {name}: i{width}" for name, width in self.arguments.items())
        body = "\n".join([*lines, "tt.return"])
        return f"tt.func @{self.name}({pointers}, %value: {self.tensor(element)}{scalars}) {{\n{body}\n}}\n"

    def number(self, width: int) -> int:
        """A number of *width* bits, most often one near which something changes."""
        corner = self.rng.choice((0, 0, 1 << (width - 1), 1 << 31, 1 << 32, 1 << 63, self.lanes, 1000, -self.lanes))
        near = self.rng.choice((0, 0, 1, -1, self.lanes, -self.lanes, self.rng.randint(-3 * self.lanes, 3 * self.lanes)))
        return (corner + near) % (1 << width) if self.rng.random() < 0.95 else self.rng.getrandbits(width)
