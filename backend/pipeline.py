# SPDX-License-Identifier: MIT
"""Our passes over a kernel's TTIR, which `steps` lists: how they run, and what happens if one fails.

They run one by one. One that fails is left out, and the others run on the module as it was before: the kernel compiles without
it. A warning names the pass, the kernel, and a file from which `graft-opt` makes the failure again. One that ended the process, or
did not end, is left out in the same way by the next process (`crashes`).
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import math
import os
import re
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from triton import knobs
from triton._C.libtriton import ir
from triton.backends.nvidia import compiler as nvidia

from . import crashes, passes, skips, steps
from .errors import GraftWarning
from .runtime.files import write_file
from .steps import ORDER, Kernel, Step

#: Where reproducers are written, in the folder of the cache.
_FOLDER = "graft-reproducers"


class Changed(NamedTuple):
    """A module, the names of the passes that changed it, and its text before any did.

    *ordered* is its text with the change of `steps.ORDER` alone, which comes first; empty without one.
    """

    module: Any
    passes: tuple[str, ...] = ()
    original: str = ""
    ordered: str = ""


def make_ttir(module: Any, metadata: dict, options: Any, capability: int) -> Changed:
    """Triton's TTIR stage with our passes behind it."""
    module = nvidia.CUDABackend.make_ttir(module, metadata, options, capability)
    chosen = steps.chosen(options)
    if not chosen or not passes.available():
        return Changed(module)
    text = str(module)
    kernel = Kernel(options, capability, count(module), weigh(text, steps.threads(options)))
    with crashes.Watch(metadata.get("hash", "")) as watch:
        return _run(module, chosen, kernel, text, watch)


def _run(module: Any, chosen: Sequence[Step], kernel: Kernel, text: str, watch: crashes.Watch) -> Changed:
    """Runs the passes *chosen* over *module*, which is *kernel* and *text*. The result is another module if one of them failed."""
    size, ordered = kernel.size, ""
    changed: dict[str, str] = {}
    skipped = skips.of_kernel(kernel.options.skip_passes, module.get_entry_func_name())
    for step in chosen:
        sites = skipped.get(step.name)
        if sites == ():
            continue
        pipeline = passes.text(step.name, **step.options(kernel), **({"skip_sites": sites} if sites else {}))
        failure = watch.crash(step.name, pipeline, functools.partial(write_reproducer, module, pipeline))
        failure = failure or _failure(module, step.name, pipeline, watch)
        if failure:
            module = _again(text, changed, module.context, watch)
            _report(step.name, pipeline, module, failure)
        elif (now := count(module)) != size:  # a pass that changes a kernel makes it larger
            changed[step.name], size = pipeline, now
            ordered = str(module) if step.name == ORDER else ordered
    return Changed(module, tuple(changed), text, ordered)


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


_DEFINED = re.compile(r"^ +(%\w+)(?::[0-9]+)? = (\S+)(.*)")
_NAME = re.compile(r"%\w+")
_ELEMENTS = re.compile(r"tensor<((?:[0-9]+x)+)(?:!tt\.ptr<)?[a-z]+([0-9]+)")


def count_held(text: str, threads: int) -> float:
    """About how many registers each of *threads* needs for what the module *text* loads and makes of that, where they are most.

    Addresses and masks are not counted, and loops are looked at as if they ran once.
    """
    born: dict[str, tuple[int, float]] = {}
    last: dict[str, int] = {}
    for number, line in enumerate(text.splitlines()):
        defined = _DEFINED.match(line)
        used = [name for name in _NAME.findall(defined[3] if defined else line) if name in born]
        last.update(dict.fromkeys(used, number))
        if defined and (used or defined[2] in ("tt.load", "tt.dot")) and (types := _ELEMENTS.findall(defined[3])):
            shape, bits = types[-1]
            elements = max(1, math.prod(map(int, shape.split("x")[:-1])) // threads)
            born[defined[1]] = number, elements * int(bits) / 32
    changes: dict[int, float] = {}
    for name, end in last.items():
        start, registers = born[name]
        changes[start] = changes.get(start, 0) + registers
        changes[end] = changes.get(end, 0) - registers
    return max(itertools.accumulate(changes[number] for number in sorted(changes)), default=0)


def parse(text: str, context: Any, kind: str = "ttir") -> Any:
    """The module that *text* is."""
    # Triton reads modules from files only.
    with tempfile.NamedTemporaryFile("w", suffix=f".{kind}") as file:
        file.write(text)
        file.flush()
        module = ir.parse_mlir_module(file.name, context)
    module.context = context
    return module


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
