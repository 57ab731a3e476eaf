# SPDX-License-Identifier: MIT
"""What an example tells about itself, so that it can be compiled without a GPU, run, checked and timed by one program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import triton
import triton.language as tl
from triton.runtime.jit import MockTensor

#: Options every example is compiled with. Triton 3.9 warns where `enable_fp_fusion` is left to its default.
OPTIONS = {"enable_fp_fusion": True}

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Example:
    """A kernel, the function that launches it, and what it should compute.

    *arguments* gives, for a shape, all that the kernel takes after its *pointers* leading pointers, block sizes and
    compiler options included. *shapes* has at least the keys 'odd' (no size is a multiple of 16, but rows of matrices
    start aligned), 'even' (all are) and 'small' (for a quick check of the numerics).

    *make* makes tensors from a shape, a dtype and a device; *run* and *reference* take these tensors and give the result.
    An element x of the result may differ from the reference by *atol* + *rtol* * |x|. The unit of both is the dtype's epsilon
    and eight times that of fp32, in which the kernels compute.
    """

    name: str
    kernel: triton.JITFunction
    pointers: int
    arguments: Callable[..., dict[str, Any]]
    shapes: dict[str, Shape]
    make: Callable[..., tuple]
    run: Callable[..., Any]
    reference: Callable[..., Any]
    dtypes: tuple[str, ...] = ("float16", "bfloat16", "float32")
    rtol: float = 1.0
    atol: float = 1.0

    def warmup(self, dtype: str | None = None, shape: str = "odd", **options: Any) -> Any:
        """Compiles the kernel for the active driver's target and returns it. Needs neither tensors nor a GPU."""
        pointers = [MockTensor(getattr(tl, dtype or self.dtypes[0]))] * self.pointers
        return self.kernel.warmup(*pointers, grid=(1,), **self.arguments(*self.shapes[shape]), **options)

    def make_inputs(self, device: str, dtype: str | None = None, shape: str = "odd") -> tuple:
        """Random tensors for `run` and `reference`, the same ones in every call."""
        import torch

        torch.manual_seed(0)
        return self.make(self.shapes[shape], getattr(torch, dtype or self.dtypes[0]), device)

    def check(self, result: Any, expected: Any) -> None:
        """Raises `AssertionError`, naming the worst element, if *result* is not what was *expected*."""
        import torch

        unit = torch.finfo(expected.dtype).eps + 8 * torch.finfo(torch.float32).eps
        torch.testing.assert_close(result, expected, rtol=self.rtol * unit, atol=self.atol * unit)


def make_rows(shape: Shape, dtype: Any, device: str) -> Any:
    """A random matrix of *shape* (rows, columns, elements from one row to the next)."""
    import torch

    rows, columns, stride = shape
    return torch.randn(rows, stride, dtype=dtype, device=device)[:, :columns]


def empty_rows(like: Any) -> Any:
    """An uninitialised matrix with the shape and the distance between rows of the matrix *like*."""
    import torch

    return torch.empty_strided(like.shape, like.stride(), dtype=like.dtype, device=like.device)
