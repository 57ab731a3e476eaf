# SPDX-License-Identifier: MIT
"""What the scripts that launch kernels ask for first. In your own program this is `import torch`."""

import sys
from typing import Any


def torch_on_a_device() -> Any:
    """PyTorch, where it has a CUDA device; elsewhere the program says so and ends with exit status 2."""
    try:
        import torch
    except ImportError:
        torch = None  # type: ignore[assignment, unused-ignore]
    if torch is None or not torch.cuda.is_available():
        print("This script launches kernels: it needs PyTorch and a CUDA device.", file=sys.stderr)
        sys.exit(2)
    return torch
