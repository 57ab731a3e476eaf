# SPDX-License-Identifier: MIT
"""The kernels of the launch benchmark: all empty, as a launch is what is measured, so none touches its arguments.

Triton passes arguments that a kernel does not use all the same.
"""

import triton
import triton.language as tl

# ruff: noqa: N803, PLR0913, PLR0917 - kernels take many arguments, and constexprs are written in upper case


@triton.jit
def few(x, out, n, BLOCK: tl.constexpr):
    pass


@triton.jit
def nothing():
    pass


@triton.jit
def nineteen(x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, n0, n1, n2, n3, n4, n5, n6, n7, n8):
    pass


# fmt: off
@triton.jit
def fifty_eight(
    x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15, x16, x17, x18, x19, x20, x21, x22, x23, x24, x25, x26,
    x27, x28, x29, n0, n1, n2, n3, n4, n5, n6, n7, n8, n9, n10, n11, n12, n13, n14, n15, n16, n17, n18, n19, n20, n21, n22, n23,
    n24, n25, n26, n27,
):
    pass
# fmt: on


@triton.jit
def many(
    x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, n0, n1, n2, n3, n4, n5, n6, n7, f0, f1, BLOCK: tl.constexpr, STAGES: tl.constexpr
):  # fmt: skip
    pass


# fmt: off
@triton.jit
def tensors(
    x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15, x16, x17, x18, x19, x20, x21, x22,
    x23, x24, x25, x26, x27, x28, x29, x30, x31, x32, x33, x34, x35, x36, x37, x38, x39, x40, x41, x42, x43,
    x44, x45, x46, x47, x48, x49, x50, x51, x52, x53, x54, x55, x56, x57, x58, x59, x60, x61, x62, x63, n,
):
    pass
# fmt: on


@triton.jit
def wrapped(x, out, stride, n, BLOCK: tl.constexpr):
    pass


@triton.jit
def described_once(a, n):
    pass


@triton.jit
def described(a, b, c, d, n):
    pass


@triton.jit
def described_inside(x, out, n):
    """Needs scratch memory for a descriptor, and does not come to it."""
    if n == 0:
        made = tl.make_tensor_descriptor(x, shape=[n, 32], strides=[32, 1], block_shape=[16, 32])
        made.store([0, 0], tl.zeros((16, 32), tl.float32))


def pick_first(call, quantiles):
    """Stands in for the autotuner's benchmark. There is nothing to choose between empty kernels, and no GPU under a stub."""
    return [1.0 for _ in quantiles]


autotuned = triton.autotune(
    configs=[triton.Config({"BLOCK": 64}), triton.Config({"BLOCK": 128})], key=["n"], do_bench=pick_first
)(few)

heuristics = triton.heuristics({"BLOCK": lambda arguments: 64})(few)
