# SPDX-License-Identifier: MIT
"""Conversions of fp8e4b15, which is a byte to TTIR: an fp16 without the upper bit of its exponent and the lower seven of its fraction."""

from __future__ import annotations

from typing import Any

import triton.language as tl
from triton.language import core

from .values import Functions


@core.builtin
def convert_custom_types(arg: Any, dst_ty: Any, fp_downcast_rounding: Any = None, _semantic: Any = None) -> Any:
    """*arg* as *dst_ty*, one of which is fp8e4b15. What is above 1.75 becomes 1.75, and halves are rounded up, as for NVIDIA's chips."""
    f = Functions({}, _semantic)
    value = f.value(arg)
    if arg.dtype.is_fp8e4b15():
        bits = value.to(tl.uint8, bitcast=True).to(tl.uint16)
        half = (((bits & 0x80) << 8) | ((bits & 0x7F) << 7)).to(tl.uint16).to(tl.float16, bitcast=True)
        return half.to(dst_ty.scalar).tensor
    half = value if arg.dtype.is_fp16() else value.to(tl.float32).to(tl.float16, fp_downcast_rounding="rtz")
    bits = half.to(tl.uint16, bitcast=True)
    size = f.minimum(bits & 0x7FFF, 0x3F00) + 0x40
    return (((bits & 0x8000) >> 8) | (size >> 7)).to(tl.uint8).to(tl.float8e4b15, bitcast=True).tensor
