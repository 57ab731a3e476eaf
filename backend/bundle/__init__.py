# SPDX-License-Identifier: MIT
"""Bundles: the compiled kernels of a program in one file. docs/bundles.md is the manual, docs/bundle-format.md the format."""

from .loading import Loaded, Unpacked, load, unpack
from .recording import Recording, from_cache, record

__all__ = ["Loaded", "Recording", "Unpacked", "from_cache", "load", "record", "unpack"]
