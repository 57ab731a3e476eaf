# SPDX-License-Identifier: MIT
"""graft-opt: runs passes over an .mlir file and prints the result, as mlir-opt does, so that passes have lit tests.

    graft-opt add.mlir -common-canonicalizer
    graft-opt add.mlir -graft-some-pass='max-ops=64 threads=256' -common-canonicalizer
    graft-opt add.mlir -ttir-convert-to-ttgpuir=cuda:90,4,32,1 -ttgpuir-coalesce -nvidia-ttnvgpuir-lower-mma

Passes run in the order given. `-graft-<pass>` is a pass of ours, with its options in MLIR's syntax; any step that
libtriton exposes as `passes.<group>.add_<step>` is `-<group>-<step>`, with its arguments separated by commas, and
`nvidia.passes.<group>.add_<step>` is `-nvidia-<group>-<step>`. `-list-passes` shows these.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triton._C.libtriton import ir, nvidia
from triton._C.libtriton import passes as triton_passes

from . import plugin, wings
from .errors import GraftError, PassLibraryError, did_you_mean

SPLIT_MARKER = re.compile(r"^// -----.*$", re.M)
DIAGNOSTIC = re.compile(r"^(?:.*?):(\d+):(\d+): (error|warning|remark|note): (.*)$")
LOCATED = re.compile(r'^loc\("[^"]*":(\d+):(\d+)\): (error|warning|remark|note): (.*)$')
#: What Triton adds when a pass has failed, which has said so at its place.
SUMMARY = "Failures have been detected while processing an MLIR pass pipeline"
EXPECTED = re.compile(r"expected-(error|warning|remark|note)(-re)?(?:@([+-]\d+|above|below))?\s*\{\{(.*?)\}\}")


class UsageError(GraftError):
    """The command line names something that does not exist."""


@dataclass(frozen=True)
class Diagnostic:
    """A message of the compiler, or one that the input says to expect."""

    line: int
    kind: str
    text: str
    is_regex: bool = False

    def covers(self, other: Diagnostic) -> bool:
        """Whether this expectation is met by *other*: same line and kind, its text contained in the other's."""
        if (self.line, self.kind) != (other.line, other.kind):
            return False
        return bool(re.search(self.text, other.text)) if self.is_regex else self.text in other.text


# -- Passes by flag


def triton_steps() -> dict[str, Callable[..., None]]:
    """What libtriton exposes, by flag."""
    steps = {}
    for prefix, module in (("", triton_passes), ("nvidia-", nvidia.passes)):
        for group in sorted(vars(module)):
            for name, add in sorted(vars(getattr(module, group)).items() if group[0] != "_" and group != "plugin" else ()):
                if name.startswith("add_"):
                    steps[f"{prefix}{group}-{name[4:].replace('_', '-')}"] = add
    return steps


def parse_argument(text: str) -> int | bool | str:
    """An argument of a step of libtriton's: an integer, a truth value or a text."""
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    return {"true": True, "false": False}.get(text.lower(), text)


def add_pass(pm: Any, flag: str) -> None:
    """Adds to *pm* what the command line's *flag* names; raises `UsageError` if it names nothing."""
    name, _, value = flag.lstrip("-").partition("=")
    if name.startswith("graft-"):
        try:
            if not plugin.add_text(pm, f"{name}{{{value}}}" if value else name):
                raise UsageError(f"-{name}: the pass library is not available")
        except PassLibraryError as error:
            raise UsageError(str(error).splitlines()[0] + did_you_mean(name, (one.name for one in wings.steps()))) from None
        return
    step = triton_steps().get(name)
    if step is None:
        raise UsageError(f"-{name}: there is no such pass{did_you_mean(name, triton_steps()) or '; -list-passes lists all'}")
    try:
        step(pm, *([parse_argument(part) for part in value.split(",")] if value else []))
    except TypeError:
        raise UsageError(f"-{name}={value}: the step has the signature {step.__doc__}") from None


# -- Diagnostics


@contextmanager
def captured_stderr() -> Iterator[list[str]]:
    """Collects what the compiler writes to file descriptor 2, as lines, into the list it yields."""
    lines: list[str] = []
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile("w+") as stream:
        os.dup2(stream.fileno(), 2)
        try:
            yield lines
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            stream.seek(0)
            lines.extend(stream.read().splitlines())


def read_diagnostics(lines: list[str]) -> list[Diagnostic]:
    """The diagnostics among *lines* of compiler output."""
    found = []
    for line in lines:
        if (match := DIAGNOSTIC.match(line) or LOCATED.match(line)) and match[4] != SUMMARY:
            found.append(Diagnostic(int(match[1]), match[3], match[4]))
    return found


def read_expectations(text: str) -> list[Diagnostic]:
    """The `expected-<kind>@<offset> {{text}}` of the input, as in MLIR's -verify-diagnostics."""
    lines = text.splitlines()
    code = [number for number, line in enumerate(lines, 1) if not re.match(r"\s*//\s*expected-", line)]
    expected = []
    for number, line in enumerate(lines, 1):
        for match in EXPECTED.finditer(line):
            if match[3] == "above":
                place = max((other for other in code if other < number), default=0)
            elif match[3] == "below":
                place = min((other for other in code if other > number), default=0)
            else:
                place = number + int(match[3] or 0)
            expected.append(Diagnostic(place, match[1], match[4], bool(match[2])))
    return expected


def verify(expected: list[Diagnostic], actual: list[Diagnostic]) -> list[str]:
    """What differs between expectation and fact; empty if nothing does. Notes need not be expected."""
    missing, unexpected = list(expected), []
    for diagnostic in actual:
        met = next((expectation for expectation in missing if expectation.covers(diagnostic)), None)
        if met is not None:
            missing.remove(met)
        elif diagnostic.kind != "note":
            unexpected.append(diagnostic)
    return [f"line {d.line}: expected {d.kind} was not produced: {d.text}" for d in missing] + [
        f"line {d.line}: unexpected {d.kind}: {d.text}" for d in unexpected
    ]


# -- Running


def parse(path: Path) -> Any:
    """The module in *path*, verified, in a context of its own. Raises RuntimeError if there is none."""
    context = ir.context()
    ir.load_dialects(context)
    nvidia.load_dialects(context)
    module = ir.parse_mlir_module(str(path), context)
    module.context = context
    return module


def run(path: Path, flags: list[str], debuginfo: bool) -> str:
    """Parses the module in *path*, verifies it, runs the passes and returns its text. Raises RuntimeError if one fails."""
    module = parse(path)
    pm = ir.pass_manager(module.context)
    for flag in flags:
        add_pass(pm, flag)
    pm.run(module, "graft_opt")
    return str(module) if debuginfo else module.str_nodebug()


def split(text: str) -> Iterator[str]:
    """The parts of *text* between `// -----` lines, each on the lines where it stands in the whole."""
    start = 0
    for match in [*SPLIT_MARKER.finditer(text), None]:
        end = match.start() if match else len(text)
        yield "\n" * text.count("\n", 0, start) + text[start:end]
        start = match.end() if match else end


def process(text: str, args: argparse.Namespace, flags: list[str]) -> tuple[str, list[str]]:
    """The result for one part of the input, and what is wrong with it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input.mlir"
        path.write_text(text)
        output, problems = "", []
        with captured_stderr() as lines:
            try:
                output = run(path, flags, args.mlir_print_debuginfo)
            except RuntimeError as error:
                problems.append(str(error))
    if args.verify_diagnostics:
        diagnostics = read_diagnostics(lines)
        # What failed has said so, where it stands; a failure without a word is a problem of its own.
        silent = problems if not diagnostics else []
        return "", [*silent, *verify(read_expectations(text), diagnostics)]
    name = "<stdin>" if args.input == "-" else args.input
    for line in lines:
        print(line.replace(str(path), name), file=sys.stderr)
    return output, problems


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="graft-opt", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("input", nargs="?", default="-", help="an .mlir file; - or nothing reads standard input")
    parser.add_argument("-o", metavar="FILE", default="-", help="where to write the result; - is standard output")
    for flag, text in (
        ("split-input-file", "treat each part between `// -----` lines as a file"),
        ("verify-diagnostics", "check that the diagnostics are those in `// expected-remark {{...}}` comments"),
        ("mlir-print-debuginfo", "print locations"),
        ("list-passes", "list the passes and exit; docs/passes.md describes ours"),
    ):
        parser.add_argument(f"-{flag}", f"--{flag}", action="store_true", help=text)
    return parser


def write(where: str, text: str) -> None:
    """Writes *text* to the file *where*, or to standard output for '-'."""
    if where == "-":
        print(text)
    else:
        Path(where).write_text(text + "\n")


def main(argv: list[str] | None = None) -> int:
    args, flags = make_parser().parse_known_args(argv)
    if args.list_passes:
        print("\n".join(f"-{name}" for name in triton_steps()))
        return 0
    os.environ["MLIR_ENABLE_DIAGNOSTICS"] = "warnings,remarks"
    try:
        if stray := next((flag for flag in flags if not flag.startswith("-")), None):
            raise UsageError(f"{stray}: more than one input file")
        text = sys.stdin.read() if args.input == "-" else Path(args.input).read_text(errors="replace")
        parts = list(split(text)) if args.split_input_file else [text]
        results = [process(part, args, flags) for part in parts]
        problems = [problem for _, found in results for problem in found]
        output = "\n// -----\n".join(result for result, found in results if not found)
        if not args.verify_diagnostics and (output if args.o == "-" else not problems):
            write(args.o, output)
    except (GraftError, OSError) as error:
        print(f"graft-opt: {error}", file=sys.stderr)
        return 1
    for problem in problems:
        print(f"graft-opt: {args.input}: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
