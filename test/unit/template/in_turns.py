# SPDX-License-Identifier: MIT
"""Switches nine times among nvidia, graft and two backends of other chips: each compiles what it compiled before."""

import os
import tempfile

import triton
import triton.language as tl
from triton.backends import backends
from triton.backends.a_longer_name.driver import Driver as Longer
from triton.backends.chip.driver import Driver as Chip
from triton.backends.compiler import GPUTarget
from triton.backends.graft.driver import Driver as Graft
from triton.backends.nvidia.driver import CudaDriver
from triton.compiler import make_backend


@triton.jit
def double(x, out, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + offs, tl.load(x + offs, offs < n) * 2 + 1, offs < n)


class Nvidia(CudaDriver):
    """The in-tree backend's driver, on a device that is only named."""

    def __init__(self):
        self.get_current_target = lambda: GPUTarget("cuda", 90, 32)
        self.get_current_device = lambda: 0
        self.get_current_stream = lambda device: 0


#: A driver of each, the package that compiles while it is active, and the stage of its result.
SIDES = {
    "nvidia": (Nvidia, "cubin"),
    "chip": (Chip, "chip"),
    "graft": (lambda: Graft(target="cuda:90"), "cubin"),
    "a_longer_name": (Longer, "a_longer_name"),
}


def compiled_by(name):
    """The results of every stage of *name*, compiled anew."""
    make, last = SIDES[name]
    triton.runtime.driver.set_active(make())
    double.device_caches.clear()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TRITON_CACHE_DIR"] = folder
        owner = type(make_backend(triton.runtime.driver.active.get_current_target()))
        assert owner.__module__ == f"triton.backends.{name}.compiler", owner
        asm = dict(double.warmup(*[triton.MockTensor("i32")] * 2, 1001, BLOCK=256, grid=(1,)).asm)
    assert asm[last]
    return {stage: text for stage, text in asm.items() if stage != "source"}


assert set(SIDES) <= set(backends)
assert not backends["chip"].driver.is_active() and not backends["a_longer_name"].driver.is_active()
first = {name: compiled_by(name) for name in SIDES}
assert "scf.if" in first["graft"]["ttir"] and "scf.if" not in first["nvidia"]["ttir"]
for name in ("graft", "chip", "nvidia", "a_longer_name", "graft"):
    assert compiled_by(name) == first[name], name
triton.runtime.driver._active = None
