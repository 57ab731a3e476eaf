# SPDX-License-Identifier: MIT
"""Serve a model's kernels from one file: they are compiled ahead of time, and the server compiles nothing.

Build the file on any machine, and start the server where there is a CUDA device of one of the targets and PyTorch:

    cd python/examples
    python -m triton.backends.graft bundle build gallery.serve_bundle:warmup --target cuda:80 --target cuda:90 -o kernels.graft
    python -m gallery.serve_bundle kernels.graft

A kernel that the file does not have is an error, which names the nearest that it has.
"""

import os
import sys
from typing import Any

import triton
from gallery.device import torch_on_a_device
from triton.backends.graft import bundle
from triton.backends.graft.driver import Driver
from triton.backends.graft.errors import GraftError
from vector_add import BLOCK, add_kernel, arguments


def warmup() -> None:
    """What the server will launch: tensors of fp16, of any length up to a million, at any address."""
    sizes = {**arguments(1), "n": range(1, 1_000_000)}
    bundle.warmup(add_kernel, x_ptr="*fp16", y_ptr="*fp16", out_ptr="*fp16", **sizes)


def answer(x: Any, y: Any, out: Any, n: int) -> None:
    """Handles one request: out = x + y."""
    add_kernel[(triton.cdiv(n, BLOCK),)](x, y, out, **arguments(n))


def main(path: str) -> None:
    torch = torch_on_a_device()
    os.environ["GRAFT_CACHE"] = "require"  # a kernel that would have to be compiled is an error
    triton.runtime.driver.set_active(Driver())
    print("serving", bundle.load(path))
    for n in (1000, 4096):
        x, y, out = (torch.ones(n, dtype=torch.float16, device="cuda") for _ in range(3))
        answer(x, y, out, n)
        print(f"answered a request of {n} elements: {out}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        main(sys.argv[1])
    except GraftError as error:
        sys.exit(f"error: {error}")
