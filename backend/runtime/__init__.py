# SPDX-License-Identifier: MIT
"""The static runtime: launches the kernels of a bundle without Triton. Also what bundles are read and written with."""
