# SPDX-License-Identifier: MIT
"""Triton's own tests on any installed backend, and what differs from the in-tree one. docs/conformance.md is the manual."""
