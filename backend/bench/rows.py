# SPDX-License-Identifier: MIT
"""The rows of the launch benchmark: which kernel is launched how, what it may cost, and who else can launch it."""

from __future__ import annotations

from typing import Any, NamedTuple

#: Sides that launch one compiled kernel: they have no autotuner, no heuristics and no callable grid.
PLAIN_LAUNCHERS = ("compiled", "torch", "cuda-core", "cupy", "graph", "tvm-ffi")

#: The row that others are compared with.
PLAIN = "few"

_FEW: dict[str, int | float | str] = {"x": "tensor", "out": "tensor", "n": 1000}

_NINETEEN: dict[str, int | float | str] = {
    **{f"x{i}": "tensor" for i in range(10)},
    **{f"n{i}": 1001 + i for i in range(9)},
}

_WRAPPED: dict[str, int | float | str] = {"x": "tensor", "out": "tensor", "stride": 1, "n": 1024}


class Row(NamedTuple):
    """One way to launch one kernel. Targets are for our side on an H200."""

    name: str
    label: str
    kernel: str
    """Its name in `empty_kernels`."""
    arguments: dict[str, int | float | str]
    """By parameter, in order: a value, 'tensor', 'descriptor', or 'new descriptor', which is made anew for each launch."""
    constexprs: dict[str, int] = {}  # noqa: RUF012 - nobody writes to it
    grid: Any = (1,)
    new_grid: str = ""
    """The grid as Python that makes it anew for each launch."""
    wrapper: str = ""
    """One of `wrappers.WRAPPERS`, which launches the kernel; empty for a launch by itself."""
    around: str = ""
    """One of `around.AROUND`: what Python does for each launch besides."""
    alone: bool = False
    """Whether it is to be asked for by name, since it changes what others are measured with."""
    vary: tuple[str, ...] = ()
    """The parameters that a frozen launch still takes; empty for a launch that is not frozen."""
    hold_gil: bool = False
    """Whether a frozen launch keeps the GIL."""
    sides: tuple[str, ...] = ("c-loop", "graft", "triton")
    max_ratio: float | None = None
    """Target: time divided by that of the C loop."""
    max_own_ratio: float | None = None
    """Target: time without that of the same wrapper around nothing, divided by that of the C loop."""
    max_extra: float | None = None
    """Target: µs more than our side of the row `PLAIN`."""

    @property
    def target(self) -> str:
        """The target in words, empty if there is none."""
        if self.max_ratio is not None:
            return f"≤ {self.max_ratio:g}"
        if self.max_own_ratio is not None:
            return f"≤ nothing + {self.max_own_ratio:g} C loops"
        return f"≤ {PLAIN} + {self.max_extra:g} µs" if self.max_extra is not None else ""


ROWS = {
    row.name: row
    for row in (
        Row(
            name="few",
            label="2 tensors, 1 int, 1 constexpr",
            kernel="few",
            arguments=_FEW,
            constexprs={"BLOCK": 64},
            sides=("c-loop", "graft", "triton", *PLAIN_LAUNCHERS),
            max_ratio=1.15,
        ),
        Row(name="nothing", label="no arguments", kernel="nothing", arguments={}, max_ratio=1.1),
        Row(
            name="nineteen",
            label="19 arguments (10 tensors, 9 ints)",
            kernel="nineteen",
            arguments=_NINETEEN,
            sides=("c-loop", "graft", "triton", "compiled", "graph"),
            max_ratio=1.2,
        ),
        Row(
            name="many",
            label="20 arguments (10 tensors, 8 ints, 2 floats), 2 constexprs",
            kernel="many",
            arguments={
                **{f"x{i}": "tensor" for i in range(10)},
                **{f"n{i}": 1001 + i for i in range(8)},
                **{f"f{i}": 0.5 + i for i in range(2)},
            },
            constexprs={"BLOCK": 64, "STAGES": 2},
            sides=("c-loop", "graft", "triton", *PLAIN_LAUNCHERS),
            max_ratio=1.25,
        ),
        Row(
            name="fifty-eight",
            label="58 arguments (30 tensors, 28 ints)",
            kernel="fifty_eight",
            arguments={**{f"x{i}": "tensor" for i in range(30)}, **{f"n{i}": 1001 + i for i in range(28)}},
            max_ratio=1.45,
        ),
        Row(
            name="tensors",
            label="64 tensors, 1 int",
            kernel="tensors",
            arguments={**{f"x{i}": "tensor" for i in range(64)}, "n": 1000},
            sides=("c-loop", "graft", "triton", *PLAIN_LAUNCHERS),
            max_ratio=1.5,
        ),
        Row(
            name="callable-grid",
            label="callable grid",
            kernel="few",
            arguments=_FEW,
            constexprs={"BLOCK": 64},
            grid=lambda meta: (meta["n"] // 1000,),
            max_extra=0.3,
        ),
        Row(
            name="cdiv-grid",
            label="grid=lambda meta: (triton.cdiv(meta['n'], 1000),), made anew",
            kernel="few",
            arguments=_FEW,
            constexprs={"BLOCK": 64},
            new_grid="lambda meta: (cdiv(meta['n'], 1000),)",
            max_extra=0.5,
        ),
        Row(
            name="function",
            label="torch.autograd.Function: empty_like, that grid, keywords",
            kernel="wrapped",
            arguments=_WRAPPED,
            constexprs={"BLOCK": 1024},
            wrapper="function",
            sides=("c-loop", "nothing", "graft", "triton"),
            max_own_ratio=1.2,
        ),
        Row(
            name="operator",
            label="torch.library.custom_op of the same",
            kernel="wrapped",
            arguments=_WRAPPED,
            constexprs={"BLOCK": 1024},
            wrapper="operator",
            sides=("c-loop", "nothing", "graft", "triton"),
            max_own_ratio=1.2,
        ),
        Row(
            name="descriptor",
            label="1 tensor descriptor, 1 int",
            kernel="described_once",
            arguments={"a": "descriptor", "n": 1000},
            max_extra=0.2,
        ),
        Row(
            name="descriptors",
            label="4 tensor descriptors, 1 int",
            kernel="described",
            arguments={**dict.fromkeys("abcd", "descriptor"), "n": 1000},
            max_extra=1.5,
        ),
        Row(
            name="new-descriptor",
            label="1 tensor descriptor made anew, 1 int",
            kernel="described_once",
            arguments={"a": "new descriptor", "n": 1000},
            max_extra=0.6,
        ),
        Row(
            name="scratch",
            label="2 tensors, 1 int; scratch memory from an allocator",
            kernel="described_inside",
            arguments=_FEW,
            around="allocator",
        ),
        Row(
            name="hook",
            label="2 tensors, 1 int, 1 constexpr; a launch hook that does nothing",
            kernel="few",
            arguments=_FEW,
            constexprs={"BLOCK": 64},
            around="hook",
        ),
        Row(
            name="proton",
            label="2 tensors, 1 int, 1 constexpr; under Proton with its hooks",
            kernel="few",
            arguments=_FEW,
            constexprs={"BLOCK": 64},
            around="proton",
            alone=True,
        ),
        Row(name="autotuned", label="autotuned", kernel="autotuned", arguments=_FEW, max_extra=0.3),
        Row(name="heuristics", label="heuristics", kernel="heuristics", arguments=_FEW, max_extra=0.3),
        Row(
            name="freeze",
            label="freeze, 2 varying tensors",
            kernel="few",
            arguments=_FEW,
            constexprs={"BLOCK": 64},
            vary=("x", "out"),
            sides=("c-loop", "graft"),
            max_ratio=1.05,
        ),
        Row(
            name="freeze-gil",
            label="freeze, 2 varying tensors, holding the GIL",
            kernel="few",
            arguments=_FEW,
            constexprs={"BLOCK": 64},
            vary=("x", "out"),
            hold_gil=True,
            sides=("c-loop", "graft"),
            max_ratio=1.05,
        ),
    )
}
