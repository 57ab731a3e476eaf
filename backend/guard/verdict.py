# SPDX-License-Identifier: MIT
"""Whether what our passes make of a kernel is any better, by ptxas' own account.

A kernel that they change is compiled at once, up to its cubin. Where that has no stack and leaves room for many warps, it is
good. Where it does not, the kernel as it was is compiled as well, and ours is kept if it has no more stack, no fewer CTAs are
resident on a multiprocessor, and its code is less than twice as long. The stages that follow find what was compiled for the
verdict, by the text that it was made from, and compile nothing again. So the decision follows from the kernel, the options and
the compiler alone, all of which are in the cache's key.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from triton import knobs

from .. import chips, pipeline
from ..errors import GraftWarning
from ..steps import JOINING, ORDER
from . import guarded

#: How much longer our code may be.
_LONGER = 2

#: How many registers the passes cost at most that join nothing, over Liger-Kernel.
_FEW_REGISTERS = 8

Stage = Callable[[Any, dict], Any]


class Account(NamedTuple):
    """What ptxas makes of a kernel: registers of a thread, bytes of its stack, resident CTAs, bytes of code, and its warps.

    *most_ctas* is how many CTAs it could have without our passes.
    """

    registers: int
    stack: int
    ctas: int
    most_ctas: int
    code: int
    warps: int

    def is_good(self, most_warps: int) -> bool:
        """Whether there is nothing to ask: all fits into registers, and these leave room for a quarter of the warps or cost no CTA."""
        return self.stack == 0 and (self.ctas >= self.most_ctas or 4 * self.ctas * self.warps >= most_warps)

    def objection(self, without: Account) -> str:
        """Why the kernel *without* our passes is better; empty if it is not."""
        if self.stack > without.stack:
            return f"a stack of {self.stack} bytes, and {without.stack} without"
        if self.ctas < without.ctas:
            return f"{self.registers} registers, which leave room for {self.ctas} CTAs, and {without.registers} for {without.ctas} without"
        if self.code >= _LONGER * without.code:
            return f"{self.code} bytes of code, and {without.code} without"
        return ""


class _Made(NamedTuple):
    """What a stage made, as a text if it is a module, and what it noted in the metadata."""

    result: Any
    noted: dict[str, Any]


class _Variant:
    """A kernel's TTIR with the passes *changed* in it, and what its stages made, by their names and what they were made from."""

    def __init__(self, changed: tuple[str, ...], text: str, metadata: dict):
        self.changed, self.text, self.given, self.metadata = changed, text, metadata, dict(metadata)
        self.made: dict[tuple[str, str], _Made] = {}

    def note(self, stage: Stage, name: str, src: Any, key: str) -> Any:
        """Runs *stage* on *src*, whose text is *key*, and keeps what it makes."""
        before = dict(self.metadata)
        result = stage(src, self.metadata)
        noted = {field: value for field, value in self.metadata.items() if field not in before or before[field] is not value}
        self.made[name, key] = _Made(str(result) if name == "ttgir" else result, noted)
        return result


class Judge:
    """The stages of one compilation, from TTIR to cubin."""

    def __init__(self, stages: Mapping[str, Stage], options: Any, capability: int, arch: int):
        self._stages, self._options, self._capability = dict(stages), options, capability
        self._limits = chips.get_multiprocessor(arch)
        self._made: dict[tuple[str, str], _Made] = {}

    # -- Stages

    def make_ttir(self, module: Any, metadata: dict) -> Any:
        """Triton's TTIR stage, and behind it those of our passes that are worth it."""
        made = guarded.make_ttir(module, metadata, self._options, self._capability)
        if not made.passes or self._options.instrumentation_mode or knobs.nvidia.disable_ptxas_opt:
            return made.module
        ours = _Variant(made.passes, str(made.module), metadata)
        kept = self._choose(ours, made, made.module.context)
        self._made = kept.made
        return made.module if kept is ours else pipeline.parse(kept.text, made.module.context)

    def stages(self) -> dict[str, Stage]:
        """The stages that take the place of those that it was given."""
        return {"ttir": self.make_ttir} | {name: self.remembering(name) for name in ("ttgir", "llir", "ptx", "cubin")}

    def remembering(self, name: str) -> Stage:
        """The stage *name*, which does not make again what was made for the verdict."""
        return lambda src, metadata: self._remembered(name, src, metadata)

    def _remembered(self, name: str, src: Any, metadata: dict) -> Any:
        made = self._made.pop((name, str(src)), None) if self._made else None
        if made is None:
            return self._stages[name](src, metadata)
        metadata.update(made.noted)
        return pipeline.parse(made.result, src.context, name) if name == "ttgir" else made.result

    # -- The verdict

    def _choose(self, ours: _Variant, made: guarded.Changed, context: Any) -> _Variant:
        """The variant to keep: *ours*, which is all that was *made*, or one with fewer of our passes, or with none."""
        try:
            account = self._compiled(ours, context)
        except MemoryError:
            raise
        except Exception as error:
            return self._not_compiled(ours, made, context, error)
        if account.is_good(self._limits.warps):
            return ours
        fewer = self._with_fewer(made, ours.given)
        if not fewer:
            return ours
        least = self._compiled(fewer[-1], context)
        objection = account.objection(least)
        if not objection:
            _say(ours, f"{_names(ours.changed)} kept: {account.registers} registers, {least.registers} without")
            return ours
        for variant in fewer[:-1]:
            if not self._compiled(variant, context).objection(least):
                break
        else:
            variant = fewer[-1]
        dropped = [name for name in ours.changed if name not in variant.changed]
        _say(ours, f"the kernel without {_names(dropped)} was kept: ptxas gives it with {_names(ours.changed)} {objection}")
        return variant

    def _with_fewer(self, made: guarded.Changed, metadata: dict) -> list[_Variant]:
        """*made* with the order of programs alone, if more was changed, and as it was; a group that was asked for stays."""
        found = [_Variant((ORDER,), made.ordered, metadata)] if made.ordered else []
        if not found or self._options.swizzle_programs == "auto":
            found.append(_Variant((), made.original, metadata))
        return [variant for variant in found if variant.changed != made.passes]

    def _not_compiled(self, ours: _Variant, made: guarded.Changed, context: Any, error: Exception) -> _Variant:
        """What is kept where a stage of Triton's raises *error*: the kernel as it was before our passes, if that compiles."""
        without = _Variant((), made.original, ours.given)
        try:
            self._compiled(without, context)
        except Exception:
            return ours  # not because of our passes; the stage will raise it again
        warnings.warn(
            f"a kernel is compiled without {_names(ours.changed)}, as it does not compile with them: {error}",
            GraftWarning,
            stacklevel=2,
        )
        return without

    def _compiled(self, variant: _Variant, context: Any) -> Account:
        """What ptxas makes of *variant*."""
        from ..runtime import cubin

        module = pipeline.parse(variant.text, context)
        module = variant.note(self._stages["ttgir"], "ttgir", module, variant.text)
        text = variant.note(self._stages["llir"], "llir", module, variant.made["ttgir", variant.text].result)
        ptx = variant.note(self._stages["ptx"], "ptx", text, text)
        binary = variant.note(self._stages["cubin"], "cubin", ptx, ptx)
        metadata = variant.metadata
        usage = cubin.usage(binary, metadata["name"])
        registers, warps, shared = usage.registers or 0, metadata["num_warps"], metadata["shared"]
        fewest = 0 if JOINING in variant.changed else registers - _FEW_REGISTERS
        return Account(
            registers=registers,
            stack=4 * (usage.spills or 0),
            ctas=self._limits.resident_ctas(registers, warps, shared),
            most_ctas=self._limits.resident_ctas(fewest, warps, shared),
            code=cubin.code_bytes(binary, metadata["name"]) or 0,
            warps=warps,
        )


# -- Remarks


def _names(changed: Sequence[str]) -> str:
    return " and ".join(changed)


def _say(variant: _Variant, text: str) -> None:
    """A remark about the kernel, as the compiler makes them: Python has no way to its diagnostics."""
    if "remarks" in os.environ.get("MLIR_ENABLE_DIAGNOSTICS", "").split(","):
        sys.stderr.flush()
        os.write(2, f"{_place(variant.text)}: remark: graft-verdict: {text}\n".encode())


def _place(text: str) -> str:
    """Where the kernel of the module *text* is defined, as diagnostics say it."""
    function = re.search(r"^  tt\.func public .*?^  \} loc\((#loc\d*)\)$", text, re.M | re.S)
    place = re.search(rf'^{function[1]} = loc\("(.*)":(\d+):(\d+)\)$', text, re.M) if function else None
    return ":".join(place.groups()) if place else "<unknown>:0"
