# SPDX-License-Identifier: MIT
"""Our passes over a kernel's TTIR: which, with which options, and what happens if one fails.

They run one by one. One that fails is left out, and the others run on the module as it was before: the kernel compiles without
it. A warning names the pass, the kernel, and a file from which `graft-opt` makes the failure again. One that ended the process, or
did not end, is left out in the same way by the next process (`crashes`).
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import math
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from triton import knobs
from triton._C.libtriton import ir
from triton.backends.nvidia import compiler as nvidia

from . import crashes, passes, skips
from .errors import GraftWarning
from .runtime.files import write_file

#: What all passes together may add to a kernel: this share of its operations, or so many instructions if it is small. In Liger-Kernel,
#: those that took more had all registers in use, and up to 150 KB of code more.
_SHARE, _FLOOR = 0.25, 800
#: A kernel of a few operations may double whatever its tiles hold: x + y in tiles of 8192 has 14 of them and is what passes are for.
_FEW = 48


class Kernel(NamedTuple):
    """What the options of a pass follow from: the kernel's options, the compute capability times ten, and its size in operations.

    *weight* is its size in instructions of a thread, as `weigh` estimates it.
    """

    options: Any
    capability: int
    size: int
    weight: int

    @property
    def copying(self) -> dict[str, int]:
        """The options of every pass that copies code."""
        few = self.size if self.size <= _FEW else 0
        added = max(_SHARE * self.size, _FLOOR * self.size / max(self.weight, 1), few)
        return {"threads": _threads(self.options), "exact": self.options.exact_bits, "max_size": self.size + int(added)}


class Step(NamedTuple):
    """A pass of ours, and its options. It runs where the option of its row in `skips.PASSES` is on."""

    name: str
    options: Callable[[Kernel], dict[str, int]]

    def is_on(self, options: Any) -> bool:
        return bool(getattr(options, skips.PASSES[self.name]))


def _threads(options: Any) -> int:
    """The threads of a CTA."""
    return 32 * options.num_warps * options.num_ctas


def _swizzling(kernel: Kernel) -> dict[str, int]:
    if kernel.options.swizzle_programs != "auto":
        return {"group": int(kernel.options.swizzle_programs)}
    from . import chips

    return chips.get_chip(kernel.capability)._asdict()


def _versioning(kernel: Kernel) -> dict[str, int]:
    return {**kernel.copying, "max_ops": kernel.options.version_tiles_max_ops}


#: The pass that changes the order of programs, and copies nothing.
ORDER = "graft-swizzle-programs"

#: The passes, in the order in which they run at the end of the TTIR stage.
STEPS: tuple[Step, ...] = (
    Step(ORDER, _swizzling),
    Step("graft-peel-loops", _versioning),
    Step("graft-version-tiles", _versioning),
    Step("graft-split-masks", lambda kernel: kernel.copying),
)

#: Where reproducers are written, in the folder of the cache.
_FOLDER = "graft-reproducers"


def steps(options: Any) -> tuple[Step, ...]:
    """The passes that run with *options*."""
    return tuple(step for step in STEPS if step.is_on(options))


class Original(NamedTuple):
    """A kernel as it was before our passes: the text of its module, and the digest that names the compilation."""

    text: str
    kernel: Kernel
    digest: str


class Changed(NamedTuple):
    """A module, the names of the passes that changed it, and what it was before if any were to run."""

    module: Any
    passes: tuple[str, ...] = ()
    original: Original | None = None


def make_ttir(module: Any, metadata: dict, options: Any, capability: int) -> Changed:
    """Triton's TTIR stage with our passes behind it."""
    module = nvidia.CUDABackend.make_ttir(module, metadata, options, capability)
    chosen = steps(options)
    if not chosen or not passes.available():
        return Changed(module)
    text = str(module)
    kernel = Kernel(options, capability, count(module), weigh(text, _threads(options)))
    return run(module, chosen, Original(text, kernel, metadata.get("hash", "")))


def run(module: Any, chosen: Sequence[Step], original: Original) -> Changed:
    """Runs the passes *chosen* over *module*, which is *original*. The result is another module if one of them failed."""
    with crashes.Watch(original.digest) as watch:
        return _run(module, chosen, original, watch)


def _run(module: Any, chosen: Sequence[Step], original: Original, watch: crashes.Watch) -> Changed:
    size = original.kernel.size
    changed: dict[str, str] = {}
    skipped = skips.of_kernel(original.kernel.options.skip_passes, module.get_entry_func_name())
    for step in chosen:
        sites = skipped.get(step.name)
        if sites == ():
            continue
        pipeline = passes.text(step.name, **step.options(original.kernel), **({"skip_sites": sites} if sites else {}))
        failure = watch.crash(step.name, pipeline, functools.partial(write_reproducer, module, pipeline))
        failure = failure or _failure(module, step.name, pipeline, watch)
        if failure:
            module = _again(original.text, changed, module.context, watch)
            _report(step.name, pipeline, module, failure)
        elif (now := count(module)) != size:  # a pass that changes a kernel makes it larger
            changed[step.name], size = pipeline, now
    return Changed(module, tuple(changed), original)


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
