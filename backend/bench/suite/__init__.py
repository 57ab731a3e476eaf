# SPDX-License-Identifier: MIT
"""The kernels of `bench kernels`, as users write them, each with its sizes and with what it should compute.

A module holds kernels and the entries that use them; `case.py` says what an entry is, and `sections.py` lists them all. Kernels
are run with `warmup` on a machine without a GPU and without PyTorch, so modules import PyTorch where tensors are looked at only.
"""
