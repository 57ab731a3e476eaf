# SPDX-License-Identifier: MIT
"""host-opt: runs our passes over an .mlir file and prints the result, as mlir-opt does, so that passes have lit tests.

    host-opt add.mlir -host-lower-tensors

Each flag is a pass, with its options in MLIR's form: -<pass>{<option>=<value>}.
"""

from __future__ import annotations

import sys
from typing import Any

from triton._C.libtriton import ir

from . import plugin
from .errors import HostError


def run(path: str, pipelines: list[str]) -> Any:
    """The module in *path* after *pipelines*, in order. Raises `RuntimeError` if it does not parse, `UnsupportedError` if a pass fails."""
    context = ir.context()
    ir.load_dialects(context)
    module = ir.parse_mlir_module(path, context)
    module.context = context
    pm = ir.pass_manager(context)
    for pipeline in pipelines:
        plugin.add(pm, pipeline)
    plugin.run(pm, module, "host_opt")
    return module


def main() -> int:
    match sys.argv[1:]:
        case [path, *flags] if all(flag.startswith("-") for flag in flags) and not path.startswith("-"):
            try:
                print(run(path, [flag.lstrip("-") for flag in flags]).str_nodebug())
            except (HostError, RuntimeError) as error:
                print(f"host-opt: {error}", file=sys.stderr)
                return 1
            return 0
    print(__doc__, file=sys.stderr)
    return 2
