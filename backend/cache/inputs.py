# SPDX-License-Identifier: MIT
"""What decides, besides the TTIR, which bytes come out of a compilation: the named components of the cache key.

Each component is a name and a text. What is not listed here does not reach the artifact, or reaches it through the TTIR:
how floating-point defaults are chosen, what a kernel read from the program. An option, variable or file that is added to the
backend and changes code needs a line here, unless it is a field of `Options`, which all count.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import triton
from triton import knobs
from triton._C.libtriton import get_cache_invalidating_env_vars

from ..diagnostics import DIAGNOSTICS
from ..settings import PREFIX
from . import identity
from .encoding import Encoder, digest, joined

#: Raised when what the key means changes.
FORMAT = "3"

#: Knobs that decide on code, each with its value now. Where Python reads a knob the knob counts, whoever set it.
KNOBS: dict[str, Callable[[], Any]] = {
    "disable_line_info": lambda: knobs.compilation.disable_line_info,
    "extract_di_local_variables": lambda: knobs.compilation.dump_ir_extract_di_local_variables,
    "use_ir_loc": lambda: knobs.compilation.use_ir_loc,
    "enable_asan": lambda: knobs.compilation.enable_asan,
    "disable_ptxas_opt": lambda: knobs.nvidia.disable_ptxas_opt,
}

#: Knobs that decide on TTIR, which the front end reads.
FRONT_END_KNOBS: dict[str, Callable[[], Any]] = {
    "fp32_default": lambda: knobs.language.fp32_default,
    "allow_non_constexpr_globals": lambda: knobs.compilation.allow_non_constexpr_globals,
}

#: Variables that C++ reads and that decide on code; whether they are flags. For these the environment counts, not a knob.
ENVIRONMENT = {
    "ALLOW_LHS_TMEM_LAYOUT_CONVERSION": True,
    "DISABLE_LLVM_OPT": False,
    "DISABLE_MMA_V3": True,
    "DISABLE_MMA_V5": True,
    "DISABLE_PTXAS_OPT": True,
    "LLVM_EXTRACT_DI_LOCAL_VARIABLES": True,
    "TRITON_CONSAN_INIT_ALLOCATIONS": True,
    "TRITON_DISABLE_LINE_INFO": True,
    "TRITON_ENABLE_ASAN": True,
    "TRITON_ENABLE_EXPERIMENTAL_CONSAN": True,
    "USE_IR_LOC": False,
}

#: Variables of Triton's key that do not count here, with what they do instead.
NOT_COUNTED: dict[str, Sequence[str]] = {
    "diagnostics": DIAGNOSTICS,
    "other targets": [
        "AMDGCN_USE_BUFFER_ATOMICS",
        "AMDGCN_USE_BUFFER_OPS",
        "TRITON_HIP_USE_ASYNC_COPY",
        "TRITON_HIP_USE_BLOCK_PINGPONG",
        "TRITON_HIP_USE_COEXEC_SCHEDULER",
        "TRITON_HIP_USE_EXPERT_SCHEDULING",
        "TRITON_HIP_USE_IN_THREAD_TRANSPOSE",
    ],
    "counted as an option, by the TTIR, or by content": [
        "LLVM_PASS_PLUGIN_PATH",
        "TRITON_DEFAULT_FP_FUSION",
        "TRITON_F32_DEFAULT",
        "TRITON_FORCE_DISABLE_FP_FUSION",
        "TRITON_OVERRIDE_ARCH",
        "TRITON_PLUGIN_PATHS",
    ],
}
_NOT_COUNTED = frozenset(name for names in NOT_COUNTED.values() for name in names)

#: Options that are names of files, and count by content alone.
_BY_CONTENT = ("extern_libs", "ir_override")

_TRUE, _FALSE = ("1", "true", "on"), ("", "0", "false", "off")


def frozen_key() -> str | None:
    """What `Driver(key=...)` or `GRAFT_CACHE_KEY` gave to stand for the identity of the compiler, the driver first."""
    driver = triton.runtime.driver.__dict__.get("_active")
    return getattr(driver, "key", None) or os.environ.get(PREFIX + "CACHE_KEY") or None


class Part(NamedTuple):
    """Components that go together, and their digest."""

    components: dict[str, str]
    digest: str


def part(components: dict[str, str]) -> Part:
    """*components* in any order, with one digest of 64 hexadecimal digits."""
    return Part(components, digest(joined(joined(item) for item in sorted(components.items()))))


#: Parts made before, by what they were made from: in a process, most kernels have most of them in common.
_parts: dict[Any, Part] = {}
_MAX_PARTS = 256


def _remembered(made_from: Any, make: Callable[[], dict[str, str]]) -> Part:
    """What *make* makes of *made_from*, as a part."""
    found = _parts.get(made_from)
    if found is None:
        if len(_parts) >= _MAX_PARTS:
            _parts.clear()
        found = _parts[made_from] = part(make())
    return found


def compiler() -> Part:
    """What identifies the compiler."""
    frozen = frozen_key()
    parts = identity.compiler() if frozen is None else {"frozen": frozen}
    return _remembered(("compiler", *parts.items()), lambda: {f"compiler.{name}": text for name, text in parts.items()})


def front_end(target: Any, options: Any) -> Part:
    """What, with a kernel's source and the compiler, decides on its TTIR."""
    active = _active_target()
    values = _values(FRONT_END_KNOBS)
    return _remembered(
        ("front end", target, active, values, _fingerprint(options)),
        lambda: {
            "target": _target_text(target),
            "front_end.active_target": "unknown" if active is None else _target_text(active),
            **_options(options),
            **_knobs(FRONT_END_KNOBS, values),
        },
    )


def _active_target() -> Any:
    """What `triton.language.target_info` tells kernels; None where it would raise an error.

    That is so in a forked process of a program that uses PyTorch's CUDA, such as those in which Inductor compiles.
    """
    try:
        return triton.runtime.driver.active.get_current_target()
    except RuntimeError:
        return None


def code(target: Any, options: Any) -> Part:
    """What, with the TTIR and the compiler, decides on the artifact. Raises `OSError` for a library that is not there."""
    files, programs = _files(options), tools(target)
    values, variables = _values(KNOBS), get_cache_invalidating_env_vars()
    return _remembered(
        ("code", target, values, *files.items(), *programs.items(), *variables.items(), _fingerprint(options)),
        lambda: {
            "format": FORMAT,
            "target": _target_text(target),
            **_options(options),
            **_knobs(KNOBS, values),
            **_environment(variables),
            **files,
            **programs,
        },
    )


def tools(target: Any) -> dict[str, str]:
    """The components for programs that the backend runs."""
    return {f"tool.{name}": text for name, text in identity.tools(target.arch).items()}


def override(source: Any) -> dict[str, str]:
    """The component for what `TRITON_KERNEL_OVERRIDE` puts in place of a stage's result; none if it puts nothing."""
    if not knobs.compilation.override:
        return {}
    from triton.runtime.cache import get_override_manager

    manager = get_override_manager(source.hash())
    found = {ext: manager.get_file(f"{source.name[:150]}.{ext}") for ext in ("ttir", "ttgir", "llir", "ptx", "cubin")}
    return {f"override.{ext}": identity.file_digest(path) for ext, path in found.items() if path}


def _target_text(target: Any) -> str:
    return f"{target.backend}:{target.arch}:{target.warp_size}"


def _fingerprint(options: Any) -> tuple:
    """What tells *options* apart, types included."""
    values = tuple(vars(options).values())
    return (values, *map(type, values))


def _options(options: Any) -> dict[str, str]:
    encoder = Encoder(lines=False)
    values = ((name, value) for name, value in vars(options).items() if name not in _BY_CONTENT)
    return {f"option.{name}": encoder.text(value) for name, value in values}


def _files(options: Any) -> dict[str, str]:
    """The files that options name: by content, libraries in the order in which they are linked."""
    files = {f"library.{i}.{name}": path for i, (name, path) in enumerate(options.extern_libs)}
    if options.ir_override:
        files[f"ir_override{Path(options.ir_override).suffix}"] = options.ir_override
    if options.ptx_options:
        words = options.ptx_options.replace("=", " ").replace(",", " ").split()
        files |= {f"ptx_options.{word}": word for word in words if os.path.isfile(word)}
    return {f"file.{name}": identity.file_digest(path) for name, path in files.items()}


def _values(table: dict[str, Callable[[], Any]]) -> tuple:
    return tuple(value() for value in table.values())


def _knobs(table: dict[str, Callable[[], Any]], values: tuple) -> dict[str, str]:
    encoder = Encoder(lines=False)
    return {f"knob.{name}": encoder.text(value) for name, value in zip(table, values, strict=True)}


def _environment(variables: dict[str, str]) -> dict[str, str]:
    """*variables*, as they are set, by what they mean: one that is not set is one that is off."""
    meant = {name: flag_text(text, ENVIRONMENT.get(name, False)) for name, text in variables.items()}
    return {f"environment.{name}": text for name, text in sorted(meant.items()) if text and name not in _NOT_COUNTED}


def flag_text(text: str, flag: bool) -> str:
    """What C++ makes of *text*, the value of a variable that is a *flag* or may be a text as well."""
    lower = text.lower()
    if lower in _TRUE:
        return "1"
    return "" if flag or lower in _FALSE else text
