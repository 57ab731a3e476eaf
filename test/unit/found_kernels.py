# SPDX-License-Identifier: MIT
"""Kernels that a pass once got wrong, made small: every run of random kernels begins with them.

They are kept whole, as a seed gives another kernel when the families change.
"""

from kernel_cases import Case

#: Each with a comment that says what went wrong.
FOUND: tuple[Case, ...] = ()
