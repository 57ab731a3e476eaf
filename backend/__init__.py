# SPDX-License-Identifier: MIT
"""triton-graft: an out-of-tree NVIDIA backend for Triton 3.9.

`import triton` imports this package and, from it, `compiler` and `driver`: what fails here breaks Triton for everyone.
So this file does one thing. On a Triton that the backend is not made for it warns once and lets Python look for the
package's modules in `inert/`, where a backend and a driver stand that never take part.
"""

import sys
import warnings
from pathlib import Path

__version__ = "0.1.0"

#: The Triton release this backend is made for.
TRITON_SUPPORTED = "3.9"


def _is_supported() -> bool:
    """Whether this is a released Triton of the right version, or one that was built with our passes in it."""
    triton = sys.modules["triton"]
    if triton.__version__.startswith(TRITON_SUPPORTED + "."):
        return True
    from triton._C import libtriton

    return hasattr(libtriton, __name__.rpartition(".")[2])


if not _is_supported():
    warnings.warn(
        f"triton-graft {__version__} is made for Triton {TRITON_SUPPORTED} and does nothing under Triton "
        f"{sys.modules['triton'].__version__}: install triton=={TRITON_SUPPORTED}.* or remove triton-graft.",
        RuntimeWarning,
        stacklevel=2,
    )
    __path__ = [str(Path(__file__).parent / "inert")]
