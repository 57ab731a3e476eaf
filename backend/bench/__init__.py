# SPDX-License-Identifier: MIT
"""Benchmarks that users can run themselves, by `graft bench`; nothing here is imported by `import triton`."""
