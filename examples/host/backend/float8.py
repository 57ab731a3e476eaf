# SPDX-License-Identifier: MIT
"""Conversions of fp8e4b15, which is a byte to TTIR: an fp16 without the upper bit of its exponent and the lower seven of its fraction."""

from __future__ import annotations

from typing import Any

import triton.language as tl
from triton.language import core


@core.builtin
def convert_custom_types(arg: Any, dst_ty: Any, fp_downcast_rounding: Any = None, _semantic: Any = None) -> Any:
    """*arg* as *dst_ty*, one of which is fp8e4b15. What is above 1.75 becomes 1.75, and halves are rounded up, as for NVIDIA's chips."""

    def to(value: Any, dtype: Any, **how: Any) -> Any:
        return value.to(dtype, **how, _semantic=_semantic)

    def number(value: int) -> Any:
        return _semantic.to_tensor(value)

    if arg.dtype.is_fp8e4b15():
        bits = to(to(arg, tl.uint8, bitcast=True), tl.uint16)
        sign = _semantic.shl(_semantic.and_(bits, number(0x80)), number(8))
        rest = _semantic.shl(_semantic.and_(bits, number(0x7F)), number(7))
        return to(to(to(_semantic.or_(sign, rest), tl.uint16), tl.float16, bitcast=True), dst_ty.scalar)
    half = arg if arg.dtype.is_fp16() else to(to(arg, tl.float32), tl.float16, fp_downcast_rounding="rtz")
    bits = to(half, tl.uint16, bitcast=True)
    sign = _semantic.lshr(_semantic.and_(bits, number(0x8000)), number(8))
    size = _semantic.minimum(_semantic.and_(bits, number(0x7FFF)), number(0x3F00), tl.PropagateNan.NONE)
    rest = _semantic.lshr(_semantic.add(size, number(0x40), False), number(7))
    return to(to(_semantic.or_(sign, rest), tl.uint8), tl.float8e4b15, bitcast=True)
