# SPDX-License-Identifier: MIT
"""The cache: what a kernel's key is made of, how its TTIR is known without making it, and where entries are kept."""
