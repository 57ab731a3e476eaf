# SPDX-License-Identifier: MIT
"""A file that cannot be imported."""

import a_package_that_is_not_there  # noqa: F401


def test_is_never_found():
    pass
