# SPDX-License-Identifier: MIT
"""The driver under a Triton that we do not support: it is never active."""

import sys

from triton.backends import driver as triton_driver


class Driver(triton_driver.DriverBase):
    """Satisfies Triton's discovery; creating one says why it cannot be used."""

    def __init__(self, target=None):
        triton = sys.modules["triton"]
        raise RuntimeError(
            f"triton-host is not made for Triton {triton.__version__}, so its driver cannot be used; "
            "see the warning given when Triton was imported."
        )

    @classmethod
    def is_active(cls):
        return False


# Triton looks for a concrete class, and nobody can make one to ask for the rest.
Driver.__abstractmethods__ = frozenset()
