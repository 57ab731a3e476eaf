# SPDX-License-Identifier: MIT
"""Tests that end their process or lose the device, and one that does not end."""

import os
import sys
import time
from types import SimpleNamespace

import pytest


def test_before():
    pass


def test_ends_its_process():
    os._exit(3)


def test_between():
    """Forks a process that dies of a signal, which is none of the test's."""
    child = os.fork()
    if not child:
        os.abort()
    os.waitpid(child, 0)


def test_dies_of_a_signal():
    os.abort()


@pytest.mark.parametrize("seconds", [600])
def test_does_not_end(seconds):
    time.sleep(seconds)


def test_after():
    pass


class LostAccelerator:
    """What is left of a device after a kernel that wrote where it must not."""

    def is_available(self):
        return True

    def synchronize(self):
        raise RuntimeError("an illegal memory access was encountered")


def test_loses_the_device():
    sys.modules["torch"] = SimpleNamespace(accelerator=LostAccelerator())
    raise RuntimeError("an illegal memory access was encountered")


def test_after_a_loss():
    assert not isinstance(sys.modules.get("torch"), SimpleNamespace)
