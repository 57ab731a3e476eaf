# SPDX-License-Identifier: MIT
"""Refuses code in the passes that compiles and is silently wrong beside the released wheel; docs/abi.md says why.

A trait's identity is its name as the compiler spells it, and GCC and Clang, which builds libtriton, spell some differently:
asking for one is never true, nor does a matcher of constants match, which asks for one.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

#: What is refused, and what to write instead. Of MLIR's matchers, these alone ask for no trait.
TRAPS = (
    (
        re.compile(r"\bm_(?!(?:Op|Val|Any)\b)[A-Z]\w*"),
        "take the constant operation and its value (getDefiningOp<arith::ConstantOp>)",
    ),
    (re.compile(r"\b(hasTrait|mightHaveTrait|isConstantLike)\b"), "ask for the operation (isa<...>) or for an interface"),
)

#: Comments and literals, which are no code. A comment keeps its lines.
NO_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)


def find(text: str) -> Iterator[tuple[int, str]]:
    """The line and the message of each trap in *text*."""
    code = NO_CODE.sub(lambda found: "\n" * found[0].count("\n"), text)
    for number, line in enumerate(code.splitlines(), 1):
        for pattern, remedy in TRAPS:
            for found in pattern.finditer(line):
                yield (
                    number,
                    f"{found[0]} is never true in code that another compiler built than libtriton; {remedy} (docs/abi.md)",
                )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--stamp", type=Path, help="a file to write if there is no trap, for the build tool")
    args = parser.parse_args()
    errors = [f"{path}:{line}: error: {message}" for path in args.sources for line, message in find(path.read_text())]
    if errors:
        print("\n".join(errors), file=sys.stderr)
    elif args.stamp:
        args.stamp.touch()
    return int(bool(errors))


if __name__ == "__main__":
    sys.exit(main())
