# SPDX-License-Identifier: MIT
"""Prints docs/passes.md: the manual pages of the passes, made out of their descriptions by mlir-tblgen."""

import os
import subprocess
import sys

import toolchain

HEADER = """# Passes

<!-- Made out of include/graft/Transforms/*.td and cmake/pass_docs.py by `make docs`; change it there. -->

## Which there are

They run at the end of Triton's first stage, on TTIR, in this order (`steps` in `backend/wings.py`):

| pass | what it changes | switch |
|---|---|---|
| [graft-swizzle-programs](#-graft-swizzle-programs) | matrix products: programs that run at the same time share more of their operands | `swizzle_programs` |
| [graft-peel-loops](#-graft-peel-loops) | loops that Triton pipelines: all iterations but the last run without boundary masks | `version_tiles` |
| [graft-version-tiles](#-graft-version-tiles) | code under a boundary mask: programs whose tile is whole run it without | `version_tiles` |
| [graft-split-masks](#-graft-split-masks) | rows that are one tile each: whole vectors are moved as such, only the rest element by element | `version_tiles` |

A switch is an option of a kernel, `kernel[grid](..., switch=False)`, and has a variable for a process, `GRAFT_SWITCH=0`; the README
lists both.
<!--% if "passes" in wings %-->
A boundary mask is one such as `offs < n`, a tile is whole if its mask is true in all lanes, and operations are those of TTIR.
`graft-remarks` changes nothing.
<!--% endif %-->
<!--% if "tools" in wings %-->

[bisect.md](bisect.md) tells how to leave out a pass in one kernel, or at one place.
<!--% endif %-->

**What became of a kernel** is said in remarks, with `MLIR_ENABLE_DIAGNOSTICS=remarks`: each pass names the line of the source that it changed, or
left as it was, and why. Triton has remarks of its own; ours begin with the name of a pass.

<!--% if "passes" in wings %-->
```
add.py:6:26: remark: graft-version-tiles: versioned 1 mask
```

## What holds for all of them

**One budget.** All passes together may add to a kernel the largest of these:
- a quarter of its operations;
- so many operations as are about 800 instructions of a thread, if an operation is one for each element of its result that a thread holds;
- as many operations as it has, if it has 48 at most.

Each pass that copies code has the option `max-size`, how many operations the kernel may have in the end. It is the same for all, and each
counts what the kernel has when its turn comes. What does not fit is left as it was, with a remark at its place.

<!--% endif %-->
<!--% if "guard" in wings %-->
**ptxas judges.** A kernel that the passes change is compiled to the end right behind them, and kept as it is if ptxas finds it good: it has no
stack, and its registers leave room for a quarter of the warps that a multiprocessor holds, or cost no resident CTA. (What costs registers
is graft-version-tiles; without it, they cost no CTA if 8 fewer would make room for no other one.) In all other cases the kernel as it was is
compiled too, and ours is kept only if it has no more stack, no fewer CTAs are resident, and its code is less than 1.75 times as long. If ours is
worse, and graft-swizzle-programs has changed it too, the kernel with that pass alone is tried next; a group that a user asked for stays in
any case. A remark of `graft-verdict` says what was compared and kept.

Nothing is compiled a second time for this: later stages find what was made by the text that it was made from. Where tiles are so large that
ptxas is likely to be asked about both, and the process may run on two cores, both are compiled at the same time; what is decided is the
same. Compilations that are instrumented, or for which ptxas does not optimise, are not judged. Dumps of the compiler
(`MLIR_ENABLE_DUMP` and others) show all that is compiled, one after the other, the variant that is not kept as well.

**A pass that fails** is left out. The kernel compiles without it, and a `GraftWarning` names the pass, the kernel, and a file in the
folder `graft-reproducers` of the cache from which `graft-opt` makes the failure again. A kernel that no longer compiles
because of the passes is compiled without them, with a warning too.

**A pass that ends the process**, or does not end, is left out by the next one. While the passes run over a kernel, a note in the
folder `graft-crashes` of the cache says which of them is at work; a process that dies leaves it behind. Whoever compiles the same kernel
next, with the same compiler and options, runs that pass over it in a child process, which may take 30 seconds of CPU time. If the child
dies too, the kernel compiles without the pass, then and later, with the warning above; its key in the cache is the
same, as it is with a pass that fails. If the child survives, the process was ended by somebody else, and the pass runs; but who dies in
one pass over one kernel twice is believed. Where the cache cannot be written, nothing is remembered. This costs a tenth of
a millisecond for each kernel that is compiled. Crashes are not caught in the process itself: LLVM's way to do that leaves the pass by
a jump, and what it had locked stays locked.
<!--% endif %-->

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
