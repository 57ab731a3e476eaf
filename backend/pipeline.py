# SPDX-License-Identifier: MIT
"""Our passes over a kernel's TTIR, which `steps` lists: how they are run."""

from __future__ import annotations

import math
import re
import tempfile
from typing import Any

from triton._C.libtriton import ir
from triton.backends.nvidia import compiler as nvidia

from . import passes, steps
from .steps import Kernel


def make_ttir(module: Any, metadata: dict, options: Any, capability: int) -> Any:
    """Triton's TTIR stage with our passes behind it."""
    module = nvidia.CUDABackend.make_ttir(module, metadata, options, capability)
    chosen = steps.chosen(options)
    if chosen and passes.available():
        kernel = describe(module, str(module), options, capability)
        for step in chosen:
            run_pass(module, passes.text(step.name, **step.options(kernel)))
    return module


def describe(module: Any, text: str, options: Any, capability: int) -> Kernel:
    """What the options of passes over *module*, whose text is *text*, follow from."""
    return Kernel(options, capability, count(module), weigh(text, steps.threads(options)))


def run_pass(module: Any, pipeline: str) -> None:
    """Runs *pipeline*, a pass with its options, over *module*. Raises `RuntimeError` if it fails."""
    pm = ir.pass_manager(module.context)
    pm.enable_debug()
    passes.add_text(pm, pipeline)
    pm.run(module, pipeline.partition("{")[0].replace("-", "_"))


def count(module: Any) -> int:
    """The number of operations in *module*, as the passes count them."""
    found = 0

    def meet(_: Any) -> None:
        nonlocal found
        found += 1

    module.walk(meet)
    return found


#: An operation that has results; the last type on its line is that of one, or as large.
_RESULT = re.compile(r"^ +%.* = .*", re.M)
_SHAPE = re.compile(r"tensor<((?:[0-9]+x)+)")


def weigh(text: str, threads: int) -> int:
    """About how many instructions each of *threads* runs for the module *text*: one for each element of a result that it holds."""
    weight = 0
    for line in _RESULT.findall(text):
        shapes = _SHAPE.findall(line)
        weight += max(1, math.prod(map(int, shapes[-1].split("x")[:-1])) // threads) if shapes else 1
    return weight


def parse(text: str, context: Any, kind: str = "ttir") -> Any:
    """The module that *text* is."""
    # Triton reads modules from files only.
    with tempfile.NamedTemporaryFile("w", suffix=f".{kind}") as file:
        file.write(text)
        file.flush()
        module = ir.parse_mlir_module(file.name, context)
    module.context = context
    return module
