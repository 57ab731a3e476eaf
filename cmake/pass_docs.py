# SPDX-License-Identifier: MIT
"""Prints docs/passes.md: the manual pages of the passes, made out of their descriptions by mlir-tblgen."""

import os
import subprocess
import sys

import toolchain

HEADER = """# Passes

<!-- Made out of include/graft/Transforms/*.td and cmake/pass_docs.py by `make docs`; change it there. -->

You see which passes run over your kernels, what each one changes, and how to switch it off. In remarks, a pass says what it did
and at which line:

```sh
MLIR_ENABLE_DIAGNOSTICS=remarks python python/examples/run.py
```
<!--% if "passes" in wings %-->

```text
…/vector_add.py:22:9: remark: graft-version-tiles: versioned 1 mask
```
<!--% endif %-->

Triton has remarks of its own. Ours begin with the name of a pass.

## Which there are

The passes run at the end of Triton's first stage, on TTIR, in this order (`steps` in `backend/wings.py`):

| pass | what it changes | switch |
|---|---|---|
| [graft-swizzle-programs](#-graft-swizzle-programs) | matrix products: programs that run at the same time share more of their operands | `swizzle_programs` |
| [graft-peel-loops](#-graft-peel-loops) | loops that Triton pipelines: all iterations but the last run without boundary masks | `version_tiles` |
| [graft-version-tiles](#-graft-version-tiles) | code under a boundary mask: programs whose tile is whole run it without | `version_tiles` |
| [graft-split-masks](#-graft-split-masks) | rows that are one tile each: whole vectors are moved as such, only the rest element by element | `version_tiles` |

A switch is an option of kernels, and the README lists it. To switch off a pass, write the name of its switch for NAME:

- for a kernel: `kernel[grid](..., NAME=False)`
- for a process: `GRAFT_NAME=0`, with the name in capital letters
<!--% if "tools" in wings %-->

[Bisect](bisect.md#leave-out-a-pass) says how to leave out a pass in one kernel, or at one place.
<!--% endif %-->
<!--% if "passes" in wings %-->

`graft-remarks` changes nothing: it describes a kernel.
<!--% endif %-->
<!--% if "template" in wings %-->

[What the passes do for kernels](kernels.md) has measurements. [Explain a slow kernel](howto/slow-kernel.md) shows for each line
of a kernel what a pass did there.
<!--% endif %-->
<!--% if "passes" in wings %-->

These words are used below:

| word | means |
|---|---|
| boundary mask | a mask such as `offs < n` |
| whole | a tile is whole if its mask is true in all lanes |
| operation | an operation of TTIR |
| access | a load or store; its width is what one instruction of one thread moves |

## What holds for all of them

### How much code they may add

All passes together may add to a kernel the largest of these:

- a quarter of its operations
- as many operations as come to about 800 instructions of a thread, where an operation counts once for each element of its
  result that a thread holds
- as many operations as it has, if it has 48 at most

Each pass that copies code has the option `max-size`: how many operations the kernel may have in the end. All passes get the
same number, and each counts what the kernel has when its turn comes. What does not fit is left as it was, with a remark at its
place:

```text
it takes 24 operations more, and 0 are left to the kernel's max-size=125
```

### Do results keep their bits?

Yes, with two exceptions.

Reductions add up the same numbers in the same order. Both follow from the layout of the operand, in which masks have no part.

Products and sums are rounded as before. The compiler may make one operation of a product and the sum that takes it in, which
rounds once and not twice. LLVM does so wherever both are in one basic block. ptxas does so across blocks too, if the product
has no other use. So the passes keep such a product in the block of its sum.

That is no proof of what LLVM and ptxas do. In two cases bits can differ:

1. **Arithmetic on two elements at once**, with all three passes of `version_tiles`. There is such arithmetic for fp16 and bf16,
   and from compute capability 10.0 on for fp32. LLVM uses it where two elements are loaded at once. It then makes one operation
   of a product and a sum only if it computes both in this way. With wider loads it may do so where it did not before, as in
   `a * b + c` in fp16 with only `c` under a mask.
2. **Loops that LLVM writes out**, if the compiler knows how often they run. LLVM may make one block of all iterations. It may
   then join a product in front of the loop, or of one iteration, to a sum. It does not do so to a loop in which
   graft-version-tiles has put a branch. If the number is small, it may not do so either where graft-peel-loops has made two
   loops of one.

`exact_bits=True` (the passes' option `exact`) rules both out. The three passes then leave alone each function that

- holds a dot product
- reduces or scans floating-point numbers, other than by `max` and `min`
- holds both sums and products, where divisions, exponentials and library functions count as products

In all other functions nothing is rounded differently, whatever becomes of blocks and layouts. A remark says why a function was
left alone:

| remark | what the function holds |
|---|---|
| `left alone for exact bits: the order of a reduction or a dot product may change` | a dot product, or such a reduction or scan |
| `left alone for exact bits: a product and a sum may become one operation or stay two` | both |
<!--% endif %-->
<!--% if "guard" in wings %-->

### ptxas has the last word

A kernel that the passes change is compiled to the end at once. It is kept if ptxas finds it good:

- it has no stack, and
- its registers leave room for a quarter of the warps that a multiprocessor holds, or cost no resident CTA

When do registers cost a CTA? It depends on which pass changed the kernel:

| changed by | registers cost a CTA if one more would be resident |
|---|---|
| graft-version-tiles, which costs registers | if the kernel needed none |
| only the others, which cost few | if it needed 8 fewer |

In all other cases the kernel as it was is compiled too. Ours is then kept only if all of this is so:

- it has no more stack
- no fewer CTAs are resident
- its code is less than 1.75 times as long

If ours is worse, and graft-swizzle-programs has changed it too, the kernel with that pass alone is tried next. A group that a
user asked for stays in any case. A remark of `graft-verdict` says what was compared and what was kept.

What it costs: nothing is compiled a second time. What was made is kept under the text that it was made from, and later stages
find it there. Where tiles are so large that ptxas is likely to be asked about both kernels, and the process may run on two
cores, both are compiled at the same time. The decision is the same.

Compilations that are instrumented, or for which ptxas does not optimise, are not judged. Dumps of the compiler
(`MLIR_ENABLE_DUMP` and others) show everything that is compiled, one after the other, also the variant that is not kept.

### A pass that fails

It is left out, and the kernel compiles without it. A `GraftWarning` names the pass, the kernel, and a file in the folder
`graft-reproducers` of the cache. `graft-opt` makes the failure again from that file.

A kernel that no longer compiles because of the passes is compiled without them, with a warning too.

### A pass that ends the process, or does not end

The next process leaves it out:

1. While the passes run over a kernel, a note in the folder `graft-crashes` of the cache says which of them is at work. A
   process that dies leaves the note behind.
2. The next process that compiles the same kernel, with the same compiler and options, runs that pass over it in a child
   process. The child may take 30 seconds of CPU time.
3. If the child dies too, the kernel compiles without the pass, then and later, with the warning above. Its key in the cache
   stays the same, as with a pass that fails.
4. If the child survives, somebody else ended the process, and the pass runs. But if two processes die in one pass over one
   kernel, the pass is left out.

Where the cache cannot be written, nothing is remembered. All this costs a tenth of a millisecond for each kernel that is
compiled.

Crashes are not caught in the process itself. LLVM's way to do that leaves the pass by a jump, and what it had locked stays
locked.
<!--% endif %-->

## Each pass

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
