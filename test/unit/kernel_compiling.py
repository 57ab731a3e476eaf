# SPDX-License-Identifier: MIT
"""Compiles random kernels with each pass off and on, stage by stage, and says what the passes changed.

    python test/unit/kernel_compiling.py --seed 0 --count 3000

No GPU is needed, and no numpy. MLIR verifies the module after every pass; a pass that leaves something invalid is a failure.
"""

import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import kernel_processes
import triton
from kernel_cases import Case, Pointer, load
from kernel_processes import Finding
from triton._C.libtriton import ir
from triton.backends.compiler import GPUTarget, Language
from triton.backends.graft.compiler import Backend
from triton.backends.graft.driver import Driver
from triton.backends.graft.guard import guarded
from triton.compiler import ASTSource

TARGETS = (80, 90, 100)

#: Both options off, each alone on, both on, and as they are where nobody sets them. The group, in rows, is small, as grids are:
#: one that is chosen lets the order of a small grid be.
PASSES = {
    "none": {"version_tiles": False, "swizzle_programs": 0},
    "tiles": {"version_tiles": True, "swizzle_programs": 0},
    "programs": {"version_tiles": False, "swizzle_programs": 2},
    "both": {"version_tiles": True, "swizzle_programs": 3},
    "default": {"version_tiles": True, "swizzle_programs": "auto"},
}


def arguments(case: Case, addresses: Mapping[str, int] | None = None) -> dict[str, Any]:
    """What the kernel of *case* is launched with; without *addresses*, for compiling only."""
    pointers = {name: Pointer(buffer, addresses and addresses[name]) for name, buffer in case.buffers.items()}
    return {**pointers, **case.numbers, **case.constants}


@contextmanager
def _hooked(hook: Any) -> Iterator[None]:
    before, triton.knobs.runtime.jit_cache_hook = triton.knobs.runtime.jit_cache_hook, hook
    try:
        yield
    finally:
        triton.knobs.runtime.jit_cache_hook = before


def specialised(case: Case, folder: Path) -> ASTSource:
    """The kernel of *case* with the specialisation of its arguments that the active driver's launch would ask for."""
    kernel, asked = load(case, folder), []
    with _hooked(lambda *, compile, **_: asked.append(compile) or True):  # `or True`: there is no need to compile
        kernel.warmup(**arguments(case), **case.options, grid=case.grid)
    return ASTSource(kernel, asked[0]["signature"], asked[0]["constants"], asked[0]["configs"][0])


def run_passes(module: Any, metadata: dict, options: Any, capability: int) -> Any:
    """The TTIR stage. Raises RuntimeError if a change was not noticed, which ptxas would not be asked about, or noticed where none was."""
    made = guarded.make_ttir(module, metadata, options, capability)
    is_changed = made.original not in ("", str(made.module))
    if is_changed != bool(made.passes):
        raise RuntimeError(
            f"the module is {'another' if is_changed else 'the same'}, and was changed by {made.passes or 'no pass'}"
        )
    return made.module


class Compilation:
    """A kernel that the front end has read, to be compiled for *arch* / 10 under several options."""

    def __init__(self, case: Case, arch: int, folder: Path):
        self.case, self._target, self._path = case, GPUTarget("cuda", arch, 32), folder / "front_end.ttir"
        self._backend = Backend(self._target)
        source, context = specialised(case, folder), self._context()
        options = self._backend.parse_options(dict(case.options))
        functions, modules = self._backend.get_codegen_implementation(options), self._backend.get_module_map()
        self._text = source.make_ir(self._target, options, functions, modules, context).str()

    def _context(self) -> Any:
        context = ir.context()
        ir.load_dialects(context)
        self._backend.load_dialects(context)
        return context

    def compile(self, last: str = "ttgir", **options: Any) -> dict[str, Any]:
        """What comes out of each stage up to *last*: the text of the module, or what the stage returns.

        Raises RuntimeError where a stage fails or leaves a module that is not valid.
        """
        self._path.write_text(self._text)
        context = self._context()
        module = ir.parse_mlir_module(str(self._path), context)
        module.context = context
        stages: dict[str, Any] = {}
        backend, chosen = self._backend, self._backend.parse_options({**self.case.options, **options})
        backend.add_stages(stages, chosen, Language.TRITON)
        if last != "cubin":  # the passes are what is looked at here; ptxas' verdict on them takes as long as all else
            stages["ttir"] = lambda src, metadata: run_passes(src, metadata, chosen, backend._parse_arch(chosen.arch))
        results, metadata = {}, {}
        for name, stage in stages.items():
            module = stage(module, metadata)
            results[name] = module.str_nodebug() if hasattr(module, "str_nodebug") else module
            if hasattr(module, "verify") and not module.verify():
                raise RuntimeError(f"the module is not valid after {name}")
            if name == last:
                break
        return results


class Compiles:
    """Compiles each case for one of `TARGETS`, under the options that are *variants* of `PASSES`, up to the stage *last*."""

    def __init__(self, folder: Path, last: str = "ttgir", variants: Iterable[str] = PASSES):
        self._folder, self._last, self._variants = folder, last, tuple(variants)
        self._drivers = {arch: Driver(target=f"cuda:{arch}") for arch in TARGETS}

    def works(self) -> bool:
        return True

    def examine(self, case: Case) -> Finding:
        arch, texts = TARGETS[case.seed % len(TARGETS)], {}
        triton.runtime.driver.set_active(self._drivers[arch])
        compilation = Compilation(case, arch, self._folder)
        for variant in self._variants:
            options = PASSES[variant]
            try:
                text = compilation.compile("ttir", **options)["ttir"]
                if text not in texts.values():
                    texts[variant] = text
                    if self._last != "ttir":
                        compilation.compile(self._last, **options)
            except Exception:
                return Finding(variant, f"for cuda:{arch}: {traceback.format_exc()}")
        return Finding(changed=frozenset(texts) - {"none"})


if __name__ == "__main__":
    sys.exit(kernel_processes.main(Compiles, "Compiles random kernels with each pass off and on."))
