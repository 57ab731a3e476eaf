# SPDX-License-Identifier: MIT
"""What libraries write around a launch: they allocate, compute a grid, and launch by keywords, inside an operator of PyTorch's."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable
from typing import Any

import triton

_numbers = itertools.count()


class Nothing:
    """Stands in for a kernel: its launches do nothing."""

    def __getitem__(self, grid: Any) -> Callable[..., None]:
        return _launch_nothing


def _launch_nothing(*args: Any, **kwargs: Any) -> None:
    pass


def make_launch(kernel: Any, torch: Any) -> Callable[[Any], Any]:
    """A function of a tensor that launches *kernel*, `empty_kernels.wrapped`."""

    def launch(x: Any) -> Any:
        out = torch.empty_like(x)
        n = x.numel()
        kernel[lambda meta: (triton.cdiv(n, meta["BLOCK"]),)](x, out, stride=x.stride(0), n=n, BLOCK=1024)
        return out

    return launch


def make_function(kernel: Any) -> Callable[[Any], Any]:
    """The launch as a `torch.autograd.Function`."""
    torch = importlib.import_module("torch")
    launch = make_launch(kernel, torch)

    class Function(torch.autograd.Function):  # type: ignore[name-defined, misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return launch(x)

    return Function.apply


def make_operator(kernel: Any) -> Callable[[Any], Any]:
    """The launch as a `torch.library.custom_op`."""
    torch = importlib.import_module("torch")
    launch = make_launch(kernel, torch)
    name = f"launch_bench::wrapped_{next(_numbers)}"
    return torch.library.custom_op(name, launch, mutates_args=(), schema="(Tensor x) -> Tensor")


WRAPPERS = {"function": make_function, "operator": make_operator}
