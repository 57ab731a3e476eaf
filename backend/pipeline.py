# SPDX-License-Identifier: MIT
"""Our passes over a kernel's TTIR, which `wings.steps` lists: how they are run."""

from __future__ import annotations

from typing import Any

from triton._C.libtriton import ir
from triton.backends.nvidia import compiler as nvidia

from . import plugin, wings
from .steps import Kernel, Step


def make_ttir(module: Any, metadata: dict, options: Any, capability: int) -> Any:
    """Triton's TTIR stage with our passes behind it."""
    module = nvidia.CUDABackend.make_ttir(module, metadata, options, capability)
    steps = chosen(options)
    if steps and plugin.available():
        kernel = Kernel(options, capability, count(module), str(module))
        for step in steps:
            run_pass(module, plugin.text(step.name, **step.options(kernel)))
    return module


def chosen(options: Any) -> tuple[Step, ...]:
    """The passes that run with *options*."""
    return tuple(step for step in wings.steps() if step.is_on(options))


def run_pass(module: Any, pipeline: str) -> None:
    """Runs *pipeline*, a pass with its options, over *module*. Raises `RuntimeError` if it fails."""
    pm = ir.pass_manager(module.context)
    pm.enable_debug()
    plugin.add_text(pm, pipeline)
    pm.run(module, pipeline.partition("{")[0].replace("-", "_"))


def count(module: Any) -> int:
    """The number of operations in *module*, as the passes count them."""
    found = 0

    def meet(_: Any) -> None:
        nonlocal found
        found += 1

    module.walk(meet)
    return found
