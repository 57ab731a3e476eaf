# SPDX-License-Identifier: MIT
"""The variables with which the compilers of Triton print what they do."""

import os

from .settings import FALSE

#: Variables with which the compilers of Triton print what they do.
DIAGNOSTICS = (
    "AMDGCN_ENABLE_DUMP",
    "LLVM_ENABLE_TIMING",
    "LLVM_IR_ENABLE_DUMP",
    "MLIR_DISABLE_MULTITHREADING",
    "MLIR_DUMP_PATH",
    "MLIR_ENABLE_DIAGNOSTICS",
    "MLIR_ENABLE_DUMP",
    "MLIR_ENABLE_TIMING",
    "NVPTX_ENABLE_DUMP",
    "TRITON_DUMP_MIR",
    "TRITON_ENABLE_LLVM_DEBUG",
    "TRITON_LLVM_DEBUG_ONLY",
    "TRITON_PARTITION_SCHEDULING_DUMP_DATA_ONLY",
    "TRITON_PARTITION_SCHEDULING_DUMP_LOOP_ONLY",
    "TRITON_PARTITION_SCHEDULING_ENABLE_DUMP_DOT",
    "TRITON_PLUGIN_VERSION_CHECK",
)

#: Those of them that print nothing by themselves.
_SILENT = frozenset({"MLIR_DISABLE_MULTITHREADING", "MLIR_DUMP_PATH", "TRITON_PLUGIN_VERSION_CHECK"})


def is_compiling_shown() -> bool:
    """Whether a variable asks the compilers to print what they do."""
    return any(os.environ.get(name, "").lower() not in ("", *FALSE) for name in DIAGNOSTICS if name not in _SILENT)
