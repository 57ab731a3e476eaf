# SPDX-License-Identifier: MIT
"""What each of our passes makes of a kernel's TTIR, one after the other.

The TTIR stage runs once for each pass, with those behind it left out by the option `skip_passes`, as `graft bisect` does it. So it is
the pipeline itself that runs, and what a launch compiles has no part in this.
"""

from __future__ import annotations

import dataclasses
import re
import warnings
from typing import NamedTuple

from .. import pipeline
from ..compiler import Backend, Options
from ..errors import GraftWarning
from ..guard import guarded, skips
from ..steps import Step
from . import remarks
from .compiling import Compiled, Launch, make_module, new_context

#: Who has the last word on what our passes made.
VERDICT = "graft-verdict"


class Change(NamedTuple):
    """The TTIR *before* and *after* the pass *name*, and what the pass *said*; *failure* is why it was left out, if it was."""

    name: str
    before: str
    after: str
    said: tuple[remarks.Remark, ...] = ()
    failure: str = ""


def of_launch(launch: Launch, compiled: Compiled) -> list[Change]:
    """The changes of the passes that ran over what was *compiled* for *launch*, in their order.

    If the verdict did not keep them all, its change is the last one.
    """
    if "ttir" not in compiled.results:
        return []
    stage = _Stage(launch, compiled)
    steps = _that_run(compiled.options, compiled.metadata["name"])
    texts, changes = [stage.run(steps).text], []
    for number, step in enumerate(steps, 1):
        made = stage.run(steps[number:])
        said = tuple(remark for remark in made.said if remark.name == step.name)
        changes.append(Change(step.name, texts[-1], made.text, said, made.failures.get(step.name, "")))
        texts.append(made.text)
    kept = _kept(str(compiled.results["ttir"]), texts, Backend(launch.target))
    if kept != texts[-1]:
        said = tuple(remark for remark in compiled.remarks if remark.name == VERDICT)
        changes.append(Change(VERDICT, texts[-1], kept, said))
    return changes


def _that_run(options: Options, kernel: str) -> list[Step]:
    """The passes that are on for *kernel*, and not left out altogether."""
    skipped = skips.of_kernel(options.skip_passes, kernel)
    return [step for step in pipeline.chosen(options) if skipped.get(step.name) != ()]


def _kept(kept: str, texts: list[str], backend: Backend) -> str:
    """Which of *texts* the TTIR *kept* is. What the guard reads again loses names of values, and nothing else."""
    context = new_context(backend)
    return next((text for text in texts if str(guarded.parse(text, context)) == kept), kept)


class _Made(NamedTuple):
    """TTIR, what was said when it was made, and the passes that failed, with what the guard says of them."""

    text: str
    said: list[remarks.Remark]
    failures: dict[str, str]


class _Stage:
    """The TTIR stage of a kernel, as often as it is wanted."""

    def __init__(self, launch: Launch, compiled: Compiled):
        self._backend, self._source, self._options = Backend(launch.target), compiled.source, compiled.options

    def run(self, without: list[Step]) -> _Made:
        """Runs it *without* some of our passes."""
        terms = [self._options.skip_passes, *(step.name for step in without)]
        options = dataclasses.replace(self._options, skip_passes=",".join(filter(None, terms)))
        module = make_module(self._source, options, self._backend)
        metadata = {"target": self._backend.target, **vars(options)}
        with warnings.catch_warnings(record=True) as warned, remarks.captured() as said:
            warnings.simplefilter("always", GraftWarning)
            made = guarded.make_ttir(module, metadata, options, self._backend._parse_arch(options.arch))
        return _Made(str(made.module), said, _failures(warned))


def _failures(warned: list[warnings.WarningMessage]) -> dict[str, str]:
    """What the guard says of each pass that it left out."""
    texts = [str(one.message) for one in warned]
    return {found[1]: text for text in texts if (found := re.search(r" is compiled without ([a-z0-9-]+),", text))}
