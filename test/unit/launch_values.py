# SPDX-License-Identifier: MIT
"""What random launches are given: pointers, PyTorch's tensors and odder things, each shown alike in every process."""

import enum
import math
import re
from collections import namedtuple
from typing import Any

import triton
import triton.language as tl
from triton.tools.tensor_descriptor import TensorDescriptor

try:
    import torch
except ImportError:
    torch = None

#: Addresses from HOST up to MAPPED are host memory; those from MAPPED on are host memory that the device sees elsewhere.
HOST, MAPPED, MAPPED_END, MAPPED_AT = 0x6000_0000, 0x6100_0000, 0x6200_0000, 0x7300_0000


class DType(str):
    """A dtype by name that tensor descriptors take, too."""

    __slots__ = ()
    is_floating_point = True
    itemsize = 2


FP16 = DType("fp16")


class Pointer:
    """Something with an address and a dtype, as PyTorch's tensors are."""

    def __init__(self, address: int, dtype: str):
        self.address, self.dtype = address, dtype

    def data_ptr(self) -> int:
        return self.address

    def zero_(self) -> None:
        """What the autotuner calls for `reset_to_zero`."""

    def __repr__(self) -> str:
        return f"ptr({self.address:#x}, {self.dtype!r})"


class BadPointer(Pointer):
    """Its address cannot be had."""

    def data_ptr(self) -> int:
        raise ValueError("this memory is gone")


class OddPointer(Pointer):
    """Its address is not an integer."""

    def data_ptr(self) -> Any:
        return "0x1000"


class Index:
    """An integer that is not an `int`, as NumPy's are."""

    def __init__(self, value: int):
        self.value = value

    def __index__(self) -> int:
        return self.value

    def __repr__(self) -> str:
        return f"Index({self.value})"


class Equal:
    """Equal to every other with the same number, and represented by its address."""

    def __init__(self, number: int):
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Equal) and other.number == self.number

    def __hash__(self) -> int:
        return hash(self.number)


class Sequence:
    """A grid that is neither a tuple nor a list."""

    def __init__(self, *items: int):
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> int:
        return self.items[index]


class CallableTuple(tuple):
    """A grid that can be called, and then is another."""

    __slots__ = ()

    def __call__(self, meta: dict) -> tuple:
        return (7, *self)


class MyInt(int):
    """A subclass of `int`."""


class Size(enum.IntEnum):
    """Integers with names."""

    ONE = 1
    FOUR = 4


Pair = namedtuple("Pair", "a b")


def descriptor(address: int, shape: list[int], block: list[int]) -> TensorDescriptor:
    """A tensor descriptor of a row-major fp16 matrix."""
    strides = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
    return TensorDescriptor(Pointer(address, FP16), shape, strides, block)


class Tensors:
    """PyTorch's tensors by name; pointers at made-up addresses stand in for them where there is no PyTorch."""

    def __init__(self):
        if torch is None:
            for number, name in enumerate(("f32", "f16", "bf16", "i64", "i8", "u8", "bool", "empty", "scalar", "strided")):
                setattr(self, name, Pointer(0x5000_0000 + number * 0x1000, "fp32"))
            self.offset, self.misaligned, self.size = Pointer(0x5000_0010, "fp32"), Pointer(0x5000_0004, "fp32"), (3, 2)
            self.parameter = self.wrapped = self.detached = self.f32
            return
        base = torch.zeros(64)
        self.f32, self.f16, self.bf16 = base, torch.zeros(8, dtype=torch.float16), torch.zeros(8, dtype=torch.bfloat16)
        self.i64, self.i8 = torch.zeros(8, dtype=torch.int64), torch.zeros(32, dtype=torch.int8)
        self.u8, self.bool = torch.zeros(8, dtype=torch.uint8), torch.zeros(8, dtype=torch.bool)
        self.empty, self.scalar, self.strided = torch.empty(0), torch.tensor(3.0), base[::2]
        self.offset, self.misaligned, self.size = base[4:], base[1:], torch.Size([3, 2])
        self.parameter = torch.nn.Parameter(torch.zeros(8))
        self.detached = self.parameter.detach()
        self.wrapped = triton.reinterpret(base, tl.float16)


def show(value: Any) -> str:
    """*value* with its type, equal on both sides and in every process."""
    if torch is not None and isinstance(value, torch.Tensor):
        return f"{type(value).__name__}({value.dtype}, {tuple(value.shape)}, {value.storage_offset()})"
    if isinstance(value, tuple):
        return f"{type(value).__name__}({', '.join(map(show, value))})"
    if isinstance(value, list):
        return f"[{', '.join(map(show, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{show(key)}: {show(item)}' for key, item in value.items())}}}"
    if isinstance(value, tl.constexpr):
        return f"constexpr({show(value.value)})"
    if isinstance(value, BaseException):
        return "an exception"  # what was raised is compared where it arrives
    if isinstance(value, Equal):
        return f"Equal({value.number})"
    if isinstance(value, TensorDescriptor):
        return f"descriptor({value.base!r}, {value.shape}, {value.block_shape})"
    return f"{type(value).__name__}:{without_addresses(repr(value))}"


def without_addresses(text: str) -> str:
    """*text* without what differs between two runs of the same."""
    return re.sub(r"0x[0-9a-f]{6,}", "0x...", text)
