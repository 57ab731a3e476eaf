#!/bin/sh
# SPDX-License-Identifier: MIT
# Write a pass: a backend of your own, a pass in it, and a kernel that the pass changes.
#
#     pip install 'triton-graft[new]'
#     sh python/examples/gallery/new_pass.sh acme
#
# The argument is the folder of the new project; one that is there already is gone on with. Needs git, make, a C++ compiler and
# the network, and no GPU. The first build takes minutes.

set -eu
folder=${1:?name a folder for the new project}

# 1. The project: the sources of triton-graft under the name acme, as a git repository.
[ -d "$folder" ] || graft new acme --into "$folder"
cd "$folder"

# 2. The pass: its description, code and lit test, its place in the pipeline, and the option that switches it on.
graft new-pass double-by-adding

# 3. Build it and run its lit test. It writes x + x for x * 2. From here on it is yours: change `isTwo` and `rewrite` in
#    lib/Transforms/DoubleByAdding.cpp and the cases in test/DoubleByAdding/, and run this line again.
make pass P=DoubleByAdding

# 4. Compile a kernel without the pass and with it.
cat > python/examples/try_pass.py <<'END'
# SPDX-License-Identifier: MIT
"""Prints how a kernel doubles numbers: without the pass, and with it."""

import triton
import triton.language as tl
from triton.backends.acme.driver import Driver


@triton.jit
def double(x, BLOCK: tl.constexpr):
    offs = tl.arange(0, BLOCK)
    tl.store(x + offs, tl.load(x + offs) * 2)


triton.runtime.driver.set_active(Driver(target="cuda:90"))
for option in (False, True):
    compiled = double.warmup(triton.MockTensor("i32"), BLOCK=128, double_by_adding=option, grid=(1,))
    (line,) = (line.strip() for line in compiled.asm["ttir"].splitlines() if "arith.muli" in line or "arith.addi" in line)
    print(f"double_by_adding={option}: {line}")
END
.venv/bin/python python/examples/try_pass.py
