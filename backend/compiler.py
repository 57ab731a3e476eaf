# SPDX-License-Identifier: MIT
"""The compiler: Triton's own NVIDIA pipeline, stage by stage, with our passes where they belong."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from triton import knobs
from triton.backends.compiler import GPUTarget, Language
from triton.backends.nvidia import compiler as nvidia

from . import hooks
from .errors import OptionError
from .settings import NAME, OPTIONS


@dataclass(frozen=True)
class Options(nvidia.CUDAOptions):
    """Triton's options for the target and ours. `settings.OPTIONS` documents and checks ours."""

    skip_passes: str = OPTIONS["skip_passes"].default
    exact_bits: bool = OPTIONS["exact_bits"].default
    swizzle_programs: int | str = OPTIONS["swizzle_programs"].default
    version_tiles: bool = OPTIONS["version_tiles"].default
    version_tiles_max_ops: int = OPTIONS["version_tiles_max_ops"].default

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, option in OPTIONS.items():
            option.check(getattr(self, name))


class Backend(nvidia.CUDABackend):
    """Compiles for `cuda` while our driver is the active one."""

    @staticmethod
    def supports_target(target: GPUTarget) -> bool:
        return target.backend == "cuda" and hooks.owns_cuda(target, NAME)

    def __init__(self, target: GPUTarget) -> None:
        # The registry asks the class, and ownership decides. Made on purpose, it works whatever driver is active.
        self.supports_target = lambda target: target.backend == "cuda"  # type: ignore[method-assign]
        super().__init__(target)

    def parse_options(self, opts: dict[str, Any]) -> Options:
        """The options in *opts*, which may hold a kernel's keyword arguments too; the environment fills in ours."""
        upstream = super().parse_options(opts)
        _refuse_unknown(opts)
        values = {field.name: getattr(upstream, field.name) for field in fields(upstream)}
        for name, option in OPTIONS.items():
            given = opts.get(name)
            values[name] = option.for_process() if given is None else option.check(given)
        return Options(**values)

    def add_stages(self, stages: dict, options: Options, language: Language) -> None:
        capability = self._parse_arch(options.arch)
        if language == Language.TRITON:
            from .guard import verdict

            judge = verdict.Judge(self, options, capability)
            stages["ttir"] = judge.make_ttir
            stages.update({name: judge.remembering(name) for name in ("ttgir", "llir", "ptx", "cubin")})
        elif language == Language.GLUON:
            stages["glir"] = lambda src, metadata: src
            stages["ttgir"] = lambda src, metadata: self.gluon_to_ttgir(src, metadata, options, capability)
            stages["llir"] = lambda src, metadata: self.make_llir(src, metadata, options, capability)
            stages["ptx"] = lambda src, metadata: self.make_ptx(src, metadata, options, self.target.arch)
            stages["cubin"] = lambda src, metadata: self.make_cubin(src, metadata, options, self.target.arch)
        if knobs.runtime.add_stages_inspection_hook is not None:
            knobs.runtime.add_stages_inspection_hook(self, stages, options, language, capability)

    @staticmethod
    def make_ttir(mod: Any, metadata: dict, opt: Options, capability: int) -> Any:
        """Triton's TTIR stage with our passes behind it. What `add_stages` gives asks ptxas about them, too."""
        from . import pipeline

        return pipeline.make_ttir(mod, metadata, opt, capability).module

    def make_cubin(self, src: str, metadata: dict, opt: Options, capability: int) -> bytes:
        from .cache import key

        metadata["compiler_identity"] = key.compiler_identity()
        return super().make_cubin(src, metadata, opt, capability)

    def hash(self) -> str:
        """Names what compiles for this target: the compiler and its tools, by content."""
        from .cache import inputs

        return inputs.part({**inputs.compiler().components, **inputs.tools(self.target)}).digest


def _refuse_unknown(opts: dict[str, Any]) -> None:
    """Raises `OptionError` for an option that does not exist.

    A launch passes the kernel's keyword arguments along, and Triton itself refuses what is neither; it always passes
    `instrumentation_mode`. Whoever compiles directly passes options only, and there Triton would ignore a misspelt one.
    """
    if "instrumentation_mode" in opts:
        return
    known = [field.name for field in fields(Options)]
    for name, value in opts.items():
        if name not in known:
            import difflib

            close = difflib.get_close_matches(name, known, n=1)
            raise OptionError(name, value, f"an option that exists{f'; did you mean {close[0]}?' if close else ''}")
