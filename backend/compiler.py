# SPDX-License-Identifier: MIT
"""The compiler: Triton's own NVIDIA pipeline, stage by stage, with our passes where they belong."""

from __future__ import annotations

from dataclasses import fields, make_dataclass
from typing import Any

from triton import knobs
from triton.backends.compiler import GPUTarget, Language
from triton.backends.nvidia import compiler as nvidia

from . import hooks, wings
from .errors import OptionError, did_you_mean
from .settings import NAME


def _check(options: Any) -> None:
    """What a dataclass does last: raises `OptionError` for an option of ours that is not allowed."""
    nvidia.CUDAOptions.__post_init__(options)
    for name, option in wings.options().items():
        option.check(getattr(options, name))


#: Triton's options for the target, and a field for each of ours (`wings.options`).
Options: Any = make_dataclass(
    "Options",
    [(name, Any, option.default) for name, option in wings.options().items()],
    bases=(nvidia.CUDAOptions,),
    namespace={"__doc__": "Triton's options for the target, and ours.", "__post_init__": _check, "__module__": __name__},
    frozen=True,
)


class Backend(nvidia.CUDABackend):
    """Compiles for `cuda` while our driver is the active one."""

    @staticmethod
    def supports_target(target: GPUTarget) -> bool:
        return target.backend == "cuda" and hooks.owns_cuda(target, NAME)

    def __init__(self, target: GPUTarget) -> None:
        # The registry asks the class, and ownership decides. Made on purpose, it works whatever driver is active.
        self.supports_target = lambda target: target.backend == "cuda"  # type: ignore[method-assign]
        super().__init__(target)

    def parse_options(self, opts: dict[str, Any]) -> Any:
        """The options in *opts*, which may hold a kernel's keyword arguments too; the environment fills in ours."""
        upstream = super().parse_options(opts)
        _refuse_unknown(opts)
        values = {field.name: getattr(upstream, field.name) for field in fields(upstream)}
        for name, option in wings.options().items():
            given = opts.get(name)
            values[name] = option.for_process() if given is None else option.check(given)
        return Options(**values)

    def for_kernel(self, kernel: Any) -> Backend:
        """This backend, or one like it to which those parameters of *kernel* are no options that are called as options of ours."""
        own = [name for name in wings.options() if name in kernel.arg_names]
        if not own:
            return self
        made = type(self)(self.target)
        parse = made.parse_options
        made.parse_options = lambda opts: parse(  # type: ignore[method-assign]
            {name: value for name, value in opts.items() if name not in own}
        )
        return made

    def add_stages(self, stages: dict, options: Any, language: Language) -> None:
        capability = self._parse_arch(options.arch)
        if language == Language.TRITON:
            stages["ttir"] = lambda src, metadata: self.make_ttir(src, metadata, options, capability)
            stages["ttgir"] = lambda src, metadata: self.make_ttgir(src, metadata, options, capability)
        elif language == Language.GLUON:
            stages["glir"] = lambda src, metadata: src
            stages["ttgir"] = lambda src, metadata: self.gluon_to_ttgir(src, metadata, options, capability)
        stages["llir"] = lambda src, metadata: self.make_llir(src, metadata, options, capability)
        stages["ptx"] = lambda src, metadata: self.make_ptx(src, metadata, options, self.target.arch)
        stages["cubin"] = lambda src, metadata: self.make_cubin(src, metadata, options, self.target.arch)
        if language == Language.TRITON:
            for wing in wings.present().values():
                wing.add_stages(self, stages, options, capability)
        if knobs.runtime.add_stages_inspection_hook is not None:
            knobs.runtime.add_stages_inspection_hook(self, stages, options, language, capability)

    @staticmethod
    def make_ttir(mod: Any, metadata: dict, opt: Any, capability: int) -> Any:
        """Triton's TTIR stage with our passes behind it."""
        from . import pipeline

        return pipeline.make_ttir(mod, metadata, opt, capability)

    def make_cubin(self, src: str, metadata: dict, opt: Any, capability: int) -> bytes:
        for wing in wings.present().values():
            metadata.update(wing.metadata())
        return super().make_cubin(src, metadata, opt, capability)

    def hash(self) -> str:
        """Names what compiles for this target: by what a wing finds out, `Driver(key=...)`, or content and Triton's own name."""
        from . import plugin

        given = getattr(hooks.active_driver(), "key", None)
        return wings.first(lambda wing: wing.identity(self.target)) or given or f"{super().hash()}-{plugin.package_digest()}"


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
            raise OptionError(name, value, f"an option that exists{did_you_mean(name, known)}")
