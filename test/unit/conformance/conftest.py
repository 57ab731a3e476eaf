# SPDX-License-Identifier: MIT
"""The tests in `checkout` are for the command to run."""

collect_ignore = ["checkout"]
