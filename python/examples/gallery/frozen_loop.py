# SPDX-License-Identifier: MIT
"""Freeze the launch in an inference loop: all but two arguments are bound once, and each step costs the host less.

Run it where there are PyTorch and a CUDA device:

    cd python/examples
    python -m gallery.frozen_loop

A frozen launch refuses arguments that would need another kernel. Those go the usual way.
"""

from typing import Any

import triton
from gallery.device import torch_on_a_device
from softmax import arguments, softmax_kernel
from triton.backends.graft import launch
from triton.backends.graft.driver import Driver
from triton.backends.graft.errors import SpecializationError

ROWS, COLUMNS, STEPS = 64, 1024, 100
FIXED = arguments(ROWS, COLUMNS, COLUMNS)


def run(frozen: Any, x: Any, out: Any) -> None:
    """One step: out = softmax of the rows of x."""
    try:
        frozen(x, out)
    except SpecializationError:  # x does not begin at a multiple of 16 bytes, for example
        softmax_kernel[(ROWS,)](x, out, **FIXED)


def main() -> None:
    torch = torch_on_a_device()
    triton.runtime.driver.set_active(Driver())
    # One element more than needed, for a step that begins at the second.
    buffers = [torch.ones(ROWS * COLUMNS + 1, dtype=torch.float16, device="cuda") for _ in range(2)]
    out = torch.empty(ROWS * COLUMNS, dtype=torch.float16, device="cuda")

    frozen = launch.freeze(softmax_kernel, (ROWS,), buffers[0], out, **FIXED, vary=("x_ptr", "out_ptr"))
    for step in range(STEPS):
        run(frozen, buffers[step % 2], out)
    run(frozen, buffers[0][1:], out)
    for way, count in sorted(launch.stats().items()):
        print(f"{way}: {count}")


if __name__ == "__main__":
    main()
