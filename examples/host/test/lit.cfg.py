# SPDX-License-Identifier: MIT
"""lit tests of the passes: `lit test` (or `make test`)."""

import os
import shutil
import sys
from pathlib import Path

import lit.formats

config.name = "host"  # noqa: F821 - lit defines `config`
config.test_format = lit.formats.ShTest(execute_external=False)  # noqa: F821
config.suffixes = [".mlir"]  # noqa: F821
config.excludes = ["unit", "gpu", "contract"]  # noqa: F821
config.test_exec_root = str(Path(__file__).parent.parent / "build" / "lit")  # noqa: F821

# The tools of the environment that runs lit, and the FileCheck that comes with Triton, or PyPI's.
tools = Path(sys.executable).parent
config.environment["PATH"] = os.pathsep.join([str(tools), os.environ["PATH"]])  # noqa: F821
filecheck = shutil.which("filecheck", path=str(tools))
try:
    import triton

    bundled = Path(triton.__file__).parent / "FileCheck"
    filecheck = str(bundled) if os.access(bundled, os.X_OK) else filecheck
except ImportError:
    pass
config.substitutions += [("FileCheck", f"{filecheck} --enable-var-scope")]  # noqa: F821
