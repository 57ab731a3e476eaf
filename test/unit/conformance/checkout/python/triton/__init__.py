# SPDX-License-Identifier: MIT
"""Stands where a checkout has Triton's package. Nothing must import it."""

__version__ = "3.9.0"

raise ImportError("this is not the installed Triton")
