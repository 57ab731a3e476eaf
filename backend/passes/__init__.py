# SPDX-License-Identifier: MIT
"""Our passes: what makes plainly written kernels fast."""
