# SPDX-License-Identifier: MIT
"""triton-host: an out-of-tree backend for Triton 3.9.

`import triton` imports this package and, from it, `compiler` and `driver`: what fails here breaks Triton for everyone. On
another Triton the package warns once, and Python takes its modules from `inert/`, where nothing ever takes part.
"""

import sys
import warnings
from pathlib import Path

__version__ = "0.1.0"

#: The Triton release this backend is made for.
TRITON_SUPPORTED = "3.9"

if not (found := sys.modules["triton"].__version__).startswith(TRITON_SUPPORTED + "."):
    warnings.warn(
        f"triton-host {__version__} is made for Triton {TRITON_SUPPORTED} and does nothing under Triton {found}: "
        f"install triton=={TRITON_SUPPORTED}.* or remove triton-host.",
        RuntimeWarning,
        stacklevel=2,
    )
    __path__ = [str(Path(__file__).parent / "inert")]
