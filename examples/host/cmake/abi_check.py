# SPDX-License-Identifier: MIT
"""Proves that a library built against some LLVM headers fits the LLVM inside the installed libtriton.so.

That they fit is a fact about two binaries and nobody's promise, so every build looks again:
1. every symbol that the library needs is in libtriton.so (the linker has seen to it) at load time;
2. virtual tables that both sides know have the same size;
3. a probe that builds, analyses, rewrites, clones and prints a module runs in a child process and gives what it should.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

from toolchain import version_of

PROBE_TABLE = re.compile(r"^vtable for host_probe::Same<(.+)>$")

CHILD = """
import ctypes, sys
ctypes.CDLL(sys.argv[1])
sys.exit(ctypes.CDLL(sys.argv[2]).host_abi_probe() if len(sys.argv) == 4 else ctypes.CDLL(sys.argv[2]) and 0)
"""


class MisfitError(Exception):
    """The headers and libtriton.so describe different classes."""


def vtables(library: Path, *, dynamic: bool) -> dict[str, int]:
    """The sizes, in bytes, of the virtual tables that *library* defines, by the name of their class."""
    command = ["nm", "--demangle", "--defined-only", "--print-size", *(["--dynamic"] if dynamic else []), str(library)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {name: int(size, 16) for size, name in re.findall(r"^\w+ (\w+) \w (vtable for .+)$", text, re.M)}


def compare_vtables(libtriton: Path, libraries: list[Path]) -> int:
    """The number of virtual tables compared; raises `MisfitError` if one differs."""
    theirs = vtables(libtriton, dynamic=True)
    compared = 0
    for library in libraries:
        for name, size in vtables(library, dynamic=False).items():
            probe = PROBE_TABLE.match(name)
            expected = theirs.get(f"vtable for {probe.group(1)}" if probe else name)
            if expected is None:
                continue
            compared += 1
            if size != expected:
                raise MisfitError(f"{name} has {size} bytes by the headers, {expected} in libtriton.so")
    if compared == 0:
        raise MisfitError("no virtual table is known to both sides")
    return compared


def run_child(libtriton: Path, library: Path, *extra: str) -> None:
    """Loads *library* beside *libtriton* in a child process and runs the probe in it if there is one."""
    command = [sys.executable, "-c", CHILD, str(libtriton), str(library), *extra]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode < 0:
        raise MisfitError(f"{library.name} dies with signal {-done.returncode} beside libtriton.so")
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise MisfitError(f"{library.name} fails beside libtriton.so: {reason}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--libtriton", type=Path, required=True)
    parser.add_argument("--llvm", type=Path, required=True, help="include directory of the LLVM headers")
    parser.add_argument("probe", type=Path)
    parser.add_argument("library", type=Path, nargs="+")
    args = parser.parse_args()
    try:
        compared = compare_vtables(args.libtriton, [args.probe, *args.library])
        run_child(args.libtriton, args.probe, "probe")
        for library in args.library:
            run_child(args.libtriton, library)
    except MisfitError as error:
        print(
            f"abi_check: the LLVM {version_of(args.llvm)} headers in {args.llvm} do not fit {args.libtriton}: {error}.\n"
            "abi_check: Triton 3.9 needs the headers of LLVM 23.1, or of the LLVM that it was itself built with; "
            "set LLVM_SYSPATH to one of these, or unset it and run `make toolchain`.",
            file=sys.stderr,
        )
        for library in args.library:
            library.unlink(missing_ok=True)  # a library that does not fit must not be found by a later step
        return 1
    print(f"abi_check: LLVM {version_of(args.llvm)} headers fit libtriton.so ({compared} virtual tables, probe passed)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
