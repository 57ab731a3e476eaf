# SPDX-License-Identifier: MIT
"""What the native launcher is told about arrays: how PyTorch's tensors lie in memory."""

from __future__ import annotations

from typing import Any

from . import _launcher, torch_layout

#: The torch whose tensors the native launcher knows, and whether there is nothing more to learn about them.
_known: dict[str, Any] = {"torch": None, "complete": False}


def follow_torch(torch: Any) -> None:
    """Tells the native launcher how torch's tensors lie in memory, those on a CUDA device once CUDA is in use."""
    is_known = torch is _known["torch"]
    if torch is None or (is_known and (_known["complete"] or not torch.cuda.is_initialized())):
        return
    layout, _ = torch_layout.prove(torch)
    _launcher.set_torch((torch.Tensor, torch.nn.Parameter), layout.pack() if layout is not None else None)
    _known.update(torch=torch, complete=layout is None or layout.knows_cuda)
