# SPDX-License-Identifier: MIT
"""A kernel option by which tests try what holds for every one, the pass that it switches on, and a kernel that the pass changes."""

import pytest
import triton
import triton.language as tl
from triton.backends.graft import wings
from triton.backends.graft.settings import Flag

_FLAGS = [name for name, option in wings.options().items() if isinstance(option.kind, Flag)]

#: An option that is on if nobody says otherwise, and its variable; None where there is none.
SWITCH = next((name for name in _FLAGS if wings.options()[name].default), None)
VARIABLE = wings.options()[SWITCH].variable if SWITCH else None

#: The first pass that it switches on; None where there is none.
PASS = next((step.name for step in wings.steps() if step.switch == SWITCH), None)

#: The options with which no pass runs.
OFF = wings.switched_off()

needs_option = pytest.mark.skipif(SWITCH is None, reason="needs an option of the backend's own")
needs_pass = pytest.mark.skipif(PASS is None, reason="needs a pass of the backend's own")


def make_double():
    """Twice x, under a boundary mask: a new kernel with empty caches at each call."""

    @triton.jit
    def double(x, out, n, BLOCK: tl.constexpr):
        offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        mask = offs < n
        tl.store(out + offs, tl.load(x + offs, mask) * 2, mask)

    return double


def warm_up_double(kernel, **options):
    """Compiles `double` for the active driver and returns the compiled kernel."""
    return kernel.warmup(*[triton.MockTensor("i32")] * 2, 1001, BLOCK=1024, grid=(1,), **options)
