# SPDX-License-Identifier: MIT
"""The launcher: `kernel[grid](...)` as native code, and what it needs of Python."""
