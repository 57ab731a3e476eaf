# SPDX-License-Identifier: MIT
"""Switching drivers on a device: results, caches and modules."""

import gc
import os
import subprocess
import sys

import pytest
import torch
import triton
import triton.language as tl
from triton.backends.graft import wings
from triton.backends.graft.driver import Driver
from triton.backends.graft.errors import CompileOnlyError
from triton.backends.nvidia.compiler import CUDABackend


@triton.jit
def double_kernel(x, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    tl.store(x + offsets, tl.load(x + offsets, mask=mask) * 2, mask=mask)


def launch():
    """Doubles 1000 ones; returns the compiled kernel."""
    x = torch.ones(1000, device="cuda")
    kernel = double_kernel[(1,)](x, 999, BLOCK=1024)
    assert x.sum().item() == 1999
    return kernel


@pytest.fixture(autouse=True)
def restored():
    yield
    triton.runtime.driver.reset_active()


def test_a_kernel_that_ran_before_the_switch_runs_through_our_backend_after_it():
    upstream = launch()
    triton.runtime.driver.set_active(Driver())
    ours = launch()
    assert set(ours.metadata._fields) - set(upstream.metadata._fields) >= set(wings.options())
    triton.runtime.driver.reset_active()
    assert launch() is upstream


def test_switching_back_and_forth_keeps_what_each_side_compiled():
    driver = Driver()
    triton.runtime.driver.set_active(driver)
    first = launch()
    triton.runtime.driver.reset_active()
    launch()
    triton.runtime.driver.set_active(driver)
    assert launch() is first


def test_a_module_may_die_while_the_compile_only_driver_is_active():
    launch()
    triton.runtime.driver.set_active(Driver(target="cuda:90"))
    double_kernel.__dict__["device_caches"].clear()
    gc.collect()
    with pytest.raises(CompileOnlyError, match="launching kernel 'double_kernel' needs a CUDA device"):
        launch()
    triton.runtime.driver.reset_active()
    launch()


def test_a_graph_captured_under_our_driver_replays_after_switching_back():
    triton.runtime.driver.set_active(Driver())
    x = torch.ones(1000, device="cuda")
    double_kernel[(1,)](x, 999, BLOCK=1024)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        double_kernel[(1,)](x, 999, BLOCK=1024)
    triton.runtime.driver.reset_active()
    gc.collect()
    x.fill_(1)
    graph.replay()
    torch.cuda.synchronize()
    assert x.sum().item() == 1999


def test_inductor_finds_our_driver_to_be_the_gpu_backend(graft):
    from torch._inductor.runtime.triton_helpers import set_driver_to_gpu

    set_driver_to_gpu()
    assert triton.runtime.driver.active is graft


def test_the_registry_has_one_backend_for_cuda_on_either_side():
    target = triton.runtime.driver.active.get_current_target()
    assert type(triton.compiler.make_backend(target)) is CUDABackend
    triton.runtime.driver.set_active(Driver())
    assert type(triton.compiler.make_backend(target)).__module__ == "triton.backends.graft.compiler"


def test_the_environment_makes_ours_the_default_and_needs_no_code(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import torch, triton, triton.language as tl\n"
        "@triton.jit\n"
        "def fill(x, n, BLOCK: tl.constexpr):\n"
        "    offsets = tl.arange(0, BLOCK)\n"
        "    tl.store(x + offsets, 3.0, mask=offsets < n)\n"
        "x = torch.zeros(100, device='cuda')\n"
        "kernel = fill[(1,)](x, 99, BLOCK=128)\n"
        "print(type(triton.runtime.driver.active).__module__, x.sum().item())\n"
    )
    env = os.environ | {"TRITON_DEFAULT_BACKEND": "graft"}
    done = subprocess.run([sys.executable, str(script)], env=env, capture_output=True, text=True)
    assert done.stdout.split() == ["triton.backends.graft.driver", "297.0"], done.stderr
