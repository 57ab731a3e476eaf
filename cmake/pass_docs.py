# SPDX-License-Identifier: MIT
"""Prints docs/passes.md: the manual pages of the passes, made out of Passes.td by mlir-tblgen."""

import os
import subprocess
import sys

import toolchain

HEADER = "# Passes\n\n<!-- Made out of include/graft/Transforms/Passes.td by `make docs`; change it there. -->\n\n"


def pass_docs() -> str:
    """The text of docs/passes.md. Raises `toolchain.ToolchainError` if there is no mlir-tblgen."""
    found = toolchain.resolve(dict(os.environ))
    source = toolchain.ROOT / "include" / "graft" / "Transforms" / "Passes.td"
    command = [str(found.tblgen), "-gen-pass-doc", "-I", str(found.include), str(source)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return HEADER + text.partition("-->")[2].strip() + "\n"


if __name__ == "__main__":
    sys.stdout.write(pass_docs())
