# SPDX-License-Identifier: MIT
"""Tensor descriptors as arguments: what Triton makes of `triton.tools.tensor_descriptor.TensorDescriptor` at a launch."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .dtypes import SIZES, dtype_name

_MAX_RANK = 5
#: The most numbers that a block has (`TRITON_MAX_TENSOR_NUMEL` of Triton).
_MAX_BLOCK = 1 << 20


class TensorDescriptor:
    """A tensor that a kernel takes in blocks, with the fields of Triton's class of this name.

    *base* has `data_ptr()`, which is divisible by 16, and `dtype`; *shape* and *strides* (of 1 to 5 numbers) count elements, and the
    last stride is 1. *padding* is what a block has outside of the tensor: "zero" or "nan".

    Raises `ValueError` for a tensor that a tensor map cannot describe.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - as Triton's
        self,
        base: Any,
        shape: Sequence[int],
        strides: Sequence[int],
        block_shape: Sequence[int],
        padding: str = "zero",
        round_f32_to_tf32: bool = False,
    ):
        self.base, self.shape, self.strides, self.block_shape = base, shape, strides, block_shape
        self.padding, self.round_f32_to_tf32 = padding, round_f32_to_tf32
        for wrong in _faults(self):
            raise ValueError(f"this cannot be a tensor descriptor: {wrong}")

    def __repr__(self) -> str:
        return f"TensorDescriptor({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    @staticmethod
    def from_tensor(
        tensor: Any, block_shape: Sequence[int], padding: str = "zero", round_f32_to_tf32: bool = False
    ) -> TensorDescriptor:
        """The descriptor of all of *tensor*, which has `shape` and `stride()` as PyTorch's."""
        return TensorDescriptor(tensor, tensor.shape, tensor.stride(), block_shape, padding, round_f32_to_tf32)


def _faults(made: TensorDescriptor) -> Iterator[str]:
    """What is wrong with *made*, in words."""
    rank, name = len(made.shape), dtype_name(str(made.base.dtype))
    if not 1 <= rank <= _MAX_RANK:
        yield f"shape has {rank} numbers, and a tensor map 1 to {_MAX_RANK}"
    for field in ("strides", "block_shape"):
        if len(getattr(made, field)) != rank:
            yield f"{field} has {len(getattr(made, field))} numbers, and shape {rank}"
    if name is None or name not in SIZES:
        yield f"Triton has no dtype {made.base.dtype}"
    elif any(stride * SIZES[name] % 16 for stride in made.strides[:-1]):
        yield f"strides {tuple(made.strides)} of {name} are not divisible by 16 bytes"
    if made.base.data_ptr() % 16:
        yield "the address of base is not divisible by 16"
    if made.strides[-1] != 1:
        yield f"the last of strides is {made.strides[-1]}, and has to be 1"
    if any(extent < 1 for extent in made.shape):
        yield f"shape {tuple(made.shape)} has a number below 1"
    if any(extent < 1 or extent & (extent - 1) for extent in made.block_shape) or math.prod(made.block_shape) > _MAX_BLOCK:
        yield f"block_shape {tuple(made.block_shape)} has to be powers of two, of at most {_MAX_BLOCK} elements"
    if made.padding not in ("zero", "nan"):
        yield f"padding is {made.padding!r}, and has to be 'zero' or 'nan'"
    if made.padding == "nan" and not str(name).startswith(("fp", "bf")):
        yield f"padding is 'nan', and {name} has no such number"
    if made.round_f32_to_tf32 and name != "fp32":
        yield f"round_f32_to_tf32 is for fp32, and this is {name}"


def is_descriptor(value: Any) -> bool:
    """Whether *value* is a descriptor, of the class here or of Triton's, which need not be imported."""
    cls = type(value)
    return isinstance(value, TensorDescriptor) or (cls.__name__, cls.__module__) == (
        "TensorDescriptor",
        "triton.tools.tensor_descriptor",
    )


def type_of(value: Any) -> str:
    """Triton's type of the descriptor *value*, such as `tensordesc<fp16[8, 32]>`."""
    return f"tensordesc<{dtype_name(str(value.base.dtype))}{list(value.block_shape)}>"


# -- Launching

#: The types that a host can pass; what has a layout, as in Gluon, is of another class there.
_PLAIN = re.compile(r"tensordesc<\w+\[(\d+(?:, ?\d+){0,4})\]>")

#: Numbers of element types in a CUtensorMapDataType (CUDA Driver API) by those that Triton has.
_ELEMENT_TYPES = {number: number for number in range(16)} | {8: 10, 9: 8, 10: 9}
_TF32 = 11


def is_plain(type_: str) -> bool:
    """Whether *type_* is that of a descriptor without a layout."""
    return _PLAIN.fullmatch(type_) is not None


def why_not_made(types: Sequence[str], made: Sequence[dict[str, Any]] | None) -> str:
    """Why the host cannot make the descriptors among *types* as *made* says, a kernel's `tensordesc_meta`; empty if it can."""
    given = [type_ for type_ in types if type_.startswith("tensordesc")]
    if not all(map(is_plain, given)):
        return "its tensor descriptors have layouts, as in Gluon"
    if len(given) != len(made or ()):
        return "its tensor descriptors are taken apart, as before compute capability 9.0"
    return ""


def parameters(type_: str) -> list[str]:
    """The parameters of a kernel that an argument of *type_* becomes: those of a descriptor are its map, its shape and its strides."""
    if not type_.startswith("tensordesc"):
        return [type_]
    rank = _PLAIN.fullmatch(type_)[1].count(",") + 1  # type: ignore[index]
    return ["nvTmaDesc", *["i32"] * rank, *["i64"] * rank]


def map_plans(
    made: Sequence[dict[str, Any]] | None, element_types: Mapping[int, int] = _ELEMENT_TYPES, rounded: int = _TF32
) -> tuple[tuple, ...]:
    """How the native launcher makes the map of each descriptor of *made*, a kernel's `tensordesc_meta`.

    *element_types* has the CUtensorMapDataType of each that Triton numbers, and *rounded* is that of fp32 rounded to TF32.
    """
    return tuple(
        (
            each["swizzle"],
            each["elem_size"],
            element_types[each["elem_type"]],
            rounded,
            each["fp4_padded"],
            each["is_im2col"],
            list(each["block_size"]),
        )
        for each in made or ()
    )


def pass_on(value: Any, plan: tuple, fill: Callable[..., Any]) -> list:
    """What is passed for the descriptor *value*: its map, which *fill* makes as *plan* says, its shape and its strides."""
    if value.strides[-1] != 1:
        raise ValueError(f"the last of the strides {tuple(value.strides)} of a descriptor has to be 1")
    swizzle, size, element, rounded, padded, _, block = plan
    shape = list(value.shape)
    if padded:
        shape[-1] *= 2
    element = rounded if value.round_f32_to_tf32 else element
    made = fill(value.base.data_ptr(), swizzle, size, element, block, shape, value.strides, int(value.padding == "nan"))
    return [made, *value.shape, *value.strides]
