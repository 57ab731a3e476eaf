# SPDX-License-Identifier: MIT
"""Whether what our passes make of a kernel is any better, by ptxas' own account.

A kernel that they change is compiled right away, up to its cubin. Where that has no stack and leaves room for many warps, it is
good. Where it does not, the kernel as it was is compiled as well, and ours is kept if it has no more stack, no fewer CTAs are
resident on a multiprocessor, and its code is less than 1.75 times as long. The stages that follow find what was compiled for the
verdict, by the text that it was made from, and compile nothing again. So the decision follows from the kernel, the options and
the compiler alone, all of which are in the cache's key.

Where the second kernel is likely to be needed, a thread compiles it while this one compiles the first. Only the time that it takes
depends on that.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from triton import knobs
from triton._C.libtriton import ir

from .. import interrupts
from ..diagnostics import DIAGNOSTICS
from ..errors import GraftWarning
from ..passes import chips
from ..passes.steps import JOINING, ORDER
from ..steps import threads
from . import guarded, pressure

#: How much longer our code may be. Kernels that gain and are judged have up to 1.47 times as much; Liger-Kernel's `_mhc_pre_fwd`, with
#: more than 1.75, gains nothing on an H200.
_LONGER = 1.75

#: How many registers the passes cost at most that join nothing, over Liger-Kernel.
_FEW_REGISTERS = 8

#: So many registers of a thread for what it has loaded (`pressure.count_held`) are so many that ptxas is likely to be asked twice: more
#: than 48 come on top of them, and 128 are what leaves room for a quarter of the warps.
_MANY_HELD = 80

Stage = Callable[[Any, dict], Any]
#: Those that the verdict runs, in their order.
_STAGES = ("ttgir", "llir", "ptx", "cubin")


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


class _StoppedError(Exception):
    """Nobody wants any more what is being compiled."""


class _Beside:
    """Compiles a variant in a thread of its own, in a context of its own, while the thread that made it compiles another.

    That takes less time where another core is idle. `end` must be called: no thread, and no child of one, outlives the compilation.
    """

    def __init__(self, compile: Callable[[Callable[[], bool]], Account]):
        self._compile = compile
        self._is_stopped = False
        self._account: Account | None = None
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        thread = threading.Thread(target=self._run, name="graft-verdict")
        with interrupts.held():
            try:
                thread.start()
            except RuntimeError:  # there are too many threads, or Python is ending
                return
            self._thread = thread

    def result(self) -> Account:
        """What ptxas makes of the variant. Raises what compiling it raised."""
        if self._thread is None:
            return self._compile(lambda: False)
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._account is not None
        return self._account

    def end(self) -> None:
        """Waits until the thread has ended, which it does before the next stage. Interrupts wait, too."""
        self._is_stopped = True
        if self._thread is not None:
            with interrupts.held():
                self._thread.join()

    def _run(self) -> None:
        try:
            self._account = self._compile(lambda: self._is_stopped)
        except _StoppedError:
            pass
        except BaseException as error:
            self._error = error


class Judge:
    """The stages of one compilation, from TTIR to cubin."""

    def __init__(self, backend: Any, stages: Mapping[str, Stage], options: Any, capability: int):
        self._backend, self._options, self._capability = backend, options, capability
        self._stages = {name: stages[name] for name in _STAGES}
        self._limits = chips.get_multiprocessor(backend.target.arch)
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
        return made.module if kept is ours else guarded.parse(kept.text, made.module.context)

    def stages(self) -> dict[str, Stage]:
        """The stages that take the place of those that it was given."""
        return {"ttir": self.make_ttir} | {name: self.remembering(name) for name in _STAGES}

    def remembering(self, name: str) -> Stage:
        """The stage *name*, which does not make again what was made for the verdict."""
        return lambda src, metadata: self._remembered(name, src, metadata)

    def _remembered(self, name: str, src: Any, metadata: dict) -> Any:
        made = self._made.pop((name, str(src)), None) if self._made else None
        if made is None:
            return self._stages[name](src, metadata)
        metadata.update(made.noted)
        return guarded.parse(made.result, src.context, name) if name == "ttgir" else made.result

    # -- The verdict

    def _choose(self, ours: _Variant, made: guarded.Changed, context: Any) -> _Variant:
        """The variant to keep: *ours*, which is all that was *made*, or one with fewer of our passes, or with none."""
        fewer = self._with_fewer(made, ours.given)
        least = _Beside(lambda is_stopped: self._compiled(fewer[-1], self._new_context(), is_stopped))
        try:
            if fewer and self._will_doubt(ours):
                least.start()
            try:
                account = self._compiled(ours, context)
            except MemoryError:
                raise
            except Exception as error:
                return self._not_compiled(ours, made, context, error)
            if not fewer or account.is_good(self._limits.warps):
                return ours
            return self._compare(ours, account, fewer, least.result(), context)
        finally:
            least.end()

    def _compare(self, ours: _Variant, account: Account, fewer: list[_Variant], least: Account, context: Any) -> _Variant:
        """The variant to keep of *ours* and those with *fewer* passes, of the last of which ptxas makes *least*."""
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

    def _will_doubt(self, ours: _Variant) -> bool:
        """Whether a second variant is likely to be needed, and can be made at the same time. Nothing but time depends on it."""
        return (
            JOINING in ours.changed
            and len(os.sched_getaffinity(0)) > 1
            # What two threads print at once cannot be read.
            and not any(os.environ.get(name) for name in DIAGNOSTICS)
            and pressure.count_held(ours.text, threads(self._options)) >= _MANY_HELD
        )

    def _new_context(self) -> Any:
        context = ir.context()
        ir.load_dialects(context)
        self._backend.load_dialects(context)
        return context

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

    def _compiled(self, variant: _Variant, context: Any, is_stopped: Callable[[], bool] = lambda: False) -> Account:
        """What ptxas makes of *variant*. Raises `_StoppedError` between two stages if *is_stopped*."""
        from ..runtime import cubin

        result, key = guarded.parse(variant.text, context), variant.text
        for name, stage in self._stages.items():
            if is_stopped():
                raise _StoppedError
            result = variant.note(stage, name, result, key)
            key = variant.made[name, key].result
        binary, metadata = result, variant.metadata
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
