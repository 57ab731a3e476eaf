# SPDX-License-Identifier: MIT
"""The command line, and the tools behind it."""
