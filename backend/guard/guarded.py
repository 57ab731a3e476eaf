# SPDX-License-Identifier: MIT
"""Our passes over a kernel's TTIR, none of which may take the kernel with it.

They run one by one. One that fails is left out, and the others run on the module as it was before: the kernel compiles without
it. A warning names the pass, the kernel, and a file from which `graft-opt` makes the failure again. One that ended the process, or
did not end, is left out in the same way by the next process (`crashes`).
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from triton import knobs
from triton._C.libtriton import ir
from triton.backends.nvidia import compiler as nvidia

from .. import plugin
from ..errors import GraftWarning
from ..files import write_file
from ..passes.steps import ORDER
from ..pipeline import chosen, count, run_pass
from ..steps import Kernel, Step
from . import crashes, skips

#: Where reproducers are written, in the folder of the cache.
_FOLDER = "graft-reproducers"


class Changed(NamedTuple):
    """A module, the names of the passes that changed it, and its text before any did.

    *ordered* is its text with the change of `passes.steps.ORDER` alone, which comes first; empty without one.
    """

    module: Any
    passes: tuple[str, ...] = ()
    original: str = ""
    ordered: str = ""


def make_ttir(module: Any, metadata: dict, options: Any, capability: int) -> Changed:
    """Triton's TTIR stage with our passes behind it."""
    module = nvidia.CUDABackend.make_ttir(module, metadata, options, capability)
    steps = chosen(options)
    if not steps or not plugin.available():
        return Changed(module)
    text = str(module)
    kernel = Kernel(options, capability, count(module), text)
    with crashes.Watch(metadata.get("hash", "")) as watch:
        return _run(module, steps, kernel, watch)


def _run(module: Any, steps: Sequence[Step], kernel: Kernel, watch: crashes.Watch) -> Changed:
    """Runs the passes *steps* over *module*, which is *kernel*. The result is another module if one of them failed."""
    size, ordered = kernel.size, ""
    changed: dict[str, str] = {}
    skipped = skips.of_kernel(kernel.options.skip_passes, module.get_entry_func_name())
    for step in steps:
        sites = skipped.get(step.name)
        if sites == ():
            continue
        pipeline = plugin.text(step.name, **step.options(kernel), **({"skip_sites": sites} if sites else {}))
        failure = watch.crash(step.name, pipeline, functools.partial(write_reproducer, module, pipeline))
        failure = failure or _failure(module, step.name, pipeline, watch)
        if failure:
            module = _again(kernel.text, changed, module.context, watch)
            _report(step.name, pipeline, module, failure)
        elif (now := count(module)) != size:  # a pass that changes a kernel makes it larger
            changed[step.name], size = pipeline, now
            ordered = str(module) if step.name == ORDER else ordered
    return Changed(module, tuple(changed), kernel.text, ordered)


def _again(before: str, changed: Mapping[str, str], context: Any, watch: crashes.Watch) -> Any:
    """The module that the passes *changed*, by name with their options, made of *before*."""
    module = parse(before, context)
    for name, pipeline in changed.items():
        _failure(module, name, pipeline, watch)
    return module


def _failure(module: Any, name: str, pipeline: str, watch: crashes.Watch) -> str:
    """Runs *pipeline*, which is the pass *name*, over *module*. Returns what Triton says if it fails: *module* is then in any state."""
    try:
        with watch.running(name):
            run_pass(module, pipeline)
    except RuntimeError as error:
        return str(error)
    return ""


# -- What failed


def _report(name: str, pipeline: str, module: Any, failure: str) -> None:
    """Warns that the pass *name* failed on *module*, and leaves a reproducer."""
    path = write_reproducer(module, pipeline)
    where = f"graft-opt makes it again from {path}" if path else "the reproducer could not be written"
    kernel = module.get_entry_func_name()
    warnings.warn(f"{kernel} is compiled without {name}, which failed: {failure}; {where}", GraftWarning, stacklevel=2)


def write_reproducer(module: Any, pipeline: str) -> str | None:
    """Writes *module* and how to run *pipeline* over it to a file, whose path it returns; None if that cannot be done."""
    kernel, text = module.get_entry_func_name(), str(module)
    content = f"// graft-opt <this file> -{_as_flag(pipeline)}\n{text}".encode()
    name = f"{re.sub('[^A-Za-z0-9_.-]', '_', kernel)[:100]}.{hashlib.sha256(content).hexdigest()[:16]}.mlir"
    for folder in (os.path.join(str(knobs.cache.dir), _FOLDER), os.path.join(tempfile.gettempdir(), _FOLDER)):
        with contextlib.suppress(OSError):
            os.makedirs(folder, exist_ok=True)
            path = os.path.join(folder, name)
            write_file(path, content)
            return path
    return None


def _as_flag(pipeline: str) -> str:
    """A pass with its options in MLIR's form, as a flag of `graft-opt`."""
    name, _, options = pipeline.rstrip("}").partition("{")
    return f"{name}='{options}'" if options else name


def parse(text: str, context: Any, kind: str = "ttir") -> Any:
    """The module that *text* is."""
    # Triton reads modules from files only.
    with tempfile.NamedTemporaryFile("w", suffix=f".{kind}") as file:
        file.write(text)
        file.flush()
        module = ir.parse_mlir_module(file.name, context)
    module.context = context
    return module
