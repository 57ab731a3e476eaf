# SPDX-License-Identifier: MIT
"""Writes what a new backend begins with. None of it needs Triton, so that it works from sources that were never built."""
