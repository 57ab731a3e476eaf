# SPDX-License-Identifier: MIT
"""Prints docs/passes.md: the manual pages of the passes, made out of their descriptions by mlir-tblgen."""

import os
import subprocess
import sys

import toolchain

HEADER = """# Passes

<!-- Made out of include/graft/Transforms/*.td and cmake/pass_docs.py by `make docs`; change it there. -->

## What holds for all of them

`backend/pipeline.py` lists the passes that the backend runs, in their order.

**One budget.** All passes together make a kernel larger by a quarter of its operations at most or, if that is more, by what comes to
800 instructions of a thread, estimated at one for each element of a result that a thread holds; one of up to 48 operations may double. Each pass that copies code has the
option `max-size`, which is the same for all, and counts what the kernel has when its turn comes. What does not fit is left as it
was, with a remark.

**ptxas judges.** A kernel that the passes change is compiled at once. It is kept as it is if it has no stack and its registers leave
room for a quarter of the warps that a multiprocessor holds, or cost no resident CTA. Without graft-version-tiles in it, it is enough that
8 registers less would make room for no other CTA. In all other cases the kernel as it was is compiled too, and ours is kept only if it
has no more stack, no fewer CTAs are resident, and its code is less than twice as long. If ours is worse, and graft-swizzle-programs has
changed it too, the kernel with that pass alone is tried next; a group that a user asked for stays in any case. A remark of
`graft-verdict` says what was compared and kept. What was compiled for this is not compiled again: later stages find it by the text
that it was made from. Compilations that are instrumented, or for which ptxas does not optimize, are not judged. Dumps
of the compiler (`MLIR_ENABLE_DUMP` and others) show all that is compiled, the variant that is not kept as well.

**A pass that fails** is left out. The kernel compiles without it, and a `GraftWarning` names the pass, the kernel, and a file in the
folder `graft-reproducers` of the cache from which `graft-opt` makes the failure again. A kernel that no longer compiles
because of the passes is compiled without them, with a warning too.

"""


def pass_docs() -> str:
    """The text of docs/passes.md. Raises `toolchain.ToolchainError` if there is no mlir-tblgen."""
    found = toolchain.resolve(dict(os.environ))
    descriptions = sorted((toolchain.ROOT / "include" / "graft" / "Transforms").glob("*.td"))
    command = [str(found.tblgen), "-gen-pass-doc", "-I", str(found.include), "-"]
    all_of_them = "".join(f'include "{path}"\n' for path in descriptions)
    text = subprocess.run(command, input=all_of_them, capture_output=True, text=True, check=True).stdout
    return HEADER + text.partition("-->")[2].strip() + "\n"


if __name__ == "__main__":
    sys.stdout.write(pass_docs())
