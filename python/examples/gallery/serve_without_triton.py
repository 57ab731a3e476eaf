# SPDX-License-Identifier: MIT
"""Serve kernels from a bundle without Triton: the server needs the package `triton_graft_runtime`, and no compiler.

Build the file on any machine with Triton, and start the server where there is a CUDA device of the target and PyTorch:

    cd python/examples
    python -m triton.backends.graft bundle build gallery.serve_bundle:warmup --target cuda:90 -o kernels.graft
    python -m gallery.serve_without_triton kernels.graft

A launch that the file has no variant for is an error, which lists the nearest that it has.
"""

import sys
from typing import Any

from gallery.device import torch_on_a_device
from triton_graft_runtime import Bundle, GraftError

BLOCK = 1024


def answer(kernels: Bundle, x: Any, y: Any, out: Any, n: int) -> None:
    """Handles one request: out = x + y."""
    grid = ((n + BLOCK - 1) // BLOCK,)
    kernels["add_kernel"][grid](x, y, out, n, BLOCK=BLOCK)


def main(path: str) -> None:
    torch = torch_on_a_device()
    kernels = Bundle(path)
    print("serving", kernels)
    for n in (1000, 4096):
        x, y, out = (torch.ones(n, dtype=torch.float16, device="cuda") for _ in range(3))
        answer(kernels, x, y, out, n)
        print(f"answered a request of {n} elements: {out}")
    print("Triton was imported" if "triton" in sys.modules else "Triton was not imported")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        main(sys.argv[1])
    except GraftError as error:
        sys.exit(f"error: {error}")
