# SPDX-License-Identifier: MIT
"""The CPU: how LLVM calls it, what it has, and for what other CPUs kernels can be compiled here."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
from pathlib import Path

from triton._C import libtriton

from . import plugin, settings
from .errors import TargetError

#: How LLVM calls the machines that it can be asked for: the triple, and the name in its functions `LLVMInitialize<name>Target`.
_MACHINES = {"x86_64": ("x86_64-unknown-linux-gnu", "X86"), "aarch64": ("aarch64-unknown-linux-gnu", "AArch64")}

_V2 = frozenset(["cx16", "popcnt", "sahf", "sse3", "sse4.1", "sse4.2", "ssse3"])
_V3 = _V2 | frozenset(["avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"])
_V4 = _V3 | frozenset(["avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl"])

#: CPUs that can be named besides this one, by machine: LLVM's name, and what a CPU must have to run kernels for it.
_LEVELS = {
    "x86_64": {"x86-64": frozenset[str](), "x86-64-v2": _V2, "x86-64-v3": _V3, "x86-64-v4": _V4},
    "aarch64": {"generic": frozenset[str]()},
}


@functools.cache
def _described() -> tuple[str, str]:
    name, _, features = plugin.machine().partition(":")
    return name, features


def name() -> str:
    """LLVM's name of this CPU, such as `znver5`."""
    return _described()[0]


def _levels() -> dict[str, frozenset[str]]:
    return _LEVELS.get(platform.machine(), {})


def features(arch: str) -> str:
    """What LLVM is told of the CPU *arch* besides its name: all that this one has and has not, nothing of another.

    Raises `TargetError` for a CPU that kernels cannot be compiled for here.
    """
    if arch != name() and arch not in _levels():
        raise TargetError(f"arch={arch!r}: expected one of {', '.join((name(), *_levels()))}")
    return _described()[1] if arch == name() else ""


def _has(arch: str, features: str) -> frozenset[str]:
    """The names of what kernels for *arch* may use."""
    return frozenset(part[1:] for part in features.split(",") if part[:1] == "+") or _levels().get(arch, frozenset())


def check_runs(kernel: str, arch: str, features: str) -> None:
    """Raises `TargetError` if code for that CPU may have instructions that this one has not."""
    if missing := _has(arch, features) - _has(*_described()):
        raise TargetError(
            f"the kernel {kernel} was compiled for {arch}, and this CPU, {name()}, has no {', '.join(sorted(missing))}; "
            "such a kernel can be compiled here but not launched."
        )


def vector_bits(arch: str, features: str) -> int:
    """The width of the vectors that suit a CPU, in bits."""
    has = _has(arch, features)
    return 512 if "avx512f" in has else 256 if "avx2" in has else 128


@functools.cache
def triple() -> str:
    """LLVM's triple of this machine, with LLVM's code generator for it ready. Raises `TargetError` if Triton has none."""
    machine = platform.machine()
    triple, family = _MACHINES.get(machine, ("", ""))
    library = ctypes.CDLL(libtriton.__file__)
    # Triton's `init_targets` makes those of GPUs ready.
    parts = [f"LLVMInitialize{family}{part}" for part in ("TargetInfo", "Target", "TargetMC", "AsmPrinter", "AsmParser")]
    if not family or not all(hasattr(library, part) for part in parts):
        raise TargetError(f"this build of Triton has no code generator for {machine}, so kernels cannot be compiled on it.")
    for part in parts:
        getattr(library, part)()
    return triple


def _quota() -> int | None:
    """How many CPUs the control group of a container gives, rounded up; None if there is no limit."""
    try:
        limit, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return -(-int(limit) // int(period))
    except (OSError, ValueError):
        return None


def threads() -> int:
    """How many threads run the programs of a launch: HOST_THREADS, or as many as there are cores for this process."""
    cores = len(os.sched_getaffinity(0))
    return settings.threads() or min(cores, _quota() or cores)


def cache_size() -> int:
    """The size of the largest cache of a CPU, in bytes, or a guess."""
    found = [path.read_text().strip() for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")]
    return max((int(size[:-1]) * 1024 for size in found if size.endswith("K")), default=32 * 2**20)
