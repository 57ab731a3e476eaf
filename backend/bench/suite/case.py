# SPDX-License-Identifier: MIT
"""What a case is: one launch of one kernel, as a table of arguments, and what PyTorch says should come out.

Tensors are described, not made, so that a case can be compiled where there is neither a GPU nor PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import triton
import triton.language as tl
from triton.runtime.jit import MockTensor
from triton.tools.tensor_descriptor import TensorDescriptor

from ...errors import GraftError

Size = tuple[Any, ...]
Tensors = dict[str, Any]

#: Options every kernel is compiled with. Triton 3.9 warns where `enable_fp_fusion` is left to its default.
OPTIONS = {"enable_fp_fusion": True}

ITEM_BYTES = {
    "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8, "int8": 1, "uint8": 1, "int32": 4, "int64": 8,
}  # fmt: skip


class WrongResultError(GraftError):
    """A kernel does not compute what PyTorch computes."""


@dataclass(frozen=True)
class Tensor:
    """A tensor argument: its *shape* and *strides* in elements (contiguous if not given), and its *dtype* by PyTorch's name.

    *fill* is a number for all elements; None for random ones, normal or of the whole range of integers; or a function of the
    tensors made before, which gives a tensor. With a *block*, the kernel takes a TMA descriptor of blocks of that shape.
    """

    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...] | None = None
    fill: float | Callable[[Tensors], Any] | None = None
    block: tuple[int, ...] | None = None

    def make(self, before: Tensors, device: str) -> Any:
        """The tensor, on *device*."""
        import torch

        if callable(self.fill):
            return self.fill(before)
        dtype = getattr(torch, self.dtype)
        tensor = torch.empty_strided(self.shape, self.strides or _contiguous(self.shape), dtype=dtype, device=device)
        if self.fill is not None:
            return tensor.fill_(self.fill)
        if dtype.is_floating_point:
            return tensor.normal_()
        limits = torch.iinfo(dtype)
        return tensor.random_(limits.min, None)

    def mock(self) -> Any:
        """What `warmup` takes in its place. All tensors begin at a multiple of 16 bytes, as PyTorch's do."""
        if self.block is None:
            return MockTensor(getattr(tl, self.dtype))
        return self.describe(_MockBase(_DtypeName(self.dtype)))

    def describe(self, base: Any) -> TensorDescriptor:
        """The TMA descriptor of *base*."""
        assert self.block is not None
        return TensorDescriptor(base, list(self.shape), list(self.strides or _contiguous(self.shape)), list(self.block))


def output(dtype: str, shape: tuple[int, ...], strides: tuple[int, ...] | None = None) -> Tensor:
    """A tensor for results, which holds what no kernel is expected to write there."""
    return Tensor(dtype, shape, strides, fill=3)


def matrix(dtype: str, rows: int, cols: int, stride: int, fill: float | None = None) -> Tensor:
    """A matrix whose rows are *stride* elements apart."""
    return Tensor(dtype, (rows, cols), (stride, 1), fill)


@dataclass(frozen=True)
class Case:
    """One launch. *arguments* has the parameters of *kernel* by name, constexprs included; tensors in *hidden* are no arguments
    but belong to them. *expect* takes all tensors as they are after the launch and gives those expected, by the names of outputs.
    An element x may differ by *atol* + *rtol* * |x|, both in units of the dtype's epsilon and eight times that of fp32.
    """

    kernel: Any
    grid: tuple[int, ...]
    arguments: Mapping[str, Any]
    expect: Callable[[Tensors], Tensors]
    options: Mapping[str, Any] = field(default_factory=dict)
    hidden: Mapping[str, Tensor] = field(default_factory=dict)
    rtol: float = 4.0
    atol: float = 4.0

    def make_tensors(self, device: str) -> Tensors:
        """All tensors, random ones with the same content in every call."""
        import torch

        torch.manual_seed(0)
        tensors: Tensors = {}
        for name, value in {**self.hidden, **self.arguments}.items():
            if isinstance(value, Tensor):
                tensors[name] = value.make(tensors, device)
        return tensors

    def launcher(self, tensors: Tensors) -> Callable[[], Any]:
        """What launches the kernel on *tensors*, under whichever driver is active."""
        arguments = dict(self.arguments)
        for name, value in self.arguments.items():
            if isinstance(value, Tensor):
                arguments[name] = value.describe(tensors[name]) if value.block else tensors[name]
        # The subscript belongs to the launch: what it gives depends on the driver.
        return lambda: self.kernel[self.grid](**arguments, **self.options, **OPTIONS)

    def warmup(self) -> Any:
        """Compiles the kernel for the active driver's target and returns it."""
        arguments = {name: value.mock() if isinstance(value, Tensor) else value for name, value in self.arguments.items()}
        return self.kernel.warmup(grid=self.grid, **arguments, **self.options, **OPTIONS)

    def variant(self) -> tuple:
        """What a compiled kernel of this case depends on: cases with equal variants share it."""
        constexprs = {param.name for param in self.kernel.params if param.is_constexpr}
        values = tuple((name, value if name in constexprs else _specialise(value)) for name, value in self.arguments.items())
        return self.kernel.__name__, values, tuple(self.options.items())

    def reset(self, tensors: Tensors) -> None:
        """Gives outputs and counters among *tensors* what they held before a launch."""
        for name, value in {**self.hidden, **self.arguments}.items():
            if isinstance(value, Tensor) and isinstance(value.fill, int | float):
                tensors[name].fill_(value.fill)

    def check(self, tensors: Tensors) -> None:
        """Raises `WrongResultError`, which names the tensor, if a launch has not left in *tensors* what was expected."""
        import torch

        for name, expected in self.expect(tensors).items():
            found = tensors[name]
            if torch.equal(found, expected):
                continue
            unit = 0.0
            if expected.is_floating_point():
                unit = torch.finfo(expected.dtype).eps + 8 * torch.finfo(torch.float32).eps
            try:
                torch.testing.assert_close(
                    found, expected, rtol=self.rtol * unit, atol=self.atol * unit, check_stride=False, equal_nan=False
                )
            except AssertionError as error:
                raise WrongResultError(f"wrong result in {name!r}: {' '.join(str(error).split())}") from None


@dataclass(frozen=True)
class Entry:
    """One kernel of the suite with its *sizes* by name. *tiny* is a size for Triton's interpreter, None if that cannot run it.

    *beside* has what is measured in the same turns to compare with, on the sides *beside_on*.
    """

    name: str
    build: Callable[..., Case]
    sizes: Mapping[str, Size]
    tiny: Size | None
    beside: Mapping[str, Callable[..., Case]] = field(default_factory=dict)
    beside_on: tuple[str, ...] = ()

    def cases(self, size: Size) -> dict[str, Case]:
        """What is launched at *size*: the kernel under the name "", and what is measured beside it."""
        return {name: build(*size) for name, build in {"": self.build, **self.beside}.items()}


def odd_and_aligned(*sizes: Size) -> dict[str, Size]:
    """*sizes* under names such as "4095 x 4096": their numbers and words."""
    return {" x ".join(map(str, size)): size for size in sizes}


def round_up(n: int, multiple: int = 64) -> int:
    return triton.cdiv(n, multiple) * multiple


def _specialise(value: Any) -> Any:
    """What of an argument Triton compiles for."""
    if isinstance(value, Tensor):
        return value.dtype, value.block
    return (value == 1, value % 16 == 0, value >= 2**31) if isinstance(value, int) else type(value)


def _contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    strides = [1]
    for size in reversed(shape[1:]):
        strides.append(strides[-1] * size)
    return tuple(reversed(strides))


class _DtypeName(str):
    """A dtype as `TensorDescriptor` asks for it."""

    @property
    def itemsize(self) -> int:
        return ITEM_BYTES[self]


class _MockBase:
    """Stands in for the tensor of a descriptor."""

    def __init__(self, dtype: _DtypeName):
        self.dtype = dtype

    @staticmethod
    def data_ptr() -> int:
        return 0
